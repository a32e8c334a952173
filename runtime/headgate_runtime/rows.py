"""
Events that come one by one, and many at once: those of one function that are asked for in the same round of the event
loop are served in a row. The guest's code and data then stay in the processor's cache from event to event, and so do the
server's; one event after the other, each would find the cache full of the other's. Measured: half the time of an event.
"""

from __future__ import annotations

import asyncio
import collections
from typing import TYPE_CHECKING, NamedTuple

from headgate_runtime.errors import NoRoom
from headgate_runtime.limits import TURN_FUEL
from headgate_runtime.row import ROW_EVENTS, serve_row

if TYPE_CHECKING:
    from headgate_runtime.executor import Executor
    from headgate_runtime.function import Function, Slot
    from headgate_runtime.invocation import Invocation
    from headgate_runtime.outcome import Outcome

    _Future = asyncio.Future["Outcome | _Unfinished | None"]
    _Asked = tuple[bytes, _Future]


class _Unfinished(NamedTuple):
    """An event that takes more than a slice, or waits: for who asked to go on with. The sandbox is theirs."""

    slot: Slot
    invocation: Invocation


class _Row:
    """
    Events of a function that wait, with who waits for them, on one event loop. These are told None of an event that found
    no room in a sandbox which others had filled.
    """

    __slots__ = ("function", "loop", "waiting")

    def __init__(self, function: Function, loop: asyncio.AbstractEventLoop) -> None:
        self.function = function
        self.loop = loop
        self.waiting: collections.deque[_Asked] = collections.deque()


class Rows:
    """The rows of an executor: one for each function that somebody waits for."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._rows: dict[Function, _Row] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, function: Function, text: bytes) -> Outcome | None:
        """The outcome of an event; None for one that wants a fresh sandbox. Raises EventError and ExecutorClosed."""
        loop = asyncio.get_running_loop()
        row = self._rows.get(function)
        if row is None or row.loop is not loop:  # a loop that was closed meanwhile never came to it
            row = self._rows[function] = _Row(function, loop)
            loop.call_soon(self._begin, row)
        future: _Future = loop.create_future()
        row.waiting.append((text, future))
        try:
            served = await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and not future.exception():
                left = future.result()
                if isinstance(left, _Unfinished):
                    self._executor.pool.release(left.slot, usable=False)
            raise
        if not isinstance(served, _Unfinished):
            return served
        invocation = served.invocation
        try:
            await invocation.go_on()
            return invocation.conclude()[0]
        finally:
            self._executor.pool.release(served.slot, usable=invocation.reusable)

    def _begin(self, row: _Row) -> None:
        scheduler, idle = self._executor.scheduler, row.function.idle
        if idle and not scheduler.ready and scheduler.spent < TURN_FUEL:
            self._serve_some(row, idle.pop())
        if row.waiting:
            task = row.loop.create_task(self._go_on(row))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            self._end(row)

    async def _go_on(self, row: _Row) -> None:
        """Turn after turn until nobody waits."""
        scheduler, function = self._executor.scheduler, row.function
        try:
            while row.waiting:
                await scheduler.begin(function.tenant, function)
                slot = function.idle.pop() if function.idle else await self._executor.pool.acquire(function)
                self._serve_some(row, slot)
        except Exception as error:  # noqa: BLE001 - it belongs to those who wait
            for _, future in row.waiting:
                if not future.done():
                    future.set_exception(error)
            row.waiting.clear()
        finally:
            self._end(row)

    def _end(self, row: _Row) -> None:
        if self._rows.get(row.function) is row:
            del self._rows[row.function]

    def _serve_some(self, row: _Row, slot: Slot) -> None:
        """As many as fit a turn. An event that does not end within its slice takes *slot* with it."""
        executor, waiting = self._executor, row.waiting
        usable = slot.used > 0  # one that is new stays known as new, if everybody was cancelled
        while asked := _next_of(waiting):
            fit = self._serve_row(slot, asked)
            waiting.extendleft(reversed(asked))
            if fit is None:
                return
            usable = fit
            if not usable or executor.scheduler.left <= 0:
                break
            if waiting and not executor.pool.renew(slot):
                usable = False
                break
        executor.pool.release(slot, usable=usable)

    def _serve_row(self, slot: Slot, asked: list[_Asked]) -> bool | None:
        """
        Tells at least the first of *asked* what became of their events, and takes them out. Whether *slot* is fit for the
        others; None when it belongs to one of those who were told.
        """
        outcomes: list[Outcome] = []
        told: list[Outcome | _Unfinished | None] = []
        failure: Exception | None = None
        fit: bool | None = False
        try:
            served = serve_row(self._executor, slot, [text for text, _ in asked], outcomes)
            if served is None:
                fit = True
            elif served.is_over():
                try:
                    outcomes += served.conclude()
                finally:
                    fit = served.reusable
            else:
                told, fit = [_Unfinished(slot, served)], None
        except NoRoom as error:
            if slot.used:
                told = [None]
            else:
                failure = error
        except Exception as error:  # noqa: BLE001 - it belongs to who waits
            failure = error
        told = [*outcomes, *told]
        for (_, future), each in zip(asked, told, strict=False):
            future.set_result(each)
        if failure is not None:
            asked[len(told)][1].set_exception(failure)
        del asked[: len(told) + (failure is not None)]
        return fit


def _next_of(waiting: collections.deque[_Asked]) -> list[_Asked]:
    """Takes as many as a row may have, of those who were not cancelled."""
    asked: list[_Asked] = []
    while waiting and len(asked) < ROW_EVENTS:
        one = waiting.popleft()
        if not one[1].done():
            asked.append(one)
    return asked
