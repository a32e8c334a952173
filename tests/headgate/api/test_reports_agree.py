"""What is reported of random traffic with failures is what became of it, to the unit."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headgate.api.times import iso
from headgate.delivery.carrier import Parcel, Receipt
from headgate.filters import Rule
from headgate.queue.clock import ServiceClock
from headgate.queue.model import Step, Tally
from headgate.queue.sqlite import SqliteQueue
from headgate.registry import destinations, sources
from headgate.registry.store import Change
from headgate.tracking.intake import Arrival
from headgate.tracking.sift import failure
from tests.headgate.api.harness import ApiHarness
from tests.headgate.pipeline.harness import (
    DELIVERED,
    FakeCarrier,
    PipelineHarness,
    destination,
    instance,
    snapshot,
)
from tests.runtime.fakes import START_MS, Frozen, until

PAUSES_MS: Final = (15_000, 30_000, 60_000, 120_000)
"""Before each repeated attempt, as the pipelines of these tests are set up."""

FUNCTION: Final = """
function act(event) {
  if (event.fates[1] === 'drop') return
  if (event.fates[1] === 'reject') throw new ValidationError('no')
  if (event.fates[1] === 'again') throw new RetryError('later')
  return event
}
const onTrack = act, onPage = act
"""

FATES: Final = (
    ("ok", "ok", "gone", "busy1", "busy2", "busy9"),
    ("ok", "drop", "reject", "again", "gone", "busy1"),
    ("ok", "busy3"),
)
"""What destinations do with an event: the first one by itself, the second with a function, the third behind a filter."""


@dataclass(frozen=True)
class Event:
    type: str
    name: str
    version: str
    fates: tuple[str, ...]

    def arrival(self, number: int) -> Arrival:
        value: dict[str, Any] = {"type": self.type, "messageId": f"m{number}", "fates": self.fates}
        value |= {"event": self.name} if self.type == "track" else {"name": self.name}
        if self.version:
            value["context"] = {"app": {"version": self.version}}
        return Arrival(f"m{number}", self.type, value, orjson.dumps(value))

    def about(self, reason: str = "") -> dict[str, str]:
        name = self.name if self.type == "track" else ""
        about = {
            "eventType": self.type,
            "eventName": name,
            "appVersion": self.version,
            "discardReason": reason,
        }
        return {key: value for key, value in about.items() if value}

    def end(self, place: int, attempts: int) -> tuple[Step | None, str, int]:
        """After so many *attempts*: the step it ended in, none while it is pending, the reason, and the attempts made."""
        fate = self.fates[place]
        if place == 2 and self.type == "page":
            return Step.FILTERED_AT_DESTINATION, "FILTERED_BY_RULES", 0
        if fate == "drop":
            return Step.FILTERED_AT_DESTINATION, "filtered_at_insert_function", 1
        if fate == "reject":
            return Step.FILTERED_AT_DESTINATION, "message_rejected", 1
        if fate == "gone":
            return Step.FAILED_DELIVERY, "400", 1
        if fate == "again":
            return None, "retry", attempts
        needed = 1 + int(fate[4:] or 0)
        if needed > attempts:
            return None, "503", attempts
        return Step.DELIVERED, f"successes.attempt.{needed}", needed


EVENTS: Final = st.builds(
    Event,
    st.sampled_from(["track", "track", "page"]),
    st.sampled_from(["Bought, twice", "Left", "Ünï"]),
    st.sampled_from(["", "1.0", "2.0"]),
    st.tuples(*(st.sampled_from(each) for each in FATES)),
)


def answer(parcels: Sequence[Parcel]) -> Receipt:
    (parcel,) = parcels
    place = int(parcel.key.rpartition("-")[2])
    fate = orjson.loads(parcel.body)["fates"][place]
    if fate == "gone":
        return Receipt("discard", "400", "no", 400)
    if fate.startswith("busy") and parcel.attempt <= int(fate[4:]):
        return Receipt("retry", "503", "later", 503)
    return DELIVERED


@dataclass
class Traffic:
    """*ids* of the destinations. Two workers share what comes."""

    harness: ApiHarness
    source: str
    ids: list[str]
    worlds: list[PipelineHarness]
    clock: Frozen


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiHarness]:
    with ApiHarness(tmp_path_factory.mktemp("reports") / "data") as made:
        yield made


_NUMBERS: Final = itertools.count()


def made(harness: ApiHarness) -> Traffic:
    number = next(_NUMBERS)

    def things(change: Change) -> tuple[str, list[str]]:
        source = sources.create(change, harness.workspace, slug=f"s{number}").id
        settings = {"url": "https://example.com/"}
        return source, [
            destinations.create(change, source, kind="webhook", name=f"D{place}", settings=settings).id
            for place in range(len(FATES))
        ]

    source, ids = harness.do(things)
    drop = [Rule("type = 'page'", [{"type": "DROP"}])]
    parts: list[dict[str, Any]] = [{}, {"instance": instance(FUNCTION)}, {"rules": drop}]
    there = tuple(
        destination(id_, workspace=harness.workspace, source=source, **part)
        for id_, part in zip(ids, parts, strict=True)
    )
    plain = snapshot(*there)
    here = replace(plain.sources["s"], id=source, workspace=harness.workspace)
    first = replace(
        plain,
        workspaces={harness.workspace: replace(plain.workspaces["w"], id=harness.workspace)},
        sources={source: here},
        by_write_key={"wk": here},
    )
    clock = Frozen()
    clock.now_ms = harness.clock.wall_ms() - START_MS

    async def begin() -> list[PipelineHarness]:
        worlds = []
        for worker in range(2):
            path = harness.data.queue(2 * number + worker)
            queue = await SqliteQueue.open(path, clock=ServiceClock(clock))
            places = {id_: place for place, id_ in enumerate(ids)}
            worlds.append(PipelineHarness(queue, clock, harness.executor, _Depot(places), first))
        return worlds

    return Traffic(harness, source, ids, harness.run(begin()), clock)


class _Depot(FakeCarrier):
    """Tells *answer* the place of a destination among those of the source, as the end of the parcel's key."""

    def __init__(self, places: dict[str, int]) -> None:
        def placed(parcels: Sequence[Parcel]) -> Receipt:
            (parcel,) = parcels
            return answer([parcel._replace(key=f"{parcel.key}-{places[parcel.key.rpartition('/')[2]]}")])

        super().__init__(placed)


