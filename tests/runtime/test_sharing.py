"""
Hermetic functions take over each other's sandboxes: what each finds is its own start, byte for byte, and nothing that one
does costs another more than the limits say.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate_runtime import ExecutorClosed, Function, Outcome
from headgate_runtime._wasmtime import EngineError
from headgate_runtime.function import Slot
from headgate_runtime.limits import SHARED_PAGES, SHARED_START_BYTES
from headgate_runtime.private_pages import PAGE_BYTES, PageMap
from headgate_runtime.sandbox import Request, Sandbox, _Held
from tests.runtime.fakes import FakeClock, Host, until
from tests.runtime.programs import events, programs
from tests.runtime.test_hermetic import RANDOM, everything
from tests.stage import TRACK, Stage, track, value

pytestmark = pytest.mark.skipif(
    not PageMap.available(), reason="only the kernel can tell quickly what another function wrote to"
)

STATE = (
    "let n = 0; function onTrack(event, settings) { event.n = ++n; event.settings = settings; return event }"
)

FETCH = "async function onTrack(event) { await fetch(event.properties.url); return event }"


def hermetic(
    stage: Stage, source: str = STATE, plan: Any = None, tenant: str = "default", **limits: int
) -> Function:
    return stage.function(source, {"plan": plan}, isolation="hermetic", tenant=tenant, **limits)


def taken(stage: Stage, function: Function) -> Slot:
    slot = stage.executor.pool.take(function)
    assert slot is not None
    return slot


def fresh_memory(function: Function) -> bytes:
    slot = Slot(function)
    try:
        return bytes(slot.sandbox.memory)
    finally:
        slot.sandbox.close()


def grabbing(pages: int) -> str:
    """A function that writes to as many pages of the heap, each event to the same."""
    return f"function onTrack(event) {{ const a = new Uint8Array({pages * PAGE_BYTES}); a.fill(7); return {{ a: a[9] }} }}"


def test_one_sandbox_serves_all_functions_in_turn(run: Stage) -> None:
    functions = [hermetic(run, STATE, number, f"tenant {number}") for number in range(5)]

    for _ in range(3):
        for number, function in enumerate(functions):
            outcome = value(run.invoke(function))
            assert (outcome["n"], outcome["settings"]) == (1, {"plan": number})

    assert run.executor.live == run.executor.idle == 1
    assert [function.live for function in functions] == [0] * 5


def test_each_finds_the_memory_of_a_new_sandbox(run: Stage) -> None:
    functions = [
        hermetic(run, STATE, "short"),
        hermetic(
            run, "const held = ['x'.repeat(9000)]; function onTrack(event) { held.push(event); return {} }"
        ),
        hermetic(
            run, "const at = Date.now(); function onTrack(event) { event.at = at; return event }"
        ),  # deferred
        hermetic(run, STATE, "long" * 2000),
    ]
    references = [fresh_memory(function) for function in functions]
    assert len(set(references)) == 4
    run.invoke(functions[0])

    for number in [0, 1, 0, 3, 2, 1, 1, 3, 0, 2]:
        function = functions[number]
        slot = taken(run, function)
        assert bytes(slot.sandbox.memory) == references[number]
        run.executor.pool.release(slot, usable=True)
        run.invoke(function, track(text="y" * 500 * number))

    assert run.executor.live == 1


class Twins:
    """Two executors with the same clock and entropy for every event: in one, all share; in the other, nobody."""

    def __init__(self) -> None:
        self.clocks = FakeClock(), FakeClock()
        self.shared, self.alone = (
            Stage(clock=clock, entropy=lambda size: bytes(range(size))) for clock in self.clocks
        )

    def invoke(self, source: str, event: dict[str, Any]) -> tuple[Outcome, Outcome]:
        for clock in self.clocks:
            clock.now_ms = 0.0
        with pytest.MonkeyPatch.context() as patch:
            function = self.shared.function(source, isolation="hermetic", fuel=30_000_000)
            found = self.shared.invoke(function, event)
            patch.setattr(PageMap, "available", lambda: False)
            own = self.alone.function(source, isolation="hermetic", fuel=30_000_000)
            assert own.shelf is None
            return found, self.alone.invoke(own, event)


@pytest.fixture(scope="module")
def twins() -> Iterator[Twins]:
    twins = Twins()
    with twins.shared, twins.alone:
        yield twins


@settings(RANDOM, max_examples=25)
@given(
    given_programs=st.lists(programs(), min_size=2, max_size=3),
    given_events=st.lists(events, min_size=2, max_size=4),
)
def test_nothing_of_a_function_is_seen_in_another(
    twins: Twins, given_programs: list[str], given_events: list[dict[str, Any]]
) -> None:
    """Not in its output, not in its logs, not in the fuel it takes nor the memory it holds."""
    for event in given_events:
        for source in given_programs:
            found, expected = twins.invoke(source, event)
            assert everything(found) == everything(expected)


def test_many_at_once_have_a_sandbox_each_which_others_use_later() -> None:
    host = Host()

    async def main(stage: Stage) -> None:
        functions = [hermetic(stage, FETCH, number) for number in range(6)]
        tasks = [
            asyncio.ensure_future(stage.executor.invoke(each, track(url=f"http://host/{at}")))
            for at, each in enumerate(functions)
        ]
        await until(lambda: len(host.pending) == 6)
        assert (stage.executor.live, stage.executor.idle) == (6, 0)
        for url in list(host.pending):
            host.reply(url, b"")
        await asyncio.gather(*tasks)
        assert (stage.executor.live, stage.executor.idle) == (6, 6)
        others = [hermetic(stage, STATE, number) for number in range(20)]
        for each in others:
            assert value(await stage.executor.invoke(each, TRACK))["n"] == 1
        assert stage.executor.live == 6

    with Stage(fetch=host) as stage:
        stage.loop.run(main(stage))


def test_those_that_wait_for_room_get_sandboxes_of_others() -> None:
    host = Host(lambda _: b"")

    async def main(stage: Stage) -> None:
        functions = [hermetic(stage, FETCH, number) for number in range(9)]
        outcomes = await asyncio.gather(
            *(
                stage.executor.invoke(each, track(url=f"http://host/{at}"))
                for at, each in enumerate(functions * 3)
            )
        )
        assert {outcome.outcome for outcome in outcomes} == {"forward"}
        assert stage.executor.live == stage.executor.idle == 2

    with Stage(fetch=host, sandboxes=2) as stage:
        stage.loop.run(main(stage))


def test_those_that_wait_for_one_of_their_own_get_it() -> None:
    host = Host(lambda _: b"")

    async def main(stage: Stage) -> None:
        function = hermetic(stage, FETCH, sandboxes=1)
        outcomes = await asyncio.gather(
            *(stage.executor.invoke(function, track(url=f"http://host/{at}")) for at in range(5))
        )
        assert [outcome.outcome for outcome in outcomes] == ["forward"] * 5
        assert stage.executor.live == 1

    with Stage(fetch=host) as stage:
        stage.loop.run(main(stage))


def test_a_function_has_no_more_at_once_than_its_limit_though_others_are_idle() -> None:
    host = Host()

    async def main(stage: Stage) -> None:
        other, function = hermetic(stage, FETCH, "other", sandboxes=2), hermetic(stage, FETCH, sandboxes=2)

        async def all_of(each: Function, count: int) -> None:
            tasks = [
                asyncio.ensure_future(stage.executor.invoke(each, track(url=f"http://host/{at}")))
                for at in range(count)
            ]
            while not all(task.done() for task in tasks):
                assert len(host.pending) <= 2
                for url in list(host.pending):
                    host.reply(url, b"")
                await asyncio.sleep(0)

        await all_of(other, 2)
        await all_of(function, 7)
        assert stage.executor.live == 2

    with Stage(fetch=host) as stage:
        stage.loop.run(main(stage))


def test_idle_ones_make_room_for_others_that_cannot_share_them() -> None:
    with Stage(sandboxes=2) as stage:
        for number in range(3):
            assert stage.invoke(hermetic(stage, STATE, number)).outcome == "forward"
        warm = [stage.function(STATE, {"n": number}) for number in range(2)]
        for each in warm:
            assert stage.invoke(each).outcome == "forward"
        assert (stage.executor.live, stage.executor.evicted) == (2, 1)
        assert stage.invoke(hermetic(stage, STATE, 1)).outcome == "forward"
        assert (stage.executor.live, stage.executor.evicted) == (2, 2)


# ---- what is not shared ----


def test_limits_must_be_equal(run: Stage) -> None:
    one, other = hermetic(run), hermetic(run, log_lines=7)

    assert one.shelf is not other.shelf
    run.invoke(one)
    run.invoke(other)
    assert run.executor.live == 2


def test_a_warm_function_shares_nothing(run: Stage) -> None:
    run.invoke(hermetic(run))
    warm = run.function(STATE)

    assert warm.shelf is None
    assert [value(run.invoke(warm))["n"] for _ in range(2)] == [1, 2]
    assert run.executor.live == 2


def test_a_library_in_the_image_is_not_shared(run: Stage) -> None:
    function = hermetic(run, "function onTrack(event) { event.n = _.sum([1, 2]); return event }")

    assert function.image.overlay is None
    assert function.shelf is None
    assert value(run.invoke(function))["n"] == 3


@pytest.mark.parametrize(("pages", "shared"), [(1, True), (SHARED_PAGES + 1, False)])
def test_a_function_that_writes_to_many_pages_keeps_its_sandbox(run: Stage, pages: int, shared: bool) -> None:
    """Whoever took it over would restore them with each event from then on."""
    function = hermetic(run, grabbing(pages))

    for _ in range(3):
        assert value(run.invoke(function))["a"] == 7

    assert [len(function.idle), run.executor.live] == [0 if shared else 1, 1]
    run.invoke(hermetic(run))
    assert run.executor.live == (1 if shared else 2)


def test_the_number_of_pages_counts_exactly(run: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    function = hermetic(run)
    run.invoke(function)
    slot = taken(run, function)
    assert slot.recover()
    assert slot.rewinder is not None

    for least, shared in ((slot.rewinder.pages, True), (slot.rewinder.pages - 1, False)):
        monkeypatch.setattr("headgate_runtime.function.SHARED_PAGES", least)
        assert slot.shared is shared
    run.executor.pool.release(slot, usable=True)


@pytest.mark.parametrize("shared", [True, False])
def test_a_function_with_large_settings_has_its_own(run: Stage, shared: bool) -> None:
    small = hermetic(run, STATE, "")
    run.invoke(small)
    assert small.start is not None
    room = SHARED_START_BYTES - sum(len(content) for _, content in small.start)
    function = hermetic(run, STATE, "x" * (room // 3 if shared else room))

    outcomes = [value(run.invoke(function)) for _ in range(2)]

    assert [outcome["n"] for outcome in outcomes] == [1, 1]
    assert (function.shelf is not None) is shared
    if not shared:
        assert function.idle
        assert value(run.invoke(small))["settings"] == {"plan": ""}


@pytest.mark.parametrize("start_bytes", [SHARED_START_BYTES, 1 << 30])
def test_settings_for_which_the_memory_grows(
    run: Stage, monkeypatch: pytest.MonkeyPatch, start_bytes: int
) -> None:
    """However much a start may hold, it ends where the memory of a new sandbox does."""
    monkeypatch.setattr("headgate_runtime.function.SHARED_START_BYTES", start_bytes)
    run.invoke(hermetic(run, memory_bytes=64 << 20))
    function = run.function(
        "function onTrack(event, settings) { event.n = settings.text.length; return event }",
        {"text": "x" * 3_000_000},
        isolation="hermetic",
        memory_bytes=64 << 20,
    )
    assert function.shelf is not None

    assert [value(run.invoke(function))["n"] for _ in range(3)] == [3_000_000] * 3
    assert function.shelf is None


def test_requests_that_the_host_still_has_belong_to_their_function(run: Stage) -> None:
    function = hermetic(run)
    run.invoke(function)
    slot = taken(run, function)
    assert slot.recover()
    request: Request | None = Request(1, "fetch", b"{}", None, None, _Held(slot.sandbox, 2))

    assert not slot.shared
    assert request is not None
    request = None
    assert slot.shared
    run.executor.pool.release(slot, usable=True)


# ---- ends ----


def test_a_dismissed_function_leaves_no_sandbox_with_its_data(run: Stage) -> None:
    one, other = hermetic(run, STATE, "one"), hermetic(run, STATE, "other")
    run.invoke(one)

    run.executor.dismiss(other)
    assert run.executor.live == 1
    run.executor.dismiss(one)
    assert run.executor.live == 0
    assert value(run.invoke(other))["n"] == 1


def test_a_sandbox_that_another_function_cannot_begin_in_is_closed(
    run: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = hermetic(run, STATE, "one"), hermetic(run, STATE, "other")
    run.invoke(one)

    def fail(*_: object) -> None:
        raise EngineError("configure trapped")

    for invoke in (run.executor.invoke, run.executor.invoke_among):
        with monkeypatch.context() as patch:
            patch.setattr(Sandbox, "lay", fail)
            with pytest.raises(EngineError, match="configure trapped"):
                run.loop.run(invoke(other, orjson.dumps(TRACK)))
        assert run.executor.live == 0
        run.invoke(one)
    assert value(run.invoke(other))["n"] == 1


def test_closing_closes_what_is_shared() -> None:
    with Stage() as stage:
        function = hermetic(stage)
        stage.invoke(function)
        slot = taken(stage, function)
        stage.executor.pool.release(slot, usable=True)
        stage.executor.close()
        assert slot.sandbox.closed
        assert stage.executor.live == stage.executor.idle == 0
        with pytest.raises(ExecutorClosed):
            stage.invoke(function)


def test_functions_that_nobody_holds_are_forgotten(run: Stage) -> None:
    """Except the one that had the sandbox last."""
    for number in range(10):
        run.invoke(hermetic(run, STATE, number))

    assert len(run.executor._functions) == 1


def test_lists_and_rows_share_too(run: Stage) -> None:
    one, other = hermetic(run, STATE, "one"), hermetic(run, STATE, "other")
    text = orjson.dumps(TRACK)

    for function, plan in ((one, "one"), (other, "other")) * 2:
        listed = run.loop.run(run.executor.invoke(function, [text] * 5))
        some, rest = run.loop.run(run.executor.invoke_some(function, [text] * 5))
        assert rest is None

        async def among(function: Function = function) -> list[Outcome]:
            return await asyncio.gather(*(run.executor.invoke_among(function, text) for _ in range(5)))

        for outcome in [*listed, *some, *run.loop.run(among())]:
            assert (value(outcome)["n"], value(outcome)["settings"]) == (1, {"plan": plan})
    assert run.executor.live == 1


def test_a_record_of_a_shared_sandbox_replays(run: Stage) -> None:
    from headgate_runtime import replay

    one, other = hermetic(run, STATE, "one"), hermetic(run, STATE, "other")
    run.invoke(one)
    outcome = run.loop.run(run.executor.invoke(other, TRACK, record=True))
    assert outcome.record is not None

    again = replay(outcome.record, other.image)

    assert not isinstance(again, list)
    assert (again.output, again.fuel) == (outcome.output, outcome.fuel)


def test_limits_of_the_stage_are_all_that_tells_shelves_apart(run: Stage) -> None:
    one = hermetic(run)
    other = run.executor.function(
        run.image(FETCH), isolation="hermetic", limits=dataclasses.replace(one.limits), tenant="other"
    )

    assert one.shelf is other.shelf
