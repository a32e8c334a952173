"""Rate limits of workspaces (SPEC 12.1): counted per calendar minute, reported in every response."""

from __future__ import annotations

import math
from email.utils import formatdate
from typing import TYPE_CHECKING, Final, Literal

from headgate.api.errors import TooMuch

if TYPE_CHECKING:
    from headgate_runtime import Clock

MINUTE_MS: Final = 60_000

Class = Literal["usual", "scarce"]
"""The class "scarce": writes of members and labels, and event volumes."""

PER_MINUTE: Final[dict[Class, int]] = {"usual": 6_000, "scarce": 60}
"""Requests per minute of a workspace, by class."""


class Rates:
    """Counts requests of the current minute by workspace and class."""

    def __init__(self, clock: Clock, per_minute: dict[Class, int] | None = None) -> None:
        self._clock = clock
        self._per_minute = per_minute or PER_MINUTE
        self._minute = 0
        self._counts: dict[tuple[str, Class], int] = {}

    def take(self, workspace: str, of: Class) -> dict[str, str]:
        """Counts one request and returns the headers for its response. Raises TooMuch."""
        now = self._clock.wall_ms()
        minute = int(now // MINUTE_MS)
        if minute != self._minute:
            self._minute, self._counts = minute, {}
        most = self._per_minute[of]
        consumed = min(self._counts.get((workspace, of), 0) + 1, most + 1)
        self._counts[workspace, of] = consumed
        left_ms = (minute + 1) * MINUTE_MS - now
        headers = {
            "x-ratelimit-consumed": str(min(consumed, most)),
            "x-ratelimit-remaining": str(max(0, most - consumed)),
            "x-ratelimit-reset": formatdate((minute + 1) * 60, usegmt=True),
        }
        if consumed > most:
            data = {"remainingPoints": 0, "msBeforeNext": math.ceil(left_ms), "consumedPoints": consumed}
            raise TooMuch("too many requests", math.ceil(left_ms / 1e3), data=data, headers=headers)
        return headers
