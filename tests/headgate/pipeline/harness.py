"""A pipeline with a source, a destination, and a fake carrier."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from headgate.delivery.carrier import SINGLE, Batching, Parcel, Receipt
from headgate.delivery.carriers import Carriers
from headgate.filters import FilterChain, Rule
from headgate.pipeline.functions import Functions
from headgate.pipeline.intake import PipelineIntake
from headgate.pipeline.meter import NoMeter
from headgate.pipeline.observer import Observer
from headgate.pipeline.pipeline import Pipeline
from headgate.pipeline.plan import Planner
from headgate.pipeline.verdict import Judge
from headgate.queue.clock import ServiceClock
from headgate.queue.model import Again, Settlement, Step
from headgate.queue.sqlite import SqliteQueue
from headgate.registry.snapshot import Destination, Instance, Snapshot, Source, Version, Workspace
from headgate.tracking.intake import Arrival
from headgate_runtime import Executor, Service
from tests.runtime.fakes import Frozen, until

DELIVERED = Receipt("delivered", status=200)


def destination(name: str = "d1", rules: Sequence[Rule] = (), **fields: Any) -> Destination:
    plain = Destination(
        id=name,
        name=name,
        workspace="w",
        source="s",
        kind="webhook",
        catalog_name="Webhook",
        enabled=True,
        settings={},
        filters=FilterChain(rules),
    )
    return replace(plain, **fields)


def instance(code: str, settings: dict[str, object] | None = None, **fields: Any) -> Instance:
    plain = Instance(
        id="i",
        name="i",
        function="f",
        enabled=True,
        version=Version(f"v{hash(code)}", "f", code, "javascript"),
        settings=orjson.dumps(settings or {}),
        secrets=(),
        batch_max_count=20,
        isolation="warm",
        time_ms=5_000,
    )
    return replace(plain, **fields)


def snapshot(*destinations: Destination, revision: int = 1) -> Snapshot:
    source = Source("s", "web", "Web", "w", True, ("wk",), destinations)
    return Snapshot(
        revision=revision,
        workspaces={"w": Workspace("w", "w", "W")},
        sources={"s": source},
        by_write_key={"wk": source},
        destinations={each.id: each for each in destinations},
        versions={},
    )


def arrival(number: int, event: dict[str, Any] | None = None) -> Arrival:
    value = {"type": "track", "event": "E", "messageId": f"m{number}", "properties": {}} | (event or {})
    return Arrival(f"m{number}", value["type"], value, orjson.dumps(value))


class FixedDirectory:
    """A Directory whose snapshot a test replaces."""

    def __init__(self, first: Snapshot) -> None:
        self.snapshot = first
        self.is_current = True

    async def current(self) -> Snapshot:
        return self.snapshot


class FakeCarrier:
    """A Carrier that keeps its deliveries and returns the receipts of *answer*."""

    def __init__(self, answer: Callable[[Sequence[Parcel]], Receipt] | None = None) -> None:
        self.answer = answer or (lambda _: DELIVERED)
        self.deliveries: list[list[Parcel]] = []
        self.concurrency = 4
        self.batching: Batching = SINGLE
        self.is_at_rest = True
        self.closed = False
        self.gate: asyncio.Event | None = None

    async def deliver(self, parcels: Sequence[Parcel]) -> Receipt:
        if self.gate is not None:
            await self.gate.wait()
        self.deliveries.append(list(parcels))
        return self.answer(parcels)

    async def aclose(self) -> None:
        self.closed = True

    @property
    def events(self) -> list[dict[str, Any]]:
        return [orjson.loads(parcel.body) for delivery in self.deliveries for parcel in delivery]


class Retries(NoMeter):
    """Counts the attempts that ended in a retry."""

    def __init__(self) -> None:
        self.retries = 0

    def settled(self, settlements: Sequence[Settlement]) -> None:
        self.retries += sum(isinstance(each, Again) for each in settlements)


class PipelineHarness:
    """A running pipeline on a real queue with real sandboxes. Call `close` when done."""

    def __init__(
        self,
        queue: SqliteQueue,
        clock: Frozen,
        executor: Executor,
        carrier: FakeCarrier,
        first: Snapshot,
        now: ServiceClock | None = None,
        observer: Observer | None = None,
    ):
        self.queue = queue
        self.clock = clock
        self.executor = executor
        self.carrier = carrier
        self.directory = FixedDirectory(first)
        now = now or ServiceClock(clock)
        self.meter = Retries()
        self.pipeline = Pipeline(
            queue,
            self.directory,
            executor,
            Planner(Functions(executor), Carriers(lambda _: carrier)),
            Judge(lambda: 0.5),
            clock,
            now.now,
            self.meter,
            observer,
        )
        self.intake = PipelineIntake(queue, self.directory, self.meter)
        self._running = asyncio.create_task(self.pipeline.run())

    @classmethod
    async def make(
        cls,
        path: Path,
        *destinations: Destination,
        carrier: FakeCarrier | None = None,
        observer: Observer | None = None,
        fetch: Service | None = None,
    ) -> PipelineHarness:
        clock = Frozen()
        queue = await SqliteQueue.open(path / "queue.sqlite", clock=ServiceClock(clock))
        executor = Executor(fetch=fetch)
        return cls(
            queue, clock, executor, carrier or FakeCarrier(), snapshot(*destinations), observer=observer
        )

    async def accept(self, *arrivals: Arrival) -> None:
        source = await self.intake.source("wk")
        assert source is not None
        await self.intake.accept(source, arrivals, ())

    async def outcomes(self, count: int) -> dict[tuple[str, str], int]:
        """By step and reason, of what was decided for destinations, once *count* of them are."""
        while True:
            await self.queue.settled()
            found: dict[tuple[str, str], int] = {}
            for row in await self.queue.tallies():
                if row.tally.step not in (Step.RECEIVED, Step.FAILED_ON_INGEST):
                    key = (str(row.tally.step), row.tally.reason)
                    found[key] = found.get(key, 0) + row.events
            if sum(found.values()) >= count:
                return found
            await asyncio.sleep(0)

    async def retried(self, attempts: int) -> None:
        """Returns when so many attempts, from the beginning, have ended in a retry, and nothing is under way."""
        await until(lambda: self.meter.retries >= attempts and self.pipeline.dispatcher.in_flight == 0)
        await self.queue.settled()

    async def close(self) -> None:
        await self.pipeline.drain(0)
        await self._running
        await self.queue.close()
        self.executor.close()
