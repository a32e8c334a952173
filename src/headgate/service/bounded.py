"""
uvicorn's HTTP protocol, with bounds on what it keeps of a request that is not complete: its headers, however many, and
the time they may take. Nobody has to be known to send them.
"""

from __future__ import annotations

import resource
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES: Final = 64 << 10
"""
The request line and the headers, after the first piece that arrives of them (256 KiB at most). In memory, small headers
take fifteen times what they take on the wire.
"""

FRAMING_BYTES: Final = 2 << 20
"""What frames a body sent in chunks: their sizes, and the trailers."""

HEAD_S: Final = 20.0
"""From the connection, or from the first byte of another request on it, to the end of the headers."""

CONNECTIONS: Final = 16_384
"""Open connections of one process. Past them, or half of the descriptors the process may open, new ones are refused."""

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
    head_since    when the head that is incomplete was begun, in seconds of the event loop; None if none is. Whoever
                  watches the connections aborts those that have waited for more than HEAD_S
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.head_since: float | None = None
        self._has_head = self._is_complete = self._is_new = False
        self._head = self._framing = 0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.head_since = self.loop.time()
        if len(self.connections) > connections_max():
            self.transport.write(_BUSY)
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._has_head:
            if not self._is_complete:
                self._framing += len(data)  # on_body took off what was content
                if self._framing > FRAMING_BYTES:
                    self.transport.abort()
        elif self._is_new:  # it began within this piece, which may be the end of another request, too
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

    def _refuse(self) -> None:
        cycle: Any = self.cycle  # None before the first request
        if cycle is None or cycle.response_complete:
            self.transport.write(_TOO_LARGE)
            self.transport.close()
        else:  # the answer to a request before this one is under way
            self.transport.abort()
