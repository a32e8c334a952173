"""
One event at a time enters the function, in the order of the input; the next may enter when it is over or has to wait.

So a function that never waits sees its events in order and in one sandbox, and one that waits has many under way.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from headgate_runtime import Answer, SystemClock

if TYPE_CHECKING:
    from collections.abc import Collection


class Baton:
    """Held by one task at a time; those that want it get it in the order in which they asked."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._holder: asyncio.Task[object] | None = None

    async def take(self) -> None:
        await self._lock.acquire()
        self._holder = asyncio.current_task()

    def is_mine(self) -> bool:
        return self._holder is asyncio.current_task()

    def pass_on(self) -> None:
        """Does nothing in a task that does not hold it."""
        if self.is_mine():
            self._holder = None
            self._lock.release()


class BatonClock(SystemClock):
    """The machine's clock, for an executor: a task whose invocation has to wait passes the baton on."""

    def __init__(self, baton: Baton) -> None:
        self._baton = baton

    async def wait(
        self, tasks: Collection[asyncio.Task[Answer]], timeout_ms: float
    ) -> set[asyncio.Task[Answer]]:
        self._baton.pass_on()
        return await super().wait(tasks, timeout_ms)
