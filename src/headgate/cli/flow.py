"""
Events through a function: several invocations under way, results in the order of the input, memory bounded.

A portion of the input is taken, invoked and settled by one of a few workers; an EntryLock decides who takes the next one.
What is settled ahead of an earlier portion waits. Nothing is taken while too much waits, be it for that portion or for
the reader of the output.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from headgate.cli.events import fault_of
from headgate_runtime import EventError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from headgate.cli.entry_lock import EntryLock
    from headgate.cli.events import Feed, Portion
    from headgate_runtime import Executor, Function, Outcome
    from headgate_runtime.fetch import Trace

WORKERS_MAX: Final = 64
"""Invocations under way at once; a function's own bound on sandboxes counts as well."""

AHEAD_PORTIONS: Final = 1_024
"""Portions settled ahead of the oldest one that is not."""

AHEAD_BYTES: Final = 16 << 20
"""Output that waits to be written, with that of portions settled ahead."""


class Settled(NamedTuple):
    """
    A portion with its outcomes, one for each line, or with the fault that kept it from the function.

    requests    what its invocation fetched, as JSON; None where nobody asked for it
    """

    portion: Portion
    outcomes: list[Outcome]
    fault: str | None
    requests: list[dict[str, Any]] | None = None


class Writable(Protocol):
    """Where results go; `pipes.Sink` is one."""

    async def write(self, content: bytes) -> None:
        """Returns when all of *content* is written."""


class Flow:
    """
    `run` once; `stop` at any time, from the same event loop.

    report       is told of every portion, in the order of the input, and returns what goes to *sink*
    recording    whether the invocation of a portion is to be recorded
    entry        the lock that the executor's clock releases
    batch        whether a portion goes to `onBatch`
    tracer       makes what keeps the requests of an invocation; None when nobody asks for them
    """

    def __init__(
        self,
        executor: Executor,
        function: Function,
        feed: Feed,
        sink: Writable,
        report: Callable[[Settled], bytes],
        recording: Callable[[Portion], bool],
        *,
        entry: EntryLock,
        batch: bool,
        tracer: Callable[[], AbstractContextManager[Trace]] | None = None,
    ) -> None:
        self._executor = executor
        self._function = function
        self._feed = feed
        self._sink = sink
        self._report = report
        self._recording = recording
        self._entry = entry
        self._batch = batch
        self._tracer = tracer
        self._next = 0
        self._ahead: dict[int, Settled] = {}
        self._ahead_bytes = 0
        self._output: list[bytes] = []
        self._output_bytes = 0
        self._wake_writer = asyncio.Event()
        self._room = asyncio.Event()
        self._finished = False
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """Drops the invocations under way; what was settled in order is still written."""
        self._stopped.set()

    @property
    def stopped(self) -> bool:
        return self._stopped.is_set()

    async def run(self) -> None:
        """Raises BrokenPipeError when the reader of the output went away, and what *report* raises."""
        count = min(WORKERS_MAX, self._function.limits.sandboxes)
        work = asyncio.gather(*(self._work() for _ in range(count)))
        write = asyncio.create_task(self._write())
        stop = asyncio.create_task(self._stopped.wait())
        try:
            tasks: set[asyncio.Future[Any]] = {work, write, stop}
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
            else:
                work.cancel()
                await asyncio.wait({work})
            self._finished = True
            self._wake_writer.set()
            await write
        finally:
            for task in (work, write, stop):
                task.cancel()
            await asyncio.gather(work, write, stop, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            await self._entry.acquire()
            while self._entry.is_mine():
                while self._is_full():
                    self._room.clear()
                    await self._room.wait()
                portion = await self._feed.take()
                if portion is None:
                    self._entry.release()
                    return
                self._settle(await self._invoke(portion))

    async def _invoke(self, portion: Portion) -> Settled:
        if portion.fault is not None:
            return Settled(portion, [], portion.fault)
        texts = [line.text for line in portion.lines if line.text is not None]
        try:
            if self._tracer is None:
                return Settled(portion, await self._call(portion, texts), None)
            with self._tracer() as trace:
                outcomes = await self._call(portion, texts)
            return Settled(portion, outcomes, None, [exchange.as_json() for exchange in trace.exchanges])
        except EventError as error:
            fault = None if self._batch else fault_of(texts[0])
            return Settled(portion, [], fault or str(error))

    async def _call(self, portion: Portion, texts: list[bytes]) -> list[Outcome]:
        record = self._recording(portion)
        if self._batch:
            return await self._executor.invoke(self._function, texts, record=record)
        return [await self._executor.invoke(self._function, texts[0], record=record)]

    def _is_full(self) -> bool:
        return self._ahead_bytes + self._output_bytes > AHEAD_BYTES or len(self._ahead) > AHEAD_PORTIONS

    def _settle(self, settled: Settled) -> None:
        if settled.portion.sequence != self._next:
            self._ahead[settled.portion.sequence] = settled
            self._ahead_bytes += _size(settled)
            return
        self._emit(settled)
        while self._ahead and (oldest := self._ahead.pop(self._next, None)) is not None:
            self._ahead_bytes -= _size(oldest)
            self._emit(oldest)
        if not self._is_full():
            self._room.set()

    def _emit(self, settled: Settled) -> None:
        self._next += 1
        content = self._report(settled)
        if content:
            self._output.append(content)
            self._output_bytes += len(content)
            self._wake_writer.set()

    async def _write(self) -> None:
        while self._output or not self._finished:
            if not self._output:
                self._wake_writer.clear()
                await self._wake_writer.wait()
            content, self._output = b"".join(self._output), []
            await self._sink.write(content)
            self._output_bytes -= len(content)
            if not self._is_full():
                self._room.set()


def _size(settled: Settled) -> int:
    """What it keeps in memory, roughly."""
    size = sum(line.size for line in settled.portion.lines)
    for outcome in settled.outcomes:
        size += len(outcome.output or b"") + sum(len(line.message) for line in outcome.logs)
    return size
