"""
Limits the rate and the concurrency of deliveries to what the
operator allows and the destination can take.
"""

from __future__ import annotations

import asyncio
import collections
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headgate_runtime import Clock


class Rate:
    """A token bucket with the capacity of one second's events. *per_second* None is no limit."""

    __slots__ = ("_at", "_clock", "_per_second", "_tokens", "_turn")

    def __init__(self, per_second: float | None, clock: Clock) -> None:
        self._per_second = per_second
        self._clock = clock
        self._tokens = max(1.0, per_second or 0.0)
        self._at = clock.monotonic_ms()
        self._turn = asyncio.Lock()

    @property
    def is_at_rest(self) -> bool:
        """Whether the bucket is full, as that of a new Rate."""
        if self._per_second is None:
            return True
        self._refill(self._per_second)
        return self._tokens >= max(1.0, self._per_second)

    async def take(self, events: int) -> None:
        """
        Waits until *events* may be sent. As soon as there is one token all of them may, and later calls wait
        until the debt is repaid.
        """
        per_second = self._per_second
        if per_second is None:
            return
        nothing: set[asyncio.Task[Any]] = set()
        async with self._turn:
            while True:
                self._refill(per_second)
                wanting = min(1.0, float(events)) - self._tokens
                if wanting <= 0:
                    self._tokens -= events
                    return
                await self._clock.wait(nothing, wanting / per_second * 1e3)

    def _refill(self, per_second: float) -> None:
        now = self._clock.monotonic_ms()
        self._tokens = min(max(1.0, per_second), self._tokens + (now - self._at) / 1e3 * per_second)
        self._at = now


class Window:
    """
    A concurrency limit between 1 and *most*. `shrink` halves it, `grow` raises it by one per window of
    successes (additive increase, multiplicative decrease: Chiu and Jain, 1989).
    """

    __slots__ = ("_in_flight", "_most", "_size", "_waiting")

    def __init__(self, most: int) -> None:
        self._most = most
        self._size = float(most)
        self._in_flight = 0
        self._waiting: collections.deque[asyncio.Future[None]] = collections.deque()

    @property
    def size(self) -> int:
        return int(self._size)

    @property
    def is_at_rest(self) -> bool:
        """Whether it is as wide as that of a new Window."""
        return self._size >= self._most

    async def enter(self) -> None:
        if self._in_flight < self.size and not self._waiting:
            self._in_flight += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave()
            raise

    def leave(self) -> None:
        self._in_flight -= 1
        self._admit()

    def grow(self) -> None:
        self._size = min(float(self._most), self._size + 1.0 / self._size)
        self._admit()

    def shrink(self) -> None:
        self._size = max(1.0, self._size / 2)

    def _admit(self) -> None:
        while self._waiting and self._in_flight < self.size:
            turn = self._waiting.popleft()
            if not turn.done():
                self._in_flight += 1
                turn.set_result(None)
