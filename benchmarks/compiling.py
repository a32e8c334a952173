"""From source to image: how fast, how large, how long the image takes to be ready, and what an event costs then."""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks import libraries
from benchmarks.contestants import output_of
from benchmarks.throughput import image_of
from benchmarks.workload import LIBRARY_USERS, TITLES, Work, source
from headgate_runtime import Executor, Function, Image

if TYPE_CHECKING:
    from benchmarks.effort import Effort
    from benchmarks.progress import Progress


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


async def measure(work: Work, effort: Effort, progress: Progress) -> list[Row]:
    """Raises Mismatch when a function gives a wrong output."""
    sources = {name: source(name) for name in (*TITLES, *LIBRARY_USERS)}
    images = {name: image_of(text) for name, text in sources.items()}
    rows = {name: Row(name, [], [], image.size, image.memory_bytes, []) for name, image in images.items()}
    for number in range(effort.compile_rounds):
        progress.step("compile", number, effort.compile_rounds)
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
    return list(rows.values())


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
