"""Collects items into batches by count, size or time, and processes these with a bounded number of tasks."""

from __future__ import annotations

import asyncio
import collections
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from headgate.delivery.carrier import SINGLE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from headgate.delivery.carrier import Batching
    from headgate_runtime import Clock

T = TypeVar("T")


class Stage(Generic[T]):
    """
    Calls *work* with batches formed as *batching* says, in the order of their first items, at most *workers*
    at a time. *work* must not raise. Each worker is a task that ends when no batch is due.
    """

    __slots__ = (
        "_active",
        "_batching",
        "_bytes",
        "_clock",
        "_flusher",
        "_items",
        "_tasks",
        "_work",
        "_workers",
    )

    def __init__(
        self,
        work: Callable[[list[T]], Awaitable[None]],
        clock: Clock,
        *,
        workers: int,
        batching: Batching = SINGLE,
    ) -> None:
        self._work = work
        self._clock = clock
        self._workers = workers
        self._batching = batching
        self._items: collections.deque[tuple[T, int, float]] = collections.deque()
        self._bytes = 0
        self._active = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._flusher: asyncio.Task[None] | None = None

    def reshape(self, workers: int, batching: Batching) -> None:
        """Applies new parameters from the next batch on."""
        self._workers = workers
        if batching != self._batching and self._flusher is not None:
            self._flusher.cancel()  # it sleeps until the old wait is over
            self._flusher = None
        self._batching = batching
        self._pump()

    def extend(self, items: Iterable[tuple[T, int]]) -> None:
        """Adds items, each with its size in bytes."""
        now = self._clock.monotonic_ms() if self._batching.wait_ms > 0 else 0.0
        for item, size in items:
            self._items.append((item, size, now))
            self._bytes += size
        self._pump()

    def take_back(self) -> list[T]:
        """Removes and returns the waiting items."""
        items = [item for item, _, _ in self._items]
        self._items.clear()
        self._bytes = 0
        return items

    def cancel(self) -> None:
        """Cancels the work in progress."""
        for task in self._tasks:
            task.cancel()
        if self._flusher is not None:
            self._flusher.cancel()

    def _is_due(self) -> bool:
        if not self._items:
            return False
        batching = self._batching
        if batching.wait_ms <= 0 or len(self._items) >= batching.events or self._bytes >= batching.bytes:
            return True
        return self._clock.monotonic_ms() >= self._items[0][2] + batching.wait_ms

    def _pump(self) -> None:
        if self._active < self._workers and self._is_due():
            self._active += 1
            task = asyncio.create_task(self._run())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif self._items and self._flusher is None and not self._is_due():
            self._flusher = asyncio.create_task(self._flush_later())

    async def _run(self) -> None:
        try:
            # There may be too many workers after `reshape`.
            while self._active <= self._workers and self._is_due():
                batch = self._take()
                # Starts another worker for the next batch, if one is due.
                self._pump()
                await self._work(batch)
        finally:
            self._active -= 1
        self._pump()

    def _take(self) -> list[T]:
        batching = self._batching
        batch: list[T] = []
        size = 0
        while self._items and len(batch) < batching.events:
            item, own, _ = self._items[0]
            if batch and size + own > batching.bytes:
                break
            self._items.popleft()
            batch.append(item)
            size += own
        self._bytes -= size
        return batch

    async def _flush_later(self) -> None:
        nothing: set[asyncio.Task[Any]] = set()
        try:
            while self._items and not self._is_due():
                due = self._items[0][2] + self._batching.wait_ms
                await self._clock.wait(nothing, max(due - self._clock.monotonic_ms(), 0.0))
        finally:
            if self._flusher is asyncio.current_task():
                self._flusher = None
        self._pump()
