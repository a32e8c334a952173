"""Sandboxes: bounded for each function and in all, handed out in order, replaced when unfit, and none ever lost."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from headgate_runtime import Executor, ExecutorClosed, Function, Image, Limits, Outcome, compile  # noqa: A004
from headgate_runtime.outcome import Cause
from headgate_runtime.pool import Pool
from headgate_runtime.sandbox import Sandbox
from tests.runtime.fakes import FakeClock, Frozen, Host, until
from tests.stage import SMALL, TRACK

EVENT = orjson.dumps(TRACK)

COUNT = "let n = 0; function onTrack(e) { e.properties.n = ++n; return e }"
"""Says how many events its sandbox has had."""

FETCH = (
    f"{COUNT.replace('function', 'async function').replace('++n;', '++n; await fetch(e.properties.url);')}"
)

LOOP = "function onTrack() { for (;;); }"


def image(source: str) -> Image:
    compiled = compile(source)
    assert isinstance(compiled, Image), compiled
    return compiled


def limits(**changed: int) -> Limits:
    return Limits(**{"fuel": 100_000_000, "memory_bytes": 16 << 20, **changed})


def n(outcome: Outcome) -> int:
    assert outcome.output is not None, outcome
    count: int = orjson.loads(outcome.output)["properties"]["n"]
    return count


def fetching(url: str) -> dict[str, Any]:
    return {**TRACK, "properties": {"url": f"http://host/{url}"}}


def start(executor: Executor, function: Function, event: Any = EVENT) -> asyncio.Task[Outcome]:
    return asyncio.ensure_future(executor.invoke(function, event))


def run(main: Callable[[Executor], Awaitable[None]], **arguments: Any) -> Executor:
    """*main* with an executor, which must have all its sandboxes idle at the end, and none when closed."""

    async def inner() -> Executor:
        async with Executor(**arguments) as executor:
            await main(executor)
            assert executor.live == executor.idle
        assert executor.live == executor.idle == 0
        return executor

    return asyncio.run(inner())


# ---- bounds ----


def test_a_function_has_as_many_sandboxes_as_its_limits_say() -> None:
    host = Host()

    async def main(executor: Executor) -> None:
        function = executor.function(image(FETCH), limits=limits(sandboxes=3))
        tasks = [start(executor, function, fetching(str(number))) for number in range(10)]
        await until(lambda: len(host.pending) == 3)
        for _ in range(50):
            await asyncio.sleep(0)
        assert (executor.live, len(host.pending)) == (3, 3)
        while host.pending or not all(task.done() for task in tasks):
            for url in list(host.pending):
                host.reply(url, b"")
            await asyncio.sleep(0)
        assert executor.live == 3
        assert [n(task.result()) for task in tasks].count(1) == 3

    run(main, fetch=host)
    assert host.seen == [f"http://host/{number}" for number in range(10)]


def test_an_executor_has_as_many_sandboxes_as_it_says() -> None:
    host = Host()

    async def main(executor: Executor) -> None:
        functions = [executor.function(image(FETCH), {"n": number}) for number in range(6)]
        tasks = [start(executor, function, fetching(str(at))) for at, function in enumerate(functions)]
        await until(lambda: len(host.pending) == 4)
        for _ in range(50):
            await asyncio.sleep(0)
        assert (executor.live, len(host.pending)) == (4, 4)
        while not all(task.done() for task in tasks):
            for url in list(host.pending):
                host.reply(url, b"")
            await asyncio.sleep(0)
        assert executor.live <= 4

    run(main, fetch=host, sandboxes=4)
    assert host.seen == [f"http://host/{number}" for number in range(6)]


def test_the_least_recently_used_makes_room() -> None:
    async def main(executor: Executor) -> None:
        a, b, c, d = (executor.function(image(COUNT), {"name": name}) for name in "abcd")
        assert [n(await executor.invoke(each, EVENT)) for each in (a, b, c, a)] == [1, 1, 1, 2]
        assert n(await executor.invoke(d, EVENT)) == 1  # b was used longest ago
        assert executor.live == 3
        assert [n(await executor.invoke(each, EVENT)) for each in (a, c, d)] == [3, 2, 2]
        assert n(await executor.invoke(b, EVENT)) == 1
        assert executor.evicted == 2

    run(main, sandboxes=3)


def test_a_busy_sandbox_is_not_evicted() -> None:
    host = Host()

    async def main(executor: Executor) -> None:
        busy = start(executor, executor.function(image(FETCH)), fetching("slow"))
        await until(lambda: bool(host.pending))
        others = [executor.function(image(COUNT), {"n": number}) for number in range(4)]
        assert [n(await executor.invoke(other, EVENT)) for other in others] == [1] * 4
        assert executor.live == 2
        host.reply("http://host/slow", b"")
        assert n(await busy) == 1

    run(main, fetch=host, sandboxes=2)


def test_a_crowd_in_one_function_does_not_keep_another_from_room() -> None:
    async def main(executor: Executor) -> None:
        crowded, single = (executor.function(image(COUNT), {"name": name}) for name in ("crowd", "single"))
        done: list[str] = []

        async def one(function: Function, name: str) -> None:
            await executor.invoke(function, TRACK)
            done.append(name)

        slot = await executor.pool.acquire(crowded)
        tasks = [asyncio.ensure_future(one(crowded, "crowd")) for _ in range(50)]
        await asyncio.sleep(0)
        tasks.append(asyncio.ensure_future(one(single, "single")))
        await asyncio.sleep(0)
        executor.pool.release(slot, usable=True)
        await asyncio.gather(*tasks)
        assert done.index("single") <= 2

    run(main, sandboxes=1)


# ---- order ----


async def acquire(
    pool: Pool, function: Function, got: list[int], number: int, *, fresh: bool = False
) -> None:
    slot = await pool.acquire(function, fresh=fresh)
    got.append(number)
    await asyncio.sleep(0)
    pool.release(slot, usable=number % 3 != 0)


@pytest.mark.parametrize("fresh", [False, True])
def test_waiters_are_served_in_order(fresh: bool) -> None:
    """Even when sandboxes are lost and when newcomers ask just as one is free."""

    async def main(executor: Executor) -> None:
        function = executor.function(image(COUNT), limits=limits(sandboxes=2))
        got: list[int] = []
        tasks = []
        for number in range(30):
            tasks.append(asyncio.ensure_future(acquire(executor.pool, function, got, number, fresh=fresh)))
            if number % 4 == 3:
                await asyncio.sleep(0)
        await asyncio.gather(*tasks)
        assert got == list(range(30))

    run(main)


def test_waiters_that_were_cancelled_are_passed_over() -> None:
    async def main(executor: Executor) -> None:
        function = executor.function(image(COUNT), limits=limits(sandboxes=1))
        held = await executor.pool.acquire(function)
        got: list[int] = []
        tasks = [asyncio.ensure_future(acquire(executor.pool, function, got, number)) for number in range(10)]
        await asyncio.sleep(0)
        for task in (tasks[0], tasks[4], tasks[9]):
            task.cancel()
        await asyncio.sleep(0)
        executor.pool.release(held, usable=True)
        tasks[1].cancel()  # it has the sandbox already, but does not know
        await asyncio.gather(*tasks, return_exceptions=True)
        assert got == [2, 3, 5, 6, 7, 8]

    run(main)


def test_a_waiter_for_room_that_is_cancelled_does_not_take_the_room_with_it() -> None:
    async def main(executor: Executor) -> None:
        first, second, third = (executor.function(image(COUNT), {"n": number}) for number in range(3))
        held = await executor.pool.acquire(first)
        tasks = [start(executor, function, TRACK) for function in (second, third)]
        await asyncio.sleep(0)
        executor.pool.release(held, usable=True)
        tasks[0].cancel()
        assert n(await asyncio.wait_for(tasks[1], 5)) == 1

    run(main, sandboxes=1)


def test_a_sandbox_that_cannot_be_made_is_an_error_of_who_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main(executor: Executor) -> None:
        function = executor.function(image(COUNT), limits=limits(sandboxes=1))
        held = await executor.pool.acquire(function)
        waiting = start(executor, function)
        await asyncio.sleep(0)

        def fail(_: Function) -> None:
            raise OSError("no address space")

        with monkeypatch.context() as patch:
            patch.setattr("headgate_runtime.pool.Slot", fail)
            executor.pool.release(held, usable=False)
            with pytest.raises(OSError, match="no address space"):
                await waiting
        assert executor.live == 0
        assert n(await executor.invoke(function, EVENT)) == 1

    run(main)


# ---- fitness ----


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("for (;;);", Cause.TIMEOUT),
        ("await new Promise(() => setTimeout(() => {}, 1e6))", Cause.TIMEOUT),
        ("await new Promise(() => {})", Cause.TIMEOUT),
        ("const all = []; for (;;) all.push(new Uint8Array(1e6).fill(1))", Cause.INTERNAL),
    ],
    ids=["fuel", "time", "stuck", "memory"],
)
def test_a_sandbox_that_was_hurt_is_replaced(code: str, cause: Cause) -> None:
    source = (
        f"let n = 0; async function onTrack(e) {{ e.properties.n = ++n; if (n === 2) {{ {code} }} return e }}"
    )

    async def main(executor: Executor) -> None:
        function = executor.function(image(source), limits=limits(fuel=60_000_000, memory_bytes=12 << 20))
        assert n(await executor.invoke(function, EVENT)) == 1
        assert (await executor.invoke(function, EVENT)).cause is cause
        assert executor.live == 0
        assert n(await executor.invoke(function, EVENT)) == 1

    run(main, clock=FakeClock())


def test_a_sandbox_that_has_no_stack_left_for_the_engine_is_replaced() -> None:
    """A trap, which no JavaScript leads to; the pool is told as it would be."""

    async def main(executor: Executor) -> None:
        function = executor.function(image(COUNT))
        slot = await executor.pool.acquire(function)
        executor.pool.release(slot, usable=False)
        assert slot.sandbox.closed
        assert executor.live == 0

    run(main)


def test_a_thrown_error_does_not_cost_the_sandbox() -> None:
    source = (
        "let n = 0; function onTrack(e) { e.properties.n = ++n; if (n % 2) throw new Error('odd'); return e }"
    )

    async def main(executor: Executor) -> None:
        function = executor.function(image(source))
        outcomes = [await executor.invoke(function, EVENT) for _ in range(4)]
        assert [outcome.outcome for outcome in outcomes] == ["discard", "forward"] * 2
        assert n(outcomes[3]) == 4

    run(main)


def test_what_cannot_be_rewound_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main(executor: Executor) -> None:
        function = executor.function(image(COUNT), isolation="hermetic")
        slot = await executor.pool.acquire(function)

        def fail(_: object) -> bool:
            raise OSError("PAGEMAP_SCAN failed")

        with monkeypatch.context() as patch:
            patch.setattr("headgate_runtime.rewind.Rewinder.scan", fail)
            executor.pool.release(slot, usable=True)
        assert slot.sandbox.closed
        assert n(await executor.invoke(function, EVENT)) == 1

    run(main)


# ---- cancellation ----


def test_cancelled_while_it_waits_for_a_turn() -> None:
    async def main(executor: Executor) -> None:
        looping = [start(executor, executor.function(image(LOOP), tenant="loop")) for _ in range(6)]
        function = executor.function(image(COUNT))
        await until(lambda: executor.live == 6 and bool(executor.scheduler.ready))
        tasks = [start(executor, function) for _ in range(20)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert all(task.cancelled() for task in tasks)
        assert executor.live == 6
        for task in looping:
            task.cancel()
        await asyncio.gather(*looping, return_exceptions=True)
        assert executor.live == 0

    run(main)


def test_cancelled_between_two_slices() -> None:
    async def main(executor: Executor) -> None:
        function = executor.function(image(LOOP), limits=Limits(time_ms=60_000))
        for _ in range(3):
            task = start(executor, function)
            for _ in range(10):
                await asyncio.sleep(0)
            assert executor.live == 1
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert executor.live == 0

    run(main)


def test_cancelled_while_it_waits_for_a_sandbox() -> None:
    async def main(executor: Executor) -> None:
        function = executor.function(image(COUNT), limits=limits(sandboxes=1))
        held = await executor.pool.acquire(function)
        task = start(executor, function)
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()
        executor.pool.release(held, usable=True)
        assert (executor.live, executor.idle) == (1, 1)

    run(main)


def test_cancelled_while_it_waits_for_the_host() -> None:
    host = Host()

    async def main(executor: Executor) -> None:
        task = start(executor, executor.function(image(FETCH)), fetching("slow"))
        await until(lambda: bool(host.pending))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert executor.live == 0

    run(main, fetch=host)
    assert host.cancelled == ["http://host/slow"]


def test_cancelled_while_it_waits_for_a_timer() -> None:
    clock = Frozen()
    source = "async function onTrack(e) { await new Promise((done) => setTimeout(done, 1000)); return e }"

    async def main(executor: Executor) -> None:
        task = start(executor, executor.function(image(source)))
        await until(lambda: bool(clock.waits))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert executor.live == 0

    run(main, clock=clock)


# ---- closing ----


def test_closing_ends_invocations_at_every_stage() -> None:
    host = Host()
    clock = Frozen()
    timer = "async function onTrack(e) { await new Promise((done) => setTimeout(done, 1000)); return e }"

    async def main(executor: Executor) -> None:
        fetch = executor.function(image(FETCH), limits=limits(sandboxes=1))
        stages = [start(executor, fetch, fetching("slow"))]
        await until(lambda: bool(host.pending))
        stages.append(start(executor, fetch, fetching("never")))  # waits for a sandbox
        stages.append(start(executor, executor.function(image(timer))))
        await until(lambda: len(clock.waits) == 2)
        stages.append(start(executor, executor.function(image(LOOP), limits=Limits())))
        await until(lambda: bool(executor.scheduler.ready))
        stages.append(start(executor, executor.function(image(COUNT))))  # waits for a turn
        executor.close()
        assert executor.live == 0
        results = await asyncio.gather(*stages, return_exceptions=True)
        assert [type(result) for result in results] == [ExecutorClosed] * 5
        assert {str(result) for result in results} == {"the executor was closed"}

    run(main, fetch=host, clock=clock)
    assert host.cancelled == ["http://host/slow"]


def test_a_task_that_is_cancelled_as_the_executor_closes_is_cancelled() -> None:
    host = Host()

    async def main(executor: Executor) -> None:
        task = start(executor, executor.function(image(FETCH)), fetching("slow"))
        await until(lambda: bool(host.pending))
        task.cancel()
        executor.close()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main, fetch=host)


def test_a_closed_executor_takes_nothing_more() -> None:
    async def main(executor: Executor) -> None:
        function = executor.function(image(COUNT))
        executor.close()
        executor.close()
        with pytest.raises(ExecutorClosed):
            await executor.invoke(function, EVENT)
        with pytest.raises(ExecutorClosed):
            executor.function(image(COUNT))
        with pytest.raises(ExecutorClosed):
            await executor.compile(COUNT)

    run(main)


# ---- leaks ----


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").is_dir() else 0


def mappings() -> int:
    maps = Path("/proc/self/maps")
    return len(maps.read_text().splitlines()) if maps.is_file() else 0


@pytest.mark.parametrize("isolation", ["warm", "hermetic"])
def test_a_thousand_sandboxes_leave_nothing_behind(isolation: Any) -> None:
    async def cycle(executor: Executor, times: int, function: Function) -> None:
        for _ in range(times):
            assert (await executor.invoke(function, EVENT)).outcome == "forward"
            executor.dismiss(function)
            assert executor.live == 0

    async def main(executor: Executor) -> None:
        function = executor.function(image(COUNT), isolation=isolation, limits=SMALL)
        await cycle(executor, 20, function)
        before = descriptors(), mappings()
        await cycle(executor, 1000, function)
        after = descriptors(), mappings()
        assert after[0] <= before[0]
        assert after[1] <= before[1] + 20

    run(main)


def test_a_hundred_executors_leave_nothing_behind() -> None:
    compiled = image(COUNT)

    async def one() -> weakref.ref[Executor]:
        async with Executor() as executor:
            assert n(await executor.invoke(compiled, EVENT)) == 1
            return weakref.ref(executor)

    async def many() -> list[weakref.ref[Executor]]:
        return [await one() for _ in range(100)]

    asyncio.run(many())
    gc.collect()
    before = descriptors()
    references = asyncio.run(many())
    gc.collect()
    assert [reference for reference in references if reference() is not None] == []
    assert descriptors() <= before


def test_an_executor_that_nobody_closed_is_closed_when_it_is_forgotten() -> None:
    async def main(executor: Executor) -> None:
        await executor.invoke(image(COUNT), EVENT)

    before = len(Sandbox.by_context)
    executor = Executor()
    asyncio.run(main(executor))
    assert len(Sandbox.by_context) == before + 1
    del executor
    gc.collect()
    assert len(Sandbox.by_context) == before


def test_functions_are_forgotten_with_their_last_sandbox() -> None:
    async def main(executor: Executor) -> None:
        compiled = image(COUNT)
        for number in range(50):
            outcome = await executor.invoke(compiled, EVENT, {"n": number}, tenant=f"tenant {number}")
            assert n(outcome) == 1
        gc.collect()
        assert executor.live == 5
        assert len(executor._functions) == 5
        assert len(executor.scheduler._tenants) == 5

    run(main, sandboxes=5)


def test_a_function_that_the_caller_keeps_is_remembered() -> None:
    async def main(executor: Executor) -> None:
        kept = executor.function(image(COUNT), {"kept": True})
        await executor.invoke(kept, EVENT)
        for number in range(3):
            await executor.invoke(image(COUNT), EVENT, {"n": number})
        gc.collect()
        assert executor.function(image(COUNT), {"kept": True}) is kept

    run(main, sandboxes=1)


def test_a_function_that_is_dismissed_keeps_no_idle_sandbox() -> None:
    async def main(executor: Executor) -> None:
        wanted, other = (executor.function(image(COUNT), owner=owner) for owner in ("a", "b"))
        for function in (wanted, wanted, other):
            await executor.invoke(function, EVENT)
        executor.dismiss(wanted)
        assert (executor.live, executor.idle) == (1, 1)
        assert n(await executor.invoke(wanted, EVENT)) == 1
        assert n(await executor.invoke(other, EVENT)) == 2

    run(main)
