"""
uvicorn's HTTP protocol, except that all writes of one iteration of the event loop are joined into one.
uvicorn writes the head and the body of a response separately, and uvloop sends each at once: the two system
calls and packets cost more than the rest of a small response.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from headgate.service.bounded import BoundedProtocol

if TYPE_CHECKING:
    import asyncio

LARGE: Final = 64 << 10
"""
Larger writes are sent at once: joining them costs more than it saves, and the writer must notice when the
transport's buffer is full.
"""


class JoiningTransport:
    """Wraps *transport* and joins its writes. `close` writes everything that is pending."""

    def __init__(self, transport: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes] = []
        # Used for every request, so kept as attributes.
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


class JoiningProtocol(BoundedProtocol):
    def connection_made(self, transport: Any) -> None:
        super().connection_made(JoiningTransport(transport, self.loop))
