"""The first of many events, as many as fit a turn: nothing tells them from events that were invoked singly."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from hypothesis import given, settings

from headgate_runtime import EventError, Executor, ExecutorClosed, Function, Outcome
from headgate_runtime.limits import STRETCH_FUEL
from tests.runtime.fakes import CountingEntropy, FakeClock, Host, until
from tests.runtime.test_row import ACTS, LIMITS, acts, image, seen
from tests.stage import Stage, track, value

COUNT = "let n = 0; function onTrack(e) { return { n: ++n } }"

BUSY = "function onTrack(e) { for (let i = 0; i < 2_000; i++); return e }"


def text(**properties: Any) -> bytes:
    return orjson.dumps(track(**properties))


async def portions(executor: Executor, function: Function, texts: Sequence[bytes]) -> list[list[Outcome]]:
    """The outcomes of all, call by call."""
    made: list[list[Outcome]] = []
    done = 0
    while done < len(texts):
        outcomes, rest = await executor.invoke_some(function, texts[done:])
        if rest is not None:
            outcomes.append(await rest)
        assert outcomes
        done += len(outcomes)
        made.append(outcomes)
    return made


@settings(max_examples=12, deadline=None)
@given(drawn=acts)
def test_some_at_a_time_end_as_they_do_singly(drawn: list[tuple[str, int]]) -> None:
    """Hermetic, so that no event sees what another left."""
    texts = [text(act=name, long="x" * size) for name, size in drawn]

    async def outcomes(*, at_once: bool) -> list[tuple[object, ...]]:
        host = Host(lambda url: url.encode())
        async with Executor(clock=FakeClock(), entropy=CountingEntropy(), fetch=host) as executor:
            function = executor.function(image(ACTS), isolation="hermetic", limits=LIMITS)
            if at_once:
                made = [each for some in await portions(executor, function, texts) for each in some]
            else:
                made = [await executor.invoke(function, each) for each in texts]
            assert executor.live == executor.idle
            return [seen(outcome) for outcome in made]

    assert asyncio.run(outcomes(at_once=True)) == asyncio.run(outcomes(at_once=False))


def test_a_stretch_ends(run: Stage) -> None:
    function = run.function(BUSY)

    made = run.loop.run(portions(run.executor, function, [text()] * 150))

    longest = max(outcome.fuel for some in made for outcome in some)
    assert len(made) > 5
    assert all(sum(outcome.fuel for outcome in some) <= STRETCH_FUEL + longest for some in made)
    assert run.executor.live == run.executor.idle == 1


def test_one_that_waits_comes_last_and_holds_up_nobody(stage_with: Any) -> None:
    host = Host()
    stage: Stage = stage_with(fetch=host)
    source = "async function onTrack(e) { return { body: await (await fetch(e.properties.url)).text() } }"
    function = stage.function(source + "; function onPage(e) { return e }")
    page = b'{"type":"page"}'

    async def main() -> None:
        outcomes, rest = await stage.executor.invoke_some(
            function, [page, page, text(url="https://a/"), page, page]
        )
        assert [outcome.outcome for outcome in outcomes] == ["forward"] * 2
        assert rest is not None
        waiting = asyncio.ensure_future(rest)
        await until(lambda: bool(host.pending))
        assert (await stage.executor.invoke_some(function, [page]))[0][0].outcome == "forward"
        host.reply("https://a/", b"hello")
        assert value(await waiting)["body"] == "hello"
        assert stage.executor.live == stage.executor.idle == 2

    stage.loop.run(main())


def test_who_breaks_off_gives_back_the_sandbox(stage_with: Any) -> None:
    stage: Stage = stage_with(fetch=Host())
    function = stage.function("async function onTrack(e) { await fetch('https://a/') }")

    async def main() -> None:
        _, rest = await stage.executor.invoke_some(function, [text()])
        assert rest is not None
        waiting = asyncio.ensure_future(rest)
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait({waiting})
        assert stage.executor.live == 0

    stage.loop.run(main())


def test_the_mistake_is_of_the_event_that_it_is_in(run: Stage) -> None:
    function = run.function(COUNT, input_bytes=1_000)

    async def main() -> None:
        some = run.executor.invoke_some
        for wrong in (b"[]", b"{", text(long="x" * 1_000)):
            outcomes, rest = await some(function, [text(), text(), wrong, text()])
            assert (len(outcomes), rest) == (2, None)
            with pytest.raises(EventError):
                await some(function, [wrong, text()])
        outcomes, _ = await some(function, [text()])
        assert value(outcomes[0])["n"] >= 1

    run.loop.run(main())


def test_an_event_does_not_pay_for_a_sandbox_that_others_filled(run: Stage) -> None:
    source = "const kept = []; function onTrack(e) { if (e.properties.keep) kept.push(new Uint8Array(9 << 20)); return { n: 1 } }"
    function = run.function(source, memory_bytes=16 << 20, sandboxes=1)
    large = text(long="x" * (4 << 20))

    made = run.loop.run(portions(run.executor, function, [text(keep=True), large, text(), large]))

    assert [value(outcome)["n"] for some in made for outcome in some] == [1] * 4


def test_one_that_no_sandbox_has_room_for(run: Stage) -> None:
    function = run.function(COUNT, memory_bytes=8 << 20, input_bytes=16 << 20)
    large = text(long="x" * (9 << 20))

    async def main() -> None:
        with pytest.raises(EventError, match="has no room for the event"):
            await portions(run.executor, function, [text(), large])
        assert (await run.executor.invoke_some(function, [text()]))[0][0].outcome == "forward"

    run.loop.run(main())


def test_a_closed_executor_takes_none(run: Stage) -> None:
    function = run.function(COUNT)
    run.executor.close()

    with pytest.raises(ExecutorClosed):
        run.loop.run(run.executor.invoke_some(function, [text()]))
