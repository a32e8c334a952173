"""
One invocation, from the event's bytes to its outcome: it runs slices of guest code, waits for the host, and
enforces the limits of time and fuel.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from headgate_runtime import abi, conclude
from headgate_runtime.abi import INPUT_INLINE, RESULT_AT, RESULT_QUICK
from headgate_runtime.errors import EventError, ExecutorClosed, NoRoom
from headgate_runtime.limits import (
    CACHE_BYTE_FUEL,
    CACHE_FUEL,
    FETCH_FUEL,
    RESUME_FUEL,
    SLICE_FUEL,
    TURN_FUEL,
)
from headgate_runtime.outcome import Cause, Forward, Usage
from headgate_runtime.pool import COLD
from headgate_runtime.record import Entry, Record
from headgate_runtime.sandbox import Answer

if TYPE_CHECKING:
    from headgate_runtime._entry import Entry as GuestEntry
    from headgate_runtime._wasmtime import Function as GuestFunction
    from headgate_runtime.executor import Executor
    from headgate_runtime.function import Function, Slot
    from headgate_runtime.limits import Limits
    from headgate_runtime.outcome import Outcome
    from headgate_runtime.sandbox import Request, Result

NO_FETCH: Final = b'{"name":"FetchError","type":"system","code":"ENOTSUP","message":"fetch is not available in this executor"}'

FULL: Final = b'{"name":"FetchError","type":"system","code":"ENOBUFS","message":"too many bytes are under way in other requests"}'

_OUT_OF_MEMORY: Final = int(abi.Kind.OUT_OF_MEMORY)
_THROWN: Final = int(abi.Kind.THROWN)
_PENDING: Final = int(abi.Status.PENDING)
_STUCK: Final = int(abi.Status.STUCK)
_BAD_INPUT: Final = int(abi.Status.BAD_INPUT)


def serve(executor: Executor, slot: Slot, text: bytes) -> Outcome | Invocation:
    """
    Fast path for an event that needs a single slice of guest code. Returns its outcome; for any other event,
    an Invocation whose first slice has run.
    """
    function, sandbox, clock = slot.function, slot.sandbox, executor.clock
    now_ms, started_ms = clock.wall_ms(), clock.monotonic_ms()
    if len(text) <= INPUT_INLINE:
        recall = executor.pool.released - slot.used > COLD
        left = sandbox.enter(text, now_ms, started_ms, executor.entropy(32), function.flags, recall)
    else:
        left = _serve_large(executor, slot, text, now_ms, started_ms)
    if left >= 0:
        quick = RESULT_QUICK.unpack_from(sandbox.memory, sandbox.mailbox + RESULT_AT)
        kind, address, size, log_at, log_size, dropped, peak, leftover = quick
        if kind != _OUT_OF_MEMORY and not leftover and (kind != _THROWN or not slot.untried):
            fuel = function.fuel - left
            executor.scheduler.charge(function.tenant, fuel)
            wall_ms = clock.monotonic_ms() - started_ms
            size = min(size, sandbox.output_max)
            output = sandbox.read(address, size)
            if not kind and not log_size and not dropped:  # forward, without a log
                return Forward(Cause.FORWARD, fuel, wall_ms, peak, output)
            log = sandbox.read_log(log_at, log_size)
            return outcome_of(kind, output, Usage(fuel, wall_ms, peak), function.limits, log, dropped, now_ms)
    return Invocation.begun(executor, slot, text, started_ms, now_ms, sandbox.entry)


def outcome_of(
    kind: int, output: bytes, usage: Usage, limits: Limits, log: bytes, dropped: int, now_ms: float
) -> Outcome:
    """The outcome, with its log, of an invocation that entered the guest once, at *now_ms*."""
    outcome = conclude.of_output(kind, output, usage, limits)
    if log or dropped:
        lines = conclude.log_lines(log)
        outcome.add(logs=lines, logs_dropped=dropped, log_times=(now_ms,) * len(lines))
    return outcome


def _serve_large(executor: Executor, slot: Slot, text: bytes, now_ms: float, started_ms: float) -> int:
    """Like `Sandbox.enter`, for an event that does not fit the mailbox. Raises NoRoom."""
    function, sandbox = slot.function, slot.sandbox
    if not sandbox.write_input(text, now_ms, started_ms, executor.entropy(32), function.flags):
        raise NoRoom(f"memory_bytes = {function.limits.memory_bytes} has no room for the event")
    return sandbox.run()


class Invocation:
    """
    A running invocation. `begin` runs the first slice; if it returns False, `go_on` runs the rest. `conclude`
    then returns the outcome.

    reusable    whether the sandbox may serve another event; False until `conclude` has decided it
    """

    __slots__ = (
        "_batch",
        "_call",
        "_entries",
        "_executor",
        "_exhausted",
        "_function",
        "_keys",
        "_result",
        "_sandbox",
        "_slices",
        "_started_ms",
        "_status",
        "_tasks",
        "_text",
        "_timed_out",
        "_turns",
        "_untried",
        "reusable",
    )

    def __init__(self, executor: Executor, slot: Slot, batch: list[bytes] | None, record: bool) -> None:
        self._executor = executor
        self._function = slot.function
        self._sandbox = slot.sandbox
        self._batch = batch
        self._entries: list[Entry] | None = [] if record else None
        self._keys: list[bytes] = []
        self._tasks: set[asyncio.Task[Answer]] = set()
        self._untried = slot.untried
        self._timed_out = False
        self._exhausted = False
        self._slices = 0
        self._status = -1
        self._text = b""
        self._call: GuestEntry | GuestFunction
        self._turns: list[tuple[int, float]] = []  # for each entry: size of the log before it, and its time
        self.reusable = False

    @classmethod
    def begun(
        cls,
        executor: Executor,
        slot: Slot,
        text: bytes,
        started_ms: float,
        now_ms: float,
        call: GuestEntry,
    ) -> Invocation:
        """An invocation whose first slice has already run, by *call*."""
        invocation = cls(executor, slot, None, False)
        invocation._text = text
        invocation._started_ms = started_ms
        invocation._turns.append((0, now_ms))
        invocation._call = call
        return invocation

    @property
    def function(self) -> Function:
        return self._function

    def is_over(self) -> bool:
        """After the first slice: whether the invocation is over, so that only `conclude` remains."""
        return not self._call.running and self._settled()

    def begin(self, text: bytes) -> bool:
        """Enter the guest with the event *text*. Returns True when the first slice ends the invocation."""
        executor, sandbox, function = self._executor, self._sandbox, self._function
        clock = executor.clock
        flags = function.flags if self._batch is None else function.flags | abi.Flag.BATCH
        now_ms, monotonic_ms = clock.wall_ms(), clock.monotonic_ms()
        seed = executor.entropy(32)
        self._started_ms = monotonic_ms
        self._turns.append((0, now_ms))
        self._text = text
        if self._entries is not None:
            self._entries.append(Entry("invoke", now_ms, monotonic_ms, seed, int(flags), text, []))
        if not sandbox.write_input(text, now_ms, monotonic_ms, seed, flags):
            raise NoRoom(f"memory_bytes = {function.limits.memory_bytes} has no room for the event")
        if self._entries is not None:
            sandbox.told = self._keys
        self._call = sandbox.entry
        sandbox.run()
        return self.is_over()

    def _settled(self) -> bool:
        """After a call has returned: whether the invocation is over, as opposed to waiting for the host."""
        self._status = -1
        if self._call.trap:
            return True
        self._status = self._call.result
        self._result = self._sandbox.result()
        return self._status != _PENDING

    async def go_on(self) -> None:
        """Run the invocation to its end, taking turns with others."""
        try:
            if self._call.running and not await self._finish_call():
                return
            while not self._settled():
                content = await self._wait()
                if content is None:
                    self._timed_out = True
                    return
                if not self._enter("resume", content):
                    self._exhausted = True
                    return
                if not await self._finish_call():
                    return
        finally:
            for task in self._tasks:
                task.cancel()
            if self._tasks:
                await asyncio.gather(*self._tasks, return_exceptions=True)

    def _enter(self, name: str, content: bytes) -> bool:
        """Run the first slice of an entry point. Returns False when the sandbox has no room for *content*."""
        clock = self._executor.clock
        now_ms, monotonic_ms = clock.wall_ms(), clock.monotonic_ms()
        sandbox = self._sandbox
        self._turns.append((self._result.log_len, now_ms))
        if self._entries is not None:
            self._entries.append(
                Entry(name, now_ms, monotonic_ms, bytes(32), self._function.flags, content, [])
            )
        if not sandbox.write_input(content, now_ms, monotonic_ms, bytes(32), self._function.flags):
            return False
        self._call = sandbox.start(name)
        sandbox.step(self._call)
        return True

    async def _finish_call(self) -> bool:
        """Run slices until the call returns. Returns False when the time limit is reached first."""
        executor, sandbox, call = self._executor, self._sandbox, self._call
        clock, tenant = executor.clock, self._function.tenant
        deadline = self._started_ms + self._function.limits.time_ms
        while call.running:
            self._slices += 1
            executor.scheduler.charge(tenant, SLICE_FUEL)
            await executor.scheduler.turn(tenant, self._function)
            if sandbox.closed:
                raise ExecutorClosed("the executor was closed")
            now_ms, monotonic_ms = clock.wall_ms(), clock.monotonic_ms()
            if monotonic_ms >= deadline:
                self._timed_out = True
                return False
            sandbox.write_clock(now_ms, monotonic_ms)
            if self._entries is not None:
                self._entries[-1].slices.append((now_ms, monotonic_ms))
            sandbox.step(call)
        return True

    async def _wait(self) -> bytes | None:
        """
        Wait until an operation is answered or a timer is due. Returns the input of resume, or None when the
        time limit is reached first.
        """
        executor, function = self._executor, self._function
        clock, scheduler, tenant = executor.clock, executor.scheduler, function.tenant
        answers: list[Answer] = []
        requests, self._sandbox.requests = self._sandbox.requests, []
        for number, request in enumerate(requests):
            # Never before the first: requests go out in the order in which their invocations came.
            if number and scheduler.spent >= TURN_FUEL:
                await scheduler.turn(tenant, function)
            if request.kind == "cache":
                answers.append(function.cache.answer(request))
                scheduler.charge(tenant, CACHE_FUEL + CACHE_BYTE_FUEL * len(request.payload))
            elif request.kind == "full" or len(self._tasks) >= function.limits.operations:
                answers.append(Answer(request.operation, 1, FULL))
            else:
                self._tasks.add(asyncio.ensure_future(self._answer(request)))
                scheduler.charge(tenant, FETCH_FUEL)
        deadline_ms = self._started_ms + function.limits.time_ms
        if not answers:
            left_ms = deadline_ms - clock.monotonic_ms()
            due_ms = self._result.due_ms - clock.wall_ms()
            # Wait even if nothing can happen before the time limit (SPEC 4.8: the time counts).
            done = await executor.wait(self._tasks, max(0.0, min(due_ms, left_ms)))
            answers = [task.result() for task in done]
            self._tasks -= done
        await scheduler.turn(tenant, function)
        scheduler.charge(tenant, RESUME_FUEL)
        if self._sandbox.closed:
            raise ExecutorClosed("the executor was closed")
        if clock.monotonic_ms() >= deadline_ms:
            return None
        return b"".join(_pack(answer) for answer in sorted(answers, key=lambda answer: answer.operation))

    async def _answer(self, request: Request) -> Answer:
        if self._executor.fetch is None:
            return Answer(request.operation, 1, NO_FETCH)
        return await self._executor.fetch(request._replace(invocation=self))

    def conclude(self) -> list[Outcome]:
        """
        The outcomes, one per event. Sets `reusable`. Raises EventError when the guest rejects the event, and
        ExecutorClosed.
        """
        function, sandbox = self._function, self._sandbox
        if sandbox.closed:
            raise ExecutorClosed("the executor was closed")
        sandbox.told = None
        limits = function.limits
        # When stopped between two slices, the fuel is a whole number of slices; it cannot be read before the
        # call returns.
        cut_off = self._timed_out and self._call.running
        fuel = self._slices * SLICE_FUEL if cut_off else limits.fuel - sandbox.get_fuel()
        self._executor.scheduler.charge(function.tenant, fuel % SLICE_FUEL)
        wall_ms = self._executor.clock.monotonic_ms() - self._started_ms
        count = 1 if self._batch is None else len(self._batch)
        status = self._status
        if self._exhausted:
            return self._finish([conclude.of_memory(Usage(fuel, wall_ms, 0), limits)] * count)
        if cut_off:
            return self._finish([conclude.of_timeout(Usage(fuel, wall_ms, 0), limits)] * count)
        if self._call.trap:
            return self._finish([conclude.of_trap(self._call.trap, Usage(fuel, wall_ms, 0), limits)] * count)
        result = self._result
        usage = Usage(fuel, wall_ms, result.heap_peak)
        if status == _BAD_INPUT:
            self.reusable = True
            why = sandbox.read_output(result.output_ptr, result.output_len).decode(errors="replace")
            raise EventError(f"the event is not usable: {why}")
        # If the top level threw, its module state is incomplete and the sandbox cannot be reused (SPEC 4.7).
        self.reusable = result.outcome != _OUT_OF_MEMORY and not (
            result.outcome == _THROWN and self._untried and not function.hermetic
        )
        outcomes: list[Outcome]
        if self._timed_out:  # while waiting, so the log is complete
            self.reusable = False
            outcomes = [conclude.of_timeout(usage, limits)] * count
        elif status == _STUCK:
            # What it waits for must not affect the next invocation.
            self.reusable = function.hermetic
            outcomes = [conclude.of_stuck(usage)] * count
        elif result.outcome == abi.Kind.ITEMS and self._batch is not None:
            output = sandbox.read_output(result.output_ptr, result.output_len)
            outcomes = conclude.of_items(output, self._batch, usage, limits)
        else:
            output = sandbox.read_output(result.output_ptr, result.output_len)
            outcome = conclude.of_output(result.outcome, output, usage, limits)
            outcomes = [outcome] if self._batch is None else [outcome] * count
        if result.leftover and self.reusable and not function.hermetic:
            result = self._drain(result)
        if result.log_len or result.log_dropped:
            content = sandbox.read_log(result.log_ptr, result.log_len)
            lines, times = conclude.log_lines(content), conclude.log_times(content, self._turns)
            for outcome in outcomes:
                outcome.add(logs=lines, logs_dropped=result.log_dropped, log_times=times)
        return self._finish(outcomes)

    def _drain(self, result: Result) -> Result:
        """Run the jobs that were still queued when the outcome was decided, for one slice at most."""
        call = self._sandbox.start("drain")
        if not self._sandbox.step(call) or call.trap:
            self.reusable = False
            return result
        return self._sandbox.result()

    def _finish(self, outcomes: list[Outcome]) -> list[Outcome]:
        if self._entries is not None:
            function = self._function
            sizes = None if self._batch is None else [len(text) for text in self._batch]
            record = Record(
                function.image.digest, function.settings, function.limits, self._entries, sizes, self._keys
            )
            for outcome in outcomes:
                outcome.add(record=record)
        return outcomes


def _pack(answer: Answer) -> bytes:
    size = abi.NO_BODY if answer.body is None else len(answer.body)
    head = abi.ANSWER.pack(answer.operation, answer.status, len(answer.payload), size)
    return head + answer.payload + (answer.body or b"")
