"""The time range of a report (SPEC 12.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from headgate.api.errors import invalid
from headgate.api.times import parsed
from headgate.queue.limits import DAY_MS, HOUR_MS, MINUTE_MS
from headgate.queue.reports import Window

if TYPE_CHECKING:
    from collections.abc import Mapping


class _Limits(NamedTuple):
    """*ago_ms* bounds how long ago a range may begin; *usual_ms* is how long ago one begins by default."""

    period_ms: int
    range_ms: int
    ago_ms: int
    usual_ms: int


LIMITS: Final[dict[str, _Limits]] = {
    "MINUTE": _Limits(MINUTE_MS, 4 * HOUR_MS, 48 * HOUR_MS, HOUR_MS),
    "HOUR": _Limits(HOUR_MS, 14 * DAY_MS, 30 * DAY_MS, 7 * DAY_MS),
    "DAY": _Limits(DAY_MS, 30 * DAY_MS, 30 * DAY_MS, 30 * DAY_MS),
}


class Range(NamedTuple):
    """A range as requested; `window` extends it to whole periods."""

    granularity: str
    start_ms: int
    end_ms: int

    @property
    def window(self) -> Window:
        return Window(LIMITS[self.granularity].period_ms, self.start_ms, self.end_ms)


def range_of(query: Mapping[str, Any], now: int, *, usual: bool = False) -> Range:
    """*usual* gives omitted parameters default values. Raises ApiError 422."""
    name = query.get("granularity")
    if name is None and usual:
        name = "MINUTE"
    if name is None:
        raise invalid("is required", "granularity")
    if not isinstance(name, str) or name not in LIMITS:
        raise invalid("must be one of DAY, HOUR, MINUTE", "granularity")
    limits = LIMITS[name]
    start = _time(query, "startTime", now - limits.usual_ms if usual else None)
    end = _time(query, "endTime", now if usual else None)
    if end <= start:
        raise invalid("must be after startTime", "endTime")
    if end - start > limits.range_ms:
        raise invalid(f"must be at most {_span(limits.range_ms)} after startTime", "endTime")
    if start < now - limits.ago_ms:
        raise invalid(f"must be at most {_span(limits.ago_ms)} ago", "startTime")
    return Range(name, start, end)


def _time(query: Mapping[str, Any], field: str, usual: int | None) -> int:
    value = query.get(field)
    if value is not None:
        return parsed(value, field)
    if usual is None:
        raise invalid("is required", field)
    return usual


def _span(ms: int) -> str:
    return f"{ms // DAY_MS} days" if ms > 48 * HOUR_MS else f"{ms // HOUR_MS} hours"
