"""Events that are asked for at once share a turn; nothing else tells them from events that were invoked singly."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate_runtime import (
    EventError,
    Executor,
    ExecutorClosed,
    Limits,
    Outcome,
)
from headgate_runtime.limits import STRETCH_FUEL, TURN_FUEL
from tests.runtime.fakes import CountingEntropy, FakeClock, Host, until
from tests.runtime.test_row import ACTS, NAMES, image, seen
from tests.stage import Stage, track, value

COUNT = "let n = 0; function onTrack(e) { return { n: ++n } }"

ASK = "async function onTrack(e) { return { body: await (await fetch(e.properties.url)).text() } }"

BUSY = "function onTrack(e) { for (let i = 0; i < 2_000; i++); return e }"


def text(**properties: Any) -> bytes:
    return orjson.dumps(track(**properties))


async def together(*asked: Coroutine[Any, Any, Outcome]) -> list[Outcome]:
    return list(await asyncio.gather(*asked))


@settings(max_examples=12, deadline=None)
@given(
    drawn=st.lists(
        st.tuples(st.sampled_from(NAMES), st.sampled_from([0, 0, 0, 20_000])), min_size=1, max_size=12
    )
)
def test_events_at_once_end_as_they_do_singly(drawn: list[tuple[str, int]]) -> None:
    """Hermetic, so that no event sees what another left, in whatever order they had their turns."""
    texts = [text(act=name, long="x" * size) for name, size in drawn]

    async def outcomes(*, at_once: bool) -> list[tuple[object, ...]]:
        limits = Limits(time_ms=20_000, fuel=8_000_000, memory_bytes=16 << 20, sandboxes=3)
        host = Host(lambda url: url.encode())
        async with Executor(clock=FakeClock(), entropy=CountingEntropy(), fetch=host) as executor:
            function = executor.function(image(ACTS), isolation="hermetic", limits=limits)
            if at_once:
                made = await together(*(executor.invoke_among(function, each) for each in texts))
            else:
                made = [await executor.invoke(function, each) for each in texts]
            assert executor.live == executor.idle
            return [seen(outcome) for outcome in made]

    assert asyncio.run(outcomes(at_once=True)) == asyncio.run(outcomes(at_once=False))


def test_they_are_served_in_order_in_one_sandbox(run: Stage) -> None:
    function = run.function(COUNT)

    async def main() -> list[Outcome]:
        return await together(*(run.executor.invoke_among(function, text()) for _ in range(40)))

    assert [value(outcome)["n"] for outcome in run.loop.run(main())] == list(range(1, 41))
    assert run.executor.live == 1


def test_one_that_waits_holds_up_nobody(stage_with: Any) -> None:
    host = Host()
    stage: Stage = stage_with(fetch=host)
    function = stage.function(ASK + "; function onPage(e) { return e }")
    page = b'{"type":"page"}'

    async def main() -> None:
        waiting = asyncio.ensure_future(stage.executor.invoke_among(function, text(url="https://a/")))
        others = [asyncio.ensure_future(stage.executor.invoke_among(function, page)) for _ in range(5)]
        assert [outcome.outcome for outcome in await asyncio.gather(*others)] == ["forward"] * 5
        await until(lambda: bool(host.pending))
        assert not waiting.done()
        assert (await stage.executor.invoke_among(function, page)).outcome == "forward"
        host.reply("https://a/", b"hello")
        assert value(await waiting)["body"] == "hello"
        assert stage.executor.live == 2

    stage.loop.run(main())


@pytest.mark.parametrize("way", ["invoke_among", "invoke"])
def test_the_loop_has_its_turn(run: Stage, way: str) -> None:
    """However many ask at once, each in a task of its own."""
    function = run.function(BUSY, sandboxes=50)
    gaps: list[int] = []

    async def main() -> list[Outcome]:
        scheduler, charged = run.executor.scheduler, 0
        charge = scheduler.charge

        def count(tenant: Any, fuel: int) -> None:
            nonlocal charged
            charged += fuel
            charge(tenant, fuel)

        scheduler.charge = count  # type: ignore[method-assign]
        asked = [asyncio.ensure_future(getattr(run.executor, way)(function, text())) for _ in range(50)]
        while not all(each.done() for each in asked):
            before = charged
            await asyncio.sleep(0)
            gaps.append(charged - before)
        return [each.result() for each in asked]

    outcomes = run.loop.run(main())

    assert sum(gaps) == sum(outcome.fuel for outcome in outcomes) > 5 * TURN_FUEL
    longest = STRETCH_FUEL if way == "invoke_among" else TURN_FUEL
    assert max(gaps) <= longest + max(outcome.fuel for outcome in outcomes)


def test_a_crowd_of_one_tenant_does_not_hold_up_the_event_of_another(run: Stage) -> None:
    crowd, other = run.function(BUSY, tenant="crowd"), run.function(BUSY, tenant="other")
    done: list[str] = []

    async def ask(function: Any, name: str) -> None:
        await run.executor.invoke_among(function, text())
        done.append(name)

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(100):
                group.create_task(ask(crowd, "crowd"))
            group.create_task(ask(other, "other"))

    run.loop.run(main())

    # What the crowd did while it was alone, and the turn after which it is the other's.
    measured = run.function(BUSY, tenant="measured")
    each = min(run.invoke(measured, text()).fuel for _ in range(2))  # the first takes a little more
    assert done.index("other") <= STRETCH_FUEL // each + 1 + TURN_FUEL // each + 1


def test_beside_an_endless_loop_of_another_tenant(run: Stage) -> None:
    """Turns are shared by fuel: the loop has had no more than twice what the others had, and a turn."""
    endless = run.function("function onTrack() { for (;;); }", tenant="endless", fuel=10**10)
    busy = run.function(BUSY, tenant="busy")

    async def main() -> tuple[int, float]:
        loop = asyncio.ensure_future(run.executor.invoke(endless, text()))
        await asyncio.sleep(0)
        outcomes = await together(*(run.executor.invoke_among(busy, text()) for _ in range(60)))
        used = run.executor.scheduler.tenant("endless").virtual_time
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)
        return sum(outcome.fuel for outcome in outcomes), used

    own, others = run.loop.run(main())
    assert others <= 2 * own + TURN_FUEL


@pytest.mark.parametrize("rounds", range(6))
def test_whoever_gives_up_leaves_nothing_behind(stage_with: Any, rounds: int) -> None:
    """The check is the Stage's, when it closes."""
    stage: Stage = stage_with(fetch=Host())
    asking, counting = stage.function(ASK, sandboxes=2), stage.function(COUNT, sandboxes=2)

    async def main() -> None:
        asked = [
            asyncio.ensure_future(stage.executor.invoke_among(asking, text(url=f"https://{number}/")))
            for number in range(4)
        ]
        counted = [asyncio.ensure_future(stage.executor.invoke_among(counting, text())) for _ in range(4)]
        for _ in range(rounds):
            await asyncio.sleep(0)
        for each in (*asked, *counted[::2]):
            each.cancel()
        await asyncio.gather(*asked, *counted, return_exceptions=True)
        assert all(each.cancelled() for each in asked)
        assert all(each.result().outcome == "forward" for each in counted[1::2])
        # What was not used while everybody had given up is as good as new.
        assert (await stage.executor.invoke_among(counting, text())).outcome == "forward"

    stage.loop.run(main())


