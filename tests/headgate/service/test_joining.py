"""Answers on a real connection: what is written together arrives together, and everything arrives."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvloop
from uvicorn import Config

from headgate.service.joining import LARGE, JoiningProtocol
from headgate.service.server import Server
from headgate.tracking.asgi import Receive, Scope, Send

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def application(scope: Scope, _: Receive, send: Send) -> None:
    """`/SIZE` answers with so many bytes, `/SIZE/PIECES` piece by piece, `/none` with 204."""
    size, _, pieces = scope["path"][1:].partition("/")
    if size == "none":
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        return
    length = [] if pieces else [(b"content-length", size.encode())]
    await send({"type": "http.response.start", "status": 200, "headers": length})
    for left in range(int(pieces or 1) - 1, -1, -1):
        await send({"type": "http.response.body", "body": b"x" * int(size), "more_body": left > 0})


def talk(conversation: Talk) -> None:
    """Has *conversation* over a connection with a server that ends afterwards."""

    async def main() -> None:
        listening = socket.create_server(("127.0.0.1", 0))
        ready = asyncio.Event()
        config = Config(
            application,
            http=JoiningProtocol,
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
        )
        server = Server(config, ready.set)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        await ready.wait()
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        try:
            async with asyncio.timeout(20):
                await conversation(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):  # the server may have cut it off
                await writer.wait_closed()
            server.stop()
            await serving

    uvloop.run(main())


def get(path: str, *headers: str, method: str = "GET") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "host: h", *headers, "", ""]).encode()


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Status and body, by its length."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
    fields = dict(line.split(": ", 1) for line in head[1:] if line)
    return int(head[0].split()[1]), await reader.readexactly(int(fields.get("content-length", 0)))


def test_head_and_body_are_one_packet() -> None:
    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(get("/1000"))
        packet = await reader.read(65_536)
        assert packet.startswith(b"HTTP/1.1 200 OK\r\n")
        assert packet.endswith(b"\r\n\r\n" + b"x" * 1000)

    talk(conversation)


@pytest.mark.parametrize("size", [0, 1, LARGE - 1, LARGE, 3_000_000])
def test_answers_of_every_size_follow_each_other(size: int) -> None:
    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(get(f"/{size}") * 3)  # pipelined
        for _ in range(3):
            assert await answer(reader) == (200, b"x" * size)
        writer.write(get("/5"))
        assert await answer(reader) == (200, b"xxxxx")

    talk(conversation)


def test_answers_without_a_body() -> None:
    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(get("/none"))
        assert await answer(reader) == (204, b"")
        writer.write(get("/1000", method="HEAD"))
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        writer.write(get("/none"))
        assert await answer(reader) == (204, b"")

    talk(conversation)


@pytest.mark.parametrize("size", [10, LARGE])
def test_pieces_arrive_before_the_connection_closes(size: int) -> None:
    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(get(f"/{size}/30", "connection: close"))
        content = await reader.read()
        assert content.count(b"x") == 30 * size
        assert content.endswith(b"\r\n0\r\n\r\n")

    talk(conversation)


def test_what_is_no_http_is_told_so() -> None:
    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"what?\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 400")

    talk(conversation)


def test_whoever_is_gone_is_written_nothing(caplog: Any) -> None:
    async def conversation(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(get("/10") * 50)
        transport: Any = writer.transport
        transport.abort()

    talk(conversation)
    assert not caplog.records
