"""The delivery overview, the summary of a destination and event volume: what may be asked, and how."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote

import orjson
import pytest

from headgate.api.permissions import Resource
from headgate.api.times import iso
from headgate.queue.clock import ServiceClock
from headgate.queue.labels import joined
from headgate.queue.limits import DAY_MS, HOUR_MS, MINUTE_MS
from headgate.queue.model import Step, Tally
from headgate.queue.sqlite import SqliteQueue
from tests.headgate.api.harness import START_MS, ApiHarness, Caller
from tests.headgate.api.test_destinations import made, made_source
from tests.runtime.fakes import START_MS as FROZEN_MS
from tests.runtime.fakes import Frozen

NOW = START_MS + 40 * DAY_MS
RECEIVED = "/delivery-overview/successfully-received"


@pytest.fixture
def source(harness: ApiHarness) -> str:
    harness.clock.advance(NOW - START_MS)
    return made_source(harness.owner)


def count(harness: ApiHarness, counted: Iterable[tuple[int, Tally]], worker: int = 0) -> None:
    """As a worker does, each in its millisecond."""

    async def work() -> None:
        clock = Frozen()
        clock.now_ms = NOW - 35 * DAY_MS - FROZEN_MS
        queue = await SqliteQueue.open(harness.data.queue(worker), clock=ServiceClock(clock))
        for at, tally in sorted(counted, key=lambda each: each[0]):
            clock.advance(at - clock.wall_ms())
            await queue.put([], [tally])
        await queue.close()

    harness.run(work())


def track(source: str, name: str = "E", version: str = "") -> Tally:
    return Tally(source, "", Step.RECEIVED, "track", labels=joined(name, version))


def hour(source: str, **more: Any) -> dict[str, Any]:
    """Of the last hour, by the minute."""
    times = {"startTime": iso(NOW - HOUR_MS), "endTime": iso(NOW), "granularity": "MINUTE"}
    return {"sourceId": source, **times} | more


def test_the_start_is_inclusive_and_the_end_is_not(harness: ApiHarness, source: str) -> None:
    count(harness, [(NOW - minutes * MINUTE_MS, track(source)) for minutes in range(7)])

    query = hour(source, startTime=iso(NOW - 4 * MINUTE_MS), endTime=iso(NOW - MINUTE_MS))
    assert harness.owner.get(RECEIVED, **query).data["dataset"] == [
        {
            "total": 3,
            "series": [{"time": iso(NOW - minutes * MINUTE_MS), "count": 1} for minutes in (4, 3, 2)],
        }
    ]


def test_periods_that_begin_before_the_start_are_whole(harness: ApiHarness, source: str) -> None:
    count(harness, [(NOW - HOUR_MS + 1, track(source)), (NOW + 1, track(source))])
    query = hour(source, granularity="HOUR", startTime=iso(NOW - 30 * MINUTE_MS), endTime=iso(NOW))
    (entry,) = harness.owner.get(RECEIVED, **query).data["dataset"]
    assert entry["series"] == [{"time": iso(NOW - HOUR_MS), "count": 1}]
    (entry,) = harness.owner.get(RECEIVED, **query | {"granularity": "DAY", "endTime": iso(NOW + 1)}).data[
        "dataset"
    ]
    assert [point["time"] for point in entry["series"]] == [iso(NOW - DAY_MS), iso(NOW)]


def test_workers_add_up_and_what_is_committed_is_seen_at_once(harness: ApiHarness, source: str) -> None:
    assert harness.owner.get(RECEIVED, **hour(source)).data == {
        "total": 0,
        "dataset": [],
        "pagination": {"current": "MA==", "totalEntries": 0},
    }
    for worker in (0, 1, 7):
        count(harness, [(NOW - MINUTE_MS, track(source))] * 2, worker)
        assert harness.owner.get(RECEIVED, **hour(source)).data["total"] == 2 * (min(worker, 2) + 1)


FAR = 10 * MINUTE_MS
"""Between what is too far and what is not: looking at the clock moves it."""


@pytest.mark.parametrize(
    ("granularity", "range_ms", "ago_ms"),
    [
        ("MINUTE", 4 * HOUR_MS, 48 * HOUR_MS),
        ("HOUR", 14 * DAY_MS, 30 * DAY_MS),
        ("DAY", 30 * DAY_MS, 30 * DAY_MS),
    ],
)
def test_ranges_have_limits(
    harness: ApiHarness, source: str, granularity: str, range_ms: int, ago_ms: int
) -> None:
    def status(start: int, length: int, path: str) -> tuple[int, str]:
        query = hour(source, startTime=iso(start), endTime=iso(start + length), granularity=granularity)
        answer = harness.owner.get(path, **query)
        return answer.status, "" if answer.status == 200 else answer.error["field"]

    destination = made(harness.owner, source)["id"]
    for path in (RECEIVED, "/events/volume", f"/destinations/{destination}/delivery-metrics"):
        recent = NOW - ago_ms + FAR
        assert status(recent, range_ms, path) == (200, "")
        assert status(recent, range_ms + 1, path) == (422, "endTime")
        assert status(NOW - ago_ms, 1, path) == (422, "startTime")
        assert status(recent, 0, path) == (422, "endTime")
        assert status(recent, -1, path) == (422, "endTime")
        assert status(NOW + DAY_MS, 1, path) == (200, "")


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"sourceId": None}, (422, "sourceId", '"sourceId" is required')),
        ({"startTime": None}, (422, "startTime", '"startTime" is required')),
        ({"endTime": None}, (422, "endTime", '"endTime" is required')),
        ({"granularity": None}, (422, "granularity", '"granularity" is required')),
        ({"granularity": "minute"}, (422, "granularity", '"granularity" must be one of DAY, HOUR, MINUTE')),
        ({"granularity": ["DAY"]}, (422, "granularity", '"granularity" must be one of DAY, HOUR, MINUTE')),
        (
            {"startTime": "yesterday"},
            (422, "startTime", '"startTime" must be an ISO 8601 time, such as 2026-01-31T12:00:00Z'),
        ),
        (
            {"groupBy": ["spaceId"]},
            (422, "groupBy", '"groupBy" must be of eventName, eventType, discardReason, appVersion'),
        ),
        ({"groupBy": {"a": "b"}}, (422, "groupBy", '"groupBy" must be a list of strings')),
        ({"filter": "eventName"}, (422, "filter", '"filter" must be an object')),
        (
            {"filter": {"colour": ["red"]}},
            (422, "filter", '"filter" must be of eventName, eventType, discardReason, appVersion'),
        ),
        (
            {"filter": {"eventName": {"a": "b"}}},
            (422, "filter.eventName", '"filter.eventName" must be a list of strings'),
        ),
        ({"pagination": {}}, (422, "pagination.count", '"pagination.count" is required')),
    ],
)
def test_what_cannot_be_asked(
    harness: ApiHarness, source: str, change: dict[str, Any], refusal: tuple[int, str, str]
) -> None:
    query = {name: value for name, value in hour(source, **change).items() if value is not None}
    assert harness.owner.get(RECEIVED, **query).refusal == refusal


def test_things_must_belong_together(harness: ApiHarness, source: str) -> None:
    other = made_source(harness.owner, "other")
    destination = made(harness.owner, source)["id"]
    path = "/delivery-overview/successful-delivery"
    assert harness.owner.get(path, **hour(source)).refusal[:2] == (422, "destinationConfigId")
    assert harness.owner.get(path, **hour(source, destinationConfigId=destination)).status == 200
    assert harness.owner.get(path, **hour(other, destinationConfigId=destination)).status == 404
    assert harness.owner.get(path, **hour(source, destinationConfigId="none")).status == 404
    summary = f"/destinations/{destination}/delivery-metrics"
    assert harness.owner.get(summary).refusal == (422, "sourceId", '"sourceId" is required')
    assert harness.owner.get(summary, sourceId=other).status == 404
    assert harness.rival.get(summary, sourceId=source).status == 404


def as_dotted(query: dict[str, Any]) -> str:
    return "&".join(_pairs(query, lambda name, key: f"{name}.{key}"))


def as_brackets(query: dict[str, Any]) -> str:
    return "&".join(_pairs(query, lambda name, key: f"{name}[{key}]"))


def as_mixed(query: dict[str, Any]) -> str:
    return "&".join(_pairs(query, lambda name, key: f"{name}.{key}" if key.isdigit() else f"{name}[{key}]"))


def as_json(query: dict[str, Any]) -> str:
    """Objects as JSON, lists as repeated keys."""
    return "&".join(
        f"{name}={quote(each if isinstance(each, str) else orjson.dumps(each))}"
        for name, value in query.items()
        for each in (value if isinstance(value, list) else [value])
    )


def _pairs(query: dict[str, Any], inner: Callable[[str, str], str], name: str = "") -> Iterable[str]:
    for key, value in query.items():
        here = inner(name, key) if name else key
        if isinstance(value, dict | list):
            entries = value if isinstance(value, dict) else {str(n): each for n, each in enumerate(value)}
            yield from _pairs(entries, inner, here)
        else:
            yield f"{quote(here, safe='[]')}={quote(str(value))}"


@pytest.mark.parametrize("written", [as_dotted, as_brackets, as_mixed, as_json])
def test_every_client_is_understood(
    harness: ApiHarness, source: str, written: Callable[[dict[str, Any]], str]
) -> None:
    at = NOW - MINUTE_MS
    count(
        harness,
        [
            *[(at, track(source, "A, or B", "1"))] * 3,
            *[(at, track(source, "A, or B", "2"))] * 2,
            *[(at, track(source, "C", "1"))] * 4,
            (at, track(source, "D", "1")),
            (at, Tally(source, "", Step.RECEIVED, "page")),
        ],
    )
    query = hour(
        source,
        groupBy=["eventName", "appVersion"],
        filter={"eventName": ["A, or B", "C"], "eventType": ["track"]},
        pagination={"count": 2},
    )
    answer = harness.owner.ask("GET", RECEIVED, query=written(query))
    assert answer.data["total"] == 9
    assert [(each["eventName"], each["appVersion"], each["total"]) for each in answer.data["dataset"]] == [
        ("C", "1", 4),
        ("A, or B", "1", 3),
    ]
    page = answer.data["pagination"]
    assert page == {"current": "MA==", "next": page["next"], "totalEntries": 3}
    answer = harness.owner.ask(
        "GET", RECEIVED, query=written(query | {"pagination": {"count": 2, "cursor": page["next"]}})
    )
    assert [each["total"] for each in answer.data["dataset"]] == [2]
    assert "next" not in answer.data["pagination"]


def test_lists_may_be_parted_by_commas(harness: ApiHarness, source: str) -> None:
    count(harness, [(NOW - 1, track(source, "A", "1"))])
    (entry,) = harness.owner.get(RECEIVED, **hour(source, groupBy="eventName,appVersion,eventType")).data[
        "dataset"
    ]
    assert (entry["eventName"], entry["appVersion"], entry["eventType"]) == ("A", "1", "track")


def test_what_no_event_has_here_is_asked_for_in_vain(harness: ApiHarness, source: str) -> None:
    destination = made(harness.owner, source)["id"]
    delivered = Tally(source, destination, Step.DELIVERED, "track", "", 3)
    count(harness, [(NOW - 1, delivered)])
    path = "/delivery-overview/successful-delivery"
    query = hour(source, destinationConfigId=destination, groupBy=["subscriptionId", "discardReason"])
    (entry,) = harness.owner.get(path, **query).data["dataset"]
    assert (entry["discardReason"], entry["total"]) == ("successes.attempt.3", 1)
    assert harness.owner.get(path, **query, filter={"spaceId": ["any"]}).data["total"] == 0
    assert harness.owner.get(path, **query, filter={"spaceId": []}).data["total"] == 1
    assert (
        harness.owner.get(path, **query, filter={"discardReason": ["successes.attempt.2"]}).data["total"] == 0
    )


def test_a_summary_is_of_the_last_hour_unless_it_is_said(harness: ApiHarness, source: str) -> None:
    destination = made(harness.owner, source)["id"]

    def failed(reason: str) -> Tally:
        return Tally(source, destination, Step.FAILED_DELIVERY, "track", reason, 1)

    def filtered(reason: str) -> Tally:
        return Tally(source, destination, Step.FILTERED_AT_DESTINATION, "track", reason, 1)

    recent = NOW - 30 * MINUTE_MS
    count(
        harness,
        [
            *(
                (recent, failed(reason))
                for reason in ("400", "401", "MESSAGE_REJECTED", "EREFUSED", "502", "503")
            ),
            *(
                (recent, filtered(reason))
                for reason in ("message_rejected", "bad_request", "gateway_timeout")
            ),
            *((recent, filtered(reason)) for reason in ("FILTERED_BY_RULES", "filtered_at_insert_function")),
            *((NOW - 3 * DAY_MS, failed("400")),) * 5,
            *((NOW - 20 * DAY_MS, failed("400")),) * 7,
        ],
    )

    def summary(**query: str) -> dict[str, tuple[int, dict[str, int]]]:
        path = f"/destinations/{destination}/delivery-metrics"
        data = harness.owner.get(path, sourceId=source, **query).data["deliveryMetricsSummary"]
        assert (data["sourceId"], data["destinationMetadataId"]) == (source, "webhook")
        return {
            each["metricName"]: (
                each["total"],
                {part["metricName"]: part["value"] for part in each["breakdown"]},
            )
            for each in data["metrics"]
        }

    assert summary() == {
        "successes": (0, {}),
        "errors.discarded": (
            5,
            {
                "errors.discarded.400": 1,
                "errors.discarded.401": 1,
                "errors.discarded.MESSAGE_REJECTED": 2,
                "errors.discarded.bad_request": 1,
            },
        ),
        "errors.awaiting-retry": (0, {}),
        "expired": (4, {"expired.ECONNREFUSED": 1, "expired.5xx": 2, "expired.gateway_timeout": 1}),
    }
    assert summary(granularity="HOUR")["errors.discarded"][0] == 10
    assert summary(granularity="DAY")["errors.discarded"][0] == 17
    assert summary(endTime=iso(recent))["errors.discarded"][0] == 0


def test_volume_is_of_the_sources_one_may_read(harness: ApiHarness, source: str) -> None:
    other = made_source(harness.owner, "other")
    at = NOW - MINUTE_MS
    count(
        harness,
        [
            (at, track(source, "A", "1")),
            (at, track(source, "B")),
            (at, track(other, "A")),
            (at, track("gone")),
        ],
    )
    some = harness.granted(("source-read-only", [Resource("SOURCE", other)]))
    nobody = harness.granted()
    query = hour("")
    del query["sourceId"]

    def seen(caller: Caller, **more: Any) -> list[tuple[str, str, int]]:
        answer = caller.get("/events/volume", **query, **more)
        found = answer.data["result"]
        return sorted(
            (each.get("source", {}).get("id", ""), each.get("eventName", ""), each["total"]) for each in found
        )

    assert seen(harness.owner) == [("", "", 3)]
    assert seen(harness.owner, groupBy=["source"]) == sorted([(source, "", 2), (other, "", 1)])
    assert seen(harness.owner, groupBy="sourceId,eventName") == sorted(
        [(source, "A", 1), (source, "B", 1), (other, "A", 1)]
    )
    assert seen(harness.owner, sourceId=[source], appVersion="1") == [("", "", 1)]
    assert seen(harness.owner, eventName=["A"], eventType="track") == [("", "", 2)]
    assert seen(some, groupBy="source") == [(other, "", 1)]
    assert seen(nobody) == []
    assert harness.rival.get("/events/volume", **query, sourceId=source).status == 404
    assert some.get("/events/volume", **query, sourceId=source).status == 401
    assert harness.owner.get("/events/volume", **query, groupBy="colour").refusal[:2] == (422, "groupBy")
    assert harness.owner.get("/events/volume", **query, eventName={"a": "b"}).refusal[:2] == (
        422,
        "eventName",
    )
    echoed = harness.owner.get("/events/volume", **query, groupBy=["source"], sourceId=source).data
    assert echoed["path"] == "/events/volume"
    assert echoed["query"] == {
        **query,
        "workspaceId": harness.workspace,
        "groupBy": ["source"],
        "sourceId": [source],
    }


def test_volume_is_asked_for_sixty_times_a_minute(harness: ApiHarness, source: str) -> None:
    harness.rates._per_minute = {"usual": 6_000, "scarce": 2}
    harness.clock.advance(MINUTE_MS - int(harness.clock.wall_ms()) % MINUTE_MS)
    query = hour(source)
    assert [harness.owner.get("/events/volume", **query).status for _ in range(3)] == [200, 200, 429]
    assert harness.owner.get(RECEIVED, **query).status == 200


def test_a_queue_that_cannot_be_read_is_told(
    harness: ApiHarness, source: str, caplog: pytest.LogCaptureFixture
) -> None:
    harness.data.queue(3).write_bytes(b"noise" * 1_000)
    answer = harness.owner.get(RECEIVED, **hour(source))
    assert answer.refusal == (503, "", "the counters cannot be read at the moment")
    assert "queue-3.sqlite" in caplog.text
