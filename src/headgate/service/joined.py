"""
HTTP on a connection: uvicorn's protocol, but what is written in one round of the event loop leaves as one. uvicorn
writes the head of an answer and its body one after the other, and uvloop sends each at once: two system calls and two
packets, which cost more than all the rest of a small answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio

LARGE: Final = 64 << 10
"""Bytes that are sent at once: joining them would cost more than it spares, and whoever writes much is to hear when to stop."""


class JoiningTransport:
    """*transport*, but for its writes. Everything was written on return of `close`."""

    def __init__(self, transport: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes] = []
        # Asked for with every request.
        self.is_closing = transport.is_closing
        self.resume_reading = transport.resume_reading

    def write(self, content: bytes) -> None:
        if not self._parts:
            if len(content) >= LARGE:
                self._transport.write(content)
                return
            self._loop.call_soon(self._flush)
        self._parts.append(content)
        if len(content) >= LARGE:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        parts, self._parts = self._parts, []
        if parts and not self._transport.is_closing():  # the connection may have been lost meanwhile
            self._transport.write(b"".join(parts))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class JoiningProtocol(HttpToolsProtocol):
    def connection_made(self, transport: Any) -> None:
        super().connection_made(JoiningTransport(transport, self.loop))  # type: ignore[arg-type]
