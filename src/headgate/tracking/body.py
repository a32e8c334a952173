"""Reads the body of a request and enforces its size limit while it streams in (SPEC 8.3, 8.4)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, Protocol

from headgate.tracking.inflate import BadGzip, Inflater, TooMuch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headgate.tracking.asgi import Message, Receive
    from headgate.tracking.limits import TrackingLimits
    from headgate_runtime import Clock

_PACKED_SLACK: Final = 1 << 10
"""Bytes by which gzip may enlarge content that does not compress."""

_PLAIN: Final = (b"", b"identity")
_GZIP: Final = (b"gzip", b"x-gzip")


class BodyTooLarge(Exception):
    """*unread*: part of the body was not read, so the connection cannot be reused."""

    def __init__(self, *, unread: bool) -> None:
        super().__init__()
        self.unread = unread


class BodyUndecodable(Exception):
    """The Content-Encoding is unsupported, or the body does not match it."""


class BodySlow(Exception):
    """The body was not complete within `TrackingLimits.body_ms`."""


class SenderGone(Exception):
    """The sender disconnected before the body was complete."""


class _Content(Protocol):
    def feed(self, chunk: bytes) -> None: ...
    def close(self) -> bytes: ...


class _Plain:
    def __init__(self, size_max: int) -> None:
        self._room = size_max
        self._content = bytearray()

    def feed(self, chunk: bytes) -> None:
        self._room -= len(chunk)
        if self._room < 0:
            raise TooMuch
        self._content += chunk

    def close(self) -> bytes:
        return bytes(self._content)


async def read_body(
    receive: Receive, headers: Mapping[bytes, bytes], size_max: int, limits: TrackingLimits, clock: Clock
) -> bytes:
    """
    Returns the decompressed body, of at most *size_max* bytes. A refused body is still read, up to
    `drain_bytes`, because a sender that is still writing may never see the answer.

    Raises BodyTooLarge, BodyUndecodable, BodySlow and SenderGone.
    """
    message = await receive()
    encoding = headers.get(b"content-encoding", b"").strip().lower()
    if encoding in _PLAIN and not message.get("more_body", False):
        # Fast path: nearly every body is short and arrives in one message.
        body = _chunk(message)
        if len(body) > size_max:
            raise BodyTooLarge(unread=False)
        return body
    inflates = encoding in _GZIP
    content: _Content = Inflater(size_max, limits.gzip_members) if inflates else _Plain(size_max)
    declared = headers.get(b"content-length", b"")
    fault: Exception | None = None
    if encoding not in _PLAIN + _GZIP:
        fault = BodyUndecodable()
    elif declared.isdigit() and len(declared) < 20 and int(declared) > size_max + _PACKED_SLACK:
        fault = BodyTooLarge(unread=False)
    return await _in_time(
        _collect(message, receive, content, size_max, limits.drain_bytes, fault), limits, clock
    )


async def _in_time(reading: Any, limits: TrackingLimits, clock: Clock) -> bytes:
    task: asyncio.Task[Any] = asyncio.ensure_future(reading)
    try:
        await clock.wait({task}, limits.body_ms)
        if not task.done():
            raise BodySlow
        body: bytes = task.result()
        return body
    finally:
        task.cancel()


def _chunk(message: Message) -> bytes:
    if message["type"] == "http.disconnect":
        raise SenderGone
    body: bytes = message.get("body", b"")
    return body


async def _collect(
    message: Message,
    receive: Receive,
    content: _Content,
    size_max: int,
    drain_max: int,
    fault: Exception | None,
) -> bytes:
    packed = 0
    while True:
        chunk = _chunk(message)
        packed += len(chunk)
        if fault is None:
            fault = _fault_of(content, chunk, packed, size_max)
        if not message.get("more_body", False):
            break
        if fault is not None and packed > drain_max:
            raise BodyTooLarge(unread=True) from fault
        message = await receive()
    if fault is not None:
        raise fault
    try:
        return content.close()
    except BadGzip as error:
        raise BodyUndecodable from error


def _fault_of(content: _Content, chunk: bytes, packed: int, size_max: int) -> Exception | None:
    try:
        content.feed(chunk)
    except TooMuch:
        return BodyTooLarge(unread=False)
    except BadGzip:
        return BodyUndecodable()
    return BodyTooLarge(unread=False) if packed > size_max + _PACKED_SLACK else None
