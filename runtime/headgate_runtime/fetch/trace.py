"""What went over the network during a test run, fit to be shown (SPEC 10)."""

from __future__ import annotations

import contextvars
import json
import urllib.parse
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headgate_runtime.fetch.message import Headers, Incoming, Outgoing

BODY_BYTES: Final = 10 << 10
"""Of a body; the rest is not kept (SPEC 10)."""

RAW_BYTES: Final = 1 << 20
"""Of bodies kept whole until somebody looks."""

EXCHANGES: Final = 1_000
"""Of one trace; later ones are not kept."""

REDACTED: Final = "[redacted]"

_SECRET_HEADERS: Final = frozenset(
    ("authorization", "proxy-authorization", "cookie", "cookie2", "set-cookie")
)


_URL_SAFE: Final = ("", "/", "!'()*", "!'()*;,/?:@&=+$#")
"""What is left as it is where texts are written into URLs: by Python's two habits, encodeURIComponent and encodeURI."""


class Exchange(NamedTuple):
    """
    One request and its response; a redirect makes another one.

    status              None where no response came
    request_body        text, at most BODY_BYTES of it; None for no body
    response_body       as request_body, decoded; None where there was no response, or it was a redirect
    error               what the fetch, or the reading of its body, failed with
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
    Takes *secrets* out of what is shown: as they are, and as URLs and JSON write them.

    The longer go first: one secret may be part of another.
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
        """Of one name in any capitals, all values together; those that carry credentials, none."""
        shown: dict[str, str] = {}
        for name, value in headers:
            value = REDACTED if name.lower() in _SECRET_HEADERS else self.text(value)
            known = next((each for each in shown if each.lower() == name.lower()), None)
            shown[known or name] = value if known is None else f"{shown[known]}, {value}"
        return shown

    def body(self, body: bytes | None, most: int = BODY_BYTES) -> str | None:
        """The first *most* bytes."""
        if body is None:
            return None
        # Redacted before it is cut: the cut must not save half a secret from being found.
        text = self.text(body.decode(errors="replace"))
        return text.encode()[:most].decode(errors="ignore")


class Raw(NamedTuple):
    """What went over the network, before anything is taken out of it."""

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
    The exchanges of the invocations that ran within `tracing`, in the order they ended. Made ready to be shown when
    somebody looks: of most invocations nobody ever does.

    secrets    values that are shown nowhere
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
    Keeps what the invocations started within ask the network for:

        with tracing(secrets=settings.values()) as trace:
            outcome = await executor.invoke(function, event)
        requests = [exchange.as_json() for exchange in trace.exchanges]

    It is the context that tells whose requests they are, so tasks side by side may each trace their own.
    """
    return Trace(secrets)


def current() -> Trace | None:
    """The trace of the invocation whose request is being answered."""
    return _current.get()
