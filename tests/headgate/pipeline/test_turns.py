"""Long work on the event loop: others have their turns, and more requests get a workspace no more of them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from headgate.pipeline import turns
from headgate.pipeline.turns import TURN_S, Turns
from tests.headgate.pipeline.harness import PipelineHarness, arrival, destination


class Seconds:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_short_work_has_no_pause() -> None:
    seconds = Seconds()
    work = Turns(seconds).work("w")
    assert not work.is_due
    seconds.now += TURN_S - 1e-6
    assert not work.is_due
    seconds.now += 1e-6
    assert work.is_due
    work.end()


def test_a_workspace_has_one_turn_at_a_time_whatever_it_asks_for() -> None:
    async def main() -> None:
        seconds = Seconds()
        shared = Turns(seconds)
        had: list[str] = []

        async def long(workspace: str) -> None:
            work = shared.work(workspace)
            try:
                for _ in range(5):
                    seconds.now += TURN_S
                    if work.is_due:
                        await work.pause()
                    had.append(workspace)
            finally:
                work.end()

        await asyncio.gather(*(long("many") for _ in range(20)), long("one"))
        assert had.count("one") == 5
        # Of the 100 turns of the many, one for each of the one's, or so, came before it was done.
        last = max(index for index, workspace in enumerate(had) if workspace == "one")
        assert had[:last].count("many") <= 6
        assert len(had) == 105

    asyncio.run(main())


def test_work_that_is_given_up_leaves_its_turn_to_the_next() -> None:
    async def main() -> None:
        seconds = Seconds()
        shared = Turns(seconds)
        first, second = shared.work("w"), shared.work("w")
        await first.pause()
        waiting = asyncio.create_task(second.pause())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        second.end()
        third = shared.work("w")
        waiting = asyncio.create_task(third.pause())
        await asyncio.sleep(0)
        assert not waiting.done()
        first.end()
        await waiting
        third.end()

    asyncio.run(main())


def test_a_request_for_many_destinations_leaves_the_loop_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "TURN_S", 0.0)

    async def main() -> None:
        harness = await PipelineHarness.make(tmp_path, *(destination(f"d{number}") for number in range(30)))
        accepting = asyncio.create_task(harness.accept(*(arrival(number) for number in range(20))))
        rounds = 0
        while not accepting.done():
            await asyncio.sleep(0)
            rounds += 1
        assert rounds >= 20 * 30
        assert await harness.outcomes(600) == {("successful-delivery", ""): 600}
        await harness.close()

    asyncio.run(main())
