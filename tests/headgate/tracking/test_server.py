"""What only a real connection shows: pieces, lengths, keep-alive, senders that stop or go."""

from __future__ import annotations

import contextlib
import gzip
import re
import socket
from collections.abc import Iterator

import orjson
import pytest

from tests.headgate.tracking.asking import KEY, FixedClock
from tests.headgate.tracking.server import TrackingServer, serving

CALL = orjson.dumps({"userId": "u", "event": "e", "writeKey": KEY})

HEAD = b"POST /v1/track HTTP/1.1\r\nHost: h\r\n"


@pytest.fixture
def server() -> Iterator[TrackingServer]:
    with serving() as server:
        yield server


def statuses(connection: socket.socket) -> list[bytes]:
    """Of all answers until the server closes."""
    content = b""
    while piece := connection.recv(65_536):
        content += piece
    return re.findall(rb"HTTP/1\.1 (\d{3}) ", content)


def test_a_call(server: TrackingServer) -> None:
    response = server.ask("POST", "/v1/track", CALL)

    assert (response.status, response.body) == (200, b'{"success":true}')
    assert response.headers["content-type"] == "application/json"
    (event,) = server.intake.events
    assert event["receivedAt"] == event["timestamp"]


@pytest.mark.parametrize("packed", [False, True])
def test_chunks(server: TrackingServer, packed: bool) -> None:
    content = gzip.compress(CALL) if packed else CALL
    pieces = [content[place : place + 7] for place in range(0, len(content), 7)]
    headers = {"Transfer-Encoding": "chunked"} | ({"Content-Encoding": "gzip"} if packed else {})

    assert server.ask("POST", "/v1/track", iter(pieces), headers=headers, encode_chunked=True).status == 200
    assert len(server.intake.arrivals) == 1


def test_a_beacon(server: TrackingServer) -> None:
    headers = {"Content-Type": "text/plain;charset=UTF-8", "Origin": "https://shop.example"}

    response = server.ask("POST", "/v1/t", CALL, headers=headers)

    assert (response.status, response.headers["access-control-allow-origin"]) == (200, "*")
    (event,) = server.intake.events
    assert (event["channel"], event["context"]["ip"]) == ("client", "127.0.0.1")


def test_preflight(server: TrackingServer) -> None:
    headers = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}

    response = server.ask("OPTIONS", "/v1/b", headers=headers)

    assert (response.status, response.body) == (204, b"")


def test_a_head_has_no_body(server: TrackingServer) -> None:
    with server.connect() as connection:
        connection.sendall(b"HEAD /v1/track HTTP/1.1\r\nHost: h\r\n\r\n")
        connection.sendall(b"HEAD /v1/pixel/t HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        assert statuses(connection) == [b"405", b"200"]


def test_a_pixel(server: TrackingServer) -> None:
    response = server.ask("GET", f"/v1/pixel/track?writeKey={KEY}&userId=u&event=e")

    assert response.body[:6] == b"GIF89a"
    assert len(server.intake.arrivals) == 1


def test_too_large_and_then_another_on_the_same_connection(server: TrackingServer) -> None:
    """The whole body is sent before the answer is read, as most clients do."""
    large = b" " * 2_000_000
    with server.connect() as connection:
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(large) + large)
        connection.sendall(HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(CALL) + CALL)
        assert statuses(connection) == [b"400", b"200"]
    assert server.api.turned_away == {"body_too_large": 1}


def test_a_body_without_end(server: TrackingServer) -> None:
    """It is not read for ever."""
    piece = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    sent = 0
    with server.connect() as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        with contextlib.suppress(OSError):  # whichever way it is told that the connection is gone
            while sent < 1 << 30:
                connection.sendall(piece)
                sent += len(piece)
    server.wait_for(1)

    assert sent < 64 << 20
    assert server.api.turned_away == {"body_too_large": 1}


def test_a_body_that_stops() -> None:
    with serving(FixedClock()) as server, server.connect() as connection:
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(CALL) + CALL[:10])
        assert statuses(connection) == [b"408"]
        assert server.intake.arrivals == []


@pytest.mark.parametrize(
    "sent",
    [
        b"Content-Length: %d\r\n\r\n" % (len(CALL) + 1) + CALL,
        b"Content-Length: %d\r\n\r\n" % len(CALL) + CALL[:-1],
        b"Content-Length: %d\r\n\r\n" % len(CALL),
        b"Transfer-Encoding: chunked\r\n\r\n5\r\n" + CALL[:5] + b"\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\n" + CALL[:2],
    ],
)
def test_a_sender_that_goes(server: TrackingServer, sent: bytes) -> None:
    with server.connect() as connection:
        connection.sendall(HEAD + sent)
    server.wait_for(1)

    assert server.intake.arrivals == []
    assert server.api.turned_away == {"sender_gone": 1}


def test_a_sender_that_waits_to_be_asked(server: TrackingServer) -> None:
    with server.connect() as connection:
        head = b"Expect: 100-continue\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(CALL)
        connection.sendall(HEAD + head)
        assert connection.recv(100).startswith(b"HTTP/1.1 100")
        connection.sendall(CALL)
        assert statuses(connection) == [b"200"]


def test_many_on_one_connection(server: TrackingServer) -> None:
    request = HEAD + b"Content-Length: %d\r\n\r\n" % len(CALL) + CALL
    with server.connect() as connection:
        connection.sendall(request * 49 + request.replace(b"Host: h", b"Host: h\r\nConnection: close"))
        assert statuses(connection) == [b"200"] * 50
    assert len({arrival.message_id for arrival in server.intake.arrivals}) == 50
