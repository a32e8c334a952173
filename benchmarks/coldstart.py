"""
From nothing but the source, or a saved image, to the first outcome: wall time, with the engine already loaded.

Every start has an executor and a source of its own (they differ in a comment), so nothing is found in a cache.
"""

from __future__ import annotations

import functools
import gc
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.contestants import output_of
from benchmarks.runqueue import Latencies, Stopwatch
from benchmarks.throughput import image_of
from headgate_runtime import Executor, Image

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.effort import Effort
    from benchmarks.progress import Progress
    from benchmarks.workload import Work

NAMES = ("f1", "f2", "f3")
"""In turn. F4 is left out: its first event alone takes longer than a start."""


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


async def measure(work: Work, effort: Effort, progress: Progress) -> ColdStarts:
    """Raises Mismatch for a wrong first output."""
    starts = ColdStarts(Latencies(), Latencies(), Latencies(), {"source": [], "image": [], "file": []})
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "function.wasm"
        for number in range(effort.cold_starts):
            progress.step("cold start", number, effort.cold_starts)
            name = NAMES[number % len(NAMES)]
            source = f"{work.sources[name]}// {number}\n"
            image = await _first(work, name, starts, "source", functools.partial(image_of, source))
            image.save(path)
            await _first(work, name, starts, "image", functools.partial(Image, image.module))
            await _first(work, name, starts, "file", functools.partial(Image.load, path))
        progress.step("cold start", effort.cold_starts, effort.cold_starts)
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
