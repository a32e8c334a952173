"""
Many functions in one process, each of a tenant of its own and of a source of its own, so that no two images are equal.

A process (`python -m benchmarks.load.tenancy COUNT`) makes them, has each serve one event, and then serves rounds on
demand: it reads a kind of traffic and a number of events per line, and answers with a line of JSON.
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
import itertools
import json
import random
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.peers.contestants import image_of, output_of
from benchmarks.workload import load
from headgate_runtime import Executor, overlay, wasm
from headgate_runtime.image import Image

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from benchmarks.workload import Work
    from headgate_runtime import Function

NAME: Final = "f2"
"""The function whose sources these are: each says, in a comment within its handler, which tenant's it is."""

TRAFFIC: Final = ("uniform", "zipf")
"""Whose event comes next: everyone's with equal chance; or of rank r with a chance in proportion to 1/r."""

DIGITS: Final = b"%08d"

COMPILED: Final = 100
"""Functions whose compilation is timed; the images of the others are made from theirs, and every so often compared."""

COMPARED: Final = 1_000


@dataclass(frozen=True, slots=True)
class Ready:
    """
    How *count* functions came to be.

    compile_s       CPU seconds from source to image, of one
    first_s         CPU seconds of a first event, from the image: sandbox made, event served
    resident        bytes of the process: its share of all memory (Pss) and its page tables; None where nobody tells
    idle            the same before there was any function
    """

    compile_s: float
    first_s: float
    resident: int | None
    idle: int | None


class Process:
    """The parent's end."""

    def __init__(self, count: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.load.tenancy", str(count)],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ready(self) -> Ready:
        """Waits until all have served an event. Raises RuntimeError when the process ends."""
        return Ready(**self._read())

    def round(self, traffic: str, events: int) -> float:
        """CPU seconds per event."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{traffic} {events}\n")
        self._process.stdin.flush()
        cpu_s: float = self._read()["cpu_s"]
        return cpu_s

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the tenants ended with status {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()
        self._process.wait()


def source_of(work: Work, number: int) -> str:
    """The source of tenant *number*; all are of equal length."""
    head, brace, rest = work.sources[NAME].partition("{\n")
    return f"{head}{brace}  // of tenant {number:08}\n{rest}"


class Press:
    """
    Makes the images of tenants. Their sources differ in eight digits of a comment, so the images differ in these alone:
    they are replaced, which takes no time.
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
    """One for each tenant; every COMPARED-th is compiled as well, and must be equal."""
    press = Press(work)
    for number in range(count):
        image = press.image(number)
        if number < COMPILED or not number % COMPARED:
            compiled = image_of(source_of(work, number))
            assert image == compiled, "an image that is not what its source compiles to"
            image = compiled
        yield image


def resident() -> int | None:
    """Bytes of memory of this process, shared pages counted by its share of them, and its page tables."""
    try:
        shares = Path("/proc/self/smaps_rollup").read_text()
        status = Path("/proc/self/status").read_text()
    except OSError:
        return None
    lines = [*shares.splitlines(), *status.splitlines()]
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(("Pss:", "VmPTE:")))


async def host(work: Work, count: int) -> None:
    """The process itself."""
    async with Executor(sandboxes=count + 1) as executor:
        function = executor.function(image_of(work.sources[NAME]), work.settings, tenant="first")
        await executor.invoke(function, work.events[0])
        gc.collect()
        idle = resident()
        functions: list[Function] = []
        made = images(work, count)
        start = time.process_time()
        functions += _functions(executor, work, itertools.islice(made, COMPILED), 0)
        compile_s = (time.process_time() - start) / len(functions)
        functions += _functions(executor, work, made, len(functions))
        gc.collect()
        gc.freeze()
        start = time.process_time()
        outputs = [output_of(await executor.invoke(each, work.events[0])) for each in functions]
        first_s = (time.process_time() - start) / count
        for output in outputs:
            work.check(NAME, "tenants", [output])
        del outputs
        gc.collect()
        _say(compile_s=compile_s, first_s=first_s, resident=resident(), idle=idle)
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
            _say(cpu_s=spent / int(events))


def _functions(executor: Executor, work: Work, made: Iterable[Image], first: int) -> list[Function]:
    return [
        executor.function(image, work.settings, tenant=f"tenant {number}")
        for number, image in enumerate(made, first)
    ]


def _say(**answer: float | None) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(host(load(), int(sys.argv[1])))
