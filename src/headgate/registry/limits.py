"""
Every bound on what the registry holds, with its unit in its name and the source of the rule beside it. The longest query
is FQL_BYTES of headgate.fql.
"""

from __future__ import annotations

from typing import Final

FUNCTIONS_PER_WORKSPACE: Final = 25
"""SPEC 1.2, for all kinds together."""

DISPLAY_NAME_CHARS: Final = 120
"""SPEC 1.2, for functions; also for everything else that has a display name."""

FILTERS_PER_DESTINATION: Final = 10
"""SPEC 9.1."""

FILTER_TITLE_CHARS: Final = 64
"""SPEC 9.1."""

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
JSON_BYTES: Final = 64 * 1024
JSON_DEPTH: Final = 32
"""How deep objects and lists may nest, in JSON that is stored as it was sent."""

BATCH_WAIT_MS_MAX: Final = 60_000
RATE_PER_S_MAX: Final = 1_000_000
CONCURRENCY_MAX: Final = 1_000
TIMEOUT_MS_MAX: Final = 60_000
"""Of a webhook, as the limits from HEADERS_PER_WEBHOOK to SIGNING_SECRET_CHARS."""

HEADERS_PER_WEBHOOK: Final = 50
HEADER_VALUE_CHARS: Final = 8_192
SIGNING_SECRET_CHARS: Final = 1_024

SINK_PATH_CHARS: Final = 1_024
WEIGHT_MAX: Final = 1_000
"""Of a workspace, whose share of the processor it is."""

QUOTA_MAX: Final = 2**53
"""The largest number that JSON carries exactly."""

DEFINITIONS_PER_FUNCTION: Final = 100
SETTING_LABEL_CHARS: Final = 200
SETTINGS_BYTES: Final = 256 * 1024
"""The values of one instance, as JSON."""

EMAIL_CHARS: Final = 254
"""RFC 5321 4.5.3.1.3, without the angle brackets."""

USERS_PER_WORKSPACE: Final = 10_000
"""Including people who are only invited."""

GROUPS_PER_WORKSPACE: Final = 1_000
RESOURCES_PER_HOLDER: Final = 1_000
"""Most resources in all grants of a user, a group or a token."""

TOKENS_PER_WORKSPACE: Final = 10_000

AUDIT_MS: Final = 90 * 24 * 3_600_000
"""SPEC 13.2."""

SUBJECTS_PER_REGULATION: Final = 5_000
SUBJECT_CHARS: Final = 512
SUPPRESSIONS_PER_WORKSPACE: Final = 100_000
"""Every worker process keeps them in memory."""

EGRESS_ENTRIES: Final = 1_000
"""Hosts and networks in each of a workspace's two lists."""
