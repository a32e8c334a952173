"""
uvicorn's HTTP protocol with limits on connections and incomplete requests. They apply before a request is
authenticated, so that an unknown client can exhaust neither memory nor descriptors.
"""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING, Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    from headgate.service.connections import Connections

HEAD_BYTES: Final = 64 << 10
"""
Most bytes of request line and headers, not counting the first read from the socket (at most 256 KiB). Small headers
take fifteen times as much memory as they do on the wire.
"""

FRAMING_BYTES: Final = 2 << 20
"""Most bytes of chunk sizes and trailers around a chunked body."""

HEAD_S: Final = 20.0
"""Seconds from the connection, or from the first byte of a later request on it, to the end of the headers."""

CONNECTIONS: Final = 16_384
"""Most open connections of a process; fewer if that is more than half of the descriptors it may open. Others get a 503."""

_BUSY: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nretry-after: 1\r\nconnection: close\r\n\r\n"
)

_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
)


def connections_max() -> int:
    """How many connections may be open. The other descriptors are for deliveries and files."""
    descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return CONNECTIONS if descriptors == resource.RLIM_INFINITY else min(CONNECTIONS, descriptors // 2)


class BoundedProtocol(HttpToolsProtocol):
    """
    A connection with these limits. The server aborts it if its head stays incomplete for more than HEAD_S.

    connections   of headgate.service.server.Server
    head_since    when the incomplete head began, seconds on the event loop's clock; None if there is none
    """

    connections: Connections

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.head_since: float | None = None
        self._has_head = self._is_complete = self._is_new = False
        self._head = self._framing = 0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.head_since = self.loop.time()
        if len(self.connections) > connections_max():
            self._count("connections")
            self.transport.write(_BUSY)
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._has_head:
            if not self._is_complete:
                self._framing += len(data)  # on_body has subtracted the content
                if self._framing > FRAMING_BYTES:
                    self._count("framing_bytes")
                    self.transport.abort()
        elif self._is_new:  # this piece may also hold the end of the request before
            self._is_new = False
        else:
            self._head += len(data)
            if self._head > HEAD_BYTES:
                self._refuse()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._has_head = self._is_complete = False
        self._is_new = True
        self._head = self._framing = 0
        if self.head_since is None:
            self.head_since = self.loop.time()

    def on_headers_complete(self) -> None:
        self._has_head = True
        self.head_since = None
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._framing -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._is_complete = True
        super().on_message_complete()

    def _count(self, limit: str) -> None:
        self.connections.broken_off[limit] += 1

    def _refuse(self) -> None:
        self._count("head_bytes")
        cycle: Any = self.cycle  # None before the first request
        if cycle is None or cycle.response_complete:
            self.transport.write(_TOO_LARGE)
            self.transport.close()
        else:  # an earlier request is still being answered
            self.transport.abort()
