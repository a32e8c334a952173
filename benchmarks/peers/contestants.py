"""
Who is measured: each takes events as JSON text and gives JSON text, one after the other or many at once.

Native QuickJS-ng (PyPI `quickjs-ng`) is used in the fastest way its Python package allows, which was found by trying:
the event goes in through `Context.parse_json`, the result comes back through `Context.get`, one settings object serves
all events, and no time or memory limit is set. `Context` gives no access to bytecode, so a fresh one compiles the source.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

import quickjs

from benchmarks.runqueue import Latencies, Stopwatch

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.workload import Work
    from headgate_runtime import Executor, Function, Outcome

AT_ONCE = 64
"""Invocations begun together by the contestant that does so."""


class Contestant(Protocol):
    """*kind* says what it is, *name* which function of the workload it runs."""

    kind: str
    name: str

    async def serve(self, count: int) -> list[bytes | None]:
        """The first *count* outputs, going round the events; None for one that was filtered."""

    async def latencies(self, count: int) -> Latencies:
        """Of each of *count* events; empty where it means nothing."""


class Headgate:
    """Awaits one invocation after the other."""

    def __init__(self, kind: str, work: Work, name: str, executor: Executor, function: Function) -> None:
        self.kind, self.name = kind, name
        self._events, self._executor, self._function = work.events, executor, function

    async def serve(self, count: int) -> list[bytes | None]:
        executor, function, events = self._executor, self._function, self._events
        outputs: list[bytes | None] = []
        for _ in range(count // len(events)):
            outputs += [output_of(await executor.invoke(function, event)) for event in events]
        return outputs

    async def latencies(self, count: int) -> Latencies:
        executor, function, events = self._executor, self._function, self._events
        watch = Stopwatch(latencies := Latencies())
        for index in range(count):
            event = events[index % len(events)]
            watch.start()
            await executor.invoke(function, event)
            watch.stop()
        return latencies


class HeadgateAtOnce(Headgate):
    """Awaits AT_ONCE invocations together, each a task of its own."""

    async def serve(self, count: int) -> list[bytes | None]:
        executor, function, events = self._executor, self._function, self._events
        outputs: list[bytes | None] = []
        for start in range(0, count, AT_ONCE):
            together = (
                executor.invoke(function, events[index % len(events)])
                for index in range(start, min(start + AT_ONCE, count))
            )
            outputs += map(output_of, await asyncio.gather(*together))
        return outputs

    async def latencies(self, count: int) -> Latencies:  # noqa: ARG002 - all begin at once: it would be a queue's
        return Latencies()


def output_of(outcome: Outcome) -> bytes | None:
    """Of a forwarded or filtered event; anything else counts as a wrong output, and says what it was."""
    if outcome.output is not None or outcome.outcome == "filtered":
        return outcome.output
    return f"{outcome.outcome}: {outcome.message}".encode()


HARNESS = """
class DropEvent extends Error {}
%s
var output;
const settings = %s;
const keep = (event) => { output = JSON.stringify(event); };
const drop = (error) => { output = error instanceof DropEvent ? false : String(error); };
(event) => { output = undefined; onTrack(event, settings).then(keep, drop); }
"""


class Native:
    """QuickJS-ng as machine code, in one context that stays."""

    kind = "native warm"

    def __init__(self, work: Work, name: str) -> None:
        self.name = name
        self._events = [event.decode() for event in work.events]
        self._script = HARNESS % (work.sources[name], work.settings.decode())
        self._one = self._prepare()

    def _prepare(self) -> Callable[[str], str | bool]:
        context = quickjs.Context()
        enter = context.eval(self._script)
        parse, run_job, get = context.parse_json, context.execute_pending_job, context.get

        def one(event: str) -> str | bool:
            enter(parse(event))
            run_job()
            while (output := get("output")) is None:
                run_job()
            return output  # type: ignore[no-any-return]

        return one

    async def serve(self, count: int) -> list[bytes | None]:
        one, events = self._one, self._events
        outputs: list[str | bool] = []
        for _ in range(count // len(events)):
            outputs += [one(event) for event in events]
        return [output.encode() if isinstance(output, str) else None for output in outputs]

    async def latencies(self, count: int) -> Latencies:
        one, events = self._one, self._events
        watch = Stopwatch(latencies := Latencies())
        for index in range(count):
            event = events[index % len(events)]
            watch.start()
            one(event)
            watch.stop()
        return latencies


class NativeFresh(Native):
    """QuickJS-ng as machine code, with a runtime and context of its own for every event."""

    kind = "native fresh"

    def _prepare(self) -> Callable[[str], str | bool]:
        script = self._script

        def one(event: str) -> str | bool:
            context = quickjs.Context()
            context.eval(script)(context.parse_json(event))
            context.execute_pending_job()
            while (output := context.get("output")) is None:
                context.execute_pending_job()
            return output  # type: ignore[no-any-return]

        return one