async def pass_through(
    traffic: Traffic, events: Sequence[Event], failed: Sequence[Tally], attempts: int
) -> None:
    """*events* come, the first of each half twice, and are tried so often as they need, up to *attempts* times."""
    halves = [events[::2], events[1::2]]
    numbers = itertools.count()
    for harness, half in zip(traffic.worlds, halves, strict=True):
        source = await harness.intake.source("wk")
        assert source is not None
        arrivals = [event.arrival(next(numbers)) for event in half]
        await harness.intake.accept(source, arrivals + arrivals[:1], failed)
    for made_attempts in range(1, attempts + 1):
        for harness, half in zip(traffic.worlds, halves, strict=True):
            ends = [event.end(place, made_attempts) for event in half for place in range(len(FATES))]
            decided = sum(step is not None for step, _, _ in ends)
            retries = sum(tried - (step is not None and tried > 0) for step, _, tried in ends)
            await _quiet(harness, decided, retries)
        if made_attempts < attempts:
            traffic.clock.advance(PAUSES_MS[made_attempts - 1])


async def _quiet(harness: PipelineHarness, decided: int, retries: int) -> None:
    await harness.outcomes(decided)
    await until(lambda: harness.meter.retries >= retries and harness.pipeline.dispatcher.in_flight == 0)
    assert harness.meter.retries == retries
    await harness.queue.settled()


Groups = Counter[tuple[tuple[str, str], ...]]


def reported(
    traffic: Traffic, step: Step, by: Sequence[str], granularity: str, place: int | None
) -> tuple[Groups, Groups]:
    """Events, and those that are pending, by what they are grouped by."""
    now = int(traffic.clock.wall_ms())
    query: dict[str, Any] = {"sourceId": traffic.source, "granularity": granularity, "groupBy": list(by)}
    query |= {"startTime": _time(now - 3_600_000), "endTime": _time(now + 60_000)}
    if place is not None:
        query["destinationConfigId"] = traffic.ids[place]
    data = traffic.harness.owner.get(f"/delivery-overview/{step}", **query).data
    events: Groups = Counter()
    pending: Groups = Counter()
    for entry in data["dataset"]:
        key = tuple(sorted((name, entry[name]) for name in by if name in entry))
        events[key] += entry["total"]
        pending[key] += entry.get("totalRetryCount", 0)
        assert entry["total"] == sum(point["count"] for point in entry["series"])
        assert entry.get("totalRetryCount", 0) == sum(point.get("retryCount", 0) for point in entry["series"])
    assert data["total"] == events.total()
    assert data["pagination"]["totalEntries"] == len(data["dataset"])
    return +events, +pending


def _time(ms: float) -> str:
    return iso(int(ms))


