"""
One HTTP/1.1 connection to a destination, which carries one request at a time. Responses are parsed by llhttp,
Node's parser.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

import httptools

from headgate_runtime.fetch import SystemFailure

if TYPE_CHECKING:
    from collections.abc import Sequence

HEAD_BYTES: Final = 64 << 10
"""Maximum bytes of a response's headers, including those of interim responses."""

BODY_BYTES: Final = 64 << 10
"""Maximum bytes of a response's body that are read; if there is more, the connection is not reused."""

RAW_BYTES: Final = 1 << 20
"""Maximum bytes of a response including its framing, such as chunks of one byte or endless trailers."""

KEPT_BYTES: Final = 10 << 10
"""Bytes kept of a response's body, from its beginning."""

_HUNG_UP: Final = ("ECONNRESET", "socket hang up")
_ABORTED: Final = ("ECONNRESET", "aborted")


class Answer(NamedTuple):
    """A response. *body* is its beginning, at most KEPT_BYTES."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """The value of the first header called *name*, which must be lower case; None if there is none."""
        return next((value for each, value in self.headers if each.lower() == name), None)


class Wire(asyncio.Protocol):
    """
    A connection.

    is_open       whether it can be used for a request, as far as is known
    heard         whether any data arrived since the last request
    idle_since    monotonic time in ms, set by the pool
    """

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Answer] | None = None
        self._parser: Any = None
        self._received = 0
        self._size = 0
        self._in_body = False
        self._ends_with_connection = False
        self._reason = b""
        self._headers: list[tuple[str, str]] = []
        self._body: list[bytes] = []
        self.is_open = False
        self.heard = False
        self.idle_since = 0.0

    def ask(self, parts: Sequence[bytes]) -> asyncio.Future[Answer]:
        """
        Sends a request, given in *parts*. Returns a future of its Answer, which may fail with SystemFailure.
        A caller that stops waiting for it must `abort` the connection.
        """
        assert self._transport is not None
        answer = self._answer = asyncio.get_running_loop().create_future()
        self._parser = httptools.HttpResponseParser(self)
        self._received = self._size = 0
        self._in_body = self.heard = False
        if self.is_open:
            self._transport.writelines(parts)
        else:  # the server has closed it meanwhile
            self._fail(*_HUNG_UP)
        return answer

    def abort(self) -> None:
        """Closes the connection at once, even during a request."""
        self.is_open = False
        if self._answer is not None:
            # Nobody waits for it any more: an exception in it would be logged as never retrieved.
            self._answer.cancel()
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """Closes the connection, which must be idle."""
        self.is_open = False
        if self._transport is not None:
            self._transport.close()

    # ---- callbacks of asyncio ----

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        if self._answer is None or self._answer.done():
            # Unsolicited data must not become the response to the next request.
            self.abort()
            return
        self.heard = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail(*_HUNG_UP)
        except httptools.HttpParserError as error:
            if not self._answer.done():
                self._fail("HPE_INVALID_CONSTANT", f"Parse Error: {error}")
            else:
                self.abort()
        self._received += len(data)
        if self._answer.done():
            return
        if not self._in_body and self._received > HEAD_BYTES:
            self._fail("HPE_HEADER_OVERFLOW", "Parse Error: Header overflow")
        elif self._received > RAW_BYTES:
            self._finish()
            self.abort()

    def eof_received(self) -> None:
        self.is_open = False

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False
        if self._answer is None or self._answer.done():
            return
        if self._in_body and self._ends_with_connection and error is None:
            self._finish()
        else:
            self._fail(*(_ABORTED if self._in_body else _HUNG_UP))

    # ---- callbacks of llhttp ----

    def on_message_begin(self) -> None:
        self._in_body = False
        self._reason = b""
        self._headers.clear()
        self._body.clear()
        if self._answer is None or self._answer.done():
            # A second response in the same data.
            self.abort()

    def on_status(self, reason: bytes) -> None:
        self._reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        if self._parser.get_status_code() < 200:
            return
        self._in_body = True
        framed = {"content-length", "transfer-encoding"}
        self._ends_with_connection = not any(name.lower() in framed for name, _ in self._headers)

    def on_body(self, chunk: bytes) -> None:
        if self._answer is None or self._answer.done():
            return
        room = KEPT_BYTES - self._size
        if room > 0:
            self._body.append(chunk[:room])
        self._size += len(chunk)
        if self._size > BODY_BYTES:
            self._finish()
            self.abort()

    def on_message_complete(self) -> None:
        if self._answer is None or self._answer.done() or not self._in_body:
            return
        keeps = self._parser.should_keep_alive()
        self._finish()
        if not keeps:
            self.close()

    def _finish(self) -> None:
        assert self._answer is not None
        status = self._parser.get_status_code()
        reason = self._reason.decode("latin-1")
        self._answer.set_result(Answer(status, reason, tuple(self._headers), b"".join(self._body)))

    def _fail(self, code: str, reason: str) -> None:
        assert self._answer is not None
        if not self._answer.done():
            self._answer.set_exception(SystemFailure(code, reason))
        self.abort()
