"""
Runs functions on events: many sandboxes on one event loop, without threads (DESIGN 2, 3).

    async with Executor() as executor:
        outcome = await executor.invoke(image, {"type": "track", ...}, {"apiKey": "..."})
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import weakref
from typing import TYPE_CHECKING, Any, Literal, Self, overload

import orjson

from headgate_runtime import compiler
from headgate_runtime.coalescer import Coalescer
from headgate_runtime.errors import EventError, ExecutorClosed, LimitError, NoRoom
from headgate_runtime.function import Function, Isolation, settings_text
from headgate_runtime.host import SystemClock, SystemEntropy
from headgate_runtime.invocation import Invocation, serve
from headgate_runtime.limits import BATCH_EVENTS, SANDBOXES, SLICE_FUEL, TURN_FUEL, Limits
from headgate_runtime.pool import Pool
from headgate_runtime.private_pages import PageMap
from headgate_runtime.row import serve_row
from headgate_runtime.scheduler import Scheduler

if TYPE_CHECKING:
    from collections.abc import Collection, Coroutine, Mapping, Sequence
    from types import TracebackType

    from headgate_runtime.compile_error import CompileError
    from headgate_runtime.compiler import Language
    from headgate_runtime.function import Slot
    from headgate_runtime.host import Clock, Entropy, Service
    from headgate_runtime.image import Image
    from headgate_runtime.outcome import Outcome
    from headgate_runtime.sandbox import Answer

    Event = Mapping[str, object] | bytes | str

_DEFAULTS = Limits()
_TEXT = (bytes, str)


class Executor:
    """
    Runs functions and owns their sandboxes. Use it as an async context manager, or `close` it.

    clock, entropy    replaceable for tests
    fetch             the Service behind functions' `fetch`; without one, every request fails
    sandboxes         most live sandboxes over all functions; the least recently used idle ones are evicted.
                      Raises LimitError when less than 1 or more than limits.SANDBOXES
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        entropy: Entropy | None = None,
        fetch: Service | None = None,
        sandboxes: int = SANDBOXES,
    ) -> None:
        if not 1 <= sandboxes <= SANDBOXES:
            raise LimitError(f"sandboxes must be an integer from 1 to {SANDBOXES}, not {sandboxes!r}")
        self.clock: Clock = clock or SystemClock()
        self.entropy: Entropy = entropy or SystemEntropy()
        self.fetch = fetch
        self.scheduler = Scheduler()
        self.pool = Pool(sandboxes)
        # Sandboxes must be freed explicitly, so an executor that is collected without having been closed is
        # closed then.
        weakref.finalize(self, self.pool.close).atexit = False
        # Weak: a function is kept alive by its sandboxes and by the caller.
        self._functions: weakref.WeakValueDictionary[tuple[object, ...], Function] = (
            weakref.WeakValueDictionary()
        )
        self._waiting: set[asyncio.Task[Any]] = set()
        self._coalescer = Coalescer(self)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all sandboxes; running invocations raise ExecutorClosed. May be called more than once."""
        self.pool.close()
        self._functions.clear()
        for task in self._waiting:
            task.cancel()

    async def wait(
        self, tasks: Collection[asyncio.Task[Answer]], timeout_ms: float
    ) -> set[asyncio.Task[Answer]]:
        """Like `Clock.wait`, but raises ExecutorClosed as soon as the executor is closed."""
        task = asyncio.current_task()
        assert task is not None
        self._waiting.add(task)
        try:
            return await self.clock.wait(tasks, timeout_ms)
        except asyncio.CancelledError:
            if self.pool.closed and not task.uncancel():
                raise ExecutorClosed("the executor was closed") from None
            raise
        finally:
            self._waiting.discard(task)

    @property
    def live(self) -> int:
        """Number of live sandboxes, busy and idle."""
        return self.pool.live

    @property
    def idle(self) -> int:
        """Number of idle sandboxes."""
        return self.pool.idle

    @property
    def evicted(self) -> int:
        """Number of idle sandboxes that have been closed to make room for others."""
        return self.pool.evicted

    def function(
        self,
        image: Image,
        settings: Mapping[str, object] | bytes | str | None = None,
        *,
        isolation: Isolation = "warm",
        limits: Limits | None = None,
        tenant: str = "default",
        weight: float | None = None,
        owner: str = "",
    ) -> Function:
        """
        A Function for *image* with its settings. Equal arguments return the same Function, and so share its
        sandboxes.

        isolation    "warm" or "hermetic"; ValueError for anything else
        weight       sets the tenant's share of the processor under contention, for all its functions: twice
                     the weight, twice the processor time. None leaves it unchanged
        owner        keeps sandboxes apart that would be shared because all other arguments are equal (SPEC
                     D36)

        Raises SettingsError, LimitError for a weight that is not positive or an image larger than
        memory_bytes, ImageError for an image of another engine, and ExecutorClosed.
        """
        text = settings_text(settings)
        if self.pool.closed:
            raise ExecutorClosed("the executor was closed")
        if isolation not in ("warm", "hermetic"):
            raise ValueError(f'isolation must be "warm" or "hermetic", not {isolation!r}')
        bounds = limits or _DEFAULTS
        key = (image, text, isolation, bounds, tenant, owner)
        party = self.scheduler.tenant(tenant, weight)
        function = self._functions.get(key)
        if function is None:
            if bounds.memory_bytes < image.memory_bytes:
                raise LimitError(
                    f"memory_bytes = {bounds.memory_bytes} is less than the {image.memory_bytes} of the image"
                )
            shelf = None
            if isolation == "hermetic" and image.overlay is not None and PageMap.available():
                shelf = self.pool.shelf(image.memory_bytes, bounds)
            function = Function(image, text, isolation, bounds, party, self.clock, shelf)
            self._functions[key] = function
        return function

    def dismiss(self, function: Function) -> None:
        """Close the idle sandboxes of *function*, which is not expected to be used soon."""
        self.pool.dismiss(function)

    async def compile(
        self,
        source: str | bytes,
        limits: Limits | None = None,
        *,
        language: Language = "javascript",
        tenant: str = "default",
    ) -> Image | CompileError:
        """Like `headgate_runtime.compile`, taking turns with running invocations. Raises ExecutorClosed."""
        party = self.scheduler.tenant(tenant)
        with contextlib.closing(compiler.steps(source, limits or _DEFAULTS, language)) as steps:
            while not self.pool.closed:
                try:
                    next(steps)
                except StopIteration as stop:
                    result: Image | CompileError = stop.value
                    return result
                self.scheduler.charge(party, SLICE_FUEL)
                await self.scheduler.turn(party, steps)
        raise ExecutorClosed("the executor was closed")

    @overload
    async def invoke(  # type: ignore[overload-overlap]  # a str is a sequence of str; here it is an event's text
        self,
        function: Function | Image,
        event: Event,
        settings: Mapping[str, object] | bytes | str | None = None,
        *,
        isolation: Isolation = "warm",
        limits: Limits | None = None,
        tenant: str = "default",
        record: bool = False,
    ) -> Outcome: ...
    @overload
    async def invoke(
        self,
        function: Function | Image,
        event: Sequence[Event],
        settings: Mapping[str, object] | bytes | str | None = None,
        *,
        isolation: Isolation = "warm",
        limits: Limits | None = None,
        tenant: str = "default",
        record: bool = False,
    ) -> list[Outcome]: ...
    async def invoke(
        self,
        function: Function | Image,
        event: Event | Sequence[Event],
        settings: Mapping[str, object] | bytes | str | None = None,
        *,
        isolation: Isolation = "warm",
        limits: Limits | None = None,
        tenant: str = "default",
        record: bool = False,
    ) -> Outcome | list[Outcome]:
        """
        Run one event, or a list of events: as a batch if the function has `onBatch`, otherwise one by one
        (SPEC 2.4). Returns the outcome, or a list of them.

        *settings* and the keyword arguments are used with an Image; a Function already has them. With
        *record*, the invocation runs in a fresh sandbox and `outcome.record` can be replayed.

        Raises EventError when an event is not a JSON object or exceeds a limit, SettingsError, and
        ExecutorClosed.
        """
        if (
            type(function) is Function
            and type(event) is bytes
            and not record
            and len(event) <= function.input_bytes
        ):
            # Fast path for the common case: no nested coroutines, and `serve` for the first slice.
            scheduler = self.scheduler
            if scheduler.ready or scheduler.spent >= TURN_FUEL:
                await scheduler.begin(function.tenant, function)
            slot = self.pool.take(function) or await self.pool.acquire(function)
            usable = False
            try:
                served = serve(self, slot, event)
                if not isinstance(served, Invocation):
                    usable = True
                    return served
                try:
                    if not served.is_over():
                        await served.go_on()
                    return served.conclude()[0]
                finally:
                    usable = served.reusable
            except NoRoom:
                if slot.fresh:
                    raise
            finally:
                self.pool.release(slot, usable=usable)
            # Earlier events have filled that sandbox's memory: use a fresh one.
            return (await self._invoke(function, event, None, False, fresh=True))[0]
        if not isinstance(function, Function):
            function = self.function(function, settings, isolation=isolation, limits=limits, tenant=tenant)
        if isinstance(event, list | tuple):
            texts = [each if type(each) is bytes else _event_text(each) for each in event]
            # All events are checked before the first one runs.
            _check_events([text for text, each in zip(texts, event, strict=True) if isinstance(each, _TEXT)])
            return await self._run_list(function, texts, record)
        return await self._run(function, event if type(event) is bytes else _event_text(event), record)  # type: ignore[arg-type]

    async def invoke_texts(self, function: Function, texts: list[bytes]) -> list[Outcome]:
        """Like `invoke` with a list, for texts that the caller knows to be JSON objects."""
        return await self._run_list(function, texts, False)

    async def invoke_among(self, function: Function, text: bytes) -> Outcome:
        """
        Like `invoke` with one event's text, but events of a function that are submitted in the same iteration
        of the event loop share a turn, which is much cheaper. A single event takes one iteration longer.
        """
        _check_size(function, text, "event")
        served = await self._coalescer.serve(function, text)
        if served is not None:
            return served
        # Earlier events have filled that sandbox's memory: use a fresh one.
        return (await self._invoke(function, text, None, False, fresh=True))[0]

    async def invoke_some(
        self, function: Function, texts: Sequence[bytes]
    ) -> tuple[list[Outcome], Coroutine[Any, Any, Outcome] | None]:
        """
        For callers with many events: run as many of *texts*, one event each, as fit a turn, in order.

        Returns the outcomes of the events that finished, and a coroutine for the outcome of the next event if
        that takes more than a slice; the caller must await it at once. At least one of the two is not empty.
        Later events were not begun.

        Raises EventError when the first text exceeds a limit, and ExecutorClosed.
        """
        _check_size(function, texts[0], "event")
        if max(map(len, texts)) > function.input_bytes:
            texts = list(itertools.takewhile(lambda text: len(text) <= function.input_bytes, texts))
        await self.scheduler.begin(function.tenant, function)
        slot = self.pool.take(function) or await self.pool.acquire(function)
        outcomes: list[Outcome] = []
        is_ours, usable = True, False
        try:
            served = self._serve_in_a_row(slot, texts, outcomes)
            usable = served is None
            if isinstance(served, Invocation):
                if not served.is_over():
                    is_ours = False
                    return outcomes, self._finish(slot, served)
                try:
                    outcomes += served.conclude()
                finally:
                    usable = served.reusable
        except NoRoom:
            if slot.fresh:
                raise
            # Earlier events have filled that sandbox's memory: use a fresh one for the next.
            return outcomes, self._run_fresh(function, texts[len(outcomes)])
        except Exception:
            # The error belongs to the next event. It is raised when that is the first one.
            if not outcomes:
                raise
        finally:
            if is_ours:
                self.pool.release(slot, usable=usable)
        return outcomes, None

    async def _finish(self, slot: Slot, invocation: Invocation) -> Outcome:
        """Run an invocation beyond its first slice to its end, and release *slot*."""
        try:
            await invocation.go_on()
            return invocation.conclude()[0]
        finally:
            self.pool.release(slot, usable=invocation.reusable)

    async def _run_fresh(self, function: Function, text: bytes) -> Outcome:
        return (await self._invoke(function, text, None, False, fresh=True))[0]

    async def _run(self, function: Function, text: bytes, record: bool) -> Outcome:
        _check_size(function, text, "event")
        outcomes = await self._invoke(function, text, None, record)
        return outcomes[0]

    async def _run_list(self, function: Function, texts: list[bytes], record: bool) -> list[Outcome]:
        for text in texts:  # all events are checked before the first one runs
            if len(text) > function.input_bytes:
                _check_size(function, text, "event")
        if "onBatch" in function.image.handlers:
            return await self._run_batch(function, texts, record)
        if not record:
            return await self._run_each(function, texts)
        return [await self._run(function, text, record) for text in texts]

    async def _run_each(self, function: Function, texts: list[bytes]) -> list[Outcome]:
        """Run the events one by one, each time as many in the same sandbox as fit a turn."""
        pool = self.pool
        outcomes: list[Outcome] = []
        while len(outcomes) < len(texts):
            await self.scheduler.begin(function.tenant, function)
            slot = pool.take(function) or await pool.acquire(function)
            usable = False
            try:
                served = self._serve_in_a_row(slot, texts, outcomes)
                usable = served is None
                if isinstance(served, Invocation):
                    try:
                        if not served.is_over():
                            await served.go_on()
                        outcomes += served.conclude()
                    finally:
                        usable = served.reusable
                continue
            except NoRoom:
                if slot.fresh:
                    raise
            finally:
                pool.release(slot, usable=usable)
            # Earlier events have filled that sandbox's memory: use a fresh one.
            outcomes += await self._invoke(function, texts[len(outcomes)], None, False, fresh=True)
        return outcomes

    def _serve_in_a_row(
        self, slot: Slot, texts: Sequence[bytes], outcomes: list[Outcome]
    ) -> Invocation | Literal[False] | None:
        """
        Run those of *texts* that have no outcome yet, and append to *outcomes*. Returns None when all are
        done or the turn is over, an Invocation for an event that takes more than a slice, and False when
        *slot* cannot be used any more.
        """
        scheduler, renew = self.scheduler, self.pool.renew
        while True:
            served = serve_row(self, slot, texts, outcomes)
            if served is not None:
                return served
            if len(outcomes) == len(texts) or scheduler.left <= 0:
                return None
            if not renew(slot):
                return False

    async def _run_batch(self, function: Function, texts: list[bytes], record: bool) -> list[Outcome]:
        if not texts:
            return []
        if len(texts) > BATCH_EVENTS:
            raise EventError(f"the batch has {len(texts)} events, more than {BATCH_EVENTS}")
        text = b"[" + b",".join(texts) + b"]"
        _check_size(function, text, "batch")
        return await self._invoke(function, text, texts, record)

    async def _invoke(
        self,
        function: Function,
        text: bytes,
        batch: list[bytes] | None,
        record: bool,
        *,
        fresh: bool = False,
    ) -> list[Outcome]:
        await self.scheduler.begin(function.tenant, function)
        slot = await self.pool.acquire(function, fresh=record or fresh)
        invocation = Invocation(self, slot, batch, record)
        try:
            if not invocation.begin(text):
                await invocation.go_on()
            return invocation.conclude()
        except NoRoom:
            if slot.fresh:
                raise
        finally:
            self.pool.release(slot, usable=invocation.reusable)
        return await self._invoke(function, text, batch, record, fresh=True)


def _event_text(event: Event) -> bytes:
    if isinstance(event, bytes):
        return event
    try:
        return event.encode() if isinstance(event, str) else orjson.dumps(event)
    except (TypeError, UnicodeEncodeError) as error:
        raise EventError(f"the event is not JSON: {error}") from None


def _check_size(function: Function, text: bytes, what: str) -> None:
    if len(text) > function.input_bytes:
        raise EventError(f"the {what} has {len(text)} bytes, more than input_bytes = {function.input_bytes}")


def _check_events(texts: list[bytes]) -> None:
    """
    Raises EventError unless each text is one JSON object. Joined to a batch, others could pass for several
    events.
    """
    if not texts:
        return
    # Imported on first use, because few callers pass lists of texts.
    from headgate_runtime.texts import is_object  # noqa: PLC0415

    for text in texts:
        if not is_object(text):
            _check_event(text)


def _check_event(text: bytes) -> None:
    """Like `_check_events` for one text, by parsing it, which gives the error message."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as strict:
        try:
            value = json.loads(text)  # accepts lone surrogates, like JavaScript
        except (ValueError, RecursionError):
            raise EventError(f"the event is not JSON: {strict}") from None
    if not isinstance(value, dict):
        raise EventError("an event must be a JSON object")
