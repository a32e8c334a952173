"""Events of a list, one after the other in one sandbox: nothing tells them from events that were invoked singly."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate_runtime import EventError, Executor, Image, Limits, Outcome
from headgate_runtime.limits import SLICE_FUEL, STRETCH_FUEL, TURN_FUEL
from headgate_runtime.sandbox import Sandbox
from tests.runtime.fakes import CountingEntropy, FakeClock, Host
from tests.stage import SMALL, Isolation, Stage, compiled, track, value

ACTS = """
let served = 0
const kept = []
const ACTS = {
  pass() {},
  drop() { throw new DropEvent('no') },
  refuse() { throw new TypeError('bad') },
  say() { console.log('said', served) },
  async ask(e) { e.properties.body = await (await fetch('https://example.com/' + served)).text() },
  async forget() { fetch('https://example.com/forgotten') },
  async wait() { await new Promise((resolve) => setTimeout(resolve, 10)) },
  work() { for (let i = 0; i < 10_000; i++); },
  hang() { for (;;); },
  stick() { return new Promise(() => {}) },
  grow() { kept.push(new Uint8Array(6 << 20)) },
  fatten(e) { e.fat = 'x'.repeat(5_000) },
  chat() { for (let i = 0; i < 50; i++) console.log('line', i, 'of many') },
  later() { Promise.resolve().then(() => {}).then(() => { served += 100 }) },
}
async function onTrack(e) {
  served++
  await ACTS[e.properties.act](e)
  return { ...e, served }
}
"""

DEFERS = "if (Date.now() % 20) throw new Error('an odd moment')"

NAMES = (
    "pass",
    "drop",
    "refuse",
    "say",
    "ask",
    "forget",
    "wait",
    "work",
    "hang",
    "stick",
    "grow",
    "fatten",
    "chat",
    "later",
)

LIMITS = Limits(time_ms=20_000, fuel=8_000_000, memory_bytes=16 << 20, sandboxes=2)


def image(source: str) -> Image:
    made = compiled(source, SMALL)
    assert isinstance(made, Image), made
    return made


def seen(outcome: Outcome) -> tuple[object, ...]:
    return (
        outcome.cause,
        outcome.output,
        outcome.error_name,
        outcome.message,
        outcome.stack,
        outcome.logs,
        outcome.fuel,
        outcome.memory_bytes,
    )


acts = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from([0, 0, 0, 20_000, 4 << 20])), min_size=1, max_size=12
)


@pytest.mark.parametrize("isolation", ["warm", "hermetic"])
@settings(max_examples=12, deadline=None)
@given(drawn=acts, deferred=st.booleans())
def test_a_list_ends_as_its_events_do_singly(
    isolation: Isolation, drawn: list[tuple[str, int]], deferred: bool
) -> None:
    events = [track(act=name, long="x" * size) for name, size in drawn]

    async def outcomes(*, together: bool) -> list[tuple[object, ...]]:
        host = Host(lambda url: url.encode())
        async with Executor(clock=FakeClock(), entropy=CountingEntropy(), fetch=host) as executor:
            source = image(ACTS + DEFERS if deferred else ACTS)
            assert source.deferred == deferred
            function = executor.function(source, isolation=isolation, limits=LIMITS)
            if together:
                made = await executor.invoke(function, events)
            else:
                made = [await executor.invoke(function, event) for event in events]
            assert executor.live == executor.idle
            return [seen(outcome) for outcome in made]

    assert asyncio.run(outcomes(together=True)) == asyncio.run(outcomes(together=False))


def test_many_events_take_one_entry(run: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to the first that leaves something to do; and each with what it said and what it made of its event."""
    rows: list[int] = []
    enter_row = Sandbox.enter_row

    def count(sandbox: Sandbox, texts: Any, *rest: Any) -> int:
        rows.append(len(texts))
        return enter_row(sandbox, texts, *rest)

    monkeypatch.setattr(Sandbox, "enter_row", count)
    function = run.function(ACTS)
    acts = ["pass"] * 30 + ["say", "drop", "refuse"] * 4 + ["fatten", "pass"] * 10

    async def main() -> list[Outcome]:
        return await run.executor.invoke(function, [track(act=act) for act in acts])

    outcomes = run.loop.run(main())

    assert sum(rows) >= len(acts) - 2
    assert len(rows) < len(acts) / 4
    for number, (act, outcome) in enumerate(zip(acts, outcomes, strict=True), 1):
        if act in ("drop", "refuse"):
            assert outcome.message == ("no" if act == "drop" else "bad")
        else:
            assert value(outcome)["served"] == number
            assert ("fat" in value(outcome)) == (act == "fatten")
        said = [f"said {number}"] if act == "say" else []
        assert [line.message for line in outcome.logs] == said
        assert len(outcome.log_times) == len(said)


def test_the_time_of_a_row_is_that_of_its_events(run: Stage) -> None:
    """Each has its part by what it did, and one that goes on has its whole time from when it began."""
    clock = FakeClock(tick_ms=10.0)
    function = run.function(
        "function onTrack(e) { for (let i = 0; i < e.properties.n; i++); return e }", time_ms=1_000
    )

    async def main() -> list[Outcome]:
        async with Executor(clock=clock) as executor:
            own = executor.function(function.image, limits=function.limits)
            return await executor.invoke(own, [track(n=n) for n in (10, 100, 500, 50_000, 10)])

    short, longer, longest, onward, last = run.loop.run(main())

    assert short.wall_ms + longer.wall_ms + longest.wall_ms <= 10.0
    assert 0 < short.wall_ms < longer.wall_ms < longest.wall_ms
    assert onward.outcome == last.outcome == "forward"
    assert onward.wall_ms > 10 * longest.wall_ms


