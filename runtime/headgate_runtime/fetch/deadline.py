"""Time limits that run on a replaceable clock."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

    from headgate_runtime.host import Clock
    from headgate_runtime.sandbox import Answer


class Deadline:
    """
    Like `asyncio.timeout`: the `async with` block ends in TimeoutError after *ms* milliseconds of *clock*.
    With None, there is no limit.
    """

    __slots__ = ("_clock", "_is_over", "_ms", "_timeout", "_timer")

    def __init__(self, clock: Clock, ms: float | None) -> None:
        self._clock = clock
        self._ms = ms
        self._timeout = asyncio.timeout(None)
        self._timer: asyncio.Task[set[asyncio.Task[Answer]]] | None = None
        self._is_over = False

    def end(self) -> bool:
        """End the block now. Returns False when it has already ended or timed out."""
        if self._is_over or self._timeout.expired():
            return False
        self._timeout.reschedule(asyncio.get_running_loop().time())
        return True

    def lift(self) -> None:
        """Remove the time limit, unless the block has already timed out."""
        self._is_over = True
        if self._timer is not None:
            self._timer.cancel()
        if not self._timeout.expired():
            self._timeout.reschedule(None)

    def _ring(self, timer: asyncio.Task[set[asyncio.Task[Answer]]]) -> None:
        if not timer.cancelled():
            self.end()

    async def __aenter__(self) -> Self:
        await self._timeout.__aenter__()
        if self._ms is not None:
            self._timer = asyncio.get_running_loop().create_task(self._wait(self._ms))
            self._timer.add_done_callback(self._ring)
        return self

    async def _wait(self, ms: float) -> set[asyncio.Task[Answer]]:
        return await self._clock.wait((), ms)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.lift()
        await self._timeout.__aexit__(kind, error, trace)
