"""The machine's own clock and entropy."""

from __future__ import annotations

import asyncio
import gc
import os
import time
import weakref

import pytest

from headgate_runtime import Answer, SystemClock, SystemEntropy


def test_the_clock_is_the_machines() -> None:
    clock = SystemClock()

    assert abs(clock.wall_ms() - time.time() * 1e3) < 1000
    assert abs(clock.monotonic_ms() - time.monotonic() * 1e3) < 1000
    first = clock.monotonic_ms()
    assert clock.monotonic_ms() >= first


async def answer(after: asyncio.Event) -> Answer:
    await after.wait()
    return Answer(1, 0, b"")


def test_a_wait_ends_with_the_first_task() -> None:
    async def main() -> None:
        never, now = asyncio.Event(), asyncio.Event()
        now.set()
        tasks = [asyncio.ensure_future(answer(never)), asyncio.ensure_future(answer(now))]
        assert await SystemClock().wait(tasks, 60_000) == {tasks[1]}
        tasks[0].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(main())


def test_a_wait_ends_with_its_time() -> None:
    async def main() -> None:
        clock, never = SystemClock(), asyncio.Event()
        before = clock.monotonic_ms()
        assert await clock.wait((), 5) == set()
        task = asyncio.ensure_future(answer(never))
        assert await clock.wait([task], 5) == set()
        assert clock.monotonic_ms() - before >= 8
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())


@pytest.mark.parametrize("size", [0, 1, 32, 4095, 4096, 5000])
def test_entropy_gives_what_is_asked_for(size: int) -> None:
    entropy = SystemEntropy()

    assert [len(entropy(size)) for _ in range(300)] == [size] * 300


def test_entropy_does_not_repeat_itself() -> None:
    entropy = SystemEntropy()

    assert len({entropy(32) for _ in range(2000)}) == 2000
    assert SystemEntropy()(32) != SystemEntropy()(32)


def test_a_forked_child_does_not_repeat_its_parent() -> None:
    entropy = SystemEntropy()
    entropy(32)  # now it has read ahead
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, entropy(32))
        os._exit(0)
    own = entropy(32)
    assert os.waitpid(child, 0)[1] == 0
    theirs = os.read(reading, 100)
    os.close(reading)
    os.close(writing)
    assert len(theirs) == 32
    assert theirs != own


def test_entropy_is_forgotten_with_its_executor() -> None:
    reference = weakref.ref(SystemEntropy())
    gc.collect()

    assert reference() is None
