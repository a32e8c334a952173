"""segment-analytics-python, unmodified, against a real server (SPEC 8.8, tracking-sdk-wire.json)."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
import segment.analytics.consumer  # type: ignore[import-untyped]
import segment.analytics.request  # type: ignore[import-untyped]
from segment.analytics.client import Client  # type: ignore[import-untyped]

from headgate.queue.protocol import QueueBroken, QueueFull
from tests.headgate.tracking.asking import KEY, SOURCE
from tests.headgate.tracking.sdks import WIRE, check_what_the_server_adds, listed, value_at
from tests.headgate.tracking.server import TrackingServer, serving

TABLE = WIRE["analytics-python 2.4.0"]

WHEN = datetime(2026, 1, 2, 3, 4, 5, 678_900, tzinfo=UTC)

Call = tuple[str, dict[str, Any], dict[str, Any]]

CALLS: list[Call] = [
    (
        "identify",
        {"user_id": "u", "traits": {"plan": "pro", "name": "Zo\u00eb"}},
        {"userId": "u", "traits": {"plan": "pro", "name": "Zo\u00eb"}},
    ),
    ("identify", {"anonymous_id": "a"}, {"anonymousId": "a", "traits": {}}),
    ("identify", {"user_id": 12}, {"userId": "12", "traits": {}}),
    (
        "track",
        {
            "user_id": "u",
            "anonymous_id": "a",
            "event": "Bought",
            "properties": {"items": [{"n": 1}, 2.5, None]},
        },
        {
            "userId": "u",
            "anonymousId": "a",
            "event": "Bought",
            "properties": {"items": [{"n": 1}, 2.5, None]},
        },
    ),
    (
        "track",
        {"user_id": "u", "event": "At a time", "timestamp": WHEN, "message_id": "mine"},
        {
            "userId": "u",
            "event": "At a time",
            "originalTimestamp": "2026-01-02T03:04:05.678Z",
            "messageId": "mine",
            "properties": {},
        },
    ),
    (
        "track",
        {"user_id": "u", "event": "Cut \ud83d", "integrations": {"All": False, "Slack": {"x": 1}}},
        {"userId": "u", "event": "Cut \ufffd", "integrations": {"All": False, "Slack": {"x": 1}}},
    ),
    (
        "page",
        {"user_id": "u", "name": "Home", "category": "Docs", "properties": {"url": "https://a.example/"}},
        {"userId": "u", "name": "Home", "category": "Docs", "properties": {"url": "https://a.example/"}},
    ),
    ("page", {"anonymous_id": "a"}, {"anonymousId": "a", "properties": {}}),
    (
        "screen",
        {"user_id": "u", "name": "Main", "category": "App", "context": {"app": {"version": "1"}}},
        {"userId": "u", "name": "Main", "category": "App"},
    ),
    (
        "group",
        {"user_id": "u", "group_id": "g", "traits": {"size": 3}},
        {"userId": "u", "groupId": "g", "traits": {"size": 3}},
    ),
    ("alias", {"user_id": "u", "previous_id": "before"}, {"userId": "u", "previousId": "before"}),
]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[TrackingServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving() as server:
        yield server
    # It keeps connections open for the whole process.
    segment.analytics.request._session.close()


@contextmanager
def client(server: TrackingServer, **options: Any) -> Iterator[Client]:
    """All that was said to it is sent when this ends."""
    client = Client(KEY, host=server.host, upload_interval=0.05, **options)
    try:
        yield client
    finally:
        client.shutdown()


def sent(server: TrackingServer) -> list[dict[str, Any]]:
    """What the SDK wrote, request by request; the half of an emoji is mended."""
    bodies = [
        gzip.decompress(request.body) if request.headers.get("content-encoding") == "gzip" else request.body
        for request in server.requests
    ]
    return [orjson.loads(body.replace(rb"\ud83d", rb"\ufffd")) for body in bodies]


@pytest.mark.parametrize("packed", [False, True])
def test_requests(server: TrackingServer, packed: bool) -> None:
    with client(server, gzip=packed) as analytics:
        analytics.track("u", "e")

    (request,) = server.requests
    table = TABLE["request"]
    assert (request.method, request.path) == (table["method"], table["path"])
    assert request.headers["content-type"] == table["headers"]["content-type"]
    assert request.headers["user-agent"] == table["headers"]["user-agent"]
    assert request.headers["authorization"] == "Basic " + base64.b64encode(f"{KEY}:".encode()).decode()
    assert request.headers.get("content-encoding") == ("gzip" if packed else None)
    assert sorted(sent(server)[0]) == sorted(table["bodyKeys"])
    assert len(server.intake.arrivals) == 1


@pytest.mark.parametrize("call", CALLS, ids=[f"{number}-{call[0]}" for number, call in enumerate(CALLS)])
def test_every_field_of_every_call(server: TrackingServer, call: Call) -> None:
    """What was said arrives, and what was sent is in what arrives, with what the server adds and no more."""
    name, said, expected = call
    with client(server) as analytics:
        getattr(analytics, name)(**said)

    (event,) = server.intake.events
    (request,) = sent(server)
    (item,) = request["batch"]
    for fields, value in listed(TABLE["itemKeys"]["common"]):
        found = value_at(item, fields[0])
        assert value is None or found == value
    if name in ("page", "screen"):
        assert {"category", "name", "properties"} <= set(item)
    assert {field: event[field] for field in expected} == expected
    assert event["context"].items() >= said.get("context", {}).items()

    told = {field for field, value in item.items() if value is not None}
    server_made = {"receivedAt", "sentAt", "originalTimestamp", "projectId", "version", "channel"}
    assert set(event) == told | server_made
    for field in told - {"timestamp"}:
        assert event[field] == item[field], field
    assert event["type"] == name
    check_what_the_server_adds(event, item, request)


@pytest.mark.parametrize("packed", [False, True])
def test_a_batch_of_all(server: TrackingServer, packed: bool) -> None:
    with client(server, gzip=packed) as analytics:
        for name, said, _ in CALLS * 25:
            getattr(analytics, name)(**said)

    assert [arrival.event_type for arrival in server.intake.arrivals] == [name for name, _, _ in CALLS] * 25
    assert max(len(request["batch"]) for request in sent(server)) == TABLE["flush"]["upload_size"]


class Hours:
    """Stands for the module `time` in the SDK: whoever sleeps finds it later, and has not slept."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def hours(monkeypatch: pytest.MonkeyPatch) -> Hours:
    hours = Hours()
    monkeypatch.setattr(segment.analytics.consumer, "time", hours)
    return hours


