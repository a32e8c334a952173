"""Endpoints, methods and answers (SPEC 8.1, 8.4)."""

from __future__ import annotations

from typing import Any

import pytest

from headgate.queue.protocol import QueueBroken, QueueFull
from headgate.tracking import TrackingApi
from tests.headgate.tracking.asking import DISABLED_KEY, KEY, Asker, basic

CALLS: dict[str, dict[str, Any]] = {
    "identify": {"userId": "u", "traits": {"plan": "pro"}},
    "track": {"userId": "u", "event": "Bought", "properties": {"price": 5}},
    "page": {"userId": "u", "name": "Home", "category": "Docs", "properties": {"url": "/"}},
    "screen": {"userId": "u", "name": "Home", "category": "Docs", "properties": {"tab": 1}},
    "group": {"userId": "u", "groupId": "g", "traits": {"size": 3}},
    "alias": {"userId": "u", "previousId": "a"},
}

PATHS = [(f"/v1/{form}", name) for name in CALLS for form in (name, name[0])]


@pytest.mark.parametrize(("path", "name"), PATHS)
def test_single_calls(asker: Asker, path: str, name: str) -> None:
    """The type is that of the path, whatever the body says."""
    reply = asker.ask(path, CALLS[name] | {"type": "alias" if name == "track" else "track"})

    assert (reply.status, reply.body) == (200, b'{"success":true}')
    (event,) = asker.intake.events
    assert event["type"] == name
    assert asker.intake.arrivals[0].event_type == name
    assert {field: event[field] for field in CALLS[name]} == CALLS[name]
    assert asker.intake.failed == []


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/b"])
def test_batches(asker: Asker, path: str) -> None:
    reply = asker.ask(path, {"batch": [{"type": name, **call} for name, call in CALLS.items()]})

    assert (reply.status, reply.body) == (200, b'{"success":true}')
    assert [arrival.event_type for arrival in asker.intake.arrivals] == list(CALLS)
    assert asker.intake.failed == []


@pytest.mark.parametrize(
    "path", [path for path, _ in PATHS] + ["/v1/batch", "/v1/b", "/v1/pixel/track", "/v1/t/"]
)
def test_its_own_paths(path: str) -> None:
    assert TrackingApi.handles(path)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        "/v1/",
        "/track",
        "/v1/tracks",
        "/v1/T",
        "/v1/functions/f/invoke",
        "/v1/pixel",
        "/v2/t",
        "//v1/t",
    ],
)
def test_other_paths(asker: Asker, path: str) -> None:
    assert not TrackingApi.handles(path)
    reply = asker.ask(path, CALLS["track"])
    assert reply.status == 404
    assert set(reply.json) == {"code", "message"}


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "BREW"])
def test_methods_of_event_paths(asker: Asker, method: str) -> None:
    for path in ("/v1/track", "/v1/batch"):
        reply = asker.ask(path, CALLS["track"], method=method)

        assert reply.status == 405
        assert reply.headers["allow"] == "POST, OPTIONS"
        assert reply.body == b"" if method == "HEAD" else reply.json["code"] == "method_not_allowed"
    assert asker.intake.arrivals == []


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_methods_of_pixels(asker: Asker, method: str) -> None:
    reply = asker.ask("/v1/pixel/track", CALLS["track"], method=method)

    assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert asker.intake.arrivals == []


@pytest.mark.parametrize("path", ["/v1/track", "/v1/b", "/v1/pixel/t"])
def test_preflight(asker: Asker, path: str) -> None:
    headers = [
        ("Origin", "https://shop.example"),
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "authorization,content-type,x-retry-count"),
    ]
    reply = asker.ask(path, method="OPTIONS", headers=headers)

    assert (reply.status, reply.body) == (204, b"")
    assert reply.headers["access-control-allow-origin"] == "*"
    allowed = reply.headers["access-control-allow-headers"].lower().split(", ")
    assert {"content-type", "authorization", "*"} <= set(allowed)
    assert ("GET" if "pixel" in path else "POST") in reply.headers["access-control-allow-methods"]


@pytest.mark.parametrize("path", ["/v1/track", "/v1/b", "/v1/none", "/v1/pixel/t"])
def test_every_answer_may_be_read_by_any_page(asker: Asker, path: str) -> None:
    for method in ("POST", "GET", "OPTIONS"):
        reply = asker.ask(path, b"{", method=method, headers=[("Origin", "https://shop.example")])
        assert reply.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"{]",
        b'{"a":1,}',
        b'{"a":NaN}',
        b"'a'",
        b"{}{}",
        b'{"a":"\xff"}',
        b'{"a":"\n"}',
        b"[" * 5_000,
    ],
)
@pytest.mark.parametrize("path", ["/v1/track", "/v1/batch"])
def test_malformed_json(asker: Asker, path: str, body: bytes) -> None:
    reply = asker.ask(path, body)

    assert reply.status == 400
    assert reply.json == {"code": "malformed_json", "message": "the body is not a JSON object"}
    assert asker.intake.failed == []
    assert asker.api.turned_away == {"malformed_json": 1}


