"""
The cost of counting events as they flow: the queue alone, alternately with and without the counters of the delivery
overview. The rest of the server costs the same either way, so the difference is the cost per event.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.effort import Scale
from benchmarks.figures import Spread
from benchmarks.table import Plot, Table, bars
from benchmarks.target import Target
from headgate.queue.clock import ServiceClock
from headgate.queue.labels import joined
from headgate.queue.model import Done, Lane, NewEvent, NewJob, Step, Tally
from headgate.queue.sqlite import SqliteQueue
from headgate.queue.tallies import Tallies
from headgate_runtime import SystemClock

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from benchmarks.progress import Progress

NAMES: Final = 40
"""Distinct event names, each counted separately."""

LANES: Final = 4

REQUEST: Final = 100
"""Events per call of `put`."""

WRITERS: Final = 16

BOUND_US: Final = 5.0
"""A twentieth of the CPU time per event at 10,000 events per second and core."""

_BODY: Final = b'{"messageId":"m","filler":"' + b"x" * 960 + b'"}'


@dataclass(frozen=True, slots=True)
class Effort:
    """
    rounds    of a turn with counters and one without
    events    of a turn
    """

    rounds: int
    events: int


EFFORTS: Final = {
    Scale.QUICK: Effort(
        rounds=9,
        events=8_000,
    ),
    Scale.FULL: Effort(
        rounds=25,
        events=8_000,
    ),
    Scale.SMOKE: Effort(
        rounds=2,
        events=300,
    ),
}


@dataclass(frozen=True, slots=True)
class Counters:
    """CPU microseconds to put, poll and settle an event: a figure per round."""

    counted: list[float]
    uncounted: list[float]

    @property
    def cost(self) -> Spread:
        pairs = zip(self.counted, self.uncounted, strict=True)
        return Spread.of(counted - uncounted for counted, uncounted in pairs)


async def measure(effort: Effort, progress: Progress) -> Counters:
    figures: dict[bool, list[float]] = {True: [], False: []}
    await _turn(effort.events // 4 or 1, counts=True)
    for number in range(effort.rounds):
        progress.step("counters", number, effort.rounds)
        for counts in (True, False) if number % 2 else (False, True):
            figures[counts].append(await _turn(effort.events, counts=counts))
    return Counters(figures[True], figures[False])


async def _turn(events: int, *, counts: bool) -> float:
    with tempfile.TemporaryDirectory() as folder, contextlib.nullcontext() if counts else _uncounted():
        queue = await SqliteQueue.open(Path(folder) / "queue.sqlite", clock=ServiceClock(SystemClock()))
        began = time.process_time()
        writers = (_put(queue, range(first, events, REQUEST * WRITERS), events) for first in _firsts(events))
        await asyncio.gather(_settle(queue, events), *writers)
        spent = time.process_time() - began
        await queue.close()
    return spent / events * 1e6


def _firsts(events: int) -> Iterable[int]:
    return range(0, min(events, REQUEST * WRITERS), REQUEST)


async def _put(queue: SqliteQueue, requests: Iterable[int], events: int) -> None:
    for first in requests:
        await queue.put([_event(number) for number in range(first, min(first + REQUEST, events))])


def _event(number: int) -> NewEvent:
    labels = joined(f"Event {number % NAMES}", "1.2.3")
    tally = Tally("s", "", Step.RECEIVED, "track", labels=labels)
    job = NewJob(Lane("w", f"d{number % LANES}"))
    return NewEvent("w", "s", f"m{number}", "track", _BODY, (job,), (tally,), labels)


async def _settle(queue: SqliteQueue, events: int) -> None:
    due = asyncio.Event()
    queue.on_due(due.set)
    done = 0
    while done < events:
        due.clear()
        jobs = await queue.poll(lambda _: 200, 400)
        for job in jobs:
            tally = Tally(
                job.source,
                job.lane.destination,
                Step.DELIVERED,
                job.event_type,
                "successes.attempt.1",
                1,
                job.labels,
            )
            queue.settle(Done(job, tally, latency_ms=12.5))
        done += len(jobs)
        if jobs:
            await queue.settled()
        else:
            await due.wait()


@contextlib.contextmanager
def _uncounted() -> Iterator[None]:
    """Disables the counters of all queues."""
    counting = {name: getattr(Tallies, name) for name in ("count", "count_deliveries", "write")}
    for name in counting:
        setattr(Tallies, name, lambda *_: None)
    try:
        yield
    finally:
        for name, method in counting.items():
            setattr(Tallies, name, method)


def tables(found: Counters) -> list[Table]:
    counted, uncounted, cost = Spread.of(found.counted), Spread.of(found.uncounted), found.cost
    rows = [
        (what, *(f"{each:.1f}" for each in (of.median, of.least, of.greatest)))
        for what, of in (
            ("with counters", counted),
            ("without", uncounted),
            ("the difference, round by round", cost),
        )
    ]
    series = {"Headgate": [counted, uncounted]}
    plot = Plot(
        "An event in the queue",
        "microseconds of CPU",
        "bars",
        bars(["with counters", "without"], series),
    )
    return [
        Table(
            "counters",
            "What counting costs",
            "an event put, polled and settled; microseconds of CPU",
            ("queue", "us", "least", "most"),
            rows,
            plot,
        )
    ]


def targets(found: Counters) -> list[Target]:
    return [Target("counting an event and its delivery", found.cost, "most", BOUND_US, "us")]
