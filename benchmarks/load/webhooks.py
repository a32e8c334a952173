"""A webhook server on loopback, in the measuring process, that answers with a status or not at all."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

SILENCE: Final = 0
"""Instead of a status: never answer."""


class Received(NamedTuple):
    """A complete request. Names of *headers* are in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes


class WebhookServer:
    """
    *answer* is called with every request, on the event loop, and gives the status to answer with, or SILENCE.

    port    where it listens, on 127.0.0.1, within `async with`
    """

    def __init__(self, answer: Callable[[Received], int]) -> None:
        self._answer = answer
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Transport] = set()
        self.port = 0

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self._answer, self._open), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for transport in list(self._open):
            transport.abort()
        await self._server.wait_closed()


class _Connection(asyncio.Protocol):
    """Requests as Headgate writes them: HTTP/1.1 with a Content-Length."""

    def __init__(self, answer: Callable[[Received], int], open_: set[asyncio.Transport]) -> None:
        self._answer = answer
        self._open = open_
        self._content = bytearray()
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._open.add(transport)

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - a Protocol's
        self._open.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._content += data
        while (request := self._take()) is not None:
            status = self._answer(request)
            if status != SILENCE:
                self._transport.write(b"HTTP/1.1 %d .\r\ncontent-length: 0\r\n\r\n" % status)

    def _take(self) -> Received | None:
        end = self._content.find(b"\r\n\r\n")
        if end < 0:
            return None
        first, *lines = self._content[:end].decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        begin = end + 4
        size = int(headers["content-length"])
        if len(self._content) < begin + size:
            return None
        body = bytes(self._content[begin : begin + size])
        del self._content[: begin + size]
        return Received(first.split(" ")[1], headers, body)
