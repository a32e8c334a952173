"""A real server on loopback whose every byte a test decides."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple


class Got(NamedTuple):
    """A request as it came, names of headers in lower case."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for each, value in self.headers if each == name), None)


class Connection:
    """One client, seen from the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def wait_closed_by_peer(self) -> None:
        """Returns when the client has closed the connection; a test's timeout is the bound."""
        with contextlib.suppress(OSError):
            while await self.reader.read(1 << 16):
                pass

    def reset(self) -> None:
        """Ends with an RST, not a FIN."""
        self.writer.transport.abort()


Handler = Callable[[Got, Connection], Awaitable[bytes | None]]
"""Returns a response to send, after which the connection serves on; or None when it has done everything itself."""


def response(
    body: bytes = b"",
    status: str = "200 OK",
    headers: tuple[tuple[str, str], ...] = (),
    length: int | None = None,
) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\n{lines}Content-Length: {size}\r\n\r\n".encode("latin-1") + body


def redirect(location: str, status: int = 302) -> bytes:
    return response(b"", f"{status} Moved", (("Location", location),))


class Server:
    """
    requests       what came, in order
    connections    accepted so far
    open           of these, not closed yet
    """

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._tasks: set[asyncio.Task[None]] = set()
        self.requests: list[Got] = []
        self.connections = 0
        self.open = 0
        self.port = 0
        self._changed = asyncio.Event()

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        self._changed.set()
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._converse(reader, Connection(reader, writer))
        except asyncio.CancelledError:
            # The server is being closed; asyncio.streams would report this as an error.
            pass
        finally:
            self._tasks.discard(task)
            self.open -= 1
            self._changed.set()
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _converse(self, reader: asyncio.StreamReader, connection: Connection) -> None:
        while True:
            got = await _read(reader)
            self.requests.append(got)
            self._changed.set()
            answer = await self._handler(got, connection)
            if answer is None:
                return
            await connection.send(answer)
            if "close" in (got.header("connection") or "").lower():
                return

    async def until(self, *, requests: int = 0, open_at_most: int | None = None) -> None:
        """Returns when that many requests have come, and no more connections than that are open."""
        while len(self.requests) < requests or (open_at_most is not None and self.open > open_at_most):
            self._changed.clear()
            await self._changed.wait()

    async def all_closed(self) -> None:
        await self.until(open_at_most=0)

    def end(self) -> None:
        for task in self._tasks:
            task.cancel()


async def _read(reader: asyncio.StreamReader) -> Got:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    method, path, _ = first.split(" ")
    headers = [(name.lower(), value) for name, _, value in (line.partition(": ") for line in lines)]
    size = int(dict(headers).get("content-length", "0"))
    return Got(method, path, headers, await reader.readexactly(size) if size else b"")


@contextlib.asynccontextmanager
async def serving(
    handler: Handler | bytes, host: str = "127.0.0.1", **options: object
) -> AsyncIterator[Server]:
    """*handler*, or bytes to answer everything with."""

    async def fixed(_: Got, __: Connection) -> bytes:
        assert isinstance(handler, bytes)
        return handler

    server = Server(fixed if isinstance(handler, bytes) else handler)
    listening = await asyncio.start_server(server._serve, host, 0, backlog=4096, **options)  # type: ignore[arg-type]
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        server.end()
        await server.all_closed()
        await listening.wait_closed()
