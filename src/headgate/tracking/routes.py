"""Paths of the event API (SPEC 8.1)."""

from __future__ import annotations

from typing import Final

EVENT_TYPES: Final = frozenset({"identify", "track", "page", "screen", "group", "alias"})

BATCH: Final = "batch"

ROOT: Final = "/v1/"
"""Server SDKs append `/v1/batch` to their host, browser and mobile SDKs `/b` or `/t` to a host that ends in `/v1`."""

PIXEL: Final = ROOT + "pixel/"

_NAMES = [*sorted(EVENT_TYPES), BATCH]

ROUTES: Final = {
    path: name for name in _NAMES for form in (name, name[0]) for path in (ROOT + form, ROOT + form + "/")
}
"""The event type that a path stands for, or BATCH."""

TYPES_BY_FORM: Final = {form: name for name in sorted(EVENT_TYPES) for form in (name, name[0])}
"""What may follow PIXEL."""


def handles(path: str) -> bool:
    """Whether *path* is one of the event API. The type in the path of a pixel is not judged: a pixel is always shown."""
    return path in ROUTES or path.startswith(PIXEL)
