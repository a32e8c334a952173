"""
Head-of-line blocking: the effect on twenty-nine destinations of twenty-one others of the same source and workspace, of
which ten never answer, ten answer 500 and one has a function that never ends. Events go through a whole server, from the
event API to the webhook; parts with and without the others alternate.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import orjson

from benchmarks.effort import Scale
from benchmarks.figures import Spread, percentile
from benchmarks.load.destinations import DESTINATIONS, GOOD, WRITE_KEY, deployed, send_events
from benchmarks.table import Plot, Table, bars
from benchmarks.target import Target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.load.webhooks import Received
    from benchmarks.progress import Progress

WARM_S: Final = 3.0
"""Longest warm-up of a part, in which functions are compiled, connections are made and bad destinations begin to hang."""

LATE_S: Final = 60.0
"""What has not arrived by then counts as lost."""


@dataclass(frozen=True, slots=True)
class Effort:
    """
    rounds    of a part without the bad destinations and one with them
    part_s    wall seconds of a part
    rate      events per second, each for every destination
    """

    rounds: int
    part_s: float
    rate: float


EFFORTS: Final = {
    Scale.QUICK: Effort(
        rounds=3,
        part_s=8.0,
        rate=5.0,
    ),
    Scale.FULL: Effort(
        rounds=7,
        part_s=30.0,
        rate=5.0,
    ),
    Scale.SMOKE: Effort(
        rounds=1,
        part_s=0.2,
        rate=5.0,
    ),
}


@dataclass(frozen=True, slots=True)
class Part:
    """
    latencies_ms      from sending an event to its arrival, of every good destination
    accepted_ms       from sending to the answer
    per_second        deliveries to good destinations, from the first event sent to the last arrival
    others            requests to the others meanwhile, by kind
    """

    latencies_ms: list[float]
    accepted_ms: list[float]
    per_second: float
    others: dict[str, int]


@dataclass(frozen=True, slots=True)
class BadDestinations:
    """*rounds* of a part without the others and one with them; *rate* events per second, each for every destination."""

    rate: float
    rounds: list[tuple[Part, Part]]

    @property
    def throughput(self) -> Spread:
        """With the others by without."""
        return Spread.of(beside.per_second / alone.per_second for alone, beside in self.rounds)

    def added(self, share: float) -> Spread:
        """Milliseconds that the percentile is above that without the others."""
        return Spread.of(
            percentile(beside.latencies_ms, share) - percentile(alone.latencies_ms, share)
            for alone, beside in self.rounds
        )


async def measure(effort: Effort, progress: Progress) -> BadDestinations:
    """Raises RuntimeError when events are lost."""
    rounds = []
    for number in range(effort.rounds):
        progress.step("bad destinations", number, effort.rounds)
        alone = await _part({GOOD: DESTINATIONS[GOOD]}, effort.rate, effort.part_s)
        beside = await _part(DESTINATIONS, effort.rate, effort.part_s)
        rounds.append((alone, beside))
    return BadDestinations(effort.rate, rounds)


async def _part(kinds: Mapping[str, int], rate: float, seconds: float) -> Part:
    warm, count = round(min(WARM_S, seconds) * rate), max(1, round(rate * seconds))
    sent: dict[int, float] = {}
    accepted: list[float] = []
    latencies: list[float] = []
    arrivals: Counter[int] = Counter()
    last = 0.0

    def event(number: int) -> bytes:
        sent[number] = time.perf_counter()
        name = {"writeKey": WRITE_KEY, "type": "track", "userId": "u", "event": "E"}
        return json.dumps({**name, "messageId": f"m{number}", "properties": {"number": number}}).encode()

    def arrived(request: Received) -> None:
        nonlocal last
        number = orjson.loads(request.body)["properties"]["number"]
        arrivals[number] += 1
        if number >= warm:
            last = time.perf_counter()
            latencies.append((last - sent[number]) * 1e3)

    def done(number: int) -> None:
        if number >= warm:
            accepted.append((time.perf_counter() - sent[number]) * 1e3)

    with tempfile.TemporaryDirectory() as root:
        async with deployed(Path(root), kinds, arrived) as place:
            await send_events(place.server.url, rate, warm + count, event, done)
            deadline = time.perf_counter() + LATE_S
            while len(latencies) < count * kinds[GOOD]:
                if time.perf_counter() > deadline:
                    raise RuntimeError(f"of {count * kinds[GOOD]} deliveries {len(latencies)} came")
                await asyncio.sleep(0.01)
            others = {kind: place.requests[kind] for kind in kinds if kind != GOOD}
    per_second = len(latencies) / (last - sent[warm])
    return Part(latencies, accepted, per_second, others)


def tables(found: BadDestinations) -> list[Table]:
    rows, figures = [], {}
    for number, name in enumerate(("by themselves", "10 hang, 10 answer 500, 1 never ends")):
        parts = [parts[number] for parts in found.rounds]
        arrival = [
            Spread.of(percentile(part.latencies_ms, share) for part in parts) for share in (0.5, 0.9, 0.99)
        ]
        accepted = Spread.of(percentile(part.accepted_ms, 0.99) for part in parts)
        figures[name] = [*arrival, accepted]
        rows.append(
            (
                name,
                f"{Spread.of(part.per_second for part in parts).median:,.1f}",
                *(f"{each.median:.1f}" for each in arrival),
                f"{accepted.median:.1f}",
                " ".join(f"{kind} {count}" for kind, count in parts[-1].others.items()),
            )
        )
    added = [found.added(share) for share in (0.5, 0.99)]
    plot = Plot(
        "From sending to arrival, of 29 good destinations",
        "ms",
        "bars",
        bars(["p50", "p90", "p99", "accepted p99"], figures),
        log=True,
    )
    return [
        Table(
            "bad-destinations",
            "Twenty-nine destinations beside twenty-one bad ones",
            f"a whole server; {found.rate:g} events/s to each; ms from sending to arrival",
            ("the others", "deliveries/s", "p50", "p90", "p99", "accepted p99", "requests to them"),
            rows,
            plot,
            [
                "added, median, least and most of the rounds: "
                + "; ".join(
                    f"{name} {each.median:.1f} ms ({each.least:.1f} to {each.greatest:.1f})"
                    for name, each in zip(("p50", "p99"), added, strict=True)
                )
            ],
        )
    ]


def targets(found: BadDestinations) -> list[Target]:
    return [
        Target("29 destinations beside 21 bad ones by without", found.throughput, "least", 0.9, "x"),
        Target("added p99 of 29 destinations beside 21 bad ones", found.added(0.99), "most", 20.0, "ms"),
    ]
