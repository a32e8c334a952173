"""A pool of tasks for single items, which grows only while the items have to wait."""

from __future__ import annotations

import asyncio
import collections
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

T = TypeVar("T")


class WorkerPool(Generic[T]):
    """
    Runs *work* in up to *workers* tasks. *work* `take`s items until there are none, and must not raise. One
    worker suffices as long as items are taken in every turn of the event loop; after a turn without any,
    because all workers wait for something, their number doubles.
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
        """Changes the maximum number of workers."""
        self._workers = workers
        self._look()

    def extend(self, items: Iterable[T]) -> None:
        self._items.extend(items)
        if not self._looking:
            self._look()

    def take(self, most: int) -> list[T]:
        """
        Up to *most* next items for a worker. Empty if none are left or there are too many workers: the worker
        then ends.
        """
        items = self._items
        if not items or self._active > self._workers:
            return []
        taken = [items.popleft() for _ in range(min(most, len(items)))]
        self._taken += len(taken)
        return taken

    def give_back(self, items: Sequence[T]) -> None:
        """Puts items that were taken and not begun back to the front."""
        self._taken -= len(items)
        self._items.extendleft(reversed(items))
        if not self._looking:
            self._look()

    def take_back(self) -> list[T]:
        """Removes and returns the waiting items."""
        items = list(self._items)
        self._items.clear()
        return items

    def cancel(self) -> None:
        """Cancels the work in progress."""
        for task in self._tasks:
            task.cancel()

    def _look(self) -> None:
        """
        Starts more workers if needed. Runs once in a turn of the event loop while items wait and more workers
        may start.
        """
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
        # The first items that a worker takes are not progress, so they do not count.
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
