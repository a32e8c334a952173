"""Validates events (SPEC 8.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from headgate.tracking import reasons

if TYPE_CHECKING:
    from collections.abc import Mapping

NULLABLE: Final = frozenset(
    {
        *("userId", "anonymousId", "previousId", "groupId", "messageId"),
        *("category", "name", "context", "integrations", "properties", "traits"),
    }
)
"""Fields in which null counts as absent."""

_ABSENT: Final = object()


def fault_of(event: Mapping[str, Any], event_type: str, message_id_chars: int) -> str | None:
    """
    The reason code of the first fault of *event*, or None. *event* has been through `normalise.tidy`: nulls
    removed, numeric ids turned into strings.
    """
    user_id, anonymous_id = event.get("userId", _ABSENT), event.get("anonymousId", _ABSENT)
    if user_id is _ABSENT and anonymous_id is _ABSENT:
        return reasons.NO_USER_ANON_ID
    for identity in (user_id, anonymous_id):
        if identity is not _ABSENT and not (identity and isinstance(identity, str)):
            return reasons.ID_NOT_STRING
    if event_type == "track":
        if "event" not in event:
            return reasons.EVENT_NOT_DEFINED
        if not isinstance(event["event"], str):
            return reasons.EVENT_NOT_STRING
    elif event_type in ("page", "screen"):
        if "name" in event and not (event["name"] and isinstance(event["name"], str)):
            return reasons.NAME_NOT_STRING
        if not isinstance(event.get("category", ""), str):
            return reasons.CATEGORY_NOT_STRING
    if not isinstance(event.get("properties", _EMPTY), dict):
        return reasons.PROPERTIES_NOT_OBJECT
    if not isinstance(event.get("traits", _EMPTY), dict):
        return reasons.TRAITS_NOT_OBJECT
    message_id = event.get("messageId", "")
    if not isinstance(message_id, str) or len(message_id) > message_id_chars:
        return reasons.BAD_REQUEST
    return None


_EMPTY: Final[dict[str, Any]] = {}
