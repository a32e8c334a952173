"""Every bound on what the registry holds. Units are in the names; sources of the rules beside them."""

from __future__ import annotations

from typing import Final

FUNCTIONS_PER_WORKSPACE: Final = 25
"""SPEC 1.2, of all kinds together."""

DISPLAY_NAME_CHARS: Final = 120
"""SPEC 1.2; of functions, and of everything else that has a name for people."""

FILTERS_PER_DESTINATION: Final = 10
"""SPEC 9.1."""

FILTER_TITLE_CHARS: Final = 64
"""SPEC 9.1."""

FILTER_QUERY_BYTES: Final = 5 * 1024
"""SPEC 9.1, of the FQL text as UTF-8."""

SETTING_NAME_CHARS: Final = 100
"""SPEC 5."""

BATCH_COUNT_DEFAULT: Final = 20
BATCH_COUNT_MAX: Final = 1_000
"""SPEC D9."""

TIME_MS_DEFAULT: Final = 5_000
TIME_MS_MAX: Final = 60_000
"""SPEC 4.8, D44."""

SLUG_CHARS: Final = 100
DESCRIPTION_CHARS: Final = 4_096
URL_CHARS: Final = 2_048
WRITE_KEY_CHARS: Final = 100
WRITE_KEYS_PER_SOURCE: Final = 100
LABELS_PER_SOURCE: Final = 100
LABELS_PER_WORKSPACE: Final = 1_000
SUBSCRIPTIONS_PER_DESTINATION: Final = 100
TRIGGER_BYTES: Final = 5 * 1024
"""Of the FQL text as UTF-8, as of filters."""
JSON_BYTES: Final = 64 * 1024
JSON_DEPTH: Final = 32
"""Objects and lists inside each other, of JSON that is kept as it was sent."""
HEADERS_PER_WEBHOOK: Final = 50
HEADER_VALUE_CHARS: Final = 8_192
SIGNING_SECRET_CHARS: Final = 1_024
DEFINITIONS_PER_FUNCTION: Final = 100
SETTING_LABEL_CHARS: Final = 200
SETTINGS_BYTES: Final = 256 * 1024
"""Values of one instance, as JSON."""

EMAIL_CHARS: Final = 254
"""RFC 5321 4.5.3.1.3, without the angle brackets."""

USERS_PER_WORKSPACE: Final = 10_000
"""Those who are only invited included."""

GROUPS_PER_WORKSPACE: Final = 1_000
RESOURCES_PER_HOLDER: Final = 1_000
"""Of all grants of a user, a group or a token."""

TOKENS_PER_WORKSPACE: Final = 10_000

AUDIT_MS: Final = 90 * 24 * 3_600_000
"""SPEC 13.2."""

SUBJECTS_PER_REGULATION: Final = 5_000
SUBJECT_CHARS: Final = 512
SUPPRESSIONS_PER_WORKSPACE: Final = 100_000
"""Every worker holds them in memory."""

EGRESS_ENTRIES: Final = 1_000
"""Hosts and networks in one of a workspace's two lists."""
