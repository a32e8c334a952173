"""
A lock that admits events to the function one at a time, in the order of the input. It is released as soon as an invocation
has to wait, not only when it ends.

So a function that never waits sees its events in order and in one sandbox, and one that waits has many in flight.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from headgate_runtime import Answer, SystemClock

if TYPE_CHECKING:
    from collections.abc import Collection


class EntryLock:
    """Held by one task at a time; waiting tasks acquire it in the order in which they asked."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._holder: asyncio.Task[object] | None = None

    async def acquire(self) -> None:
        await self._lock.acquire()
        self._holder = asyncio.current_task()

    def is_mine(self) -> bool:
        """Whether the current task holds the lock."""
        return self._holder is asyncio.current_task()

    def release(self) -> None:
        """Does nothing in a task that does not hold the lock."""
        if self.is_mine():
            self._holder = None
            self._lock.release()


class ReleasingClock(SystemClock):
    """The system's clock for an executor; a task whose invocation has to wait releases *entry*."""

    def __init__(self, entry: EntryLock) -> None:
        self._entry = entry

    async def wait(
        self, tasks: Collection[asyncio.Task[Answer]], timeout_ms: float
    ) -> set[asyncio.Task[Answer]]:
        self._entry.release()
        return await super().wait(tasks, timeout_ms)
