"""
Many warm sandboxes in one process: the private memory of each, and the cost of an event whose sandbox is not in the CPU's
caches.

A process (`python -m benchmarks.sections.sandboxes NAME COUNT`) makes COUNT sandboxes, one per tenant, has each serve one
event, and then serves rounds on demand: it reads a number of events per line and answers with a line of JSON. Processes
with different counts, and one with a single sandbox, take turns.
"""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.effort import Scale
from benchmarks.figures import Spread, geometric_means, ratios
from benchmarks.load.json_process import JsonProcess, answer
from benchmarks.peers.contestants import image_of, output_of
from benchmarks.table import Plot, Table, bars
from benchmarks.target import Target
from benchmarks.workload import Work, load
from headgate_runtime import Executor, Function
from headgate_runtime.private_pages import PageMap, runs

if TYPE_CHECKING:
    from benchmarks.progress import Progress

NAMES = ("f1", "f2", "f3")
MEMORY_NAME = "f2"
"""The function whose sandboxes are judged by the target for memory."""

ROUND_EVENTS_MIN = 1_000

SAMPLED = 100
"""Sandboxes whose linear memory is inspected."""


@dataclass(frozen=True, slots=True)
class Effort:
    """
    counts    sandboxes alive at once
    rounds    in each of which every sandbox serves an event
    """

    counts: tuple[int, ...]
    rounds: int


EFFORTS: Final = {
    Scale.QUICK: Effort(
        counts=(1_000, 5_000),
        rounds=4,
    ),
    Scale.FULL: Effort(
        counts=(1_000, 5_000),
        rounds=15,
    ),
    Scale.SMOKE: Effort(
        counts=(3,),
        rounds=2,
    ),
}


@dataclass(frozen=True, slots=True)
class Memory:
    """
    Memory of one sandbox, in bytes.

    private            growth of the process's Private_Dirty per sandbox, everything on the host's side included
    linear             the part which is linear memory: its private pages
    later              as `private`, after the rounds
    """

    private: float
    linear: float | None
    later: float


@dataclass(frozen=True, slots=True)
class Population:
    """*count* sandboxes of function *name*; *cpu_s* holds CPU seconds per event, a figure per round."""

    name: str
    count: int
    cpu_s: list[float]
    memory: Memory | None


@dataclass(frozen=True, slots=True)
class Populations:
    populations: list[Population]

    def of(self, name: str, count: int) -> Population:
        return next(
            population
            for population in self.populations
            if (population.name, population.count) == (name, count)
        )

    def slower(self, name: str, count: int) -> list[float]:
        """The cost of an event among *count* sandboxes by that with one, round by round."""
        return ratios(self.of(name, count).cpu_s, self.of(name, 1).cpu_s)

    def mean_slower(self, count: int) -> Spread:
        """The same as a geometric mean over the functions."""
        return Spread.of(geometric_means([self.slower(name, count) for name in NAMES]))


def measure(effort: Effort, progress: Progress) -> Populations:
    populations = []
    steps = len(NAMES) * (effort.rounds + 1)
    for index, name in enumerate(NAMES):
        done = index * (effort.rounds + 1)
        progress.step("sandboxes", done, steps)
        counts = (1, *effort.counts)
        processes = [Process(name, count) for count in counts]
        try:
            found = [process.ready() for process in processes]
            cpu: list[list[float]] = [[] for _ in processes]
            for number in range(effort.rounds):
                progress.step("sandboxes", done + number + 1, steps)
                for figures, count, process in zip(cpu, counts, processes, strict=True):
                    figures.append(process.round(max(count, ROUND_EVENTS_MIN)))
            later = [process.private() for process in processes]
        finally:
            for process in processes:
                process.close()
        for count, figures, memory, after in zip(counts, cpu, found, later, strict=True):
            kept = None if memory is None else dataclasses.replace(memory, later=after)
            populations.append(Population(name, count, figures, kept))
    progress.step("sandboxes", steps, steps)
    return Populations(populations)


class Process(JsonProcess):
    """The parent's side of a process with many sandboxes."""

    def __init__(self, name: str, count: int) -> None:
        super().__init__("benchmarks.sections.sandboxes", name, str(count))

    def ready(self) -> Memory | None:
        """Waits until the sandboxes are made. None if the system does not report memory."""
        found = self.read()
        private = found["private"]
        return None if private is None else Memory(private, found["linear"], private)

    def round(self, events: int) -> float:
        """Serves *events* events; returns CPU seconds per event."""
        cpu_s: float = self.ask(str(events))["cpu_s"]
        return cpu_s

    def private(self) -> float:
        """Private bytes per sandbox at present; 0 if the system does not report them."""
        return self.ask("0")["private"] or 0.0


