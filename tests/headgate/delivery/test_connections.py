"""Connections to destinations: kept, lost, cut off, and answers that are none."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

from headgate.delivery import wire
from tests.headgate.delivery.delivering import parcel, webhook
from tests.runtime.fakes import Frozen
from tests.runtime.fetch.server import Connection, Got, response, serving


async def _reset(_: Got, connection: Connection) -> None:
    connection.reset()


async def _lies(_: Got, connection: Connection) -> None:
    await connection.send(response(b"short", length=50))
    connection.writer.close()


async def _nonsense(_: Got, connection: Connection) -> None:
    await connection.send(b"220 mail.example.com ESMTP\r\n\r\n")
    connection.writer.close()


@pytest.mark.parametrize(
    ("handler", "reason"), [(_reset, "ECONNRESET"), (_lies, "ECONNRESET"), (_nonsense, "INTERNAL")]
)
def test_servers_that_break_the_protocol_are_tried_again(handler: Any, reason: str) -> None:
    async def main() -> None:
        async with serving(handler) as server, webhook(server.url()) as carrier:
            receipt = await carrier.deliver([parcel()])
        assert (receipt.verdict, receipt.reason, receipt.is_outage) == ("retry", reason, True)

    asyncio.run(main())


@pytest.mark.parametrize("at_once", [True, False])
def test_what_a_server_sends_beyond_its_answer_is_no_answer_to_the_next_request(at_once: bool) -> None:
    surplus = response(b"not asked for yet")

    async def main() -> None:
        async def handler(got: Got, connection: Connection) -> bytes:
            if got.body != b'{"n":1}':
                return response(b"", "503 Later")
            if at_once:
                return response(b"ok") + surplus
            await connection.send(response(b"ok"))
            return surplus

        async with serving(handler) as server, webhook(server.url()) as carrier:
            first = await carrier.deliver([parcel(1)])
            # The surplus is noticed when it comes, and the connection is given up.
            await server.all_closed()
            second = await carrier.deliver([parcel(2)])
            assert server.connections == 2
        assert [(receipt.verdict, receipt.status) for receipt in (first, second)] == [
            ("delivered", 200),
            ("retry", 503),
        ]

    asyncio.run(main())


def test_provisional_answers_are_passed_over_and_endless_headers_are_not_read() -> None:
    async def main() -> None:
        early = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
        async with serving(early + response(b"ok")) as server, webhook(server.url()) as carrier:
            for _ in range(2):
                assert (await carrier.deliver([parcel()])).status == 200
            assert server.connections == 1
        for endless in (early * 2_000, b"HTTP/1.1 200 OK\r\nx: " + b"y" * (wire.HEAD_BYTES + 1)):
            async with serving(endless) as server, webhook(server.url()) as carrier:
                receipt = await carrier.deliver([parcel()])
                assert (receipt.verdict, receipt.reason) == ("retry", "INTERNAL")
                assert "HPE_HEADER_OVERFLOW" in receipt.message
        switched = b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"
        async with serving(switched) as server, webhook(server.url()) as carrier:
            assert (await carrier.deliver([parcel()])).reason == "ECONNRESET"

    asyncio.run(main())


def test_a_body_may_end_with_its_connection_or_come_in_chunks() -> None:
    async def until_closed(_: Got, connection: Connection) -> None:
        await connection.send(b"HTTP/1.1 200 OK\r\n\r\nthanks")
        connection.writer.close()

    async def cut_short(_: Got, connection: Connection) -> None:
        await connection.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nthanks")
        connection.writer.close()

    chunked = b"HTTP/1.1 400 No\r\ntransfer-encoding: chunked\r\n\r\n3\r\nbut\r\n4\r\n why\r\n0\r\n\r\n"

    async def main() -> None:
        async with serving(until_closed) as server, webhook(server.url()) as carrier:
            for _ in range(2):
                assert (await carrier.deliver([parcel()])).verdict == "delivered"
            assert server.connections == 2
        async with serving(chunked) as server, webhook(server.url()) as carrier:
            assert (await carrier.deliver([parcel()])).message.endswith(": but why")
            await carrier.deliver([parcel()])
            assert server.connections == 1
        async with serving(cut_short) as server, webhook(server.url()) as carrier:
            assert (await carrier.deliver([parcel()])).verdict == "retry"

    asyncio.run(main())


@pytest.mark.parametrize(
    "piece", [b"1\r\nx\r\n" * 1_000, b"0\r\n" + b"x: y\r\n" * 1_000, b"1;" + b"x" * 5_000]
)
def test_what_frames_a_body_is_bounded_too(piece: bytes) -> None:
    sent = 0

    async def endless(_: Got, connection: Connection) -> None:
        nonlocal sent
        await connection.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        rest = piece.removeprefix(b"0\r\n").removeprefix(b"1;")
        await connection.send(piece)
        with contextlib.suppress(OSError):
            while True:
                await connection.send(rest)
                sent += len(rest)

    async def main() -> None:
        async with serving(endless) as server, webhook(server.url()) as carrier:
            await carrier.deliver([parcel()])
            await server.all_closed()
        assert sent < wire.RAW_BYTES + (8 << 20)  # what the sockets' buffers took

    asyncio.run(main())


def test_a_server_that_closes_whatever_connects() -> None:
    async def main() -> None:
        async def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        server = await asyncio.start_server(close, "127.0.0.1", 0)
        async with server, webhook(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/") as carrier:
            for _ in range(10):
                receipt = await carrier.deliver([parcel()])
                assert (receipt.verdict, receipt.reason) == ("retry", "ECONNRESET")

    asyncio.run(main())


def test_a_connection_that_was_closed_meanwhile_is_not_used_again() -> None:
    async def main() -> None:
        async def handler(_: Got, connection: Connection) -> bytes:
            connections.append(connection)
            return response()

        connections: list[Connection] = []
        async with serving(handler) as server, webhook(server.url()) as carrier:
            await carrier.deliver([parcel()])
            connections[0].writer.close()
            await server.all_closed()
            assert (await carrier.deliver([parcel()])).verdict == "delivered"
            assert server.connections == 2

    asyncio.run(main())


def test_a_connection_that_idled_for_a_minute_is_not_used_again() -> None:
    async def main() -> None:
        clock = Frozen()
        async with serving(response()) as server, webhook(server.url(), clock) as carrier:
            for pause in (0, 59_000, 61_000):
                clock.advance(pause)
                assert (await carrier.deliver([parcel()])).verdict == "delivered"
            assert server.connections == 2

    asyncio.run(main())
