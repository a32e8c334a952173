"""One invocation: slices, waits for the host and for time, limits on both, and what happens after its outcome."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest

from headgate_runtime import Answer, Executor, Function, Image, Limits, Outcome, Request, compile, replay  # noqa: A004
from headgate_runtime.limits import SLICE_FUEL
from headgate_runtime.outcome import Cause
from tests.runtime.fakes import START_MS, FakeClock, Frozen, Host, ok, on_track, result, until
from tests.stage import TRACK, Isolation, Stage, track, value


def function(executor: Executor, body: str, **limits: int) -> Function:
    compiled = compile(on_track(body))
    assert isinstance(compiled, Image), compiled
    return executor.function(
        compiled, limits=Limits(**{"fuel": 300_000_000, "memory_bytes": 16 << 20, **limits})
    )


def run(main: Callable[[Executor], Awaitable[None]], **arguments: Any) -> None:
    async def inner() -> None:
        async with Executor(**arguments) as executor:
            await main(executor)
            assert executor.live == executor.idle

    asyncio.run(inner())


# ---- operations ----


def test_a_request_goes_out_and_its_answer_comes_back(stage: Stage, host: Host, isolation: Isolation) -> None:
    body = "const r = await fetch('http://host/a', { method: 'POST', body: 'sent' }); set([r.status, await r.text()])"

    assert result(stage(on_track(body), isolation=isolation)) == [200, "body of http://host/a"]
    assert (host.seen, host.bodies) == (["http://host/a"], [b"sent"])


@pytest.mark.parametrize("order", ["abc", "cba", "bca", "bac"])
def test_answers_may_come_in_any_order(order: str) -> None:
    host = Host()
    body = """
    const seen = []
    const ask = async (name) => { const r = await fetch('http://host/' + name); seen.push(name); return r.text() }
    set([await Promise.all([ask('a'), ask('b'), ask('c')]), seen])"""

    async def main(executor: Executor) -> None:
        task = asyncio.ensure_future(executor.invoke(function(executor, body), TRACK))
        await until(lambda: len(host.pending) == 3)
        for name in order:
            host.reply(f"http://host/{name}", name.upper().encode())
            for _ in range(10):
                await asyncio.sleep(0)
        assert result(await task) == [["A", "B", "C"], list(order)]

    run(main, fetch=host, clock=Frozen())


def test_answers_that_come_together_are_given_in_the_order_they_were_asked(stage: Stage) -> None:
    body = """
    const seen = []
    await Promise.all([...'abcdefgh'].map(async (name) => { await fetch('http://host/' + name); seen.push(name) }))
    set(seen.join(''))"""

    assert result(stage(on_track(body))) == "abcdefgh"


def test_one_after_the_other(stage: Stage, host: Host) -> None:
    body = "const all = []; for (let i = 0; i < 50; i++) all.push(await (await fetch('http://host/' + i)).text()); set(all)"

    assert result(stage(on_track(body))) == [f"body of http://host/{number}" for number in range(50)]
    assert len(host.seen) == 50


def test_a_failure_is_an_exception_in_the_function() -> None:
    host = Host()
    body = """
    try { await fetch('http://host/down') }
    catch (error) { set([error.name, error.type, error.code, error.message, error instanceof Error]) }"""

    async def main(executor: Executor) -> None:
        task = asyncio.ensure_future(executor.invoke(function(executor, body), TRACK))
        await until(lambda: bool(host.pending))
        host.fail("http://host/down", "request to http://host/down failed, reason: refused")
        assert result(await task) == [
            *(
                "FetchError",
                "system",
                "ECONNREFUSED",
                "request to http://host/down failed, reason: refused",
                True,
            )
        ]

    run(main, fetch=host)


def test_without_a_service_every_request_fails() -> None:
    stage = Stage()
    outcome = stage(on_track("await fetch('http://host/')"))
    assert (outcome.cause, outcome.error_name) == (Cause.BAD_REQUEST, "FetchError")
    assert outcome.message == "fetch is not available in this executor"
    stage.close()


@pytest.mark.parametrize("size", [0, 1, 16_320, 16_384, 20_000, 1 << 20])
def test_bodies_of_every_size(size: int, isolation: Isolation) -> None:
    sent = bytes(number * 7 % 251 for number in range(size))
    host = Host(lambda _: sent)
    body = """
    const got = Buffer.from(await (await fetch('http://host/', { method: 'PUT', body: Buffer.alloc(event.properties.size, 7) })).arrayBuffer())
    let sum = 0
    for (let i = 0; i < got.length; i++) sum = (sum * 31 + got[i]) % 1000003
    set([got.length, sum])"""
    total = 0
    for byte in sent:
        total = (total * 31 + byte) % 1000003
    stage = Stage(fetch=host)
    for _ in range(2):
        assert result(stage(on_track(body), track(size=size), isolation=isolation, fuel=10**10)) == [
            size,
            total,
        ]
    assert [len(each or b"") for each in host.bodies] == [size, size]
    stage.close()


def test_an_answer_that_memory_has_no_room_for(isolation: Isolation) -> None:
    stage = Stage(fetch=Host(lambda _: bytes(10 << 20)))
    body = "await fetch('http://host/')"
    outcome = stage(on_track(body), isolation=isolation, memory_bytes=8 << 20)
    assert (outcome.cause, outcome.message) == (Cause.INTERNAL, "out of memory: memory_bytes = 8388608")
    assert value(stage(on_track(""), memory_bytes=8 << 20)) == TRACK
    stage.close()


def test_outstanding_operations_are_limited(stage: Stage, host: Host, isolation: Isolation) -> None:
    body = """
    const all = await Promise.allSettled(Array.from({ length: 5 }, (_, n) => fetch('http://host/' + n)))
    set(all.map((one) => one.status === 'fulfilled' ? 'ok' : one.reason.name + ': ' + one.reason.message))"""
    for _ in range(3):
        got = result(stage(on_track(body), isolation=isolation, operations=3))
        assert got[:3] == ["ok"] * 3
        assert all("RangeError" in each or "FetchError" in each for each in got[3:]), got
    assert len(host.seen) == 9


def test_operations_one_after_the_other_are_not_limited(stage: Stage) -> None:
    body = "for (let i = 0; i < 20; i++) await fetch('http://host/' + i)"

    assert stage(on_track(body), operations=1).outcome == "forward"


def test_what_is_under_way_ends_with_the_invocation(isolation: Isolation) -> None:
    host = Host()
    body = "fetch('http://host/slow'); await new Promise((done) => setTimeout(done, 10)); set('done')"
    stage = Stage(fetch=host, clock=FakeClock())
    assert result(stage(on_track(body), isolation=isolation)) == "done"
    assert host.cancelled == ["http://host/slow"]
    assert host.pending == {}
    stage.close()


def test_what_was_never_waited_for_is_not_sent_for_the_next_event(host: Host, isolation: Isolation) -> None:
    body = """
    if (event.properties.first) { fetch('http://host/first'); return event }
    set(await (await fetch('http://host/second')).text())"""
    stage = Stage(fetch=host)
    assert stage(on_track(body), track(first=True), isolation=isolation).outcome == "forward"
    assert result(stage(on_track(body), isolation=isolation)) == "body of http://host/second"
    assert host.seen == ["http://host/second"]
    stage.close()


def test_an_answer_after_the_time_limit_is_ignored() -> None:
    clock, host = Frozen(), Host()
    body = "set(await (await fetch('http://host/' + event.properties.name)).text())"

    async def main(executor: Executor) -> None:
        asking = function(executor, body, time_ms=1000)
        late = asyncio.ensure_future(executor.invoke(asking, track(name="late")))
        await until(lambda: bool(host.pending))
        clock.advance(1000)
        outcome = await late
        assert (outcome.cause, outcome.message) == (Cause.TIMEOUT, "time limit exceeded: time_ms = 1000")
        assert host.cancelled == ["http://host/late"]
        again = asyncio.ensure_future(executor.invoke(asking, track(name="again")))
        await until(lambda: bool(host.pending))
        host.reply("http://host/again", b"in time")
        assert result(await again) == "in time"

    run(main, clock=clock, fetch=host)


def test_an_answer_nobody_asked_for_is_ignored(isolation: Isolation) -> None:
    async def confused(request: Request) -> Answer:
        return ok(request.operation + 1000, "http://host/", b"")

    stage = Stage(fetch=confused, clock=FakeClock())
    outcome = stage(on_track("await fetch('http://host/')"), isolation=isolation)
    assert outcome.outcome == "retry"
    assert value(stage(on_track("set(1)"), isolation=isolation))
    stage.close()


def test_a_service_that_breaks_is_our_error_and_costs_the_sandbox() -> None:
    async def broken(_: Request) -> Answer:
        raise ZeroDivisionError("in the service")

    async def main(executor: Executor) -> None:
        with pytest.raises(ZeroDivisionError, match="in the service"):
            await executor.invoke(
                function(executor, "await Promise.all([fetch('http://a/'), fetch('http://b/')])"), TRACK
            )
        assert executor.live == 0

    run(main, fetch=broken)


# ---- time ----


def test_a_timer_takes_no_real_time_on_an_injected_clock(
    stage: Stage, clock: FakeClock, isolation: Isolation
) -> None:
    body = (
        "const from = Date.now(); await new Promise((done) => setTimeout(done, 4000)); set(Date.now() - from)"
    )
    outcome = stage(on_track(body), isolation=isolation, time_ms=5000)

    assert result(outcome) == 4000
    assert outcome.wall_ms == 4000
    assert clock.waits == [4000]


@pytest.mark.parametrize(("delay", "outcome"), [(999, "forward"), (1000, "retry"), (1001, "retry")])
def test_the_time_limit_is_exact_for_waits(stage: Stage, clock: FakeClock, delay: int, outcome: str) -> None:
    ended = stage(on_track(f"await new Promise((done) => setTimeout(done, {delay}))"), time_ms=1000)

    assert ended.outcome == outcome
    assert ended.wall_ms == clock.now_ms == min(delay, 1000)
    if outcome == "retry":
        assert (ended.cause, ended.message) == (Cause.TIMEOUT, "time limit exceeded: time_ms = 1000")


def test_what_was_printed_before_a_time_out_is_kept(stage: Stage, isolation: Isolation) -> None:
    source = on_track(
        "console.log('asking'); await new Promise((done) => setTimeout(done, 9e5)); console.log('never')"
    )
    outcome = stage(source, isolation=isolation, record=True)

    assert (outcome.cause, outcome.logs) == (Cause.TIMEOUT, (("log", "asking"),))
    assert outcome.memory_bytes > 0
    assert outcome.record is not None
    again = replay(outcome.record, stage.image(source))
    assert isinstance(again, Outcome)
    assert (again.cause, again.logs, again.fuel) == (outcome.cause, outcome.logs, outcome.fuel)


@pytest.mark.parametrize(("late_ms", "outcome"), [(999, "forward"), (1000, "retry")])
def test_the_time_limit_is_exact_for_operations(late_ms: int, outcome: str) -> None:
    clock = FakeClock()

    async def slow(request: Request) -> Answer:
        clock.now_ms = late_ms
        return ok(request.operation, "http://host/", b"")

    stage = Stage(clock=clock, fetch=slow)
    assert stage(on_track("await fetch('http://host/')"), time_ms=1000).outcome == outcome
    stage.close()


@pytest.mark.parametrize(("tick_ms", "outcome"), [(0.0, "forward"), (50.0, "retry")])
def test_the_time_limit_holds_while_the_processor_is_used(tick_ms: float, outcome: str) -> None:
    """The clock moves when somebody looks: after each slice."""
    clock = FakeClock(tick_ms)
    stage = Stage(clock=clock)
    ended = stage(
        on_track("let n = 0; for (let i = 0; i < 1e6; i++) n += i; set(n)"), time_ms=1000, fuel=10**10
    )
    assert ended.outcome == outcome
    assert ended.fuel > 10 * SLICE_FUEL
    if outcome == "retry":
        assert (ended.cause, ended.message) == (Cause.TIMEOUT, "time limit exceeded: time_ms = 1000")
        assert 1000 <= ended.wall_ms <= 1100
        assert ended.fuel % SLICE_FUEL == 0
        assert ended.fuel < 50 * SLICE_FUEL
    stage.close()


def test_the_limit_on_fuel(stage: Stage) -> None:
    outcome = stage(on_track("for (;;);"), fuel=50_000_000)

    assert (outcome.cause, outcome.message) == (Cause.TIMEOUT, "CPU limit exceeded: fuel = 50000000")
    assert outcome.fuel == 50_000_000


def test_fuel_is_counted_over_all_entries(stage: Stage) -> None:
    spin = "for (let i = 0; i < 100000; i++);"
    one = stage(on_track(spin))
    five = stage(on_track(f"for (let j = 0; j < 5; j++) {{ {spin} await fetch('http://host/' + j) }}"))
    assert 4 * one.fuel < five.fuel < 8 * one.fuel
    over = stage(
        on_track(f"for (;;) {{ {spin} await fetch('http://host/') }}"), fuel=20_000_000, time_ms=60_000
    )
    assert (over.cause, over.fuel) == (Cause.TIMEOUT, 20_000_000)


def test_a_large_answer_when_fuel_is_nearly_used_up() -> None:
    stage = Stage(fetch=Host(lambda _: bytes(100_000)))
    body = "for (let i = 0; i < 10000; i++); await fetch('http://host/')"
    whole = stage(on_track(body)).fuel
    outcomes = [stage(on_track(body), fuel=fuel) for fuel in range(whole - 40_000, whole + 1000, 5_000)]
    assert {outcome.outcome for outcome in outcomes} == {"forward", "retry"}
    assert {outcome.cause for outcome in outcomes if outcome.outcome == "retry"} == {Cause.TIMEOUT}
    stage.close()


@pytest.mark.parametrize("tick_ms", [0.0, 1.0, 30.0])
def test_what_was_cut_off_replays_to_the_same_fuel(tick_ms: float) -> None:
    clock = FakeClock(tick_ms)
    stage = Stage(clock=clock, fetch=Host(lambda _: bytes(20_000)))
    body = "for (let j = 0; j < 3; j++) { for (let i = 0; i < 50000; i++); await fetch('http://host/') } set(Date.now())"
    source = on_track(body)
    outcome = stage(source, record=True, time_ms=500)
    assert outcome.record is not None
    again = replay(outcome.record, stage.image(source, time_ms=500))
    assert isinstance(again, Outcome)
    assert (again.cause, again.fuel, again.output) == (outcome.cause, outcome.fuel, outcome.output)
    stage.close()


def test_a_promise_that_nothing_can_settle_ends_at_once(
    stage: Stage, clock: FakeClock, isolation: Isolation
) -> None:
    outcome = stage(on_track("await new Promise(() => {})"), isolation=isolation)

    assert outcome.cause is Cause.TIMEOUT
    assert outcome.message == (
        "the handler's promise can never settle: no timer, request or job is left that could settle it"
    )
    assert clock.waits == []


def test_the_clock_moves_between_slices(isolation: Isolation) -> None:
    clock = FakeClock(7.0)
    stage = Stage(clock=clock)
    body = "const seen = new Set(); for (let i = 0; i < 20000; i++) seen.add(Date.now()); set([...seen])"
    seen = result(stage(on_track(body), isolation=isolation))
    assert len(seen) > 3
    assert seen == sorted(seen)
    assert all((later - sooner) % 7 == 0 for sooner, later in itertools.pairwise(seen))
    assert seen[0] >= START_MS
    stage.close()


def test_the_clock_stands_still_within_a_slice(stage: Stage, clock: FakeClock) -> None:
    clock.now_ms = 1234.5
    body = "const all = new Set(); for (let i = 0; i < 100; i++) { all.add(Date.now()); all.add(performance.now()) } set(all.size)"

    assert result(stage(on_track(body))) == 2


def test_timers_and_operations_mix_in_order_of_time() -> None:
    clock, host = Frozen(), Host()
    body = """
    const seen = []
    const note = (name) => () => { seen.push(name + '@' + (Date.now() - from)) }
    const from = Date.now()
    const at = (ms, name) => new Promise((done) => setTimeout(() => { note(name)(); done() }, ms))
    const ask = (name) => fetch('http://host/' + name).then(note(name))
    await Promise.all([at(30, 'late'), ask('slow'), at(10, 'soon'), ask('fast'), at(20, 'middle')])
    set(seen)"""

    async def main(executor: Executor) -> None:
        task = asyncio.ensure_future(executor.invoke(function(executor, body), TRACK))
        await until(lambda: len(host.pending) == 2)
        for step, reply in ((5, "fast"), (5, None), (10, None), (5, "slow"), (5, None)):
            clock.advance(step)
            if reply:
                host.reply(f"http://host/{reply}", b"")
            for _ in range(20):
                await asyncio.sleep(0)
        assert result(await task) == ["fast@5", "soon@10", "middle@20", "slow@25", "late@30"]

    run(main, clock=clock, fetch=host)


def test_an_interval(stage: Stage, clock: FakeClock, isolation: Isolation) -> None:
    body = """
    const from = Date.now(), seen = []
    await new Promise((done) => {
      const interval = setInterval(() => { seen.push(Date.now() - from); if (seen.length === 5) { clearInterval(interval); done() } }, 100)
    })
    set(seen)"""

    assert result(stage(on_track(body), isolation=isolation)) == [100, 200, 300, 400, 500]
    assert sum(clock.waits) == 500


def test_timers_end_with_their_invocation(stage: Stage, clock: FakeClock, isolation: Isolation) -> None:
    body = """
    setInterval(() => { globalThis.ticks = (globalThis.ticks ?? 0) + 1; console.log('tick') }, 10)
    setTimeout(() => console.log('late'), 1)
    set(globalThis.ticks ?? 0)"""
    for _ in range(3):
        outcome = stage(on_track(body), isolation=isolation)
        assert (result(outcome), outcome.logs) == (0, ())
        clock.now_ms += 1000
    waiting = stage(
        on_track(body + "; await new Promise((done) => setTimeout(done, 15))"), isolation=isolation
    )
    assert [line.message for line in waiting.logs] == ["late", "tick"]


def test_log_lines_belong_to_their_invocation() -> None:
    host = Host()
    body = """
    const name = event.properties.name
    console.log(name, 'before'); await fetch('http://host/' + name); console.warn(name, 'after')"""

    async def main(executor: Executor) -> None:
        logging = function(executor, body)
        tasks = {
            name: asyncio.ensure_future(executor.invoke(logging, track(name=name)))
            for name in ("a", "b", "c", "d")
        }
        await until(lambda: len(host.pending) == 4)
        for name in ("c", "a", "d", "b"):
            host.reply(f"http://host/{name}", b"")
            await asyncio.sleep(0)
        for name, task in tasks.items():
            assert (await task).logs == (("log", f"{name} before"), ("warn", f"{name} after"))
        assert (await executor.invoke(function(executor, ""), TRACK)).logs == ()

    run(main, fetch=host)


def test_many_invocations_at_once_wait_for_the_host_without_one_another(isolation: Isolation) -> None:
    host = Host()
    body = "set(await (await fetch('http://host/' + event.properties.n)).text())"

    async def main(executor: Executor) -> None:
        compiled = compile(on_track(body))
        assert isinstance(compiled, Image)
        asking = executor.function(compiled, isolation=isolation, limits=Limits(sandboxes=100))
        tasks = [asyncio.ensure_future(executor.invoke(asking, track(n=number))) for number in range(100)]
        await until(lambda: len(host.pending) == 100)
        for number in reversed(range(100)):
            host.reply(f"http://host/{number}", str(number).encode())
        assert [result(await task) for task in tasks] == [str(number) for number in range(100)]

    run(main, fetch=host)


def test_a_neighbour_gets_its_turns_beside_an_endless_loop() -> None:
    async def main(executor: Executor) -> None:
        compiled = compile("function onTrack(e) { if (e.properties.loop) for (;;); return e }")
        assert isinstance(compiled, Image)
        loop = executor.function(compiled, tenant="loop", limits=Limits(fuel=10**12, time_ms=60_000))
        endless = asyncio.ensure_future(executor.invoke(loop, track(loop=True)))
        neighbour = executor.function(compiled, tenant="neighbour")
        await asyncio.sleep(0)
        for _ in range(100):
            before = executor.scheduler._round
            assert (await executor.invoke(neighbour, orjson.dumps(TRACK))).outcome == "forward"
            assert executor.scheduler._round - before <= 4
        assert not endless.done()
        endless.cancel()
        await asyncio.gather(endless, return_exceptions=True)

    run(main)


def test_a_batch_waits_as_one(stage: Stage, host: Host, isolation: Isolation) -> None:
    source = """
    async function onBatch(events) {
      console.log('batch')
      return Promise.all(events.map(async (event) => {
        const got = await (await fetch('http://host/' + event.properties.n)).text()
        if (event.properties.n === 1) return null
        return { ...event, properties: { got } }
      }))
    }"""
    outcomes = stage.batch(source, [track(n=number) for number in range(3)], isolation=isolation)

    assert [outcome.outcome for outcome in outcomes] == ["forward", "filtered", "forward"]
    assert json.loads(outcomes[2].output or b"")["properties"] == {"got": "body of http://host/2"}
    assert {outcome.logs for outcome in outcomes} == {(("log", "batch"),)}
    assert len(host.seen) == 3