def grouped(abouts: Sequence[dict[str, str]], by: Sequence[str]) -> Groups:
    return Counter(tuple(sorted((name, about[name]) for name in by if name in about)) for about in abouts)


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    events=st.lists(EVENTS, min_size=2, max_size=30),
    bad=st.lists(st.tuples(st.sampled_from(["no_user_anon_id", "bad_request"]), EVENTS), max_size=4),
    attempts=st.integers(1, 4),
    by=st.lists(st.sampled_from(["eventName", "eventType", "appVersion", "discardReason"]), unique=True),
    granularity=st.sampled_from(["MINUTE", "HOUR", "DAY"]),
)
def test_every_step_agrees_with_what_happened(
    harness: ApiHarness,
    events: list[Event],
    bad: list[tuple[str, Event]],
    attempts: int,
    by: list[str],
    granularity: str,
) -> None:
    traffic = made(harness)
    failed = [failure(traffic.source, event.type, reason, event.arrival(0).event) for reason, event in bad]
    harness.run(pass_through(traffic, events, failed, attempts))
    ahead = traffic.clock.wall_ms() - harness.clock.wall_ms()
    harness.clock.advance(max(0, int(ahead)) + 1)

    def of(step: Step, place: int | None = None) -> tuple[Groups, Groups]:
        return reported(traffic, step, by, granularity, place)

    nothing: Groups = Counter()
    assert of(Step.RECEIVED) == (grouped([event.about() for event in events], by), nothing)
    # Both workers were told of them.
    twice = [event.about(reason) for reason, event in bad] * 2
    assert of(Step.FAILED_ON_INGEST) == (grouped(twice, by), nothing)
    assert of(Step.FILTERED_AT_SOURCE) == (nothing, nothing)
    for place in range(len(FATES)):
        ends = [(event, *event.end(place, attempts)) for event in events]
        waits = grouped([event.about(reason) for event, step, reason, _ in ends if step is None], by)
        all_of_it = waits.total()
        for step in (Step.FILTERED_AT_DESTINATION, Step.FAILED_DELIVERY, Step.DELIVERED):
            expected = grouped([event.about(reason) for event, ended, reason, _ in ends if ended is step], by)
            got, pending = of(step, place)
            assert (got, pending) == (expected, waits if step is Step.FAILED_DELIVERY else nothing)
            all_of_it += got.total()
        assert all_of_it == len(events)
        summary_agrees(traffic, place, granularity, ends)
    volume_agrees(traffic, events)
    harness.run(_end(traffic))


def summary_agrees(
    traffic: Traffic, place: int, granularity: str, ends: list[tuple[Event, Step | None, str, int]]
) -> None:
    path = f"/destinations/{traffic.ids[place]}/delivery-metrics"
    data = traffic.harness.owner.get(path, sourceId=traffic.source, granularity=granularity).data
    metrics = {each["metricName"]: each for each in data["deliveryMetricsSummary"]["metrics"]}
    names = {"400": "400", "503": "5xx", "retry": "retry", "message_rejected": "MESSAGE_REJECTED"}
    expected: dict[str, Counter[str]] = {
        "successes": Counter(reason for _, step, reason, _ in ends if step is Step.DELIVERED),
        "errors.discarded": Counter(
            f"errors.discarded.{names[reason]}"
            for _, step, reason, _ in ends
            if step not in (None, Step.DELIVERED) and reason in names
        ),
        "errors.awaiting-retry": Counter(
            f"errors.awaiting-retry.{names[reason]}" for _, step, reason, _ in ends if step is None
        ),
        "expired": Counter(),
    }
    for name, breakdown in expected.items():
        assert metrics[name]["total"] == breakdown.total()
        assert {each["metricName"]: each["value"] for each in metrics[name]["breakdown"]} == breakdown
    assert ("latency.p95" in metrics) is bool(expected["successes"])
    if expected["successes"]:
        slowest = max(tried for _, step, _, tried in ends if step is Step.DELIVERED)
        took_ms = sum(PAUSES_MS[: slowest - 1])
        assert metrics["latency.p99"]["total"] <= max(1, 1.25 * took_ms)


def volume_agrees(traffic: Traffic, events: list[Event]) -> None:
    now = traffic.clock.wall_ms()
    query = {"granularity": "HOUR", "startTime": _time(now - 3_600_000), "endTime": _time(now + 1)}
    data = traffic.harness.owner.get("/events/volume", **query, groupBy=["source", "eventType"]).data
    found = {
        each["eventType"]: each["total"] for each in data["result"] if each["source"]["id"] == traffic.source
    }
    assert found == Counter(event.type for event in events)


async def _end(traffic: Traffic) -> None:
    for harness in traffic.worlds:
        await harness.pipeline.drain(0)
        await harness._running
        await harness.queue.close()
    for path in traffic.harness.data.queues().values():
        path.unlink()
