"""From source to image: how fast, how large, and how long the image takes to be ready for sandboxes."""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.throughput import image_of
from benchmarks.workload import LIBRARY_USERS, TITLES, source
from headgate_runtime import Image

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
    """

    name: str
    compile_cpu_s: list[float]
    ready_cpu_s: list[float]
    image_bytes: int
    memory_bytes: int


def measure(effort: Effort, progress: Progress) -> list[Row]:
    sources = {name: source(name) for name in (*TITLES, *LIBRARY_USERS)}
    images = {name: image_of(text) for name, text in sources.items()}
    rows = {name: Row(name, [], [], image.size, image.memory_bytes) for name, image in images.items()}
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
    return list(rows.values())
