"""Every field of Limits on both sides of its bound, and what is said past it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from headgate_runtime import EventError, LimitError, Limits, Outcome
from headgate_runtime.limits import BATCH_EVENTS
from headgate_runtime.outcome import Cause
from tests.stage import SMALL, TRACK, Stage, track, value

FIELDS = dataclasses.fields(Limits)
ECHO = "function onTrack(event) { return event }"


def limits(field: dataclasses.Field[int], value: Any) -> Limits:
    return dataclasses.replace(Limits(), **{field.name: value})


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_the_range_of_a_field(field: dataclasses.Field[int]) -> None:
    low, high = field.metadata["low"], field.metadata["high"]

    assert low <= field.default <= high
    assert field.metadata["help"]
    for inside in (low, high, field.default):
        assert getattr(limits(field, inside), field.name) == inside
    for outside in (low - 1, high + 1, -1 if low == 0 else 0, 1 << 80):
        with pytest.raises(LimitError) as raised:
            limits(field, outside)
        assert str(raised.value) == f"{field.name} must be an integer from {low} to {high}, not {outside}"


@pytest.mark.parametrize("wrong", [1.5, "1000", None, True, [1], float("nan")], ids=repr)
@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_a_field_takes_integers_only(field: dataclasses.Field[int], wrong: object) -> None:
    with pytest.raises(LimitError, match=rf"^{field.name} must be an integer from \d+ to \d+, not "):
        limits(field, wrong)


def test_limits_are_values() -> None:
    assert Limits() == Limits()
    assert hash(Limits(fuel=10**9)) == hash(Limits(fuel=10**9))
    with pytest.raises(dataclasses.FrozenInstanceError):
        Limits().fuel = 1  # type: ignore[misc]


def test_every_field_has_its_test() -> None:
    """So that a new limit cannot come without one."""
    tested = {name.removeprefix("test_limit_") for name in globals() if name.startswith("test_limit_")}

    assert tested == {field.name for field in FIELDS}


def least(passes: Callable[[int], bool], low: int, high: int) -> int:
    """The smallest limit that passes; *high* does, *low* does not."""
    assert passes(high)
    assert not passes(low)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if passes(middle) else (middle, high)
    return high


class SteppingClock:
    """Stands still; each wait takes exactly as long as it may."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def wall_ms(self) -> float:
        return self.now

    def monotonic_ms(self) -> float:
        return self.now

    async def wait(self, tasks: object, timeout_ms: float) -> set[object]:
        del tasks
        self.now += timeout_ms
        return set()


def test_limit_time_ms(stage_with: Callable[..., Stage]) -> None:
    source = """
    async function onTrack(event) {
      await new Promise((done) => setTimeout(done, event.properties.ms))
      return event
    }"""
    stage = stage_with(clock=SteppingClock())
    for ms, cause in (
        (99, Cause.FORWARD),
        (101, Cause.TIMEOUT),
        (10**9, Cause.TIMEOUT),
    ):
        outcome = stage(source, track(ms=ms), time_ms=100)

        assert outcome.cause is cause, ms
        assert outcome.wall_ms == min(ms, 100)
        if cause is Cause.TIMEOUT:
            assert outcome.message == "time limit exceeded: time_ms = 100"


def test_limit_fuel(run: Stage) -> None:
    """What an event used once is what it needs; the guest looks at its fuel in every loop and every call."""
    source = "function onTrack(event) { for (let i = 0; i < 20000; i++) event.n = i; return event }"
    needed = run(source, isolation="hermetic").fuel
    assert needed > 1_000_000

    enough = run(source, isolation="hermetic", fuel=needed)
    short = run(source, isolation="hermetic", fuel=needed - 1_000)

    assert (enough.cause, enough.fuel) == (Cause.FORWARD, needed)
    assert (short.cause, short.message) == (Cause.TIMEOUT, f"CPU limit exceeded: fuel = {needed - 1_000}")