@pytest.mark.parametrize(
    ("trouble", "seconds"),
    [
        ([QueueFull("full", 17), QueueFull("full", 23, SOURCE.workspace)], 40),
        ([QueueBroken("read-only")], 10),
        ([QueueBroken("read-only")] * 3 + [QueueFull("full", 0)], 31),
    ],
)
def test_it_waits_as_it_is_told(
    server: TrackingServer, hours: Hours, trouble: list[Exception], seconds: int
) -> None:
    server.intake.trouble = list(trouble)

    with client(server) as analytics:
        analytics.track("u", "e")

    assert sum(hours.slept) == pytest.approx(seconds)
    assert len(server.requests) == len(trouble) + 1
    assert len(server.intake.arrivals) == 1
    assert len({request["batch"][0]["messageId"] for request in sent(server)}) == 1


def test_it_tries_again_after_a_defect(server: TrackingServer, hours: Hours) -> None:
    server.intake.trouble = [RuntimeError("a defect")] * 2

    with client(server) as analytics:
        analytics.track("u", "e")

    assert [request.headers.get("x-retry-count") for request in server.requests] == [None, "1", "2"]
    assert len(server.intake.arrivals) == 1
    assert sum(hours.slept) == pytest.approx(0.5, abs=0.1)


def collector() -> tuple[list[tuple[Exception, list[Any]]], Callable[[Exception, list[Any]], None]]:
    collected: list[tuple[Exception, list[Any]]] = []
    return collected, lambda error, items: collected.append((error, items))


def test_it_reads_why_it_was_refused(server: TrackingServer) -> None:
    """Not a number is what Python writes and JSON does not have: the batch is refused for good."""
    errors, on_error = collector()
    with client(server, on_error=on_error) as analytics:
        analytics.track("u", "e", {"ratio": float("nan")})

    ((error, items),) = errors
    assert isinstance(error, segment.analytics.request.APIError)
    assert (error.status, error.code, error.message) == (
        400,
        "malformed_json",
        "the body is not a JSON object",
    )
    assert len(items) == 1
    assert len(server.requests) == 1


def test_a_wrong_key_goes_unnoticed(server: TrackingServer) -> None:
    errors, on_error = collector()
    analytics = Client("nobody", host=server.host, on_error=on_error, upload_interval=0.05)
    analytics.track("u", "e")
    analytics.shutdown()

    assert errors == []
    assert server.api.turned_away == {"unknown_source": 1}
