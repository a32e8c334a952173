"""
Collects single events into rows: events of a function that are submitted in the same iteration of the event
loop run together. This keeps the guest's code and data in the processor's caches, and halves the time per
event (measured); with one event at a time, guest and server evict each other.
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
    """An event that takes more than a slice or waits. The waiter continues it, and owns its sandbox."""

    slot: Slot
    invocation: Invocation


class _Row:
    """
    The waiting events of a function, with a future for each, on one event loop. A future's result is None if
    the event found no room in a sandbox that earlier events had filled.
    """

    __slots__ = ("function", "loop", "waiting")

    def __init__(self, function: Function, loop: asyncio.AbstractEventLoop) -> None:
        self.function = function
        self.loop = loop
        self.waiting: collections.deque[_Asked] = collections.deque()


class Coalescer:
    """The rows of an executor, one for each function with waiting events."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._rows: dict[Function, _Row] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, function: Function, text: bytes) -> Outcome | None:
        """The outcome of an event; None if it needs a fresh sandbox. Raises EventError, ExecutorClosed."""
        loop = asyncio.get_running_loop()
        row = self._rows.get(function)
        if row is None or row.loop is not loop:  # the row of a closed loop was never served
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
        scheduler, pool = self._executor.scheduler, self._executor.pool
        if not scheduler.ready and scheduler.spent < TURN_FUEL:
            try:
                slot = pool.take(row.function)
                if slot is not None:
                    self._serve_some(row, slot)
            except Exception as error:  # noqa: BLE001 - raised in all waiters
                _fail(row, error)
        if row.waiting:
            task = row.loop.create_task(self._go_on(row))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            self._end(row)

    async def _go_on(self, row: _Row) -> None:
        """Serve the row, a turn at a time, until it is empty."""
        scheduler, pool, function = self._executor.scheduler, self._executor.pool, row.function
        try:
            while row.waiting:
                await scheduler.begin(function.tenant, function)
                slot = pool.take(function) or await pool.acquire(function)
                self._serve_some(row, slot)
        except Exception as error:  # noqa: BLE001 - raised in all waiters
            _fail(row, error)
        finally:
            self._end(row)

    def _end(self, row: _Row) -> None:
        if self._rows.get(row.function) is row:
            del self._rows[row.function]

    def _serve_some(self, row: _Row, slot: Slot) -> None:
        """Serve as many events as fit a turn; then release *slot* unless an unfinished event owns it."""
        executor, waiting = self._executor, row.waiting
        usable = slot.used > 0  # an unused slot stays new if all events were cancelled
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
        Run at least the first of *asked*, set the futures of the events that ran, and remove them from the
        list. Returns whether *slot* is fit for the rest; None when an unfinished event has taken it over.
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
            if not slot.fresh:
                told = [None]
            else:
                failure = error
        except Exception as error:  # noqa: BLE001 - raised in the waiter
            failure = error
        told = [*outcomes, *told]
        for (_, future), each in zip(asked, told, strict=False):
            future.set_result(each)
        if failure is not None:
            asked[len(told)][1].set_exception(failure)
        del asked[: len(told) + (failure is not None)]
        return fit


def _fail(row: _Row, error: Exception) -> None:
    for _, future in row.waiting:
        if not future.done():
            future.set_exception(error)
    row.waiting.clear()


def _next_of(waiting: collections.deque[_Asked]) -> list[_Asked]:
    """Remove and return the first events of the queue, up to a full row, without cancelled ones."""
    asked: list[_Asked] = []
    while waiting and len(asked) < ROW_EVENTS:
        one = waiting.popleft()
        if not one[1].done():
            asked.append(one)
    return asked
