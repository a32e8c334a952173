"""
Well-behaved tenants in one executor beside a hog, which takes as much processor, memory or log as it can.

Paced: each tenant's events arrive at a steady rate (open loop), and those served in time count. Flat out: every tenant
submits its next event as soon as one is served, so together they demand more than there is.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks.figures import jain
from benchmarks.peers.contestants import image_of, output_of
from headgate_runtime import Executor, Limits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from benchmarks.workload import Work
    from headgate_runtime import Function

NAME: Final = "f1"
"""The function of all tenants."""

TENANTS: Final = 20

WORKERS: Final = 2
"""Concurrent events of a tenant, flat out."""

INVOCATIONS: Final = 16
"""Concurrent invocations of the hog: as many as a function may have sandboxes."""

RATE: Final = 500.0
"""Events per second of all tenants together."""

IN_TIME_S: Final = 0.05

HOGS: Final[dict[str, str | None]] = {
    "no hog": None,
    "CPU loop": "function onTrack() { while (true) {} }",
    "memory eater": "function onTrack() { const all = []; while (true) all.push(new Uint8Array(1 << 20).fill(1)) }",
    "log flood": "function onTrack() { while (true) console.log('all work and no play makes '.repeat(40)) }",
}

LIMITS: Final = Limits(fuel=2_000_000)
"""Limits of the hog: less than a millisecond of fuel, so that its sandboxes are constantly discarded and replaced."""


@dataclass(frozen=True, slots=True)
class BesideHog:
    """
    How tenants fared beside one hog.

    sent, served     paced: events of each tenant, and how many of them were served in time
    latencies_ms     paced: from when an event was due to its outcome
    completed        flat out: events served of each tenant
    hog_fuel         flat out: the hog's share of all fuel that was used
    """

    name: str
    sent: int
    served: list[int]
    latencies_ms: list[float]
    completed: list[int]
    hog_fuel: float

    @property
    def fairness(self) -> tuple[float, float]:
        """Jain's index over tenants, of events served by events sent, and of events completed flat out."""
        return jain([count / self.sent for count in self.served]), jain(self.completed)


async def beside_hogs(work: Work, seconds: float, step: Callable[[int], None]) -> list[BesideHog]:
    """Measures *seconds* paced and *seconds* flat out beside each hog. Raises Mismatch for a tenant's wrong output."""
    found = []
    for number, (name, source) in enumerate(HOGS.items()):
        step(number)
        async with Executor() as executor:
            image = image_of(work.sources[NAME])
            functions = [
                executor.function(image, work.settings, tenant=f"tenant {number}")
                for number in range(TENANTS)
            ]
            hog = None if source is None else executor.function(image_of(source), limits=LIMITS, tenant="hog")
            for function in functions:
                for _ in range(3):
                    await _serve(executor, function, work, 0)
            gc.collect()
            async with _beside(executor, hog, work) as fuel:
                sent, served, latencies = await _paced(executor, functions, work, seconds)
                fuel.clear()
                completed, used = await _flat_out(executor, functions, work, seconds)
                share = sum(fuel) / (sum(fuel) + used)
            found.append(BesideHog(name, sent, served, latencies, completed, share))
    return found


async def _serve(executor: Executor, function: Function, work: Work, number: int) -> int:
    """Serves an event and returns its fuel."""
    place = number % len(work.events)
    outcome = await executor.invoke(function, work.events[place])
    work.check(NAME, "tenant", [output_of(outcome)], place)
    return outcome.fuel


async def _paced(
    executor: Executor, functions: list[Function], work: Work, seconds: float
) -> tuple[int, list[int], list[float]]:
    each = max(1, round(seconds * RATE / len(functions)))
    served = [0] * len(functions)
    latencies: list[float] = []

    async def one(who: int, number: int, due: float) -> None:
        await _serve(executor, functions[who], work, number)
        took = time.perf_counter() - due
        latencies.append(took * 1e3)
        served[who] += took <= IN_TIME_S

    start = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(each * len(functions)):
            due = start + number / RATE
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            group.create_task(one(number % len(functions), number, due))
    return each, served, latencies


async def _flat_out(
    executor: Executor, functions: list[Function], work: Work, seconds: float
) -> tuple[list[int], int]:
    completed = [0] * len(functions)
    used = 0
    end = time.perf_counter() + seconds

    async def worker(who: int) -> None:
        nonlocal used
        while time.perf_counter() < end:
            fuel = await _serve(executor, functions[who], work, completed[who])
            used += fuel
            completed[who] += 1
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for who in list(range(len(functions))) * WORKERS:
            group.create_task(worker(who))
    return completed, used


@contextlib.asynccontextmanager
async def _beside(executor: Executor, hog: Function | None, work: Work) -> AsyncIterator[list[int]]:
    """Yields a list to which the fuel of each invocation of *hog* is added as it ends."""
    fuel: list[int] = []

    async def again(function: Function) -> None:
        while True:
            fuel.append((await executor.invoke(function, work.events[0])).fuel)

    tasks = [asyncio.ensure_future(again(hog)) for _ in range(INVOCATIONS) if hog]
    try:
        yield fuel
    finally:
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if not isinstance(result, asyncio.CancelledError):
                raise RuntimeError(f"a hog ended with {result!r}")  # noqa: TRY004 - no matter of types
