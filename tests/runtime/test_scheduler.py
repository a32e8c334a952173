"""Turns go to tenants by the fuel they use and by their weight, not by who asks most."""

from __future__ import annotations

import asyncio
import gc
import math
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate_runtime import LimitError
from headgate_runtime.limits import SLICE_FUEL, TURN_FUEL
from headgate_runtime.scheduler import Scheduler
from tests.runtime.fakes import until

T = TypeVar("T")

EVENT_FUEL = 14_000
"""About what a plain event costs."""


def run(main: Callable[[Scheduler], Awaitable[T]]) -> T:
    async def inner() -> T:
        return await main(Scheduler())

    return asyncio.run(inner())


class Party:
    """A tenant that never runs out of work: each turn costs what *costs* says next."""

    def __init__(self, scheduler: Scheduler, name: str, weight: float, costs: list[int]) -> None:
        self.scheduler = scheduler
        self.tenant = scheduler.tenant(name, weight)
        self.costs = costs
        self.turns = 0
        self.used = 0

    async def work(self) -> None:
        while True:
            await self.scheduler.turn(self.tenant)
            cost = self.costs[self.turns % len(self.costs)]
            self.turns += 1
            self.used += cost
            self.scheduler.charge(self.tenant, cost)


async def compete(parties: list[Party], jobs: list[int], total: int) -> None:
    """Every party with so many jobs at a time, until *total* fuel is used."""
    tasks = [
        asyncio.ensure_future(party.work())
        for party, count in zip(parties, jobs, strict=True)
        for _ in range(count)
    ]
    try:
        await until(lambda: sum(party.used for party in parties) >= total)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