def test_the_loop_has_its_turn_within_a_list(run: Stage) -> None:
    """However long the list, it waits for no more than a stretch's worth of fuel, and an event."""
    function = run.function("function onTrack(e) { for (let i = 0; i < 2_000; i++); return e }")
    gaps: list[int] = []

    async def main() -> list[Outcome]:
        scheduler = run.executor.scheduler
        charged = 0
        charge = scheduler.charge

        def count(tenant: Any, fuel: int) -> None:
            nonlocal charged
            charged += fuel
            charge(tenant, fuel)

        scheduler.charge = count  # type: ignore[method-assign]
        work = asyncio.ensure_future(run.executor.invoke(function, [track()] * 150))
        while not work.done():
            before = charged
            await asyncio.sleep(0)
            gaps.append(charged - before)
        return work.result()

    outcomes = run.loop.run(main())

    each = max(outcome.fuel for outcome in outcomes)
    assert len(outcomes) == 150
    assert sum(gaps) == sum(outcome.fuel for outcome in outcomes) > 3 * STRETCH_FUEL
    assert max(gaps) <= STRETCH_FUEL + each
    assert each < SLICE_FUEL


def test_a_list_of_one_tenant_does_not_hold_up_the_event_of_another(run: Stage) -> None:
    source = "function onTrack(e) { for (let i = 0; i < 2_000; i++); return e }"
    crowd = run.function(source, tenant="crowd")
    other = run.function(source, tenant="other")

    async def main() -> int:
        done: list[str] = []
        ended = 0

        async def single() -> None:
            nonlocal ended
            await run.executor.invoke(other, track())
            ended = run.executor.scheduler.tenant("crowd").virtual_time  # type: ignore[assignment]
            done.append("other")

        async def many() -> None:
            await run.executor.invoke(crowd, [track()] * 200)
            done.append("crowd")

        async with asyncio.TaskGroup() as group:
            group.create_task(many())
            group.create_task(single())
        assert done == ["other", "crowd"]
        return ended

    # The crowd had been alone, and has what little runs while the other waits for its own.
    assert run.loop.run(main()) <= STRETCH_FUEL + 2 * TURN_FUEL


def test_beside_others_a_list_has_turns_as_they_have(run: Stage) -> None:
    endless = run.function("function onTrack() { for (;;); }", tenant="endless", fuel=10**10)
    function = run.function(
        "function onTrack(e) { for (let i = 0; i < 2_000; i++); return e }", tenant="list"
    )
    turns = [0]

    async def main() -> list[Outcome]:
        scheduler = run.executor.scheduler
        charge = scheduler.charge

        def count(tenant: Any, fuel: int) -> None:
            if tenant is function.tenant:
                turns[-1] += fuel
            else:
                turns.append(0)
            charge(tenant, fuel)

        loop = asyncio.ensure_future(run.executor.invoke(endless, track()))
        await asyncio.sleep(0)
        scheduler.charge = count  # type: ignore[method-assign]
        outcomes = await run.executor.invoke(function, [track()] * 150)
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)
        return outcomes

    outcomes = run.loop.run(main())

    assert sum(turns) == sum(outcome.fuel for outcome in outcomes) > 3 * STRETCH_FUEL
    assert max(turns) <= TURN_FUEL + max(outcome.fuel for outcome in outcomes)


def test_all_is_given_back_when_a_list_is_broken_off(run: Stage) -> None:
    """The check is the Stage's, when it closes."""
    function = run.function("function onTrack(e) { for (let i = 0; i < 2_000; i++); return e }")

    async def main() -> None:
        work = asyncio.ensure_future(run.executor.invoke(function, [track()] * 100))
        for _ in range(3):
            await asyncio.sleep(0)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    run.loop.run(main())


def test_a_text_that_only_the_guest_refuses_ends_the_list(run: Stage) -> None:
    """What is checked before any event runs is checked by another parser: it may let pass what the guest does not."""
    deep = b'{"type":"track","x":' + b"[" * 1_500 + b"]" * 1_500 + b"}"
    function = run.function("let n = 0; function onTrack(e) { return { n: ++n } }", input_bytes=1 << 20)

    async def main() -> list[Outcome]:
        return await run.executor.invoke(function, [b'{"type":"track"}', deep, b'{"type":"track"}'])

    with pytest.raises(EventError):
        run.loop.run(main())
    assert run.invoke(function, b'{"type":"track"}').outcome == "forward"


def test_a_sandbox_that_cannot_be_rewound_serves_no_more_of_a_list(
    run: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    function = run.function(
        "let n = 0; function onTrack() { return { n: ++n } }", isolation="hermetic", sandboxes=1
    )

    def fail(_: object) -> bool:
        raise OSError("PAGEMAP_SCAN failed")

    monkeypatch.setattr("headgate_runtime.rewind.Rewinder.scan", fail)

    async def main() -> list[Outcome]:
        return await run.executor.invoke(function, [track()] * 3)

    assert [value(outcome)["n"] for outcome in run.loop.run(main())] == [1, 1, 1]
