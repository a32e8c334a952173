"""
The latency that endless loops of one tenant add to another tenant's events: an open loop, one event loop for both.

The steady tenant runs F1 on events that arrive from another process at a fixed rate. Beside it, one or many invocations of
`while (true) {}` run into their fuel limit and start again. Parts with and without them alternate.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks import workload
from benchmarks.effort import Scale
from benchmarks.figures import Spread, percentile
from benchmarks.load import feeder
from benchmarks.peers.contestants import image_of, output_of
from benchmarks.runqueue import Latencies, SamplingClock
from benchmarks.table import Plot, Table, bars
from benchmarks.target import Target
from headgate_runtime import Executor, Function, Limits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from benchmarks.progress import Progress

ENDLESS: Final = "function onTrack() { while (true) {} }"

LOOPERS: Final = (0, 1, 16)
"""Numbers of concurrent endless invocations."""

LIMITS: Final = Limits(fuel=2_000_000_000)
"""Limits of the endless function: a tenth of the usual fuel, so that in every part sandboxes are discarded and replaced."""


@dataclass(frozen=True, slots=True)
class Effort:
    """
    rounds    of a part for each number of LOOPERS
    part_s    wall seconds of a part
    rate      events per second that arrive
    """

    rounds: int
    part_s: float
    rate: int


EFFORTS: Final = {
    Scale.QUICK: Effort(
        rounds=3,
        part_s=1.2,
        rate=500,
    ),
    Scale.FULL: Effort(
        rounds=15,
        part_s=4.0,
        rate=500,
    ),
    Scale.SMOKE: Effort(
        rounds=1,
        part_s=0.1,
        rate=200,
    ),
}


@dataclass(frozen=True, slots=True)
class Part:
    """The latencies of one part beside *loopers* endless invocations; *ended* counts those that were stopped."""

    loopers: int
    ended: int
    latencies: Latencies

    def percentile(self, share: float, *, own: bool) -> float:
        """Milliseconds; *own* without waiting for a core."""
        return percentile(self.latencies.own if own else self.latencies.wall, share)


@dataclass(frozen=True, slots=True)
class NoisyNeighbour:
    """*rounds* of parts, one per number of LOOPERS; events arrive at *rate* per second."""

    rate: int
    rounds: list[list[Part]]

    def percentile(self, loopers: int, share: float, *, own: bool) -> Spread:
        """Milliseconds, over the rounds."""
        return Spread.of(
            part.percentile(share, own=own)
            for parts in self.rounds
            for part in parts
            if part.loopers == loopers
        )

    def added(self, loopers: int, share: float, *, own: bool) -> Spread:
        """Milliseconds that the percentile is above that of the same round without a loop."""
        return Spread.of(
            part.percentile(share, own=own) - parts[0].percentile(share, own=own)
            for parts in self.rounds
            for part in parts
            if part.loopers == loopers
        )


async def measure(effort: Effort, progress: Progress) -> NoisyNeighbour:
    """Raises Mismatch for a wrong output of the tenant."""
    work = workload.load()
    clock = SamplingClock()
    async with Executor(clock=clock) as executor:
        ours = executor.function(image_of(work.sources["f1"]), work.settings, tenant="steady")
        theirs = executor.function(image_of(ENDLESS), limits=LIMITS, tenant="endless")

        async def serve(number: int) -> None:
            place = number % len(work.events)
            output = output_of(await executor.invoke(ours, work.events[place]))
            if output != expected[place]:
                work.check("f1", "noisy neighbour", [*expected[:place], output])

        expected = [output_of(await executor.invoke(ours, event)) for event in work.events]
        work.check("f1", "noisy neighbour", expected)
        rounds = []
        count = max(1, round(effort.part_s * effort.rate))
        for number in range(effort.rounds):
            progress.step("noisy neighbour", number, effort.rounds)
            parts = []
            for loopers in LOOPERS:
                gc.collect()
                clock.forget()
                clock.sample()
                async with _endless(executor, theirs, loopers, work.events[0]) as ended:
                    arrived = await feeder.arrivals(effort.rate, count, serve)
                latencies = Latencies()
                for sent, served in arrived:
                    waited = clock.waited_between(sent, served, asleep=not loopers)
                    latencies.add(served - sent, waited)
                parts.append(Part(loopers, len(ended), latencies))
            rounds.append(parts)
    return NoisyNeighbour(effort.rate, rounds)


@contextlib.asynccontextmanager
async def _endless(
    executor: Executor, function: Function, count: int, event: bytes
) -> AsyncIterator[list[str | None]]:
    """Keeps *count* endless invocations running; yields a list of the messages with which they were stopped."""
    ended: list[str | None] = []

    async def again() -> None:
        while True:
            outcome = await executor.invoke(function, event)
            assert outcome.outcome == "retry", outcome
            ended.append(outcome.message)

    tasks = [asyncio.ensure_future(again()) for _ in range(count)]
    try:
        yield ended
    finally:
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if not isinstance(result, asyncio.CancelledError):
                raise RuntimeError(f"an endless function ended with {result!r}")  # noqa: TRY004 - no matter of types


def tables(found: NoisyNeighbour) -> list[Table]:
    rows, figures = [], {}
    for loopers in LOOPERS:
        beside = {0: "none", 1: "one loop"}.get(loopers, f"{loopers} loops at once")
        added = found.added(loopers, 0.99, own=True)
        own = [found.percentile(loopers, share, own=True) for share in (0.5, 0.99)]
        wall = found.percentile(loopers, 0.99, own=False)
        figures[beside] = [*own, wall]
        rows.append(
            (
                beside,
                *(f"{each.median:.2f}" for each in own),
                f"{added.median:.2f}" if loopers else "",
                f"{added.least:.2f} to {added.greatest:.2f}" if loopers else "",
                f"{wall.median:.2f}",
            )
        )
    plot = Plot(
        "Latency beside endless loops",
        "ms",
        "bars",
        bars(["p50", "p99", "wall p99"], figures),
        log=True,
    )
    return [
        Table(
            "noisy-neighbour",
            "A neighbour of endless loops",
            f"F1, {found.rate:,} events/s from another process, ms; median of {len(found.rounds)} rounds",
            ("beside", "p50", "p99", "added p99", "range", "wall p99"),
            rows,
            plot,
        )
    ]


def targets(found: NoisyNeighbour) -> list[Target]:
    return [
        Target("added p99 beside an endless loop", found.added(1, 0.99, own=True), "most", 2.0, "ms"),
    ]