costs = st.lists(st.integers(SLICE_FUEL // 8, SLICE_FUEL), min_size=1, max_size=5)
kinds = st.tuples(st.sampled_from([0.5, 1.0, 2.0, 3.0]), costs, st.integers(1, 20))


@settings(max_examples=200, deadline=None)
@given(st.lists(kinds, min_size=2, max_size=6))
def test_long_run_shares_follow_the_weights(drawn: list[tuple[float, list[int], int]]) -> None:
    total = 60 * SLICE_FUEL

    async def main(scheduler: Scheduler) -> list[Party]:
        parties = [Party(scheduler, f"{n}", weight, costs) for n, (weight, costs, _) in enumerate(drawn)]
        await compete(parties, [jobs for _, _, jobs in drawn], total)
        return parties

    parties = run(main)
    served = [party.used / party.tenant.weight for party in parties]
    # Start-time fair queueing keeps any two within one job of each apart; a round may hand out two turns at once.
    assert max(served) - min(served) <= 6 * SLICE_FUEL / min(party.tenant.weight for party in parties)


def test_a_thousand_queued_do_not_delay_the_one_of_another() -> None:
    async def main(scheduler: Scheduler) -> int:
        crowd = Party(scheduler, "crowd", 1.0, [EVENT_FUEL])
        waiting = asyncio.ensure_future(compete([crowd], [1000], 100_000 * EVENT_FUEL))
        await until(lambda: crowd.turns >= 5000)
        before = crowd.turns
        await scheduler.turn(scheduler.tenant("single"))
        passed = crowd.turns - before
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        return passed

    # What was handed out in the round under way, and no more.
    assert run(main) <= TURN_FUEL / EVENT_FUEL + 2


def test_a_tenant_that_returns_each_time_gets_every_other_turn_from_a_crowd() -> None:
    async def main(scheduler: Scheduler) -> tuple[int, int]:
        crowd = Party(scheduler, "crowd", 1.0, [EVENT_FUEL])
        single = Party(scheduler, "single", 1.0, [EVENT_FUEL])
        await compete([crowd, single], [100, 1], 1000 * EVENT_FUEL)  # until both are known to cost little
        before = crowd.turns, single.turns
        await compete([crowd, single], [100, 1], crowd.used + single.used + 1000 * EVENT_FUEL)
        return crowd.turns - before[0], single.turns - before[1]

    crowd, single = run(main)
    assert abs(crowd - single) <= 20


def test_small_events_pass_between_the_slices_of_an_endless_loop() -> None:
    async def main(scheduler: Scheduler) -> int:
        loop = Party(scheduler, "loop", 1.0, [SLICE_FUEL])
        task = asyncio.ensure_future(loop.work())
        small = scheduler.tenant("small")
        worst = 0
        for _ in range(500):
            before = loop.turns
            await scheduler.turn(small)
            scheduler.charge(small, EVENT_FUEL)
            worst = max(worst, loop.turns - before)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return worst

    assert run(main) <= 2


def test_what_was_used_while_alone_is_not_held_against_a_tenant_later() -> None:
    async def main(scheduler: Scheduler) -> tuple[int, int]:
        early, late = (Party(scheduler, name, 1.0, [SLICE_FUEL]) for name in ("early", "late"))
        for _ in range(1000):
            scheduler.charge(early.tenant, SLICE_FUEL)  # nobody else there: without a turn
        await compete([early, late], [1, 1], 20 * SLICE_FUEL)
        return early.turns, late.turns

    early, late = run(main)
    assert abs(early - late) <= 2


def test_absence_earns_no_credit() -> None:
    async def main(scheduler: Scheduler) -> tuple[int, int]:
        early, late = (Party(scheduler, name, 1.0, [SLICE_FUEL]) for name in ("early", "late"))
        await compete([early], [2], 1000 * SLICE_FUEL)
        before = early.turns
        await compete([early, late], [2, 2], early.used + 20 * SLICE_FUEL)
        return early.turns - before, late.turns

    early, late = run(main)
    assert abs(early - late) <= 2


def test_functions_of_a_tenant_take_turns_however_many_events_of_each_wait() -> None:
    async def main(scheduler: Scheduler) -> list[str]:
        tenant = scheduler.tenant("one")
        order: list[str] = []

        async def job(line: str) -> None:
            await scheduler.turn(tenant, line)
            order.append(line)
            scheduler.charge(tenant, SLICE_FUEL)

        await asyncio.gather(
            *(job("endless") for _ in range(50)), *(job("quick") for _ in range(3)), job("other")
        )
        return order

    order = run(main)
    assert order[:7] == ["endless", "quick", "other", "endless", "quick", "endless", "quick"]
    assert order[7:] == ["endless"] * 47


def test_within_a_function_first_come_first_served() -> None:
    async def main(scheduler: Scheduler) -> list[int]:
        tenant = scheduler.tenant("one")
        order: list[int] = []

        async def job(number: int) -> None:
            await scheduler.turn(tenant)
            order.append(number)
            scheduler.charge(tenant, SLICE_FUEL)

        await asyncio.gather(*(job(number) for number in range(50)))
        return order

    assert run(main) == list(range(50))


def test_the_loop_has_its_turn_between_rounds() -> None:
    async def main(scheduler: Scheduler) -> list[int]:
        party = Party(scheduler, "one", 1.0, [SLICE_FUEL])
        task = asyncio.ensure_future(compete([party], [10], 100 * SLICE_FUEL))
        seen = []
        while not task.done():
            before = party.used
            await asyncio.sleep(0)
            seen.append(party.used - before)
        return seen

    assert max(run(main)) <= TURN_FUEL + SLICE_FUEL


def test_spent_counts_one_round() -> None:
    async def main(scheduler: Scheduler) -> list[int]:
        scheduler.charge(scheduler.tenant("one"), 5)
        scheduler.charge(scheduler.tenant("two"), 6)
        spent = [scheduler.spent]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return [*spent, scheduler.spent]

    assert run(main) == [11, 0]


def test_a_waiter_that_is_cancelled_costs_nothing() -> None:
    async def main(scheduler: Scheduler) -> tuple[float, bool, int]:
        tenant = scheduler.tenant("one")

        async def job() -> None:
            await scheduler.turn(tenant)

        tasks = [asyncio.ensure_future(job()) for _ in range(100)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for _ in range(3):
            await asyncio.sleep(0)
        await asyncio.wait_for(scheduler.turn(tenant), 5)
        return tenant.virtual_time - tenant.booked, bool(tenant.queue), len(scheduler.ready)

    assert run(main) == (0.0, False, 0)


def test_a_turn_that_is_cancelled_once_granted_costs_nothing() -> None:
    async def main(scheduler: Scheduler) -> float:
        tenant = scheduler.tenant("one")
        for _ in range(1000):
            task = asyncio.ensure_future(asyncio.wait_for(scheduler.turn(tenant), None))
            await until(lambda: tenant.granted > 0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        for _ in range(3):
            await asyncio.sleep(0)
        return tenant.virtual_time

    assert run(main) == 0.0


def test_a_cancelled_waiter_does_not_hold_up_those_behind() -> None:
    async def main(scheduler: Scheduler) -> list[bool]:
        tenants = [scheduler.tenant(name) for name in ("a", "b")]
        turns = [asyncio.ensure_future(_awaited(scheduler, tenant)) for tenant in tenants for _ in range(3)]
        await asyncio.sleep(0)
        for turn in turns[::2]:
            turn.cancel()
        await asyncio.wait(turns, timeout=5)
        return [turn.cancelled() for turn in turns]

    assert run(main) == [True, False] * 3


async def _awaited(scheduler: Scheduler, tenant: object) -> None:
    await scheduler.turn(tenant)  # type: ignore[arg-type]


def test_a_tenant_keeps_its_weight_until_told_otherwise() -> None:
    scheduler = Scheduler()
    tenant = scheduler.tenant("one", 3.0)

    assert scheduler.tenant("one") is tenant
    assert tenant.weight == 3.0
    assert scheduler.tenant("one", 0.5).weight == 0.5


@pytest.mark.parametrize("weight", [0.0, -1.0, math.nan, math.inf])
def test_a_weight_is_a_positive_number(weight: float) -> None:
    with pytest.raises(LimitError, match="weight must be a positive number"):
        Scheduler().tenant("one", weight)


def test_a_tenant_that_nobody_knows_is_forgotten() -> None:
    async def main(scheduler: Scheduler) -> int:
        for number in range(1000):
            tenant = scheduler.tenant(f"tenant {number}")
            await scheduler.turn(tenant)
            scheduler.charge(tenant, EVENT_FUEL)
        del tenant
        for _ in range(3):
            await asyncio.sleep(0)
        gc.collect()
        return len(scheduler._tenants) + len(scheduler.ready)

    assert run(main) == 0


def test_a_loop_that_was_closed_takes_no_turns_with_it() -> None:
    scheduler = Scheduler()
    tenant = scheduler.tenant("one")

    async def leave() -> None:
        scheduler.charge(tenant, 2 * TURN_FUEL)
        abandoned.append(scheduler.turn(tenant))

    abandoned: list[Awaitable[None]] = []
    loop = asyncio.new_event_loop()
    task = loop.create_task(leave())
    task.add_done_callback(lambda _: loop.stop())
    loop.run_forever()
    loop.close()

    async def main() -> None:
        await asyncio.wait_for(scheduler.turn(tenant), 5)
        scheduler.charge(tenant, TURN_FUEL)
        for _ in range(3):
            await asyncio.sleep(0)

    asyncio.run(main())
    assert scheduler.spent == 0
