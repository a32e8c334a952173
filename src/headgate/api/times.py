"""Times in requests and responses."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from headgate.api.errors import invalid


def iso(ms: int) -> str:
    """`YYYY-MM-DDTHH:mm:ss.sssZ`, as events have them (SPEC 8.6)."""
    return datetime.fromtimestamp(ms / 1e3, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parsed(value: Any, field: str) -> int:
    """
    An ISO 8601 time, given in the query's *field*, as ms since the epoch. It is UTC unless it has an offset. Raises
    ApiError 422.
    """
    try:
        moment = datetime.fromisoformat(value)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1e3)
    except (TypeError, ValueError, OverflowError):
        raise invalid("must be an ISO 8601 time, such as 2026-01-31T12:00:00Z", field) from None
