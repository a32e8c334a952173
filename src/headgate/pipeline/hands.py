"""Single pieces of work, done in turn by as few hands as it takes."""

from __future__ import annotations

import asyncio
import collections
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

T = TypeVar("T")


class Hands(Generic[T]):
    """
    *work* is one hand: it `take`s items until there are none, and must not raise. One is enough while items get done;
    when none did in a turn of the event loop, since all wait for something, there are twice as many, up to *workers*.
    """

    __slots__ = ("_active", "_items", "_looking", "_taken", "_tasks", "_work", "_workers")

    def __init__(self, work: Callable[[], Awaitable[None]], *, workers: int) -> None:
        self._work = work
        self._workers = workers
        self._items: collections.deque[T] = collections.deque()
        self._active = 0
        self._taken = 0
        self._looking = False
        self._tasks: set[asyncio.Task[None]] = set()

    def reshape(self, workers: int) -> None:
        """From now on."""
        self._workers = workers
        self._look()

    def extend(self, items: Iterable[T]) -> None:
        self._items.extend(items)
        if not self._looking:
            self._look()

    def take(self, most: int) -> list[T]:
        """The next items, for the hand that is done with its last; none when there are none, or hands enough."""
        items = self._items
        if not items or self._active > self._workers:
            return []
        taken = [items.popleft() for _ in range(min(most, len(items)))]
        self._taken += len(taken)
        return taken

    def give_back(self, items: Sequence[T]) -> None:
        """What was taken last and not begun with, to be taken next."""
        self._taken -= len(items)
        self._items.extendleft(reversed(items))
        if not self._looking:
            self._look()

    def take_back(self) -> list[T]:
        """What waits here, which will not be worked on."""
        items = list(self._items)
        self._items.clear()
        return items

    def cancel(self) -> None:
        """Breaks off the work under way."""
        for task in self._tasks:
            task.cancel()

    def _look(self) -> None:
        """Whether more hands are needed; once in a turn of the event loop while something waits for one."""
        self._looking = False
        waiting = len(self._items)
        if not waiting:
            return
        if self._taken <= 0 or not self._active:
            for _ in range(min(max(1, self._active), self._workers - self._active, waiting)):
                self._begin()
        else:
            self._taken = 0
        if self._active < self._workers:
            self._looking = True
            asyncio.get_running_loop().call_soon(self._look)

    def _begin(self) -> None:
        self._active += 1
        # What a hand takes first does not show that it gets anything done.
        self._taken -= 1
        task = asyncio.create_task(self._run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self) -> None:
        try:
            await self._work()
        finally:
            self._active -= 1
        if self._items and not self._looking:
            self._look()
