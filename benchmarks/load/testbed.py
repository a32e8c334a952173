"""A server under load: sender, server and webhook receiver, each a process, for the sections about the whole pipeline."""

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

from benchmarks.load import manifest
from benchmarks.load.arrival_table import ArrivalTable
from benchmarks.load.sender import WRITE_KEY, Order, Sent
from benchmarks.workload import Mismatch, load
from headgate.demo.server import ChildServer
from headgate_runtime import CompileError, Executor, compiler

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headgate_runtime import Image

EVENTS: Final = 64
"""Events of the workload."""

LATE_S: Final = 60.0

BATCH: Final = 100
"""Events per request to the event API, and to a batching destination."""

BATCH_WAIT_MS: Final = 20
"""`batch_wait_ms` of a user who wants low latency; the default is a second."""

_FILTERS: Final = {
    False: """{ if = 'type != "track"', actions = [{ type = "DROP" }] }""",
    True: """{ if = 'type = "track"', actions = [{ type = "DROP" }] }""",
}
"""Whether the filter drops the events. Both filters read the event; the workload has only track events."""

_SETTINGS: Final = ("apiKey", "region")
"""Settings that F2 reads."""


@dataclass(frozen=True, slots=True)
class Setup:
    """
    destination   whether the source has a destination; without one events are only accepted
    drops         whether the destination's filter drops all events
    function      f1, f2 or None
    batch         most events per request to the destination
    """

    destination: bool = True
    drops: bool = False
    function: str | None = None
    batch: int = BATCH

    def manifest(self, port: int) -> str:
        """The `headgate.toml` for a destination at *port*."""
        lines = ["[[sources]]", 'slug = "load"', f'write_keys = ["{WRITE_KEY}"]']
        if self.function is not None:
            lines += ["[[functions]]", f'name = "{self.function}"']
            lines.append(f"code = {json.dumps(load().sources[self.function])}")
            lines.append(
                f"settings = [{', '.join(f'{{ name = {json.dumps(each)} }}' for each in _SETTINGS)}]"
            )
        if self.destination:
            lines += ["[[destinations]]", 'name = "Receiver"', 'source = "load"', 'kind = "webhook"']
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
    """CPU seconds of a server: of the threads that run event loops, and of the others (commit threads)."""

    loop_s: float
    other_s: float

    def __sub__(self, before: Cpu) -> Cpu:
        return Cpu(self.loop_s - before.loop_s, self.other_s - before.other_s)

    @property
    def total_s(self) -> float:
        return self.loop_s + self.other_s


class Testbed:
    """One server with its receiver; at most *cells* events can be sent to it."""

    def __init__(
        self, root: Path, server: ChildServer, table: ArrivalTable, cells: int, client: frozenset[int]
    ) -> None:
        self._root = root
        self._cells = cells
        self._client = client
        self._next = 0
        self.server = server
        self.table = table

    def send(
        self,
        events: int,
        *,
        batch: int = BATCH,
        rate: float | None = None,
        window: int = 0,
        arrive: bool = True,
        seconds: float = 3600.0,
        connections: int = 16,
    ) -> tuple[Sent, range]:
        """
        Sends complete requests with at most *events* events; returns the sender's report and the numbers of the events.
        Raises RuntimeError if a request is refused. *arrive*: a closed loop waits for arrivals, not only for acceptance.
        """
        # An event's number modulo EVENTS is its index in the workload.
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
            table=str(self._root / "table") if arrive and rate is None else None,
            cells=self._cells,
            seconds=seconds,
        )
        with pinned(self._client):
            ran = subprocess.run(
                [sys.executable, "-m", "benchmarks.load.sender", json.dumps(dataclasses.asdict(order))],
                cwd=Path(__file__).parents[2],
                stdout=subprocess.PIPE,
                check=True,
            )
        report = Sent(**json.loads(ran.stdout))
        if report.refused:
            raise RuntimeError(f"{report.refused} of {len(report.accepted_ms)} requests were refused")
        sent = range(self._next, self._next + report.sent)
        self._next += report.sent
        return report, sent

    def await_arrivals(self, events: range) -> None:
        """Waits for *events*. Raises RuntimeError if one has not arrived after LATE_S, or one arrived twice."""
        deadline = time.monotonic() + LATE_S
        arrivals = self.table.times_ns
        while not all(arrivals[events.start : events.stop]):
            if time.monotonic() > deadline:
                missing = sum(not at for at in arrivals[events.start : events.stop])
                raise RuntimeError(f"{missing} of {len(events)} events did not arrive")
            time.sleep(0.01)
        if self.table.duplicates:
            raise RuntimeError(f"{self.table.duplicates} events arrived more than once")

    def cpu(self) -> Cpu:
        """CPU time that the server has used so far."""
        return cpu_of(self.server.pid)

    def check(self, function: str | None) -> int:
        """
        Compares the `properties` of the first arrivals with those that *function* gives the workload's events. Returns the
        number of events compared. Raises Mismatch.
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
    CPU time of the server *pid* so far, in nanosecond resolution, of all threads that are still alive. `/proc/PID/stat`
    counts in ticks of 10 ms, an eighth of a turn of 1,000 events.
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
    """The workers that *pid* started, or *pid* itself."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        children = []
    return [int(child) for child in children] or [pid]


def _properties(function: str | None) -> list[str]:
    """The `properties` of the workload's events after *function*, as JSON."""
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
    """Processes started within run on *cores*; no effect if *cores* is empty, or off Linux."""
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
    """A core for the server, and the others for sender and receiver; empty with fewer than two cores."""
    if sys.platform != "linux":
        return frozenset(), frozenset()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        return frozenset(), frozenset()
    return frozenset(cores[:1]), frozenset(cores[1:])


@contextlib.contextmanager
def open_testbed(setup: Setup, cells: int, *, workers: int = 1, apart: bool = True) -> Iterator[Testbed]:
    """Starts a Testbed. *apart*: the server has a core of its own, sender and receiver have the others."""
    server_side, client_side = sides() if apart else (frozenset(), frozenset())
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as stack:
        root = Path(directory)
        table = stack.enter_context(ArrivalTable(root / "table", cells))
        with pinned(client_side):
            receiver = subprocess.Popen(
                [
                    *(sys.executable, "-m", "benchmarks.load.receiver"),
                    *(str(root / "table"), str(cells), str(root / "kept")),
                ],
                cwd=Path(__file__).parents[2],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        stack.callback(_end, receiver)
        assert receiver.stdout is not None
        manifest.apply(root, setup.manifest(int(receiver.stdout.readline())))
        with pinned(server_side):
            server = ChildServer(root / "data", 0, "--allow-private", "--workers", str(workers))
            server.__enter__()
        stack.callback(server.__exit__, None, None, None)
        yield Testbed(root, server, table, cells, client_side)


def _end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    process.wait()
    process.stdout.close()
