"""Servers with TLS on loopback: certificates of an authority made for the run, and HTTP/2."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import ssl
from collections.abc import AsyncIterator

import h2.config
import h2.connection
import h2.events
import trustme

from headgate_runtime import Clock
from headgate_runtime.fetch import Egress, Fetcher, FetchLimits


@functools.cache
def authority() -> trustme.CA:
    return trustme.CA()


def trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority().configure_trust(context)
    return context


def secured(*names: str, protocols: tuple[str, ...] = (), issuer: trustme.CA | None = None) -> ssl.SSLContext:
    """For a server that is *names*, and negotiates *protocols*."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    (issuer or authority()).issue_cert(*names).configure_cert(context)
    context.set_alpn_protocols(list(protocols))
    return context


def local_secure(*, clock: Clock | None = None, **limits: int) -> Fetcher:
    """Reaches loopback under any name, and trusts the run's authority."""

    async def home(_: str) -> list[str]:
        return ["127.0.0.1"]

    return Fetcher(
        Egress(allow=["127.0.0.1"]),
        limits=FetchLimits(**limits),
        resolver=home,
        ssl_context=trusting(),
        clock=clock,
    )


class Http2Server:
    """
    Answers `/` with the request's headers, `/never` not at all, `/endless` without end, `/reset` by a reset.

    most    streams that were open at once on one connection
    """

    def __init__(self) -> None:
        self.connections = 0
        self.open = 0
        self.most = 0
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.port = 0
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def url(self, path: str = "/") -> str:
        return f"https://h2.example:{self.port}{path}"

    async def until(self, *, requests: int = 0, open_at_most: int | None = None) -> None:
        while len(self.paths) < requests or (open_at_most is not None and self.open > open_at_most):
            self._changed.clear()
            await self._changed.wait()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(OSError, h2.exceptions.ProtocolError):
                await self._converse(reader, writer)
        except asyncio.CancelledError:
            pass
        finally:
            self._tasks.discard(task)
            self.open -= 1
            self._changed.set()
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        connection.initiate_connection()
        writer.write(connection.data_to_send())
        asked: dict[int, tuple[dict[str, str], bytearray]] = {}
        while data := await reader.read(1 << 16):
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    assert event.stream_id is not None
                    assert event.headers is not None
                    headers = {bytes(name).decode(): bytes(value).decode() for name, value in event.headers}
                    asked[event.stream_id] = headers, bytearray()
                    self.most = max(self.most, len(asked))
                elif isinstance(event, h2.events.DataReceived):
                    assert event.stream_id is not None
                    assert event.data is not None
                    asked[event.stream_id][1].extend(event.data)
                    connection.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id)
                elif isinstance(event, h2.events.StreamEnded):
                    assert event.stream_id is not None
                    self._answer(connection, event.stream_id, *asked[event.stream_id])
                    if asked[event.stream_id][0][":path"] in {"/", "/end"}:
                        del asked[event.stream_id]
            writer.write(connection.data_to_send())
            await writer.drain()

    def _answer(
        self, connection: h2.connection.H2Connection, stream: int, headers: dict[str, str], body: bytearray
    ) -> None:
        path = headers[":path"]
        self.paths.append(path)
        self.headers.append(headers)
        self.bodies.append(bytes(body))
        self._changed.set()
        if path == "/never":
            return
        if path == "/reset":
            connection.reset_stream(stream)
            return
        if path == "/start":
            connection.send_headers(stream, [(":status", "307"), ("location", "/end")], end_stream=True)
            return
        if path == "/moved":
            connection.send_headers(stream, [(":status", "307"), ("location", "/end")])
        else:
            connection.send_headers(stream, [(":status", "200"), ("x-path", path)])
        if path in {"/endless", "/moved"}:
            while connection.local_flow_control_window(stream) > 16384:
                connection.send_data(stream, bytes(16384))
        else:
            connection.send_data(stream, b"over h2", end_stream=True)

    def end(self) -> None:
        for task in self._tasks:
            task.cancel()


@contextlib.asynccontextmanager
async def serving_http2() -> AsyncIterator[Http2Server]:
    server = Http2Server()
    context = secured("h2.example", protocols=("h2",))
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=context)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        server.end()
        await server.until(open_at_most=0)
        await listening.wait_closed()
