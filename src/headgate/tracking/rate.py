"""Token buckets that limit the requests and events per second of each workspace."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from headgate_runtime import Clock

_ROUNDING: Final = 1e-6
"""
Tolerance in tokens: a sender that waited as long as told must not be refused because of floating-point
rounding.
"""


class EventThrottle:
    """
    Like Throttle, but counts events, and each workspace has its own rate. A request may hold more events than
    the bucket has tokens: it passes if there is at least one token, and later requests wait until the debt is
    repaid.
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
    A token bucket for each workspace, refilled with *per_second* tokens a second. Its capacity is one
    second's worth, and at least one token.

    Buckets are never removed: workspaces are few, and only those of the registry get one.
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
