"""How the server ends: at once where nothing is under way, else with it, and without an answer when its time is over."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

from uvicorn import Config

from headgate.service.server import Server
from headgate.service.supervisor import listen
from headgate.tracking.asgi import Receive, Scope, Send

REQUEST = b"GET / HTTP/1.1\r\nhost: h\r\n\r\n"


class Slow:
    """An application that answers when it is told to."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.was_cut = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        assert scope["type"] == "http"
        self.asked.set()
        try:
            await self.may_answer.wait()
        except asyncio.CancelledError:
            self.was_cut = True
            raise
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})


@contextlib.asynccontextmanager
async def serving(app: Slow, limit_s: int) -> AsyncIterator[tuple[Server, asyncio.Task[None], socket.socket]]:
    """The server, what it is done with, and where it listens."""
    listening = listen("127.0.0.1", 0)
    listens = asyncio.Event()
    config = Config(app, lifespan="off", log_config=None, timeout_graceful_shutdown=limit_s)
    server = Server(config, listens.set)
    running = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        await asyncio.wait_for(listens.wait(), 20)
        yield server, running, listening
    finally:
        server.stop()
        await asyncio.wait_for(running, 20)


async def connect(listening: socket.socket) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(*listening.getsockname())


def test_a_connection_that_waits_for_nothing_is_closed() -> None:
    async def main() -> None:
        app = Slow()
        app.may_answer.set()
        async with serving(app, 60) as (server, running, listening):
            reader, writer = await connect(listening)
            writer.write(REQUEST)
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            server.stop()
            await asyncio.wait_for(running, 20)
            await asyncio.wait_for(reader.read(), 20)
            writer.close()

    asyncio.run(main())


def test_what_is_under_way_is_answered() -> None:
    async def main() -> None:
        app = Slow()
        async with serving(app, 60) as (server, running, listening):
            reader, writer = await connect(listening)
            writer.write(REQUEST)
            await app.asked.wait()
            server.stop()
            await asyncio.sleep(0)
            assert not running.done()
            app.may_answer.set()
            await asyncio.wait_for(running, 20)
            assert (await reader.read()).startswith(b"HTTP/1.1 200")
            writer.close()
        assert not app.was_cut

    asyncio.run(main())


def test_what_never_ends_is_cut_off_without_an_answer() -> None:
    async def main() -> None:
        app = Slow()
        async with serving(app, 1) as (server, running, listening):
            reader, writer = await connect(listening)
            writer.write(REQUEST)
            await app.asked.wait()
            server.stop()
            await asyncio.wait_for(running, 20)
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
            writer.close()
            app.may_answer.set()
        assert not app.was_cut

    asyncio.run(main())
