"""Servers that do not keep to HTTP."""

from __future__ import annotations

import asyncio

import pytest

from tests.runtime.fakes import Frozen, until
from tests.runtime.fetch.asking import ask, in_loop, local
from tests.runtime.fetch.server import Connection, Got, response, serving

OVERFLOW = ("HPE_HEADER_OVERFLOW", "Parse Error: Header overflow")


@pytest.mark.parametrize(
    ("sent", "code", "reason"),
    [
        (b"", "ECONNRESET", "socket hang up"),
        (b"HTTP/1.1 2", "ECONNRESET", "socket hang up"),
        (b"HTTP/1.1 200 OK\r\nX: y\r\n", "ECONNRESET", "socket hang up"),
        (b"not http at all\r\n\r\n", "HPE_INVALID_CONSTANT", None),
        (b"HTTP/1.1 abc OK\r\n\r\n", "HPE_INVALID_CONSTANT", None),
        (b"HTTP/1.1 99 Low\r\n\r\n", "HPE_INVALID_CONSTANT", None),
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "HPE_INVALID_CONSTANT", None),
        (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "HPE_INVALID_CONSTANT", None),
        (b"HTTP/1.1 200 OK\r\nX: a\x00b\r\n\r\n", "HPE_INVALID_CONSTANT", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "HPE_INVALID_CONSTANT", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HPE_INVALID_CONSTANT", None),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            "HPE_INVALID_CONSTANT",
            None,
        ),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "HPE_INVALID_CONSTANT", None),
        (response(headers=(("X", "a" * 20_000),)), *OVERFLOW),
        (response(headers=tuple((f"X{number}", "a" * 100) for number in range(200))), *OVERFLOW),
        (b"HTTP/1.1 200 OK\r\n" + b"X: " + b"a" * 200_000, *OVERFLOW),
        (b"\x00" * 200_000, None, None),
    ],
)
def test_no_response(sent: bytes, code: str | None, reason: str | None) -> None:
    async def handle(_: Got, connection: Connection) -> None:
        await connection.send(sent)

    async def check() -> None:
        async with serving(handle) as server, local() as fetch:
            told = await ask(fetch, server.url())
            name, kind, found, message = told.failure
            assert told.is_failure
            assert (name, kind) == ("FetchError", "system")
            assert message.startswith(f"request to {server.url()} failed, reason: ")
            if code is not None:
                assert found == code, told
            if reason is not None:
                assert message.endswith(f"reason: {reason}")

    in_loop(check)()


@in_loop
async def test_reset_before_a_response() -> None:
    async def handle(_: Got, connection: Connection) -> None:
        connection.reset()

    async with serving(handle) as server, local() as fetch:
        told = await ask(fetch, server.url())
        assert told.failure[:3] == ("FetchError", "system", "ECONNRESET")


@in_loop
async def test_headers_without_end() -> None:
    async def handle(_: Got, connection: Connection) -> None:
        await connection.send(b"HTTP/1.1 200 OK\r\n")
        number = 0
        while True:
            number += 1
            await connection.send(b"".join(b"X%d-%d: y\r\n" % (number, each) for each in range(1000)))

    async with serving(handle) as server, local() as fetch:
        assert (await ask(fetch, server.url())).failure[2] == "HPE_HEADER_OVERFLOW"
        await server.all_closed()


@in_loop
async def test_informational_responses_without_end() -> None:
    sent = 0

    async def handle(_: Got, connection: Connection) -> None:
        nonlocal sent
        while True:
            sent += 1
            await connection.send(b"HTTP/1.1 102 Processing\r\n\r\n" * 100)

    clock = Frozen()
    async with serving(handle) as server, local(clock=clock, time_ms=200) as fetch:
        task = asyncio.ensure_future(ask(fetch, server.url()))
        await until(lambda: sent > 10)
        assert not task.done()
        clock.advance(200)
        assert (await task).failure[1] == "request-timeout"


@in_loop
async def test_an_answer_before_the_request_was_read() -> None:
    async def handle(_: Got, __: Connection) -> bytes:
        return b"HTTP/1.1 100 Continue\r\n\r\n" + response(b"too eager", "413 Too Large")

    async with serving(handle) as server, local() as fetch:
        told = await ask(fetch, server.url(), method="POST", body=bytes(1 << 20))
        assert (told.http_status, told.body) == (413, b"too eager")
