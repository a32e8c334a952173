"""A server with a receiver behind it and a sender before it: what the sections about the whole pipeline have in common."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.load.board import Board
from benchmarks.load.street import apply
from benchmarks.load.volley import WRITE_KEY, Fired, Order
from benchmarks.workload import Mismatch, load
from headgate.demo.server import ChildServer
from headgate_runtime import CompileError, Executor, compiler

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headgate_runtime import Image

EVENTS: Final = 64
"""Of the workload."""

LATE_S: Final = 60.0

BATCH: Final = 100
"""Events of a request to the event API, and to a batching destination."""

BATCH_WAIT_MS: Final = 20
"""What a user whose events are wanted soon gives a batching destination; the default is a second."""

_FILTERS: Final = {
    False: """{ if = 'type != "track"', actions = [{ type = "DROP" }] }""",
    True: """{ if = 'type = "track"', actions = [{ type = "DROP" }] }""",
}
"""Both look at the event; which one lets it through?"""

_SETTINGS: Final = ("apiKey", "region")
"""Those that F2 reads."""


@dataclass(frozen=True, slots=True)
class Setup:
    """
    destination   whether the source has one; else events are only accepted
    drops         its filter lets nothing through
    function      f1 or f2
    batch         events of a request to the destination at most
    """

    destination: bool = True
    drops: bool = False
    function: str | None = None
    batch: int = BATCH

    def manifest(self, port: int) -> str:
        """A `headgate.toml`. The destination is at *port*."""
        lines = ["[[sources]]", 'slug = "volley"', f'write_keys = ["{WRITE_KEY}"]']
        if self.function is not None:
            lines += ["[[functions]]", f'name = "{self.function}"']
            lines.append(f"code = {json.dumps(load().sources[self.function])}")
            lines.append(
                f"settings = [{', '.join(f'{{ name = {json.dumps(each)} }}' for each in _SETTINGS)}]"
            )
        if self.destination:
            lines += ["[[destinations]]", 'name = "Catcher"', 'source = "volley"', 'kind = "webhook"']
            lines += [f'url = "http://127.0.0.1:{port}/"', f"filters = [{_FILTERS[self.drops]}]"]
            if self.batch > 1:
                lines += [f"batch_max_count = {self.batch}", f"batch_wait_ms = {BATCH_WAIT_MS}"]
        if self.destination and self.function is not None:
            known = json.loads(load().settings)
            given = ", ".join(f"{name} = {json.dumps(known[name])}" for name in _SETTINGS)
            lines.append(f'function = {{ name = "{self.function}", settings = {{ {given} }} }}')
        return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class Cpu:
    """Seconds of the processor: of the threads that run event loops, and of the others (which have the store)."""

    loop_s: float
    other_s: float

    def __sub__(self, before: Cpu) -> Cpu:
        return Cpu(self.loop_s - before.loop_s, self.other_s - before.other_s)

    @property
    def total_s(self) -> float:
        return self.loop_s + self.other_s


class Plant:
    """*cells* events at most are ever sent to it."""

    def __init__(
        self, root: Path, server: ChildServer, board: Board, cells: int, client: frozenset[int]
    ) -> None:
        self._root = root
        self._cells = cells
        self._client = client
        self._next = 0
        self.server = server
        self.board = board

    def fire(
        self,
        events: int,
        *,
        batch: int = BATCH,
        rate: float | None = None,
        window: int = 0,
        arrive: bool = True,
        seconds: float = 3600.0,
        connections: int = 16,
    ) -> tuple[Fired, range]:
        """
        Sends whole requests with *events* at most, and gives what came of it and the numbers of those sent. Raises
        RuntimeError when a request is refused. *arrive*: whether a closed loop minds arrivals, not acceptance.
        """
        # The number of an event tells which of the workload's it is.
        self._next = -(-self._next // EVENTS) * EVENTS
        count = min(events, self._cells - self._next) // batch * batch
        order = Order(
            port=int(self.server.url.rpartition(":")[2]),
            first=self._next,
            count=count,
            batch=batch,
            connections=connections,
            rate=rate,
            window=window,
            board=str(self._root / "board") if arrive and rate is None else None,
            cells=self._cells,
            seconds=seconds,
        )
        with pinned(self._client):
            ran = subprocess.run(
                [sys.executable, "-m", "benchmarks.load.volley", json.dumps(dataclasses.asdict(order))],
                cwd=Path(__file__).parents[2],
                stdout=subprocess.PIPE,
                check=True,
            )
        fired = Fired(**json.loads(ran.stdout))
        if fired.refused:
            raise RuntimeError(f"{fired.refused} of {len(fired.accepted_ms)} requests were refused")
        sent = range(self._next, self._next + fired.sent)
        self._next += fired.sent
        return fired, sent

    def await_arrivals(self, events: range) -> None:
        """Raises RuntimeError when not each of them has arrived, once, in time."""
        deadline = time.monotonic() + LATE_S
        arrivals = self.board.arrivals
        while not all(arrivals[events.start : events.stop]):
            if time.monotonic() > deadline:
                missing = sum(not at for at in arrivals[events.start : events.stop])
                raise RuntimeError(f"{missing} of {len(events)} events did not arrive")
            time.sleep(0.01)
        if self.board.again:
            raise RuntimeError(f"{self.board.again} events arrived more than once")

    def cpu(self) -> Cpu:
        """That the server has used so far."""
        return cpu_of(self.server.pid)

    def check(self, function: str | None) -> int:
        """
        Compares the `properties` of what arrived first with what *function* makes of the workload's events: how many were.
        Raises Mismatch.
        """
        found = 0
        wanted = _properties(function)
        for text in (self._root / "kept").read_bytes().splitlines():
            value = json.loads(text)
            for event in value if isinstance(value, list) else [value]:
                number = int(event["messageId"][1:])
                expected = wanted[number % EVENTS]
                if json.dumps(event["properties"]) != expected:
                    raise Mismatch(
                        f"event {number} arrived with {event['properties']!r:.200}, not {expected:.200}"
                    )
                found += 1
        return found


def cpu_of(pid: int) -> Cpu:
    """
    What the server *pid* has used so far, to the nanosecond, by all threads that are still alive. `/proc/PID/stat` counts
    ticks of 10 ms, which is an eighth of a turn of 1,000 events.
    """
    loop = other = 0
    for each in _family(pid):
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{each}/task").iterdir():
                used = int((task / "schedstat").read_text().split()[0])
                if task.name == str(each):
                    loop += used
                else:
                    other += used
    return Cpu(loop / 1e9, other / 1e9)


def _family(pid: int) -> list[int]:
    """*pid*, or the workers that it started."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        children = []
    return [int(child) for child in children] or [pid]


