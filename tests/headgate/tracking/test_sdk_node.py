"""@segment/analytics-node, unmodified, against a real server (SPEC 8.8, tracking-sdk-wire.json)."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from headgate.queue.protocol import QueueBroken, QueueFull
from tests.headgate.tracking.asking import KEY, SOURCE
from tests.headgate.tracking.sdks import WIRE, check_what_the_server_adds, listed, send_with_node, value_at
from tests.headgate.tracking.server import TrackingServer, serving

TABLE = WIRE["analytics-node 3.1.0"]

WHEN = "2026-01-02T03:04:05.678Z"

CUT, MENDED = "Cut \ud83d", "Cut \ufffd"
"""Half of an emoji is what JavaScript makes of a text that is cut in the wrong place, and no UTF-8."""

CALLS: list[tuple[str, dict[str, Any]]] = [
    ("identify", {"userId": "u", "traits": {"plan": "pro", "none": None, "name": "Zo\u00eb \U0001f600"}}),
    ("identify", {"anonymousId": "a"}),
    (
        "track",
        {"userId": "u", "anonymousId": "a", "event": "Bought", "properties": {"items": [{"n": 1}, 2.5]}},
    ),
    ("track", {"userId": "u", "event": "At a time", "timestamp": WHEN, "messageId": "mine"}),
    ("track", {"userId": "u", "event": CUT, "integrations": {"All": False, "Slack": {"x": 1}}}),
    (
        "page",
        {"userId": "u", "name": "Home", "category": "Docs", "properties": {"url": "https://a.example/"}},
    ),
    ("page", {"anonymousId": "a"}),
    ("screen", {"userId": "u", "name": "Main", "category": "App", "context": {"app": {"version": "1"}}}),
    ("group", {"userId": "u", "groupId": "g", "traits": {"size": 3}}),
    ("alias", {"userId": "u", "previousId": "before"}),
]


@pytest.fixture
def server() -> Iterator[TrackingServer]:
    with serving() as server:
        yield server


def settings(server: TrackingServer, **more: Any) -> dict[str, Any]:
    return {"writeKey": KEY, "host": server.host, **more}


def sent(server: TrackingServer) -> list[dict[str, Any]]:
    """What the SDK wrote, request by request; the half of an emoji is mended."""
    return [orjson.loads(request.body.replace(rb"\ud83d", rb"\ufffd")) for request in server.requests]


def test_requests(server: TrackingServer) -> None:
    send_with_node(settings(server), CALLS[:1])

    (request,) = server.requests
    table = TABLE["request"]
    assert (request.method, request.path) == (table["method"], table["path"])
    assert request.headers["content-type"] == table["headers"]["content-type"]
    assert request.headers["user-agent"] == table["headers"]["user-agent"]
    assert request.headers["authorization"] == "Basic " + base64.b64encode(f"{KEY}:".encode()).decode()
    assert "x-retry-count" not in request.headers
    assert "content-encoding" not in request.headers
    assert sorted(sent(server)[0]) == sorted(table["bodyKeys"])


@pytest.mark.parametrize("call", CALLS, ids=[f"{number}-{name}" for number, (name, _) in enumerate(CALLS)])
def test_every_field_of_every_call(server: TrackingServer, call: tuple[str, dict[str, Any]]) -> None:
    """What was said is in what was sent, and what was sent is in what arrives, with what the server adds and no more."""
    name, said = call
    assert send_with_node(settings(server), [call])["errors"] == []

    (event,) = server.intake.events
    (request,) = sent(server)
    (item,) = request["batch"]

    known = set()
    for fields, value in listed([*TABLE["itemKeys"]["common"], *TABLE["itemKeys"][name]]):
        known |= {field.partition(".")[0].split(" ")[0] for field in fields}
        if value is not None:
            assert value_at(item, fields[0]) == value
    assert set(item) <= known | {"context"}
    assert {"messageId", "timestamp", "integrations", "type", "_metadata"} <= set(item)
    for field, value in said.items():
        if field in ("properties", "traits", "context"):
            assert item[field].items() >= value.items()
        elif field == "timestamp":
            assert item[field] == event["originalTimestamp"] == value
        else:
            assert item[field] == event[field] == (value if value != CUT else MENDED)

    server_made = {
        "receivedAt",
        "sentAt",
        "originalTimestamp",
        "timestamp",
        "projectId",
        "version",
        "channel",
    }
    defaults = {"identify": {"traits"}, "group": {"traits"}, "alias": set[str]()}.get(name, {"properties"})
    assert set(event) == set(item) | server_made | defaults
    for field in set(item) - {"timestamp"}:
        assert event[field] == item[field], field
    assert all(event[field] == {} for field in defaults - set(item))
    assert event["type"] == name
    check_what_the_server_adds(event, item, request)


def test_a_batch_of_all(server: TrackingServer) -> None:
    """15 to a request, and everything arrives once, in order."""
    calls = CALLS * 4
    assert send_with_node(settings(server), calls)["errors"] == []

    assert len(server.requests) < len(calls)
    assert max(len(request["batch"]) for request in sent(server)) == TABLE["flush"]["flushAt"]
    counts = {name: sum(called == name for called, _ in calls) for name, _ in calls}
    types = [arrival.event_type for arrival in server.intake.arrivals]
    assert {name: types.count(name) for name in counts} == counts


def test_it_waits_as_it_is_told(server: TrackingServer) -> None:
    """`Retry-After` of a full queue is heeded, whoever it concerns."""
    server.intake.trouble = [QueueFull("full", 17), QueueFull("full", 23, SOURCE.workspace)]

    answer = send_with_node(settings(server), CALLS[:1])

    assert answer["errors"] == []
    assert [math.ceil(seconds) for seconds in answer["waits"]] == [17, 23]
    assert len(server.intake.arrivals) == 1
    assert [request.headers.get("x-retry-count") for request in server.requests] == [None, "1", "2"]
    assert len({request["batch"][0]["messageId"] for request in sent(server)}) == 1


def test_it_tries_again_when_nothing_can_be_stored(server: TrackingServer) -> None:
    server.intake.trouble = [QueueBroken("read-only")]

    answer = send_with_node(settings(server), CALLS[:1])

    assert (answer["errors"], len(answer["waits"])) == ([], 1)
    assert len(server.requests) == 2
    assert len(server.intake.arrivals) == 1


def test_it_gives_up_what_is_refused_for_good(server: TrackingServer) -> None:
    answer = send_with_node(settings(server) | {"writeKey": " "}, CALLS[:1])

    assert len(server.requests) == 1
    assert len(answer["errors"]) == 1
    assert "400" in answer["errors"][0]


def test_a_wrong_key_goes_unnoticed(server: TrackingServer) -> None:
    assert send_with_node(settings(server) | {"writeKey": "nobody"}, CALLS[:1])["errors"] == []
    assert server.api.turned_away == {"unknown_source": 1}