def private_dirty() -> int | None:
    """Bytes of this process that it shares with no other and no file; None off Linux."""
    try:
        lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    except OSError:
        return None
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_Dirty:"))


async def host(work: Work, name: str, count: int) -> None:
    """The body of the process."""
    image = image_of(work.sources[name])
    async with Executor(sandboxes=count + 1) as executor:

        def function(tenant: str) -> Function:
            return executor.function(image, work.settings, tenant=tenant)

        async def one(place: int, population: list[Function]) -> bytes | None:
            event = work.events[place % len(work.events)]
            return output_of(await executor.invoke(population[place % len(population)], event))

        # What all sandboxes share is loaded and paid for by one that does not count.
        await one(0, [function("first")])
        gc.collect()
        before = private_dirty()
        population = [function(f"tenant {number}") for number in range(count)]
        for place in range(count):
            await one(place, population)
        gc.collect()

        def private() -> float | None:
            now = private_dirty()
            return None if now is None or before is None else (now - before) / count

        answer(private=private(), linear=_linear(population))
        while line := sys.stdin.readline():
            events = int(line)
            if not events:
                answer(private=private())
                continue
            gc.collect()
            start = time.process_time()
            outputs = [await one(place, population) for place in range(events)]
            spent = time.process_time() - start
            work.check(name, "sandboxes", outputs)
            answer(cpu_s=spent / events)


def _linear(population: list[Function]) -> float | None:
    """Private bytes of linear memory per sandbox, as the kernel counts pages; None where it does not tell."""
    if not PageMap.available():
        return None
    sandboxes = [slot.sandbox for function in population[:SAMPLED] for slot in function.idle]
    private = sum(end - start for sandbox in sandboxes for start, end in runs(PageMap(sandbox)()))
    return private / len(sandboxes)


def tables(found: Populations) -> list[Table]:
    rows = []
    for population in found.populations:
        memory = population.memory if population.count > 1 else None
        rows.append(
            (
                population.name.upper(),
                f"{population.count:,}",
                f"{memory.private / 1024:,.0f}" if memory else "",
                f"{memory.linear / 1024:,.0f}" if memory and memory.linear else "",
                f"{memory.later / 1024:,.0f}" if memory else "",
                f"{Spread.of(population.cpu_s).median * 1e6:,.1f}",
                f"{Spread.of(found.slower(population.name, population.count)).median:.2f}"
                if population.count > 1
                else "",
            )
        )
    counts = sorted({population.count for population in found.populations})
    plot = Plot(
        "Cost of an event with many sandboxes alive",
        "microseconds of CPU",
        "bars",
        bars(
            [name.upper() for name in NAMES],
            {
                f"{count:,} alive": [
                    Spread.of(seconds * 1e6 for seconds in found.of(name, count).cpu_s) for name in NAMES
                ]
                for count in counts
            },
        ),
    )
    return [
        Table(
            "sandboxes",
            "Many warm sandboxes",
            "each a tenant's own, round robin; KB and microseconds of CPU",
            (
                *("function", "alive", "private KB", "in linear memory", "after the rounds"),
                *("us an event", "to one"),
            ),
            rows,
            plot,
            [f"the target for memory counts on {MEMORY_NAME.upper()}, after one event each"],
        )
    ]


def targets(found: Populations) -> list[Target]:
    counts = sorted({population.count for population in found.populations if population.count > 1})
    aims = []
    for count in counts:
        memory = found.of(MEMORY_NAME, count).memory
        kb = None if memory is None else memory.private / 1024
        aims.append(
            Target(
                f"private memory per warm sandbox, {count:,} alive",
                None if kb is None else Spread(kb, kb, kb),
                "most",
                128.0,
                "KB",
                "this system does not tell private memory",
            )
        )
    if counts:
        aims.append(
            Target(
                f"cost of an event, {counts[-1]:,} alive by one, mean of F1 to F3",
                found.mean_slower(counts[-1]),
                "most",
                1.2,
                "x",
            )
        )
    return aims


if __name__ == "__main__":
    asyncio.run(host(load(), sys.argv[1], int(sys.argv[2])))
