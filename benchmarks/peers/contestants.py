"""
The contestants in this process. Each takes events as JSON text and returns JSON text.

Native QuickJS-ng (PyPI `quickjs-ng`) is used in the fastest way that its Python package allows, found by trial: the event
goes in through `Context.parse_json`, the result comes back through `Context.get`, all events share one settings object,
and there is no time or memory limit. `Context` gives no access to bytecode, so a fresh one compiles the source.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

import quickjs

from benchmarks.runqueue import Latencies, Stopwatch
from headgate_runtime import Image, compile  # noqa: A004 - the field's word

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.workload import Work
    from headgate_runtime import Executor, Function, Outcome

AT_ONCE = 64
"""Events per list."""


class Contestant(Protocol):
    """Runs one function of the workload. *kind* identifies the contestant, *name* the function."""

    kind: str
    name: str

    def cpu_s(self) -> float:
        """CPU seconds so far of all threads of the processes that serve."""

    async def serve(self, first: int, count: int) -> None:
        """Serves *count* events of the workload, cyclically from number *first* on."""

    async def outputs(self) -> list[bytes | None]:
        """The outputs of the last `serve`; None for a filtered event."""

    async def latencies(self, count: int) -> Latencies:
        """Latencies of *count* single events; empty for a contestant that serves many at once."""

    def close(self) -> None:
        """Ends its processes. It cannot be used afterwards."""


class Inside:
    """Base of contestants in this process. Subclasses set `_outputs` when they serve."""

    def __init__(self, kind: str, work: Work, name: str) -> None:
        self.kind, self.name = kind, name
        self._events = work.events
        self._outputs: list[bytes | None] = []

    def cpu_s(self) -> float:
        return time.process_time()

    async def outputs(self) -> list[bytes | None]:
        return self._outputs

    async def latencies(self, count: int) -> Latencies:  # noqa: ARG002 - serves many at once
        return Latencies()

    def close(self) -> None:
        pass

    def _round(self, first: int, count: int) -> list[bytes]:
        """The events to serve."""
        begin = first % len(self._events)
        return (self._events * ((begin + count) // len(self._events) + 1))[begin : begin + count]


class Headgate(Inside):
    """Headgate, with one invocation after the other."""

    def __init__(self, kind: str, work: Work, name: str, executor: Executor, function: Function) -> None:
        super().__init__(kind, work, name)
        self._executor, self._function = executor, function

    async def serve(self, first: int, count: int) -> None:
        executor, function = self._executor, self._function
        events = self._round(first, count)
        self._outputs = [output_of(await executor.invoke(function, event)) for event in events]

    async def latencies(self, count: int) -> Latencies:
        executor, function = self._executor, self._function
        watch = Stopwatch(latencies := Latencies())
        for event in self._round(0, count):
            watch.start()
            await executor.invoke(function, event)
            watch.stop()
        return latencies


class HeadgateLists(Headgate):
    """Headgate, with AT_ONCE events per call."""

    async def serve(self, first: int, count: int) -> None:
        executor, function = self._executor, self._function
        events = self._round(first, count)
        outputs: list[bytes | None] = []
        for start in range(0, count, AT_ONCE):
            outputs += map(output_of, await executor.invoke(function, events[start : start + AT_ONCE]))
        self._outputs = outputs

    async def latencies(self, count: int) -> Latencies:  # noqa: ARG002 - would be those of lists
        return Latencies()


def image_of(source: str) -> Image:
    """Raises RuntimeError for a source that does not compile."""
    image = compile(source)
    if not isinstance(image, Image):
        raise RuntimeError(f"the workload does not compile: {image}")  # noqa: TRY004 - no matter of types
    return image


def output_of(outcome: Outcome) -> bytes | None:
    """The output of a forwarded event, None for a filtered one; any other outcome as text, which is a wrong output."""
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


class Native(Inside):
    """QuickJS-ng as machine code, in one context that stays."""

    kind = "native, warm"

    def __init__(self, work: Work, name: str) -> None:
        super().__init__(self.kind, work, name)
        self._texts = {event: event.decode() for event in work.events}
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

    def _round_of_texts(self, first: int, count: int) -> list[str]:
        return [self._texts[event] for event in self._round(first, count)]

    async def serve(self, first: int, count: int) -> None:
        one = self._one
        outputs = [one(text) for text in self._round_of_texts(first, count)]
        self._outputs = [output.encode() if isinstance(output, str) else None for output in outputs]

    async def latencies(self, count: int) -> Latencies:
        one = self._one
        watch = Stopwatch(latencies := Latencies())
        for text in self._round_of_texts(0, count):
            watch.start()
            one(text)
            watch.stop()
        return latencies


class NativeFresh(Native):
    """QuickJS-ng as machine code, with a runtime and context of its own for every event."""

    kind = "native, fresh"

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
