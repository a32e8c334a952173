"""
Time from the source or a saved image to the first outcome: wall time, with the engine already loaded.

Every start has its own executor and its own source (they differ in a comment), so nothing is cached.
"""

from __future__ import annotations

import functools
import gc
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks import workload
from benchmarks.effort import Scale
from benchmarks.figures import Spread, percentile
from benchmarks.peers.contestants import image_of, output_of
from benchmarks.runqueue import Latencies, Stopwatch
from benchmarks.table import Plot, Table, bars
from benchmarks.target import Target
from headgate_runtime import Executor, Image

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.progress import Progress
    from benchmarks.workload import Work

NAMES = ("f1", "f2", "f3")
"""In turn. F4 is left out: its first event alone takes longer than a start."""

WAYS: Final = {"source": "from source", "image": "from a saved image", "file": "from an image file"}


@dataclass(frozen=True, slots=True)
class Effort:
    """*starts* are measured of each way to a first result."""

    starts: int


EFFORTS: Final = {
    Scale.QUICK: Effort(
        starts=100,
    ),
    Scale.FULL: Effort(
        starts=1_000,
    ),
    Scale.SMOKE: Effort(
        starts=3,
    ),
}


@dataclass(frozen=True, slots=True)
class ColdStarts:
    """
    Times to every first result, per way to it; *cpu_ms* is the processor time of each, of all threads.

    source     compile the source, invoke
    image      `Image(bytes)`, invoke
    file       `Image.load(path)`, invoke
    """

    source: Latencies
    image: Latencies
    file: Latencies
    cpu_ms: dict[str, list[float]]


async def measure(effort: Effort, progress: Progress) -> ColdStarts:
    """Raises Mismatch for a wrong first output."""
    work = workload.load()
    starts = ColdStarts(Latencies(), Latencies(), Latencies(), {"source": [], "image": [], "file": []})
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "function.wasm"
        for number in range(effort.starts):
            progress.step("cold start", number, effort.starts)
            name = NAMES[number % len(NAMES)]
            source = f"{work.sources[name]}// {number}\n"
            image = await _first(work, name, starts, "source", functools.partial(image_of, source))
            image.save(path)
            await _first(work, name, starts, "image", functools.partial(Image, image.module))
            await _first(work, name, starts, "file", functools.partial(Image.load, path))
        progress.step("cold start", effort.starts, effort.starts)
    return starts


async def _first(work: Work, name: str, starts: ColdStarts, way: str, obtain: Callable[[], Image]) -> Image:
    """Times one start with the image that *obtain* gives."""
    latencies: Latencies = getattr(starts, way)
    watch = Stopwatch(latencies)
    gc.collect()
    cpu = time.process_time()
    watch.start()
    image = obtain()
    async with Executor() as executor:
        outcome = await executor.invoke(image, work.events[0], work.settings)
        watch.stop()
        starts.cpu_ms[way].append((time.process_time() - cpu) * 1e3)
    work.check(name, "cold start", [output_of(outcome)])
    return image


def tables(found: ColdStarts) -> list[Table]:
    rows = [
        (
            title,
            *(
                f"{percentile(values, share):.2f}"
                for values in (getattr(found, way).own, getattr(found, way).wall)
                for share in (0.5, 0.99)
            ),
            f"{percentile(found.cpu_ms[way], 0.5):.2f}",
        )
        for way, title in WAYS.items()
    ]
    figures = {
        title: [_p50(getattr(found, way).own), _p50(getattr(found, way).wall), _p50(found.cpu_ms[way])]
        for way, title in WAYS.items()
    }
    plot = Plot(
        "First result, p50 with least and most",
        "ms",
        "bars",
        bars(["without waiting for a core", "wall time", "CPU time"], figures),
        log=True,
    )
    return [
        Table(
            "coldstart",
            "First result, engine loaded",
            f"{len(found.source.own)} starts of F1 to F3 in turn, ms",
            ("way", "p50", "p99", "wall p50", "wall p99", "CPU p50"),
            rows,
            plot,
        )
    ]


def targets(found: ColdStarts) -> list[Target]:
    """Judged by the p50 without waiting for a core; the range is that of all starts."""
    return [
        Target("first result from a saved image, p50", _p50(found.image.own), "most", 1.0, "ms"),
        Target("first result from source, p50", _p50(found.source.own), "most", 10.0, "ms"),
    ]


def _p50(values: list[float]) -> Spread:
    return Spread(percentile(values, 0.5), min(values), max(values))
