"""From source to image: time and size, the time until the image is ready, and the cost of an event then."""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks import libraries, workload
from benchmarks.effort import Scale
from benchmarks.figures import Spread
from benchmarks.peers.contestants import image_of, output_of
from benchmarks.table import Plot, Table, bars
from benchmarks.target import Target
from benchmarks.workload import LIBRARY_USERS, TITLES, Work, source
from headgate_runtime import Executor, Function, Image

if TYPE_CHECKING:
    from benchmarks.progress import Progress


@dataclass(frozen=True, slots=True)
class Effort:
    """
    rounds          in each of which every source is compiled once
    event_rounds    in each of which every compiled function serves every event once
    """

    rounds: int
    event_rounds: int


EFFORTS: Final = {
    Scale.QUICK: Effort(
        rounds=15,
        event_rounds=5,
    ),
    Scale.FULL: Effort(
        rounds=101,
        event_rounds=31,
    ),
    Scale.SMOKE: Effort(
        rounds=1,
        event_rounds=1,
    ),
}


@dataclass(frozen=True, slots=True)
class Row:
    """
    One source.

    compile_cpu_s    CPU seconds of `compile`, a figure per round
    ready_cpu_s      CPU seconds of `Image(bytes).compiled`: what a saved image needs before its first sandbox
    image_bytes      size of the image
    memory_bytes     linear memory a sandbox starts with; what is not written to is shared or not there at all
    event_cpu_s      CPU seconds per event in a warm sandbox, a figure per round
    """

    name: str
    compile_cpu_s: list[float]
    ready_cpu_s: list[float]
    image_bytes: int
    memory_bytes: int
    event_cpu_s: list[float]

    @property
    def title(self) -> str:
        return self.name.upper() if self.name in TITLES else f"with {self.name}"


@dataclass(frozen=True, slots=True)
class Compiling:
    rows: list[Row]


async def measure(effort: Effort, progress: Progress) -> Compiling:
    """Raises Mismatch when a function gives a wrong output."""
    work = workload.load()
    sources = {name: source(name) for name in (*TITLES, *LIBRARY_USERS)}
    images = {name: image_of(text) for name, text in sources.items()}
    rows = {name: Row(name, [], [], image.size, image.memory_bytes, []) for name, image in images.items()}
    for number in range(effort.rounds):
        progress.step("compile", number, effort.rounds)
        for name, text in sources.items():
            gc.collect()
            start = time.process_time()
            module = image_of(text).module
            compiled = time.process_time()
            image = Image(module)
            image.compiled  # noqa: B018 - made when first asked for
            ready = time.process_time()
            rows[name].compile_cpu_s.append(compiled - start)
            rows[name].ready_cpu_s.append(ready - compiled)
    async with Executor() as executor:
        functions = {name: executor.function(image, work.settings) for name, image in images.items()}
        for number in range(effort.event_rounds + 1):
            progress.step("events of what was compiled", number, effort.event_rounds + 1)
            for name, function in functions.items():
                seconds = await _serve(executor, name, function, work)
                if number:  # the first round is for warming up
                    rows[name].event_cpu_s.append(seconds)
    return Compiling(list(rows.values()))


async def _serve(executor: Executor, name: str, function: Function, work: Work) -> float:
    """CPU seconds per event, each event of the workload once."""
    start = time.process_time()
    outcomes = [await executor.invoke(function, event) for event in work.events]
    spent = time.process_time() - start
    outputs = [output_of(outcome) for outcome in outcomes]
    if name in TITLES:
        work.check(name, "compiling", outputs)
    else:
        libraries.check(name, work.events, outputs)
    return spent / len(work.events)


def tables(found: Compiling) -> list[Table]:
    rows = [
        (
            row.title,
            f"{(compile_s := Spread.of(row.compile_cpu_s).median) * 1e3:.1f}",
            f"{1 / compile_s:,.0f}",
            f"{row.image_bytes / 1024:,.0f}",
            f"{row.memory_bytes / 1024:,.0f}",
            f"{Spread.of(row.ready_cpu_s).median * 1e3:.1f}",
            f"{Spread.of(row.event_cpu_s).median * 1e6:,.1f}",
        )
        for row in found.rows
    ]
    plot = Plot(
        "Compiling, and making an image ready",
        "ms of CPU",
        "bars",
        bars(
            [row.title for row in found.rows],
            {
                "compile": [_ms(row.compile_cpu_s) for row in found.rows],
                "image ready": [_ms(row.ready_cpu_s) for row in found.rows],
            },
        ),
        log=True,
    )
    return [
        Table(
            "compiling",
            "Compiling, and what libraries cost",
            "medians of CPU time; KB",
            (
                *("source", "compile ms", "a CPU-second", "image KB", "memory KB"),
                *("image ready ms", "us an event"),
            ),
            rows,
            plot,
            ["aws signs a URL for each event; lodash renames keys, moment converts a time"],
        )
    ]


def targets(found: Compiling) -> list[Target]:
    """Of the functions that use no library; the range of the image is over them."""
    plain = [row for row in found.rows if row.name in TITLES]
    return [
        Target(
            "image of a function without a library",
            Spread.of(row.image_bytes / 1e6 for row in plain),
            "most",
            1.0,
            "MB",
        ),
        Target(
            "compiling a function without a library, CPU",
            Spread.of(seconds * 1e3 for row in plain for seconds in row.compile_cpu_s),
            "most",
            10.0,
            "ms",
        ),
    ]


def _ms(seconds: list[float]) -> Spread:
    return Spread.of(each * 1e3 for each in seconds)
