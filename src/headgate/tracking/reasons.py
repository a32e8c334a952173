"""Codes of discard-reasons.json for why an event failed on ingest (SPEC 8.5)."""

from __future__ import annotations

from typing import Final

NO_USER_ANON_ID: Final = "no_user_anon_id"
ID_NOT_STRING: Final = "id_not_string"
EVENT_NOT_DEFINED: Final = "event_not_defined"
EVENT_NOT_STRING: Final = "event_not_string"
PROPERTIES_NOT_OBJECT: Final = "properties_not_object"
TRAITS_NOT_OBJECT: Final = "traits_not_object"
NAME_NOT_STRING: Final = "name_not_string"
CATEGORY_NOT_STRING: Final = "category_not_string"
BAD_REQUEST: Final = "bad_request"
"""
An item that is not an object, has no known type, is too large or is beyond the limit of its batch; a
`messageId` that is too long; a `batch` that is not an array; nesting too deep to encode.
"""
SOURCE_DISABLED: Final = "source_disabled"

EMPTY_BATCH: Final = "empty_batch"
EMPTY_BATCH_RESULT: Final = "empty_batch_result"
MULTI_USER_ERROR: Final = "multi_user_error"

UNKNOWN_SOURCE: Final = "unknown_source"
"""Counted per process, since there is no source to count it for."""

OF_REQUESTS: Final = frozenset({EMPTY_BATCH, EMPTY_BATCH_RESULT, MULTI_USER_ERROR})
"""These count requests. They are added to the rows of the request's items and have no event type."""
