"""A circuit breaker: stops sending to a destination that keeps failing, except for occasional probes."""

from __future__ import annotations

from typing import Final

FAILURES: Final = 5
"""Consecutive failures after which the breaker opens."""

PROBE_FIRST_MS: Final = 1_000
"""Time from opening to the first probe; doubled with each failed probe."""

PROBE_LAST_MS: Final = 60_000
"""Maximum time between two probes."""


class Breaker:
    """
    Closed, it lets every job pass. Open, it lets none pass until its pause is over, then one at a time (the
    probe); a success closes it.

    `pause` holds jobs back when the destination asks for it (Retry-After): this needs neither failures nor a
    probe.
    """

    __slots__ = ("_failures", "_pause_ms", "_resume_at")

    def __init__(self) -> None:
        self._failures = 0
        self._pause_ms = 0.0
        self._resume_at = 0.0

    @property
    def is_open(self) -> bool:
        """Whether nothing but a probe may pass."""
        return self._failures >= FAILURES

    def is_at_rest(self, now: float) -> bool:
        """Whether it is as a new one: no failures are counted and no pause is in force."""
        return not self._failures and now >= self._resume_at

    @property
    def resume_at(self) -> float:
        """Monotonic time in ms before which nothing passes."""
        return self._resume_at

    def room(self, now: float, capacity: int) -> int:
        """How many jobs may be in flight now: *capacity*, or less."""
        if now < self._resume_at:
            return 0
        return 1 if self.is_open else capacity

    def succeeded(self) -> None:
        self._failures = 0
        self._pause_ms = 0.0

    def failed(self, now: float) -> None:
        self._failures += 1
        # Jobs that were in flight when the breaker opened fail as well; these failures must not lengthen the
        # pause.
        if self.is_open and now >= self._resume_at:
            self._pause_ms = min(max(self._pause_ms * 2, PROBE_FIRST_MS), PROBE_LAST_MS)
            self._resume_at = now + self._pause_ms

    def pause(self, now: float, ms: float) -> None:
        self._resume_at = max(self._resume_at, now + ms)
