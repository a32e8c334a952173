"""
The sandboxes of an executor: bounded for each function and in all, kept for the next event, handed out in the order
they were asked for. Where functions wait for room in all, each in turn is given some.
"""

from __future__ import annotations

import asyncio
import heapq
from typing import TYPE_CHECKING, NamedTuple

from headgate_runtime.errors import ExecutorClosed
from headgate_runtime.function import Slot
from headgate_runtime.limits import EVICTED_AT_ONCE

if TYPE_CHECKING:
    import collections

    from headgate_runtime.function import Function


class Waiter(NamedTuple):
    """Somebody who waits for a sandbox; *fresh*: for one that has served nobody."""

    future: asyncio.Future[Slot]
    fresh: bool


class Pool:
    """
    Holds at most *sandboxes* at once; idle ones make room, least recently used first.

    A function with waiters has no idle sandbox, and while functions wait for room nobody has an idle one.
    """

    def __init__(self, sandboxes: int) -> None:
        self._sandboxes = sandboxes
        self._evicted_at_once = max(1, min(EVICTED_AT_ONCE, sandboxes // 64))
        self._slots: set[Slot] = set()
        self._functions: dict[Function, None] = {}  # those with a sandbox
        self._waiting_for_room: dict[Function, None] = {}  # whose turn it is to be given some, in order
        self._released = 0
        self.closed = False
        self.evicted = 0
        """Idle sandboxes closed to make room, since the beginning."""

    @property
    def live(self) -> int:
        """Sandboxes alive at this moment, busy and idle."""
        return len(self._slots)

    @property
    def idle(self) -> int:
        """Of these, the ones that wait for an event."""
        return sum(len(function.idle) for function in self._functions)

    async def acquire(self, function: Function, *, fresh: bool = False) -> Slot:
        """A sandbox of *function*: an idle one unless it must be *fresh*, a new one, or the next that is given back."""
        if self.closed:
            raise ExecutorClosed("the executor was closed")
        if not _has_waiters(function):
            if function.idle and not fresh:
                return function.idle.pop()
            if function.live >= function.limits.sandboxes and function.idle:
                self._drop(function.idle[0])
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
                self.release(slot, usable=slot.used > 0)  # one that is new stays known as new
            raise

    def release(self, slot: Slot, *, usable: bool) -> None:
        """Takes *slot* back. What cannot be readied for the next event is closed."""
        if slot not in self._slots:
            return  # closed with the pool
        function = slot.function
        fit = usable and self.renew(slot)
        if fit and not function.waiting and not self._waiting_for_room:  # nearly always
            function.idle.append(slot)
            return
        if not fit:
            self._drop(slot)
        first = self._first_for_room()
        if first is not None and first is not function:
            # Others have waited for room while this function had its turn.
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
        Readies *slot*, which is not given back, for another event of who has it. False when that cannot be: it is to be
        given back, as not usable.
        """
        self._released += 1
        slot.used = self._released
        try:
            return slot.recover()
        except OSError:  # the kernel does not tell what to rewind
            return False

    def dismiss(self, function: Function) -> None:
        """Closes the idle sandboxes of *function*."""
        for slot in list(function.idle):
            self._drop(slot)

    def close(self) -> None:
        """Closes every sandbox, the busy ones too; who waits for one gets ExecutorClosed. May be called twice."""
        self.closed = True
        waiting = [*self._waiting_for_room, *self._functions]
        self._waiting_for_room.clear()
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
        """Makes room: closes idle sandboxes, those used longest ago. False when none is idle."""
        # The oldest of each function is first in its list. Several go at once, since finding them walks all functions.
        oldest = heapq.nsmallest(
            self._evicted_at_once,
            (function.idle[0] for function in self._functions if function.idle),
            key=lambda slot: slot.used,
        )
        for slot in oldest:
            self._drop(slot)
        self.evicted += len(oldest)
        return bool(oldest)

    # ---- waiting ----

    def _queue_for_room(self, function: Function) -> None:
        """To the end of the line of functions that could use one more sandbox, if it could."""
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
        while self.live < self._sandboxes and (function := self._first_for_room()) is not None:
            del self._waiting_for_room[function]
            future = function.waiting.popleft().future
            try:
                slot = self._make(function)
            except Exception as error:  # noqa: BLE001 - it belongs to who waits, not to who gives back
                future.set_exception(error)
            else:
                future.set_result(slot)
            self._queue_for_room(function)


def _has_waiters(function: Function) -> bool:
    """Whether somebody waits; those who were cancelled meanwhile are taken out of the line."""
    waiting: collections.deque[Waiter] = function.waiting
    while waiting and waiting[0].future.done():
        waiting.popleft()
    return bool(waiting)
