"""Deadlines: on time, once, and not any more when the block is over."""

from __future__ import annotations

import asyncio

import pytest

from headgate_runtime import SystemClock
from headgate_runtime.fetch.deadline import Deadline
from tests.runtime.fakes import Frozen
from tests.runtime.fetch.asking import in_loop


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@in_loop
async def test_it_ends_the_block_when_the_time_has_passed() -> None:
    clock = Frozen()
    reached = []

    async def work() -> None:
        async with Deadline(clock, 50):
            for step in range(3):
                reached.append(step)
                await clock.wait((), 25)

    task = asyncio.ensure_future(work())
    for _ in range(2):
        await turns()
        clock.advance(25)
    with pytest.raises(TimeoutError):
        await task
    assert reached in ([0, 1], [0, 1, 2])  # both are due at the same moment


@in_loop
async def test_what_is_over_stays_over() -> None:
    clock = Frozen()
    async with Deadline(clock, 50) as deadline:
        await turns()
    clock.advance(50)
    await turns()
    assert not deadline.end()
    assert len(asyncio.all_tasks()) == 1  # no timer is left behind


@in_loop
async def test_lifted_at_the_very_moment_it_is_due() -> None:
    clock = Frozen()
    async with Deadline(clock, 50) as deadline:
        await turns()
        clock.advance(50)
        await asyncio.sleep(0)
        deadline.lift()
        await turns()


@in_loop
async def test_it_can_be_ended_early_and_once() -> None:
    deadline = Deadline(Frozen(), None)

    async def work() -> None:
        async with deadline:
            assert deadline.end()
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await work()
    assert not deadline.end()


@in_loop
async def test_a_cancelled_block_is_cancelled() -> None:
    async def work() -> None:
        async with Deadline(Frozen(), 50):
            await asyncio.Event().wait()

    task = asyncio.ensure_future(work())
    await turns()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@in_loop
async def test_on_the_clock_of_the_machine() -> None:
    async def work() -> None:
        async with Deadline(SystemClock(), 1):
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await work()
