"""
Many tenants in one process, each with a function of its own source: what they cost together, and how fairly they are
served beside a hog.

Each number of functions has a process of its own (`benchmarks/load/tenancy.py`), warm and hermetic; rounds alternate with
those of a process with a single function. Hogs of processor, memory and log run in one executor beside paced tenants
(`benchmarks/load/hogs.py`); slow and failing destinations share a server with others (`benchmarks/load/destinations.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import orjson

from benchmarks.effort import Scale
from benchmarks.figures import Spread, jain, percentile, ratios
from benchmarks.load.destinations import DESTINATIONS, GOOD, WRITE_KEY, deployed, send_events
from benchmarks.load.hogs import HOGS, BesideHog, beside_hogs
from benchmarks.load.tenancy import TRAFFIC, Process, Ready
from benchmarks.table import Plot, Point, Series, Table, bars
from benchmarks.target import Target
from benchmarks.workload import load

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.load.webhooks import Received
    from benchmarks.progress import Progress
    from headgate_runtime.function import Isolation

MEMORY_COUNT: Final = 10_000
MEMORY_BYTES: Final = 2 << 30

BESIDE: Final[Mapping[str, Mapping[str, int]]] = {
    "none": {GOOD: DESTINATIONS[GOOD]},
    "slow": {GOOD: DESTINATIONS[GOOD], "hang": DESTINATIONS["hang"]},
    "failing": {GOOD: DESTINATIONS[GOOD], "fail": DESTINATIONS["fail"]},
}
"""The destinations of a server by what the good ones are beside; all have one source and workspace."""

IN_TIME_S: Final = 0.5
"""A delivery counts for fairness if it arrives within this time after its event was sent."""

LATE_S: Final = 5.0
"""How long to wait for deliveries after the last event was sent."""

DESTINATION_RATE: Final = 5.0
"""Events per second, each for every destination."""


@dataclass(frozen=True, slots=True)
class Effort:
    """
    functions         numbers of functions in one process by isolation, beside a process with one
    rounds            in each of which each of these processes has a turn of both kinds of traffic
    events            of a turn
    hog_s             wall seconds beside each hog, once paced and once flat out
    destinations      names in BESIDE: the destinations that share a server
    destinations_s    wall seconds of each
    """

    functions: Mapping[Isolation, tuple[int, ...]]
    rounds: int
    events: int
    hog_s: float
    destinations: tuple[str, ...]
    destinations_s: float


EFFORTS: Final = {
    Scale.QUICK: Effort(
        functions={"warm": (100, 1_000, 10_000), "hermetic": (10_000,)},
        rounds=3,
        events=1_000,
        hog_s=0.5,
        destinations=("none", "slow", "failing"),
        destinations_s=2.0,
    ),
    Scale.FULL: Effort(
        functions={"warm": (100, 1_000, 10_000), "hermetic": (100, 1_000, 10_000)},
        rounds=9,
        events=4_000,
        hog_s=3.0,
        destinations=("none", "slow", "failing"),
        destinations_s=10.0,
    ),
    Scale.SMOKE: Effort(
        functions={"warm": (5,), "hermetic": (5,)},
        rounds=1,
        events=20,
        hog_s=0.1,
        destinations=("none",),
        destinations_s=0.2,
    ),
}


@dataclass(frozen=True, slots=True)
class ManyFunctions:
    """
    A process with *count* functions of one isolation.

    ready     what it took to create them, and their memory
    cpu_s     CPU seconds per event by kind of traffic, a figure per round
    """

    count: int
    isolation: Isolation
    ready: Ready
    cpu_s: dict[str, list[float]]


@dataclass(frozen=True, slots=True)
class BesideDestinations:
    """Deliveries in time by good destination, of *sent* events each; latencies from sending to arrival."""

    name: str
    sent: int
    arrived: list[int]
    latencies_ms: list[float]

    @property
    def fairness(self) -> float:
        return jain([count / self.sent for count in self.arrived])


@dataclass(frozen=True, slots=True)
class Tenants:
    functions: list[ManyFunctions]
    hogs: list[BesideHog]
    destinations: list[BesideDestinations]

    def by_one(self, many: ManyFunctions, traffic: str) -> list[float]:
        """Throughput of *many* functions by that of one of the same isolation, round by round."""
        one = next(group for group in self.functions if group.isolation == many.isolation)
        return ratios(one.cpu_s[traffic], many.cpu_s[traffic])

    @property
    def most(self) -> list[ManyFunctions]:
        """The largest number of functions of each isolation."""
        return list({group.isolation: group for group in self.functions}.values())


async def measure(effort: Effort, progress: Progress) -> Tenants:
    """Raises Mismatch for a wrong output, RuntimeError for a process that ends or an event that is not accepted."""
    work = load()
    functions = _many_functions(effort, progress)
    progress.step("hogs", 0, len(HOGS))
    hogs = await beside_hogs(work, effort.hog_s, lambda done: progress.step("hogs", done, len(HOGS)))
    destinations = []
    for number, name in enumerate(effort.destinations):
        progress.step("destinations", number, len(effort.destinations))
        destinations.append(await _beside_destinations(name, BESIDE[name], effort.destinations_s))
    return Tenants(functions, hogs, destinations)


def _many_functions(effort: Effort, progress: Progress) -> list[ManyFunctions]:
    groups = [(isolation, count) for isolation, counts in effort.functions.items() for count in (1, *counts)]
    processes: list[Process] = []
    found = []
    try:
        for number, (isolation, count) in enumerate(groups):
            progress.step("tenants", number, len(groups) + effort.rounds)
            processes.append(Process(count, isolation))
            ready = processes[-1].ready()
            found.append(ManyFunctions(count, isolation, ready, {traffic: [] for traffic in TRAFFIC}))
        for number in range(effort.rounds):
            progress.step("tenants", len(groups) + number, len(groups) + effort.rounds)
            turns = list(zip(found, processes, strict=True))
            for group, process in reversed(turns) if number % 2 else turns:
                for traffic in TRAFFIC:
                    group.cpu_s[traffic].append(process.round(traffic, effort.events))
    finally:
        for process in processes:
            process.close()
    return found


async def _beside_destinations(name: str, kinds: Mapping[str, int], seconds: float) -> BesideDestinations:
    warm, count = round(min(1.0, seconds) * DESTINATION_RATE), max(1, round(DESTINATION_RATE * seconds))
    sent: dict[int, float] = {}
    arrived: Counter[str] = Counter()
    latencies: list[float] = []
    complete = asyncio.Event()

    def event(number: int) -> bytes:
        sent[number] = time.perf_counter()
        who = {"writeKey": WRITE_KEY, "type": "track", "userId": "u", "event": "E", "messageId": f"m{number}"}
        return orjson.dumps({**who, "properties": {"number": number}})

    def came(request: Received) -> None:
        number = orjson.loads(request.body)["properties"]["number"]
        if number >= warm:
            now = time.perf_counter()
            latencies.append((now - sent[number]) * 1e3)
            arrived[request.path] += now < sent[number] + IN_TIME_S
            if len(latencies) == count * kinds[GOOD]:
                complete.set()

    with tempfile.TemporaryDirectory() as root:
        async with deployed(Path(root), kinds, came) as place:
            await send_events(place.server.url, DESTINATION_RATE, warm + count, event, lambda _: None)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LATE_S):
                    await complete.wait()
    each = [arrived[f"/{GOOD}/{number}"] for number in range(kinds[GOOD])]
    return BesideDestinations(name, count, each, latencies)


def tables(found: Tenants) -> list[Table]:
    return [_functions_table(found), _hog_table(found), _destinations_table(found)]


def _functions_table(found: Tenants) -> Table:
    rows = []
    for group in found.functions:
        ready = group.ready
        many = group.count > 1
        known = ready.resident is not None and ready.idle is not None
        rows.append(
            (
                f"{group.count:,}",
                group.isolation,
                f"{ready.sandboxes:,}",
                f"{1 / ready.compile_s:,.0f}",
                f"{1 / ready.first_s:,.0f}",
                f"{(ready.resident or 0) / (1 << 20):,.0f}" if known else "",
                f"{((ready.resident or 0) - (ready.idle or 0)) / group.count / 1024:,.0f}"
                if known and many
                else "",
                *(f"{1 / Spread.of(group.cpu_s[traffic]).median:,.0f}" for traffic in TRAFFIC),
                *(
                    f"{Spread.of(found.by_one(group, traffic)).median:.2f}" if many else ""
                    for traffic in TRAFFIC
                ),
            )
        )
    plot = Plot(
        "Throughput by number of functions",
        "events per CPU-second",
        "lines",
        [
            Series(
                f"{most.isolation}, {traffic}",
                [
                    Point(float(group.count), Spread.of(1 / seconds for seconds in group.cpu_s[traffic]))
                    for group in found.functions
                    if group.isolation == most.isolation
                ],
            )
            for most in found.most
            for traffic in TRAFFIC
        ],
        across="functions",
        log_across=True,
    )
    return Table(
        "tenants",
        "Many functions in one process",
        "F2, a source, an image and a tenant each; figures per CPU-second",
        (
            *("functions", "isolation", "sandboxes", "compiled", "first events", "MB in all", "KB each"),
            *("uniform", "Zipf", "uniform by one", "Zipf by one"),
        ),
        rows,
        plot,
        [
            "a warm function has a sandbox of its own; hermetic ones take over each other's",
            "memory: what the process has to itself, its part of what it shares, and its page tables",
        ],
    )


def _hog_table(found: Tenants) -> Table:
    calm = found.hogs[0]
    rows = [
        (
            part.name,
            *(f"{fairness:.3f}" for fairness in part.fairness),
            *(f"{percentile(part.latencies_ms, share):,.1f}" for share in (0.5, 0.99)),
            f"{percentile(part.latencies_ms, 0.99) - percentile(calm.latencies_ms, 0.99):,.1f}",
            f"{sum(part.completed):,}",
            f"{part.hog_fuel * 100:.0f} %" if part is not calm else "",
        )
        for part in found.hogs
    ]
    plot = Plot(
        "How evenly tenants are served beside a hog",
        "Jain's index",
        "bars",
        bars(
            [part.name for part in found.hogs],
            {
                name: [Spread.of([part.fairness[which]]) for part in found.hogs]
                for which, name in enumerate(("served in time", "completed flat out"))
            },
        ),
    )
    return Table(
        "hogs",
        "Beside a hog in the same process",
        "20 tenants at 25 events/s each, and then flat out, beside 16 invocations of the hog at once; ms",
        ("hog", "Jain, in time", "Jain, flat out", "p50", "p99", "added", "events flat out", "hog's fuel"),
        rows,
        plot,
    )


def _destinations_table(found: Tenants) -> Table:
    calm = found.destinations[0]
    rows = [
        (
            part.name,
            f"{part.fairness:.3f}",
            f"{min(part.arrived):,} to {max(part.arrived):,} of {part.sent:,}",
            *(f"{percentile(part.latencies_ms, share):,.1f}" for share in (0.5, 0.99)),
            f"{percentile(part.latencies_ms, 0.99) - percentile(calm.latencies_ms, 0.99):,.1f}",
        )
        for part in found.destinations
    ]
    plot = Plot(
        "From sending to arrival, beside destinations that are slow or fail",
        "milliseconds",
        "bars",
        bars(
            [part.name for part in found.destinations],
            {
                name: [Spread.of([percentile(part.latencies_ms, share)]) for part in found.destinations]
                for name, share in (("p50", 0.5), ("p99", 0.99))
            },
        ),
    )
    return Table(
        "hog-destinations",
        "Beside destinations that are slow or fail",
        f"29 destinations and 10 others of one source, {DESTINATION_RATE:g} events/s to each, through a whole server; ms",
        ("beside", "Jain, in time", "arrived in time", "p50", "p99", "added"),
        rows,
        plot,
    )


def targets(found: Tenants) -> list[Target]:
    reached = []
    for most in found.most:
        count = f"{most.count:,} {most.isolation} functions"
        why = "" if most.count >= MEMORY_COUNT else f"of {most.count:,} functions only"
        resident = most.ready.resident
        reached.append(
            Target(
                f"memory of a process with {MEMORY_COUNT:,} {most.isolation} functions",
                None if why or resident is None else Spread.of([resident / (1 << 20)]),
                "most",
                MEMORY_BYTES >> 20,
                "MB",
                why or "the system does not tell",
            )
        )
        if most.count > 1:
            reached += [
                Target(
                    f"throughput of {count} by that of one, {traffic}",
                    Spread.of(found.by_one(most, traffic)),
                    "least",
                    0.8,
                    "times",
                )
                for traffic in TRAFFIC
            ]
    worst = min(
        [*(min(part.fairness) for part in found.hogs), *(part.fairness for part in found.destinations)]
    )
    reached.append(
        Target("Jain's index over tenants, beside the worst hog", Spread.of([worst]), "least", 0.95, "")
    )
    return reached
