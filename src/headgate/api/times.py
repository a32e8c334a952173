"""Times as the API writes them."""

from __future__ import annotations

from datetime import UTC, datetime


def iso(ms: int) -> str:
    """`YYYY-MM-DDTHH:mm:ss.sssZ`, as events have them (SPEC 8.6)."""
    return datetime.fromtimestamp(ms / 1e3, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
