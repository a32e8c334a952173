"""Turns are divided among tenants by the fewest, whatever order they come and go in."""

from __future__ import annotations

import asyncio
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from headgate_runtime.fetch.fair_semaphore import FairSemaphore
from tests.runtime.fetch.asking import in_loop

TOTAL = 5
EACH = 3
STEPS = st.lists(
    st.tuples(st.sampled_from(["acquire", "release", "cancel"]), st.sampled_from("abcd")), max_size=60
)


@given(STEPS)
def test_bounds_fairness_and_order(steps: list[tuple[str, str]]) -> None:
    @in_loop
    async def check() -> None:
        turns = FairSemaphore(TOTAL, EACH)
        held: Counter[str] = Counter()
        waiting: list[tuple[str, asyncio.Task[None]]] = []
        for step, tenant in steps:
            if step == "acquire":
                waiting.append((tenant, asyncio.ensure_future(turns.acquire(tenant))))
            elif step == "release" and held[tenant]:
                held[tenant] -= 1
                turns.release(tenant)
            elif step == "cancel" and (own := [task for name, task in waiting if name == tenant]):
                own[-1].cancel()
            before = held.copy()
            for _ in range(3):
                await asyncio.sleep(0)
            left = [(name, task) for name, task in waiting if not task.done()]
            for name, task in waiting:
                if task.done() and not task.cancelled():
                    held[name] += 1
                    # Nobody who could have gone instead held fewer.
                    assert all(before[name] <= before[other] for other, _ in left if before[other] < EACH)
            waiting = left
            assert held.total() <= TOTAL
            assert max(held.values(), default=0) <= EACH
            assert all(held.total() == TOTAL or held[name] == EACH for name, _ in waiting)
        for name in list(held.elements()):
            turns.release(name)
        turns.cancel()
        await asyncio.gather(*(task for _, task in waiting), return_exceptions=True)

    check()


@in_loop
async def test_a_turn_given_to_a_caller_that_is_just_cancelled_goes_on() -> None:
    turns = FairSemaphore(1, 1)
    await turns.acquire("a")
    first, second = (asyncio.ensure_future(turns.acquire(name)) for name in "bc")
    await asyncio.sleep(0)
    turns.release("a")
    first.cancel()
    await asyncio.wait_for(second, 10)
    assert first.cancelled()
