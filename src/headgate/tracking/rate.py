"""How many requests a workspace may make."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from headgate_runtime import Clock

_ROUNDING: Final = 1e-6
"""Of a token: whoever waited as long as told is not to be told to wait again for the last bit of a float."""


class EventThrottle:
    """
    As Throttle, for events, each workspace with a rate of its own. A request may have more of them than a second has
    tokens: it goes on when there is one, and those after it wait until it is paid for.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, workspace: str, per_second: float, events: int) -> int:
        """0 when the request may go on; else the whole seconds after which one may."""
        now = self._clock.monotonic_ms()
        depth = max(1.0, per_second)
        tokens, at = self._buckets.get(workspace, (depth, now))
        tokens = min(depth, tokens + (now - at) / 1e3 * per_second)
        wanting = 1.0 - tokens
        if wanting <= _ROUNDING:
            self._buckets[workspace] = (tokens - events, now)
            return 0
        self._buckets[workspace] = (tokens, now)
        return max(1, math.ceil(wanting / per_second))


class Throttle:
    """
    A token bucket for each workspace: *per_second* tokens drip into it, and it holds those of one second, or one.

    Workspaces are few, and only those of the registry are asked about, so the buckets stay.
    """

    def __init__(self, per_second: float, clock: Clock) -> None:
        self._per_second = per_second
        self._depth = max(1.0, per_second)
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}  # tokens, and when they were counted

    def take(self, workspace: str) -> int:
        """0 when the request may go on; else the whole seconds after which one may."""
        now = self._clock.monotonic_ms()
        tokens, at = self._buckets.get(workspace, (self._depth, now))
        tokens = min(self._depth, tokens + (now - at) / 1e3 * self._per_second)
        wanting = 1.0 - tokens
        if wanting <= _ROUNDING:
            self._buckets[workspace] = (tokens - 1.0, now)
            return 0
        self._buckets[workspace] = (tokens, now)
        return max(1, math.ceil(wanting / self._per_second))
