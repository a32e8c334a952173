"""Paths of the event API (SPEC 8.1)."""

from __future__ import annotations

from typing import Final

EVENT_TYPES: Final = frozenset({"identify", "track", "page", "screen", "group", "alias"})

BATCH: Final = "batch"

ROOT: Final = "/v1/"
"""
Server SDKs append `/v1/batch` to their host; browser and mobile SDKs append `/b` or `/t` to a host ending in
`/v1`.
"""

PIXEL: Final = ROOT + "pixel/"

_NAMES = [*sorted(EVENT_TYPES), BATCH]

ROUTES: Final = {
    path: name for name in _NAMES for form in (name, name[0]) for path in (ROOT + form, ROOT + form + "/")
}
"""Maps each path to its event type, or to BATCH."""

TYPES_BY_FORM: Final = {form: name for name in sorted(EVENT_TYPES) for form in (name, name[0])}
"""Maps what may follow PIXEL to the event type."""


def handles(path: str) -> bool:
    """
    Whether *path* belongs to the event API. A pixel may name any
    type, because its image is always served.
    """
    return path in ROUTES or path.startswith(PIXEL)
