"""
Fifty destinations of one source, of which ten never answer, ten answer 500 and one has a function that never ends: all
events of the other twenty-nine arrive before a single one of these is over. By counts; how fast is for the benchmarks.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import orjson

from benchmarks.load.destinations import (
    DESTINATIONS,
    GOOD,
    WRITE_KEY,
    Deployment,
    deployed,
    send_events,
)
from benchmarks.load.webhooks import Received
from headgate.paths import DataDirectory
from headgate.registry.snapshot_store import SnapshotStore
from headgate.registry.store import Registry
from tests.acceptance.service.project import Client

EVENTS = 20
"""More than a function may have invocations at once: the endless one has them all, and some wait."""


def test_twenty_nine_do_not_wait_for_twenty_one(tmp_path: Path) -> None:
    arrived: Counter[tuple[str, int]] = Counter()
    everything = asyncio.Event()

    def take(request: Received) -> None:
        arrived[request.path, orjson.loads(request.body)["properties"]["number"]] += 1
        if len(arrived) == EVENTS * DESTINATIONS[GOOD]:
            everything.set()

    async def main() -> None:
        async with deployed(tmp_path, DESTINATIONS, take) as deployment:
            # Fast, so that everybody's events are there at once.
            await send_events(deployment.server.url, 1_000, EVENTS, event, lambda _: None)
            await asyncio.wait_for(everything.wait(), 60)
            over = await asyncio.to_thread(ended, deployment)

        assert set(arrived.values()) == {1}
        assert deployment.requests["hang"] >= DESTINATIONS["hang"]
        assert deployment.requests["fail"] >= DESTINATIONS["fail"]
        assert over == {}

    asyncio.run(main())


def event(number: int) -> bytes:
    name = {"writeKey": WRITE_KEY, "userId": "u", "event": "E", "messageId": f"m{number}"}
    return orjson.dumps({**name, "properties": {"number": number}})


def ended(deployment: Deployment) -> dict[str, float]:
    """Events that ended, one way or another, at destinations other than the good ones."""
    with Registry.open(DataDirectory(deployment.root / "data")) as registry:
        names = {id_: each.name for id_, each in SnapshotStore(registry).load().destinations.items()}
    with Client(deployment.server) as client:
        counts = client.metrics("headgate_events_total")
    found = {
        names[dict(labels)["destination"]]: count
        for labels, count in counts.items()
        if dict(labels)["destination"]
    }
    assert sum(count for name, count in found.items() if name.startswith(GOOD)) <= EVENTS * DESTINATIONS[GOOD]
    return {name: count for name, count in found.items() if not name.startswith(GOOD)}
