"""
The cost of accepting and delivering new events beside a million outstanding retries. Two servers take turns: one with an
empty queue, and one whose only destination has a million jobs that were tried and are due in an hour or later.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx
import orjson

from benchmarks.effort import Scale
from benchmarks.figures import Spread, ratios
from benchmarks.load import manifest
from benchmarks.load.destinations import WRITE_KEY
from benchmarks.load.testbed import cpu_of
from benchmarks.table import Plot, Table, bars
from benchmarks.target import Target
from headgate.demo.server import ChildServer
from headgate.paths import DataDirectory
from headgate.queue.schema import connect
from headgate.registry.snapshot_store import SnapshotStore
from headgate.registry.store import Registry

if TYPE_CHECKING:
    from benchmarks.progress import Progress

CALL_EVENTS: Final = 20
"""Events of a batch, as the official SDK for Node sends them (15 at most) or that for Python (100)."""

SENDERS: Final = 8

LATE_S: Final = 120.0

MANIFEST: Final = f"""
[[sources]]
slug = "load"
write_keys = ["{WRITE_KEY}"]

[[functions]]
name = "seen"
code = "function onTrack(event) {{ event.properties.seen = true; return event }}"

[[destinations]]
name = "File"
source = "load"
kind = "sink"
path = "out.jsonl"
function = {{ name = "seen" }}
"""

NUMBERS: Final = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)"
"""Of an SQL statement: defines the table n with the numbers from 1 to :count."""

_SEED: Final = (
    "INSERT INTO lanes (id, workspace, destination) VALUES (1, :workspace, :destination)",
    NUMBERS
    + " INSERT INTO bodies (id, source, message_id, event_type, accepted_at, shared, body)"
    + " SELECT i, :source, 'old-' || i, 'track', :now, 0, CAST(:body AS BLOB) FROM n",
    # Due within three hours from one hour on, in no order.
    NUMBERS
    + " INSERT INTO jobs (id, lane, due, body, size, stage, attempts, faults, first_at)"
    + " SELECT i, 1, :now + 3600000 + (i * 2654435761) % 10800000, i, length(:body), 0, 3, 0, :now FROM n",
    NUMBERS + " INSERT INTO seen (key, at) SELECT randomblob(16), :now FROM n",
)


@dataclass(frozen=True, slots=True)
class Effort:
    """
    outstanding    retries
    rounds         in each of which both servers have a turn
    events         of a turn
    """

    outstanding: int
    rounds: int
    events: int


EFFORTS: Final = {
    Scale.QUICK: Effort(
        outstanding=1_000_000,
        rounds=7,
        events=2_000,
    ),
    Scale.FULL: Effort(
        outstanding=1_000_000,
        rounds=21,
        events=4_000,
    ),
    Scale.SMOKE: Effort(
        outstanding=1_000,
        rounds=2,
        events=40,
    ),
}


@dataclass(frozen=True, slots=True)
class Turn:
    """Seconds until all events were accepted, until all had arrived, and CPU seconds of the server."""

    accepted_s: float
    arrived_s: float
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Retries:
    """*turns* of both servers, round by round: without retries and beside *outstanding* of them."""

    outstanding: int
    events: int
    seed_s: float
    start_s: tuple[float, float]
    turns: list[tuple[Turn, Turn]]

    def slower(self, name: str) -> Spread:
        """How many times as long it takes beside the retries; *name* is a field of Turn."""
        beside = [getattr(turns[1], name) for turns in self.turns]
        return Spread.of(ratios(beside, [getattr(turns[0], name) for turns in self.turns]))


class Server:
    """A server whose only destination is a file."""

    def __init__(self, root: Path) -> None:
        self._file = root / "data" / "sinks" / "out.jsonl"
        self._events = 0
        self._offset = 0
        began = time.perf_counter()
        self.child = ChildServer(root / "data", 0).__enter__()
        self.start_s = time.perf_counter() - began

    async def turn(self, events: int) -> Turn:
        """Sends *events* events. Raises RuntimeError if one is not accepted or does not arrive."""
        calls = [
            _call(number, min(CALL_EVENTS, self._events + events - number))
            for number in range(self._events, self._events + events, CALL_EVENTS)
        ]
        self._events += events
        before = cpu_of(self.child.pid)
        began = time.perf_counter()
        async with (
            httpx.AsyncClient(base_url=self.child.url, trust_env=False, timeout=60) as client,
            asyncio.TaskGroup() as group,
        ):
            for _ in range(SENDERS):
                group.create_task(_send(client, calls))
        accepted = time.perf_counter()
        missing = events - self._new_lines()
        while missing > 0:
            if time.perf_counter() > accepted + LATE_S:
                raise RuntimeError(f"{missing} of {events} events did not arrive")
            await asyncio.sleep(0.002)
            missing -= self._new_lines()
        arrived = time.perf_counter()
        return Turn(accepted - began, arrived - began, (cpu_of(self.child.pid) - before).total_s)

    def _new_lines(self) -> int:
        try:
            with self._file.open("rb") as file:
                file.seek(self._offset)
                text = file.read()
        except FileNotFoundError:
            return 0
        self._offset += len(text)
        return text.count(b"\n")

    def stop(self) -> None:
        self.child.__exit__(None, None, None)


async def _send(client: httpx.AsyncClient, calls: list[bytes]) -> None:
    while calls:
        answer = await client.post("/v1/batch", content=calls.pop())
        if answer.status_code != 200:
            raise RuntimeError(f"a batch was answered with {answer.status_code}: {answer.text}")


def _call(first: int, count: int) -> bytes:
    batch = [
        {"type": "track", "userId": "u", "event": "E", "messageId": f"m{number}", "properties": {"n": number}}
        for number in range(first, first + count)
    ]
    return orjson.dumps({"writeKey": WRITE_KEY, "batch": batch})


def seed(data: Path, count: int) -> None:
    """Stores *count* jobs that were tried three times in the only lane, with their bodies and known message ids."""
    directory = DataDirectory(data)
    with Registry.open(directory) as registry:
        snapshot = SnapshotStore(registry).load()
    (destination,) = snapshot.destinations.values()
    event = {
        "type": "track",
        "userId": "u",
        "event": "E",
        "messageId": "old",
        "properties": {"text": "x" * 100},
    }
    values = {
        "workspace": destination.workspace,
        "destination": destination.id,
        "source": destination.source,
        "now": int(time.time() * 1e3),
        "body": orjson.dumps(event).decode(),
        "count": count,
    }
    with contextlib.closing(connect(directory.queue(0))) as db:
        db.execute("BEGIN")
        for statement in _SEED:
            db.execute(statement, values)
        db.execute("COMMIT")


async def measure(effort: Effort, progress: Progress) -> Retries:
    """Raises RuntimeError for an event that is not accepted, or lost."""
    turns: list[tuple[Turn, Turn]] = []
    with contextlib.ExitStack() as stack:
        servers = []
        seed_s = 0.0
        for count in (0, effort.outstanding):
            root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            manifest.apply(root, MANIFEST)
            if count:
                began = time.perf_counter()
                seed(root / "data", count)
                seed_s = time.perf_counter() - began
            server = Server(root)
            stack.callback(server.stop)
            servers.append(server)
            await server.turn(CALL_EVENTS)
        for number in range(effort.rounds):
            progress.step("retries", number, effort.rounds)
            # Every other round backwards.
            found = {which: await servers[which].turn(effort.events) for which in _order(number)}
            turns.append((found[0], found[1]))
        empty, full = servers
        return Retries(effort.outstanding, effort.events, seed_s, (empty.start_s, full.start_s), turns)


def _order(number: int) -> tuple[int, int]:
    return (1, 0) if number % 2 else (0, 1)


def tables(found: Retries) -> list[Table]:
    rows, figures = [], {}
    for which, count in enumerate((0, found.outstanding)):
        turns = [turns[which] for turns in found.turns]
        rates = [
            Spread.of(found.events / getattr(turn, name) for turn in turns)
            for name in ("accepted_s", "arrived_s")
        ]
        figures[f"{count:,} retries"] = [*rates]
        rows.append(
            (
                f"{count:,}",
                *(f"{each.median:,.0f}" for each in rates),
                f"{Spread.of(turn.cpu_s for turn in turns).median / found.events * 1e6:,.0f}",
                f"{found.start_s[which]:.1f}",
            )
        )
    plot = Plot("Beside outstanding retries", "events/s", "bars", bars(["accepted", "delivered"], figures))
    return [
        Table(
            "retries",
            "Outstanding retries",
            f"{found.events:,} events in batches, through a function, to a file; medians of {len(found.turns)} rounds",
            ("retries", "accepted/s", "delivered/s", "CPU us an event", "start s"),
            rows,
            plot,
        )
    ]


def targets(found: Retries) -> list[Target]:
    beside = f"beside {found.outstanding:,} retries by without"
    return [
        Target(f"acceptance {beside}", found.slower("accepted_s"), "most", 1.2, "x"),
        Target(f"delivery {beside}", found.slower("arrived_s"), "most", 1.2, "x"),
    ]
