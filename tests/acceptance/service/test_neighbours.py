"""
Fifty destinations of one source, of which ten never answer, ten answer 500 and one has a function that never ends: all
events of the other twenty-nine arrive before a single one of these is over. By counts; how fast is for the benchmarks.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import orjson

from benchmarks.load.receiver import Received
from benchmarks.load.street import GOOD, HOUSES, WRITE_KEY, Street, pour, street
from headgate.paths import DataDirectory
from headgate.registry.snapshot_store import SnapshotStore
from headgate.registry.store import Registry
from tests.acceptance.service.place import Client

EVENTS = 20
"""More than a function may have invocations at once: the endless one has them all, and some wait."""


def test_twenty_nine_do_not_wait_for_twenty_one(tmp_path: Path) -> None:
    arrived: Counter[tuple[str, int]] = Counter()
    everything = asyncio.Event()

    def take(request: Received) -> None:
        arrived[request.path, orjson.loads(request.body)["properties"]["number"]] += 1
        if len(arrived) == EVENTS * HOUSES[GOOD]:
            everything.set()

    async def main() -> None:
        async with street(tmp_path, HOUSES, take) as place:
            # Fast, so that everybody's events are there at once.
            await pour(place.server.url, 1_000, EVENTS, event, lambda _: None)
            await asyncio.wait_for(everything.wait(), 60)
            over = await asyncio.to_thread(ended, place)

        assert set(arrived.values()) == {1}
        assert place.requests["hang"] >= HOUSES["hang"]
        assert place.requests["fail"] >= HOUSES["fail"]
        assert over == {}

    asyncio.run(main())


def event(number: int) -> bytes:
    name = {"writeKey": WRITE_KEY, "userId": "u", "event": "E", "messageId": f"m{number}"}
    return orjson.dumps({**name, "properties": {"number": number}})


def ended(place: Street) -> dict[str, float]:
    """Events that ended, one way or another, at destinations other than the good ones."""
    with Registry.open(DataDirectory(place.root / "data")) as registry:
        names = {id_: each.name for id_, each in SnapshotStore(registry).load().destinations.items()}
    with Client(place.server) as client:
        counts = client.metrics("headgate_events_total")
    found = {
        names[dict(labels)["destination"]]: count
        for labels, count in counts.items()
        if dict(labels)["destination"]
    }
    assert sum(count for name, count in found.items() if name.startswith(GOOD)) <= EVENTS * HOUSES[GOOD]
    return {name: count for name, count in found.items() if not name.startswith(GOOD)}
