"""Quotas of workspaces: what is used up is used up, and what is busy makes others wait."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

from headgate.pipeline.allowance import Allowance
from headgate.pipeline.observer import NoObserver
from headgate.registry.snapshot import Quotas, Snapshot
from tests.headgate.pipeline.harness import (
    FixedDirectory,
    PipelineHarness,
    arrival,
    destination,
    instance,
    snapshot,
)
from tests.runtime.fakes import until

RETURN = "function onTrack(event) { return event }"


def quoted(first: Snapshot, **quotas: Any) -> Snapshot:
    tenant = replace(first.workspaces["w"], quotas=Quotas(**quotas))
    return replace(first, revision=first.revision + 1, workspaces={"w": tenant})


class Spent(NoObserver):
    def __init__(self, fuel: int) -> None:
        self.fuel = fuel

    def fuel_today(self, workspace: str) -> int:
        return self.fuel if workspace == "w" else 0


def test_functions_of_a_workspace_that_used_up_its_day_do_not_run(tmp_path: Path) -> None:
    spent = Spent(100)

    async def main() -> None:
        harness = await PipelineHarness.make(tmp_path, destination(instance=instance(RETURN)), observer=spent)
        harness.directory.snapshot = quoted(harness.directory.snapshot, fuel_per_day=100)
        await harness.accept(arrival(1))
        assert await harness.outcomes(1) == {("filtered-at-destination", "FUNCTIONS_LOCK_OUT"): 1}
        (dead,) = await harness.queue.dead()
        assert "used up" in dead.message
        harness.directory.snapshot = quoted(harness.directory.snapshot, fuel_per_day=101)
        await harness.queue.redrive([dead.id])
        await harness.accept(arrival(2))
        assert (await harness.outcomes(3))["successful-delivery", ""] == 2
        await harness.close()

    asyncio.run(main())


def test_what_needs_no_function_is_delivered_all_the_same(tmp_path: Path) -> None:
    async def main() -> None:
        harness = await PipelineHarness.make(tmp_path, destination(), observer=Spent(100))
        harness.directory.snapshot = quoted(harness.directory.snapshot, fuel_per_day=0)
        await harness.accept(arrival(1))
        assert await harness.outcomes(1) == {("successful-delivery", ""): 1}
        await harness.close()

    asyncio.run(main())


def test_invocations_beyond_the_sandboxes_wait_their_turn() -> None:
    async def main() -> None:
        directory = FixedDirectory(quoted(snapshot(), sandboxes=5))
        allowance = Allowance(directory, lambda _: 0, share=2)
        most = busy = 0

        async def invoke() -> None:
            nonlocal most, busy
            await allowance.enter("w")
            busy += 1
            most = max(most, busy)
            await asyncio.sleep(0)
            busy -= 1
            allowance.leave("w")

        await asyncio.gather(*(invoke() for _ in range(20)))
        assert (most, busy) == (2, 0)
        directory.snapshot = snapshot()
        await asyncio.gather(*(invoke() for _ in range(20)))
        assert most == 20

    asyncio.run(main())


def test_whoever_gives_up_waiting_leaves_their_turn_to_the_next() -> None:
    async def main() -> None:
        allowance = Allowance(FixedDirectory(quoted(snapshot(), sandboxes=1)), lambda _: 0)
        await allowance.enter("w")
        first, second = (asyncio.create_task(allowance.enter("w")) for _ in range(2))
        await asyncio.sleep(0)
        allowance.leave("w")
        first.cancel()
        await until(second.done)
        assert first.cancelled()
        third = asyncio.create_task(allowance.enter("w"))
        third.cancel()
        allowance.leave("w")
        await asyncio.wait([third])
        await allowance.enter("w")

    asyncio.run(main())


def test_events_a_second_are_shared_among_workers() -> None:
    allowance = Allowance(FixedDirectory(quoted(snapshot(), events_per_s=9.0)), lambda _: 0, share=3)

    assert allowance.events_per_s("w") == 3.0
    assert allowance.events_per_s("unknown") is None
    assert Allowance(FixedDirectory(snapshot()), lambda _: 0).events_per_s("w") is None


def test_nobody_overtakes_those_who_wait() -> None:
    async def main() -> None:
        directory = FixedDirectory(quoted(snapshot(), sandboxes=1))
        allowance = Allowance(directory, lambda _: 0)
        began: list[int] = []

        async def invoke(number: int) -> None:
            await allowance.enter("w")
            began.append(number)
            await asyncio.sleep(0)
            allowance.leave("w")

        await allowance.enter("w")
        waiting = [asyncio.create_task(invoke(number)) for number in range(3)]
        await asyncio.sleep(0)
        allowance.leave("w")
        # The place is free, but it is the first waiter's, who has had no turn of the event loop yet.
        assert not allowance.entered("w")
        waiting.append(asyncio.create_task(invoke(3)))
        await asyncio.gather(*waiting)
        assert began == [0, 1, 2, 3]
        assert allowance.entered("w")

    asyncio.run(main())


def test_a_raised_quota_is_first_for_those_who_wait() -> None:
    async def main() -> None:
        directory = FixedDirectory(quoted(snapshot(), sandboxes=1))
        allowance = Allowance(directory, lambda _: 0)
        await allowance.enter("w")
        waiting = asyncio.create_task(allowance.enter("w"))
        await asyncio.sleep(0)
        directory.snapshot = quoted(directory.snapshot, sandboxes=2)
        assert not allowance.entered("w")
        await until(waiting.done)
        directory.snapshot = quoted(directory.snapshot, sandboxes=3)
        assert allowance.entered("w")

    asyncio.run(main())
