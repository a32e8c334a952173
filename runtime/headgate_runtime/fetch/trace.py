"""Records the requests of a test run, with secrets redacted (SPEC 10)."""

from __future__ import annotations

import contextvars
import json
import urllib.parse
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headgate_runtime.fetch.message import Headers, Incoming, Outgoing

BODY_BYTES: Final = 10 << 10
"""Bytes of a body that an Exchange keeps (SPEC 10)."""

RAW_BYTES: Final = 1 << 20
"""Bytes of full bodies that a Trace holds before it redacts and cuts them."""

EXCHANGES: Final = 1_000
"""Exchanges that a Trace keeps; later ones are only counted."""

REDACTED: Final = "[redacted]"

_SECRET_HEADERS: Final = frozenset(
    ("authorization", "proxy-authorization", "cookie", "cookie2", "set-cookie")
)


_URL_SAFE: Final = ("", "/", "!'()*", "!'()*;,/?:@&=+$#")
"""
The characters that URL encoders leave unescaped: Python's quote without and with "/", encodeURIComponent,
encodeURI.
"""


class Exchange(NamedTuple):
    """
    One request and its response. Every redirect is an Exchange of its own.

    status              None without a response
    request_body        first BODY_BYTES of the body as text; None without a body
    response_body       likewise, after content decoding; None without a response
    error               message of the error that ended the request or its body; None without an error
    """

    method: str
    url: str
    request_headers: dict[str, str]
    request_body: str | None
    status: int | None
    response_headers: dict[str, str]
    response_body: str | None
    duration_ms: float
    error: str | None

    def as_json(self) -> dict[str, Any]:
        """The `requests` entry of SPEC 10."""
        shown: dict[str, Any] = {
            "method": self.method,
            "url": self.url,
            "requestHeaders": self.request_headers,
            "requestBody": self.request_body,
            "status": self.status,
            "responseHeaders": self.response_headers,
            "responseBody": self.response_body,
            "durationMs": round(self.duration_ms, 3),
        }
        if self.error is not None:
            shown["error"] = self.error
        return shown


class Redaction:
    """
    Replaces *secrets* in texts, in plain form and as encoded in URLs and JSON. Longer ones are replaced
    first, because one secret may be part of another.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        forms: set[str] = set()
        for secret in secrets:
            quoted = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
            quoted |= {json.dumps(each, ensure_ascii=False)[1:-1] for each in quoted}
            forms |= {secret, *quoted, urllib.parse.quote_plus(secret)}
            forms |= {urllib.parse.quote(secret, safe) for safe in _URL_SAFE}
        self._secrets = sorted(filter(None, forms), key=len, reverse=True)

    def text(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, REDACTED)
        return text

    def headers(self, headers: Headers) -> dict[str, str]:
        """*headers* with equal names (ignoring case) joined and the values of credential headers replaced."""
        shown: dict[str, str] = {}
        for name, value in headers:
            value = REDACTED if name.lower() in _SECRET_HEADERS else self.text(value)
            known = next((each for each in shown if each.lower() == name.lower()), None)
            shown[known or name] = value if known is None else f"{shown[known]}, {value}"
        return shown

    def body(self, body: bytes | None, most: int = BODY_BYTES) -> str | None:
        """The first *most* bytes of *body* as redacted text."""
        if body is None:
            return None
        # Redact before cutting: a secret that is cut in two would not be found.
        text = self.text(body.decode(errors="replace"))
        return text.encode()[:most].decode(errors="ignore")


class Raw(NamedTuple):
    """An exchange before redaction."""

    outgoing: Outgoing
    incoming: Incoming | None
    duration_ms: float
    error: str | None

    @property
    def bytes(self) -> int:
        incoming = 0 if self.incoming is None else len(self.incoming.body)
        return len(self.outgoing.body or b"") + incoming

    def shown(self, redaction: Redaction) -> Exchange:
        outgoing, incoming = self.outgoing, self.incoming
        return Exchange(
            method=outgoing.method,
            url=redaction.text(outgoing.target.href),
            request_headers=redaction.headers(outgoing.headers),
            request_body=redaction.body(outgoing.body),
            status=None if incoming is None else incoming.status,
            response_headers={} if incoming is None else redaction.headers(incoming.headers),
            response_body=None if incoming is None else redaction.body(incoming.body),
            duration_ms=self.duration_ms,
            error=None if self.error is None else redaction.text(self.error),
        )


class Trace:
    """
    The exchanges of the invocations that were started within `tracing`, in the order they ended. They are
    redacted when they are read, since most never are.

    secrets    values to redact
    dropped    number of exchanges beyond EXCHANGES
    """

    __slots__ = ("_raw_bytes", "_redaction", "_secrets", "_shown", "_token", "dropped")

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self.dropped = 0
        self._secrets = secrets
        self._redaction: Redaction | None = None
        self._shown: list[Exchange | Raw] = []
        self._raw_bytes = 0
        self._token: contextvars.Token[Trace | None] | None = None

    def __enter__(self) -> Self:
        self._token = _current.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._token is not None
        _current.reset(self._token)
        self._token = None

    def __len__(self) -> int:
        return len(self._shown)

    @property
    def exchanges(self) -> list[Exchange]:
        shown = [self._exchange(each) for each in self._shown]
        self._shown = [*shown]
        self._raw_bytes = 0
        return shown

    def add(
        self, outgoing: Outgoing, incoming: Incoming | None, duration_ms: float, error: str | None
    ) -> None:
        if len(self._shown) >= EXCHANGES:
            self.dropped += 1
            return
        raw = Raw(outgoing, incoming, duration_ms, error)
        self._raw_bytes += raw.bytes
        self._shown.append(raw)
        if self._raw_bytes > RAW_BYTES:
            self._shown = [self._exchange(each) for each in self._shown]
            self._raw_bytes = 0

    def _exchange(self, each: Exchange | Raw) -> Exchange:
        if isinstance(each, Exchange):
            return each
        if self._redaction is None:
            self._redaction = Redaction(self._secrets)
        return each.shown(self._redaction)


_current: contextvars.ContextVar[Trace | None] = contextvars.ContextVar("headgate_fetch_trace", default=None)


def tracing(secrets: Iterable[str] = ()) -> Trace:
    """
    Record the network requests of the invocations that are started within the block:

        with tracing(secrets=settings.values()) as trace:
            outcome = await executor.invoke(function, event)
        requests = [exchange.as_json() for exchange in trace.exchanges]

    Requests are attributed by context variable, so concurrent tasks can each have a trace of their own.
    """
    return Trace(secrets)


def current() -> Trace | None:
    """The trace of the invocation whose request is being answered, or None."""
    return _current.get()