def _properties(function: str | None) -> list[str]:
    """Of the workload's events, as they leave *function*."""
    work = load()
    if function is None:
        outputs = work.events
    else:

        async def run() -> list[bytes]:
            async with Executor() as executor:
                handle = executor.function(compiled(work.sources[function]), work.settings)
                return [(await executor.invoke(handle, event)).output or b"{}" for event in work.events]

        outputs = asyncio.run(run())
    return [json.dumps(json.loads(output)["properties"]) for output in outputs]


def compiled(source: str) -> Image:
    image = compiler.compile(source)
    assert not isinstance(image, CompileError)
    return image


@contextlib.contextmanager
def pinned(cores: frozenset[int]) -> Iterator[None]:
    """Processes begun within run on *cores*, where there are such."""
    if not cores or sys.platform != "linux":
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def sides() -> tuple[frozenset[int], frozenset[int]]:
    """A core for the server, and the others for whoever loads it; empty where there are not two."""
    if sys.platform != "linux":
        return frozenset(), frozenset()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        return frozenset(), frozenset()
    return frozenset(cores[:1]), frozenset(cores[1:])


@contextlib.contextmanager
def plant(setup: Setup, cells: int, *, workers: int = 1, apart: bool = True) -> Iterator[Plant]:
    """*apart*: the server has a core, and everybody else the others."""
    server_side, client_side = sides() if apart else (frozenset(), frozenset())
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as stack:
        root = Path(directory)
        board = stack.enter_context(Board(root / "board", cells))
        with pinned(client_side):
            catcher = subprocess.Popen(
                [
                    *(sys.executable, "-m", "benchmarks.load.catcher"),
                    *(str(root / "board"), str(cells), str(root / "kept")),
                ],
                cwd=Path(__file__).parents[2],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        stack.callback(_end, catcher)
        assert catcher.stdout is not None
        apply(root, setup.manifest(int(catcher.stdout.readline())))
        with pinned(server_side):
            server = ChildServer(root / "data", 0, "--allow-private", "--workers", str(workers))
            server.__enter__()
        stack.callback(server.__exit__, None, None, None)
        yield Plant(root, server, board, cells, client_side)


def _end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    process.wait()
    process.stdout.close()
