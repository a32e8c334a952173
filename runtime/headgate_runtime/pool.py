"""
The sandboxes of an executor. Their number is bounded per function and in total; they are kept for the next
event and handed out in the order of requests. When functions wait for the total bound, they get room in turn.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import weakref
from typing import TYPE_CHECKING, Final, NamedTuple

from headgate_runtime.errors import ExecutorClosed
from headgate_runtime.function import Slot
from headgate_runtime.limits import EVICTED_AT_ONCE

if TYPE_CHECKING:
    import collections

    from headgate_runtime.function import Function
    from headgate_runtime.limits import Limits


COLD: Final = 256
"""After so many uses of other sandboxes, a sandbox has left the processor's caches (see `Entry.enter`)."""


class Waiter(NamedTuple):
    """A caller that waits for a sandbox; with *fresh*, for one in whose memory earlier events have left nothing."""

    future: asyncio.Future[Slot]
    fresh: bool


class Shelf:
    """
    Idle sandboxes of hermetic functions, for any function with this shelf. The one that was used last is in the
    processor's caches, so it is taken first, whichever function had it.
    """

    __slots__ = ("__weakref__", "slots")

    def __init__(self) -> None:
        self.slots: list[Slot] = []


class Pool:
    """
    A pool of at most *sandboxes* sandboxes, which evicts the least recently used idle ones.

    Invariants: a function with waiters has no idle sandbox, and while functions wait for room, no sandbox is
    idle.
    """

    def __init__(self, sandboxes: int) -> None:
        self._sandboxes = sandboxes
        self._evicted_at_once = max(1, min(EVICTED_AT_ONCE, sandboxes // 64))
        self._slots: set[Slot] = set()
        self._functions: dict[Function, None] = {}  # functions with sandboxes
        self._shelves: weakref.WeakValueDictionary[tuple[int, Limits], Shelf] = weakref.WeakValueDictionary()
        self._waiting_for_room: dict[Function, None] = {}  # in the order in which they get room
        self.released = 0
        """Number of events after which a sandbox was renewed, since the beginning."""
        self.closed = False
        self.evicted = 0
        """Number of idle sandboxes that have been closed to make room."""

    @property
    def live(self) -> int:
        """Number of live sandboxes, busy and idle."""
        return len(self._slots)

    @property
    def idle(self) -> int:
        """Number of idle sandboxes."""
        own = sum(len(function.idle) for function in self._functions)
        return own + sum(len(shelf.slots) for shelf in self._shelves.values())

    def shelf(self, memory_bytes: int, limits: Limits) -> Shelf:
        """The shelf for sandboxes of *memory_bytes* of memory under *limits*."""
        key = (memory_bytes, limits)
        shelf = self._shelves.get(key)
        if shelf is None:
            shelf = self._shelves[key] = Shelf()
        return shelf

    async def acquire(self, function: Function, *, fresh: bool = False) -> Slot:
        """
        Get a sandbox of *function*: an idle one, a new one, or the next to be released. With *fresh*, only one
        in whose memory earlier events have left nothing. Raises ExecutorClosed.
        """
        if self.closed:
            raise ExecutorClosed("the executor was closed")
        if not _has_waiters(function):
            if function.live >= function.limits.sandboxes and function.idle and fresh:
                self._drop(function.idle[0])
            slot = None if function.idle and fresh else self.take(function)
            if slot is not None:
                return slot
            if function.live < function.limits.sandboxes and (self.live < self._sandboxes or self._evict()):
                return self._make(function)
        future: asyncio.Future[Slot] = asyncio.get_running_loop().create_future()
        function.waiting.append(Waiter(future, fresh))
        self._queue_for_room(function)
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and not future.exception():
                slot = future.result()
                self.release(slot, usable=slot.used > 0)  # an unused slot stays new
            raise

    def take(self, function: Function) -> Slot | None:
        """Get an idle sandbox that *function* may have at once, its own or of its shelf. Raises EngineError."""
        if function.idle:
            return function.idle.pop()
        shelf = function.shelf
        if shelf is None or not shelf.slots or function.live >= function.limits.sandboxes or function.waiting:
            return None
        return self._take(function, shelf)

    def release(self, slot: Slot, *, usable: bool) -> None:
        """Return *slot* to the pool, or close it if it is not *usable* or cannot be prepared for reuse."""
        if slot not in self._slots:
            return  # closed with the pool
        function = slot.function
        fit = usable and self._recover(slot)
        if fit and slot.rewinder is not None:
            if slot.shared:
                self._shelve(slot)
                return
            slot.begin(function)
        if fit and not function.waiting and not self._waiting_for_room:  # fast path
            function.idle.append(slot)
            return
        if not fit:
            self._drop(slot)
        first = self._first_for_room()
        if first is not None and first is not function:
            # Other functions wait for room, and this one has had its turn.
            if fit:
                self._drop(slot)
            self._queue_for_room(function)
        elif _has_waiters(function):
            if fit and not function.waiting[0].fresh:
                self._waiting_for_room.pop(function, None)
                function.waiting.popleft().future.set_result(slot)
            elif fit:
                self._drop(slot)
            self._queue_for_room(function)
        elif fit:
            function.idle.append(slot)
        self._give_room()

    def renew(self, slot: Slot) -> bool:
        """
        Prepare *slot* for another event without returning it to the pool. When this returns False, the caller
        must release the slot as not usable.
        """
        fit = self._recover(slot)
        if fit and slot.rewinder is not None:
            slot.begin(slot.function)
        return fit

    def _recover(self, slot: Slot) -> bool:
        self.released += 1
        slot.used = self.released
        try:
            return slot.recover()
        except OSError:  # the kernel cannot report the private pages
            return False

    def dismiss(self, function: Function) -> None:
        """Close the idle sandboxes of *function*."""
        for slot in list(function.idle):
            self._drop(slot)
        if function.shelf is not None:
            for slot in function.shelf.slots[:]:
                if slot.function is function:
                    self._close_shelved(slot)

    def close(self) -> None:
        """Close all sandboxes, busy ones too; waiters get ExecutorClosed. May be called more than once."""
        self.closed = True
        waiting = [*self._waiting_for_room, *self._functions]
        self._waiting_for_room.clear()
        for shelf in list(self._shelves.values()):
            for slot in shelf.slots[:]:
                self._close_shelved(slot)
        for slot in list(self._slots):
            self._drop(slot)
        for function in waiting:
            for waiter in function.waiting:
                if not waiter.future.done():
                    waiter.future.set_exception(ExecutorClosed("the executor was closed"))
            function.waiting.clear()

    def _make(self, function: Function) -> Slot:
        slot = Slot(function)
        function.live += 1
        self._slots.add(slot)
        self._functions[function] = None
        return slot

    def _take(self, function: Function, shelf: Shelf) -> Slot:
        slot = shelf.slots.pop()
        try:
            slot.begin(function)
        except BaseException:
            self._slots.remove(slot)
            slot.sandbox.close()
            raise
        if not function.live:
            self._functions[function] = None
        function.live += 1
        return slot

    def _shelve(self, slot: Slot) -> None:
        """Put *slot* on its function's shelf, and give it to a function that waits."""
        function = slot.function
        assert function.shelf is not None
        function.shelf.slots.append(slot)
        function.live -= 1
        if not function.live:
            del self._functions[function]
        if function.waiting or self._waiting_for_room:
            self._queue_for_room(function)
            self._give_room()

    def _close_shelved(self, slot: Slot) -> None:
        assert slot.function.shelf is not None
        slot.function.shelf.slots.remove(slot)
        self._slots.remove(slot)
        slot.sandbox.close()

    def _drop(self, slot: Slot) -> None:
        function = slot.function
        if slot in function.idle:
            function.idle.remove(slot)
        self._slots.remove(slot)
        slot.sandbox.close()
        function.live -= 1
        if not function.live:
            del self._functions[function]

    def _evict(self) -> bool:
        """Close the least recently used idle sandboxes. Returns False when none is idle."""
        # The oldest of each function and shelf is first in its list. Several are closed at once, since the
        # search visits all functions.
        own = (function.idle[0] for function in self._functions if function.idle)
        shelved = (slot for shelf in self._shelves.values() for slot in shelf.slots[: self._evicted_at_once])
        oldest = heapq.nsmallest(
            self._evicted_at_once, itertools.chain(own, shelved), key=lambda slot: slot.used
        )
        for slot in oldest:
            if slot in slot.function.idle:
                self._drop(slot)
            else:
                self._close_shelved(slot)
        self.evicted += len(oldest)
        return bool(oldest)

    # ---- waiting ----

    def _queue_for_room(self, function: Function) -> None:
        """Put *function* at the end of the queue for room, if it has waiters and may have more sandboxes."""
        if function.live < function.limits.sandboxes and _has_waiters(function):
            self._waiting_for_room.setdefault(function)

    def _first_for_room(self) -> Function | None:
        while self._waiting_for_room:
            function = next(iter(self._waiting_for_room))
            if _has_waiters(function) and function.live < function.limits.sandboxes:
                return function
            del self._waiting_for_room[function]
        return None

    def _give_room(self) -> None:
        while (function := self._first_for_room()) is not None:
            shelf = function.shelf if function.shelf is not None and function.shelf.slots else None
            if shelf is None and self.live >= self._sandboxes and not self._evict():
                break
            del self._waiting_for_room[function]
            future = function.waiting.popleft().future
            try:
                slot = self._make(function) if shelf is None else self._take(function, shelf)
            except Exception as error:  # noqa: BLE001 - raised in the waiter, not here
                future.set_exception(error)
            else:
                future.set_result(slot)
            self._queue_for_room(function)


def _has_waiters(function: Function) -> bool:
    """Whether *function* has waiters; cancelled ones at the front of its queue are removed."""
    waiting: collections.deque[Waiter] = function.waiting
    while waiting and waiting[0].future.done():
        waiting.popleft()
    return bool(waiting)
