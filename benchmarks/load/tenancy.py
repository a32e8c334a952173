"""
Many functions in one process. Each has its own tenant and its own source, so no two images are equal.

The process (`python -m benchmarks.load.tenancy COUNT ISOLATION`) creates them, has each serve one event, and then serves rounds on
demand: it reads a kind of traffic and a number of events per line, and answers with a line of JSON.
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
import itertools
import random
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.load.json_process import JsonProcess, answer
from benchmarks.peers.contestants import image_of, output_of
from benchmarks.workload import load
from headgate_runtime import Executor, overlay, wasm
from headgate_runtime.image import Image

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from benchmarks.workload import Work
    from headgate_runtime import Function
    from headgate_runtime.function import Isolation

NAME: Final = "f2"
"""The function whose source they all have, with the tenant's number in a comment of the handler."""

TRAFFIC: Final = ("uniform", "zipf")
"""How the function of the next event is drawn: uniformly, or with a probability in proportion to 1/rank."""

DIGITS: Final = b"%08d"

COMPILED: Final = 100
"""Functions that are compiled, which is timed. The images of the others are derived from the first."""

COMPARED: Final = 1_000
"""Every so many derived images, one is compared with what its source compiles to."""


@dataclass(frozen=True, slots=True)
class Ready:
    """
    A process whose functions have each served one event.

    compile_s       CPU seconds to compile one function
    first_s         CPU seconds of a function's first event, which includes making its sandbox if it needs one
    sandboxes       number of sandboxes after that
    resident        bytes of the process: its proportional set size (Pss) and its page tables; None off Linux
    idle            the same before any function was created
    """

    compile_s: float
    first_s: float
    sandboxes: int
    resident: int | None
    idle: int | None


class Process(JsonProcess):
    """The parent's side of the process."""

    def __init__(self, count: int, isolation: Isolation) -> None:
        super().__init__("benchmarks.load.tenancy", str(count), isolation)

    def ready(self) -> Ready:
        """Waits until all functions have served an event. Raises RuntimeError if the process ends."""
        return Ready(**self.read())

    def round(self, traffic: str, events: int) -> float:
        """Serves *events* events; returns CPU seconds per event."""
        cpu_s: float = self.ask(f"{traffic} {events}")["cpu_s"]
        return cpu_s


def source_of(work: Work, number: int) -> str:
    """The source of tenant *number*; all are of equal length."""
    head, brace, rest = work.sources[NAME].partition("{\n")
    return f"{head}{brace}  // of tenant {number:08}\n{rest}"


class ImageFactory:
    """
    Makes the images of tenants. Sources differ only in eight digits of a comment, and so do images: replacing the digits
    in one image is much faster than compiling each source.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._pattern = image_of(source_of(work, 0))
        assert self._pattern.overlay is not None
        memory = overlay.onto_base(self._pattern.overlay)
        mark = b"of tenant " + DIGITS % 0
        assert memory.count(mark) == 1, "the comment is in the image more than once, or not at all"
        self._at = memory.index(mark) + len(mark) - len(DIGITS % 0)

    def image(self, number: int) -> Image:
        digits = DIGITS % number
        over = overlay.Overlay.of(self._with_digits(part, digits) for part in self._pattern.overlay or ())
        source = hashlib.sha256(source_of(self._work, number).encode()).hexdigest()
        pages = self._pattern.memory_bytes // wasm.PAGE_BYTES
        return Image.of_overlay(over, pages, {**self._pattern.metadata, "source": source})

    def _with_digits(self, part: wasm.Segment, digits: bytes) -> wasm.Segment:
        content = bytearray(part.content)
        for place, digit in enumerate(digits, self._at - part.offset):
            if 0 <= place < len(content):
                content[place] = digit
        return wasm.Segment(part.offset, bytes(content))


def images(work: Work, count: int) -> Iterator[Image]:
    """An image for each tenant; every COMPARED-th is also compiled, and must be equal."""
    factory = ImageFactory(work)
    for number in range(count):
        image = factory.image(number)
        if number < COMPILED or not number % COMPARED:
            compiled = image_of(source_of(work, number))
            assert image == compiled, "an image that is not what its source compiles to"
            image = compiled
        yield image


def resident() -> int | None:
    """Bytes of this process: proportional set size and page tables; None off Linux."""
    try:
        shares = Path("/proc/self/smaps_rollup").read_text()
        status = Path("/proc/self/status").read_text()
    except OSError:
        return None
    lines = [*shares.splitlines(), *status.splitlines()]
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(("Pss:", "VmPTE:")))


async def host(work: Work, count: int, isolation: Isolation) -> None:
    """The body of the process."""
    async with Executor(sandboxes=count + 1) as executor:
        function = executor.function(
            image_of(work.sources[NAME]), work.settings, isolation=isolation, tenant="first"
        )
        await executor.invoke(function, work.events[0])
        gc.collect()
        idle = resident()
        functions: list[Function] = []
        made = images(work, count)
        start = time.process_time()
        functions += _functions(executor, work, isolation, itertools.islice(made, COMPILED), 0)
        compile_s = (time.process_time() - start) / len(functions)
        functions += _functions(executor, work, isolation, made, len(functions))
        gc.collect()
        gc.freeze()
        start = time.process_time()
        outputs = [output_of(await executor.invoke(each, work.events[0])) for each in functions]
        first_s = (time.process_time() - start) / count
        for output in outputs:
            work.check(NAME, "tenants", [output])
        del outputs
        gc.collect()
        answer(
            compile_s=compile_s,
            first_s=first_s,
            sandboxes=executor.live - 1,
            resident=resident(),
            idle=idle,
        )
        chance = random.Random(7)
        weights = {"uniform": [1.0] * count, "zipf": [1 / (rank + 1) for rank in range(count)]}
        while line := sys.stdin.readline():
            traffic, events = line.split()
            turns = chance.choices(functions, weights[traffic], k=int(events))
            gc.collect()
            start = time.process_time()
            outputs = [
                output_of(await executor.invoke(each, work.events[place % len(work.events)]))
                for place, each in enumerate(turns)
            ]
            spent = time.process_time() - start
            work.check(NAME, "tenants", outputs)
            answer(cpu_s=spent / int(events))


def _functions(
    executor: Executor, work: Work, isolation: Isolation, made: Iterable[Image], first: int
) -> list[Function]:
    return [
        executor.function(image, work.settings, isolation=isolation, tenant=f"tenant {number}")
        for number, image in enumerate(made, first)
    ]


if __name__ == "__main__":
    asyncio.run(host(load(), int(sys.argv[1]), "hermetic" if sys.argv[2] == "hermetic" else "warm"))
