"""Long work on the event loop, in turns, so that others need not wait for the end of it."""

from __future__ import annotations

import asyncio
import time
import weakref
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

TURN_S: Final = 0.005
"""How long one piece of work may hold up the event loop, in seconds."""


class Turns:
    """
    Shares the time of the event loop between workspaces. Work that takes longer than a turn goes on one at a
    time within its workspace, so that a workspace gets no more turns by more requests.

    clock    returns seconds
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._locks: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()

    def work(self, workspace: str) -> Work:
        """A new piece of work, whose first turn begins."""
        return Work(workspace, self._locks, self._clock)


class Work:
    """Work in turns: `pause` is to be awaited often, and `end` called at the end."""

    __slots__ = ("_clock", "_lock", "_locks", "_until", "_workspace")

    def __init__(
        self,
        workspace: str,
        locks: weakref.WeakValueDictionary[str, asyncio.Lock],
        clock: Callable[[], float],
    ) -> None:
        self._workspace = workspace
        self._locks = locks
        self._lock: asyncio.Lock | None = None
        self._clock = clock
        self._until = clock() + TURN_S

    @property
    def is_due(self) -> bool:
        """Whether the turn is over, so that `pause` must be awaited."""
        return self._clock() >= self._until

    async def pause(self) -> None:
        """Lets others have their turns, and begins the next."""
        if self._lock is None:
            lock = self._locks.get(self._workspace)
            if lock is None:
                lock = self._locks[self._workspace] = asyncio.Lock()
            await lock.acquire()
            self._lock = lock
        await asyncio.sleep(0)
        self._until = self._clock() + TURN_S

    def end(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None
