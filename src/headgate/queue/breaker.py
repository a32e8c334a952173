"""Stops sending to a destination that keeps failing, but for a probe now and then."""

from __future__ import annotations

from typing import Final

FAILURES: Final = 5
"""Failed attempts in a row after which the breaker opens."""

PROBE_FIRST_MS: Final = 1_000
"""From opening to the first probe; doubled with each probe that fails."""

PROBE_LAST_MS: Final = 60_000
"""Between two probes at most."""


class Breaker:
    """
    Closed: everything goes. Open: nothing, until its pause is over; then one job at a time, whose success closes it.

    A destination may also ask for a pause by itself (Retry-After): that needs no failures and no probe.
    """

    __slots__ = ("_failures", "_pause_ms", "_resume_at")

    def __init__(self) -> None:
        self._failures = 0
        self._pause_ms = 0.0
        self._resume_at = 0.0

    @property
    def is_open(self) -> bool:
        """Whether at most a probe may go."""
        return self._failures >= FAILURES

    @property
    def resume_at(self) -> float:
        """Clock time in ms before which nothing goes."""
        return self._resume_at

    def room(self, now: float, capacity: int) -> int:
        """Jobs that may be under way now, of *capacity*."""
        if now < self._resume_at:
            return 0
        return 1 if self.is_open else capacity

    def succeeded(self) -> None:
        self._failures = 0
        self._pause_ms = 0.0

    def failed(self, now: float) -> None:
        self._failures += 1
        # What was under way when the breaker opened fails too, but proves nothing new.
        if self.is_open and now >= self._resume_at:
            self._pause_ms = min(max(self._pause_ms * 2, PROBE_FIRST_MS), PROBE_LAST_MS)
            self._resume_at = now + self._pause_ms

    def pause(self, now: float, ms: float) -> None:
        self._resume_at = max(self._resume_at, now + ms)