def test_what_is_no_event_is_the_mistake_of_who_asked(run: Stage) -> None:
    function = run.function(COUNT, input_bytes=1_000)

    async def main() -> list[Any]:
        asked = [b"{}", b"{", b"[]", text(long="x" * 1_000), b'{"type":"track"}']
        return await asyncio.gather(
            *(run.executor.invoke_among(function, each) for each in asked), return_exceptions=True
        )

    unknown, *errors, right = run.loop.run(main())

    assert unknown.category == "Filtered at insert function"
    assert [type(error) for error in errors] == [EventError] * 3
    assert value(right)["n"] == 1
    assert run.executor.live == 1


def test_an_event_does_not_pay_for_a_sandbox_that_others_filled(run: Stage) -> None:
    source = "const kept = []; function onTrack(e) { if (e.properties.keep) kept.push(new Uint8Array(9 << 20)); return { n: 1 } }"
    function = run.function(source, memory_bytes=16 << 20, sandboxes=1)
    large = text(long="x" * (4 << 20))

    async def main() -> list[Outcome]:
        asked = (text(keep=True), large, text(), large)
        return await together(*(run.executor.invoke_among(function, each) for each in asked))

    assert [value(outcome)["n"] for outcome in run.loop.run(main())] == [1] * 4


def test_one_that_no_sandbox_has_room_for(run: Stage) -> None:
    function = run.function(COUNT, memory_bytes=8 << 20, input_bytes=16 << 20)

    with pytest.raises(EventError, match="has no room for the event"):
        run.loop.run(run.executor.invoke_among(function, text(long="x" * (9 << 20))))
    assert run.loop.run(run.executor.invoke_among(function, text())).outcome == "forward"


def test_closing_ends_those_who_wait(run: Stage) -> None:
    function = run.function(BUSY)

    async def main() -> list[Any]:
        asked = [asyncio.ensure_future(run.executor.invoke_among(function, text())) for _ in range(50)]
        for _ in range(4):
            await asyncio.sleep(0)
        run.executor.close()
        ended = await asyncio.gather(*asked, return_exceptions=True)
        with pytest.raises(ExecutorClosed):
            await run.executor.invoke_among(function, text())
        return ended

    ended = run.loop.run(main())
    assert {type(each).__name__ for each in ended} == {"Forward", "ExecutorClosed"}


def test_a_loop_that_was_closed_leaves_no_row_behind(run: Stage) -> None:
    function = run.function(COUNT)
    loop = asyncio.new_event_loop()
    waiting = loop.create_task(run.executor.invoke_among(function, text()))
    loop.call_soon(loop.stop)
    loop.run_forever()  # one round: it waits in its row, which has not begun
    loop.close()

    assert value(run.loop.run(run.executor.invoke_among(function, text())))["n"] == 1
    assert not waiting.done()