@pytest.mark.parametrize("body", [[], [{"userId": "u"}], "text", 1, None, True])
def test_json_that_is_no_object(asker: Asker, body: object) -> None:
    assert asker.ask("/v1/track", body).json["code"] == "malformed_json"


def test_unknown_write_key(asker: Asker) -> None:
    reply = asker.ask("/v1/track", CALLS["track"], headers=[basic("nobody")])

    assert (reply.status, reply.body) == (200, b'{"success":true}')
    assert (asker.intake.arrivals, asker.intake.failed) == ([], [])
    assert asker.api.turned_away == {"unknown_source": 1}


def test_unknown_write_key_counts_events(asker: Asker) -> None:
    asker.ask("/v1/batch", {"writeKey": "nobody", "batch": [{}, {}, 3]}, headers=[])
    asker.ask("/v1/batch", {"writeKey": "nobody", "batch": 3}, headers=[])

    assert asker.api.turned_away == {"unknown_source": 3}


def test_unknown_write_key_in_strict_mode() -> None:
    asker = Asker(strict=True)

    reply = asker.ask("/v1/track", CALLS["track"], headers=[basic("nobody-knows")])

    assert reply.status == 401
    assert reply.json["code"] == "unknown_write_key"
    assert b"nobody-knows" not in reply.body
    assert asker.ask("/v1/track", CALLS["track"]).status == 200


def test_disabled_source(asker: Asker) -> None:
    batch = [{"type": "track"}, {"type": "page", **CALLS["page"]}, 5]
    for path, body in (("/v1/track", CALLS["track"]), ("/v1/batch", {"batch": batch})):
        assert asker.ask(path, body, headers=[basic(DISABLED_KEY)]).status == 200

    assert asker.intake.arrivals == []
    assert asker.intake.reasons == ["source_disabled"] * 4
    assert [tally.event_type for tally in asker.intake.failed] == ["track", "track", "page", ""]


def test_full_queue(asker: Asker) -> None:
    asker.intake.trouble = [QueueFull("full", 7), QueueFull("full", 0, "ws-1")]
    for seconds in ("7", "1"):
        reply = asker.ask("/v1/track", CALLS["track"])

        assert reply.status == 429
        assert reply.headers["retry-after"] == reply.headers["x-ratelimit-reset"] == seconds
        assert reply.headers["access-control-expose-headers"] == "Retry-After, X-RateLimit-Reset"
        assert reply.json["code"] == "queue_full"
    assert asker.ask("/v1/track", CALLS["track"]).status == 200


def test_broken_queue(asker: Asker) -> None:
    asker.intake.trouble = [QueueBroken("no space left on /secret/path")]

    reply = asker.ask("/v1/track", CALLS["track"])

    assert reply.status == 503
    assert reply.headers["retry-after"] == reply.headers["x-ratelimit-reset"] == "10"
    assert reply.json["code"] == "queue_broken"
    assert b"secret" not in reply.body


def test_what_else_the_intake_raises_is_for_the_server(asker: Asker) -> None:
    asker.intake.trouble = [RuntimeError("a defect")]
    with pytest.raises(RuntimeError, match="a defect"):
        asker.ask("/v1/track", CALLS["track"])


def test_throttle() -> None:
    asker = Asker(requests_per_second=2)

    assert [asker.ask("/v1/track", CALLS["track"]).status for _ in range(3)] == [200, 200, 429]
    reply = asker.ask("/v1/batch", {"batch": []})
    assert reply.headers["retry-after"] == reply.headers["x-ratelimit-reset"] == "1"
    assert reply.json["code"] == "too_many_requests"
    assert asker.intake.failed == []
    asker.clock.ms += 500
    assert [asker.ask("/v1/track", CALLS["track"]).status for _ in range(2)] == [200, 429]


def test_a_workspace_may_send_so_many_events_a_second() -> None:
    asker = Asker(events_per_s=10.0)
    batch = {"batch": [CALLS["track"] | {"type": "track"} for _ in range(25)]}

    assert asker.ask("/v1/batch", batch).status == 200
    reply = asker.ask("/v1/track", CALLS["track"])
    assert (reply.status, reply.headers["retry-after"]) == (429, "2")
    assert len(asker.intake.arrivals) == 25
    asker.clock.ms += 1_600
    assert [asker.ask("/v1/track", CALLS["track"]).status for _ in range(2)] == [200, 429]


def test_no_throttle_unless_asked_for(asker: Asker) -> None:
    assert {asker.ask("/v1/track", CALLS["track"]).status for _ in range(2_000)} == {200}


def test_odd_headers(asker: Asker) -> None:
    """No `User-Agent` is needed, unknown headers are welcome, and any content type will do."""
    for content_type in (
        None,
        "application/json",
        "application/json; charset=utf-8",
        "text/plain;charset=UTF-8",
        "x/y",
    ):
        headers = [basic(KEY), ("X-Retry-Count", "3"), ("X-Odd", "\xe9")]
        typed = [] if content_type is None else [("Content-Type", content_type)]
        assert asker.ask("/v1/track", CALLS["track"], headers=headers + typed).status == 200
    assert len(asker.intake.arrivals) == 5