def test_limit_memory_bytes(run: Stage) -> None:
    source = (
        "function onTrack(event) { event.size = new Uint8Array(event.properties.size).length; return event }"
    )
    free = SMALL.memory_bytes - run.image(source).memory_bytes
    assert free > 4 << 20

    below = run(source, track(size=free // 2))
    above = run(source, track(size=SMALL.memory_bytes))

    assert value(below)["size"] == free // 2
    assert (above.cause, above.message) == (
        Cause.INTERNAL,
        f"out of memory: memory_bytes = {SMALL.memory_bytes}",
    )
    assert below.memory_bytes <= SMALL.memory_bytes


def test_memory_bytes_of_an_image_that_is_larger(run: Stage) -> None:
    source = "const kept = new Uint8Array(9e6).fill(1); function onTrack(event) { return kept && event }"
    stage = run
    image = stage.image(source, memory_bytes=32 << 20)
    with pytest.raises(LimitError, match=r"^memory_bytes = 8388608 is less than the \d+ of the image$"):
        stage.executor.function(image, limits=Limits(memory_bytes=8 << 20))
    assert value(stage(source, memory_bytes=32 << 20)) == TRACK


def test_limit_stack_bytes(run: Stage) -> None:
    source = """
    function onTrack() {
      let depth = 0
      try { (function sink() { depth++; sink() })() } catch (error) { return { depth, name: error.name } }
    }"""
    small = value(run(source, stack_bytes=64 << 10))
    large = value(run(source, stack_bytes=640 << 10))

    assert small["name"] == large["name"] == "RangeError"
    assert small["depth"] * 5 < large["depth"] < small["depth"] * 20


def test_limit_source_bytes(run: Stage) -> None:
    size = len(ECHO)

    assert run(ECHO, source_bytes=size).cause is Cause.FORWARD
    error = run.refusal(ECHO, source_bytes=size - 1)
    assert error.kind == "limit"
    assert error.message == f"the source has {size} bytes, more than source_bytes = {size - 1}"


def test_limit_input_bytes(run: Stage) -> None:
    event = orjson.dumps(TRACK)

    assert run(ECHO, event, input_bytes=len(event)).output == event
    with pytest.raises(EventError) as raised:
        run(ECHO, event, input_bytes=len(event) - 1)
    assert str(raised.value) == f"the event has {len(event)} bytes, more than input_bytes = {len(event) - 1}"


def test_input_bytes_of_a_batch(run: Stage) -> None:
    source = "function onBatch(events) { return events }"
    event = orjson.dumps(TRACK)
    size = 2 * len(event) + 3

    assert len(run.batch(source, [event, event], input_bytes=size)) == 2
    with pytest.raises(EventError) as raised:
        run.batch(source, [event, event], input_bytes=size - 1)
    assert str(raised.value) == f"the batch has {size} bytes, more than input_bytes = {size - 1}"


@pytest.mark.parametrize("fast", [True, False], ids=["our writer", "the engine's"])
def test_limit_output_bytes(run: Stage, fast: bool) -> None:
    source = "function onTrack(event) { event.x = 'x'.repeat(3000); %s return event }"
    source %= "" if fast else "Object.defineProperty(event, 'y', { get: () => 1, enumerable: true });"
    output = run(source).output
    assert output is not None
    size = len(output)

    assert run(source, output_bytes=size).output == output
    short = run(source, output_bytes=size - 1)
    assert short.cause is Cause.BAD_REQUEST
    assert short.message == f"the output is larger than output_bytes = {size - 1}"


def test_output_bytes_where_the_identity_is_restored(run: Stage) -> None:
    output = run("function onTrack() { return { a: 1 } }").output
    assert output == b'{"a":1,"messageId":"m1","type":"track"}'

    assert run("function onTrack() { return { a: 1 } }", output_bytes=len(output)).output == output
    assert (
        run("function onTrack() { return { a: 1 } }", output_bytes=len(output) - 1).cause is Cause.BAD_REQUEST
    )


def test_limit_log_lines(run: Stage) -> None:
    source = "function onTrack(event) { for (let i = 0; i < 7; i++) console.log(i); return event }"

    for limit in (0, 1, 6, 7, 8):
        outcome = run(source, log_lines=limit)
        assert (len(outcome.logs), outcome.logs_dropped) == (min(limit, 7), max(0, 7 - limit))


def test_limit_log_bytes(run: Stage) -> None:
    source = "function onTrack(event) { console.log('é'.repeat(100)); console.log('y'); return event }"

    enough = least(lambda limit: len(run(source, log_bytes=limit).logs) == 2, 0, 1_000)
    assert 201 <= enough <= 220
    short = run(source, log_bytes=enough - 1)
    assert ([len(line.message) for line in short.logs], short.logs_dropped) == ([100], 1)
    assert (run(source, log_bytes=10).logs_dropped, run(source, log_bytes=0).logs_dropped) == (1, 2)


def test_limit_operations(stage_with: Callable[..., Stage]) -> None:
    asked: list[int] = []

    async def answer(request: object) -> object:
        from headgate_runtime import Answer, Request

        assert isinstance(request, Request)
        asked.append(request.operation)
        return Answer(request.operation, 1, b'{"name":"FetchError","message":"no"}')

    source = """
    async function onTrack(event) {
      const calls = Array.from({ length: event.properties.count }, () => fetch('http://host.test/'))
      const results = await Promise.allSettled(calls)
      return { messages: results.map((result) => result.reason.message) }
    }"""
    stage = stage_with(fetch=answer)

    below = value(stage(source, track(count=3), operations=3))["messages"]
    above = value(stage(source, track(count=5), operations=3))["messages"]
    none = value(stage(source, track(count=1), operations=0))["messages"]

    assert [message.endswith("no") for message in below] == [True] * 3
    assert [message.endswith("no") for message in above] == [True] * 3 + [False] * 2
    assert "more than 3 outstanding operations" in above[-1]
    assert "more than 0 outstanding operations" in none[0]
    assert len(asked) == 6


def test_limit_timers(run: Stage) -> None:
    source = """
    async function onTrack(event) {
      for (let i = 0; i < event.properties.count; i++) setTimeout(() => {}, 1000)
      return event
    }"""

    assert run(source, track(count=9), timers=9).cause is Cause.FORWARD
    above = run(source, track(count=10), timers=9)
    assert (above.cause, above.error_name) == (Cause.BAD_REQUEST, "RangeError")
    assert above.message == "Too many timers: at most 9 may be outstanding at once"
    assert run(source, track(count=1), timers=0).cause is Cause.BAD_REQUEST


def test_limit_sandboxes(run: Stage) -> None:
    """That many invocations at once; the next one waits for its turn instead of failing."""
    import asyncio

    source = "let n = 0; async function onTrack(event) { await new Promise((done) => setTimeout(done, 1)); event.n = ++n; return event }"
    function = run.function(source, sandboxes=2)

    async def at_once() -> list[Outcome]:
        calls = [asyncio.ensure_future(run.executor.invoke(function, track())) for _ in range(6)]
        await asyncio.sleep(0)
        assert run.executor.live <= 2
        return await asyncio.gather(*calls)

    outcomes = run.loop.run(at_once())

    assert run.executor.live == 2
    assert sorted(value(outcome)["n"] for outcome in outcomes) == [1, 1, 2, 2, 3, 3]


def test_the_number_of_events_of_a_batch(run: Stage) -> None:
    source = "function onBatch(events) { return events }"
    event = b'{"type":"track"}'

    assert len(run.batch(source, [event] * BATCH_EVENTS)) == BATCH_EVENTS
    with pytest.raises(
        EventError, match=f"^the batch has {BATCH_EVENTS + 1} events, more than {BATCH_EVENTS}$"
    ):
        run.batch(source, [event] * (BATCH_EVENTS + 1))


def test_equal_limits_share_a_pool_and_others_do_not(run: Stage) -> None:
    function = run.function(ECHO)

    assert run.function(ECHO) is function
    assert run.function(ECHO, log_lines=7) is not function
    assert run.function(ECHO, tenant="other") is not function
    assert run.function(ECHO, {"a": 1}) is not function
    assert run.function(ECHO, isolation="hermetic") is not function
