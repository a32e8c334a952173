"""What went over the network during a test run, fit to be shown (SPEC 10)."""

from __future__ import annotations

import contextlib
import contextvars
import json
import urllib.parse
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from headgate_runtime.fetch.message import Headers, Incoming, Outgoing

BODY_BYTES: Final = 10 << 10
"""Of a body; the rest is not kept (SPEC 10)."""

EXCHANGES: Final = 1_000
"""Of one trace; later ones are not kept."""

REDACTED: Final = "[redacted]"

_SECRET_HEADERS: Final = frozenset(
    ("authorization", "proxy-authorization", "cookie", "cookie2", "set-cookie")
)


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


class Trace:
    """
    The exchanges of the invocations that ran within `tracing`, in the order they ended.

    secrets    values that are shown nowhere: as they are, and as URLs and JSON write them
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self.exchanges: list[Exchange] = []
        self.dropped = 0
        forms: set[str] = set()
        for secret in secrets:
            quoted = json.dumps(secret), json.dumps(secret, ensure_ascii=False)
            forms |= {secret, urllib.parse.quote(secret), urllib.parse.quote(secret, safe="")}
            forms |= {urllib.parse.quote_plus(secret), *(each[1:-1] for each in quoted)}
        # The longer first: one secret may be part of another.
        self._secrets = sorted(filter(None, forms), key=len, reverse=True)

    def add(
        self, outgoing: Outgoing, incoming: Incoming | None, duration_ms: float, error: str | None
    ) -> None:
        if len(self.exchanges) >= EXCHANGES:
            self.dropped += 1
            return
        self.exchanges.append(
            Exchange(
                method=outgoing.method,
                url=self._clean(outgoing.target.href),
                request_headers=self._headers(outgoing.headers),
                request_body=self._body(outgoing.body),
                status=None if incoming is None else incoming.status,
                response_headers={} if incoming is None else self._headers(incoming.headers),
                response_body=None if incoming is None else self._body(incoming.body),
                duration_ms=duration_ms,
                error=None if error is None else self._clean(error),
            )
        )

    def _headers(self, headers: Headers) -> dict[str, str]:
        shown: dict[str, str] = {}
        for name, value in headers:
            value = REDACTED if name.lower() in _SECRET_HEADERS else self._clean(value)
            known = next((each for each in shown if each.lower() == name.lower()), None)
            shown[known or name] = value if known is None else f"{shown[known]}, {value}"
        return shown

    def _body(self, body: bytes | None) -> str | None:
        if body is None:
            return None
        # Redacted before it is cut: the cut must not save half a secret from being found.
        text = self._clean(body.decode(errors="replace"))
        return text.encode()[:BODY_BYTES].decode(errors="ignore")

    def _clean(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, REDACTED)
        return text


_current: contextvars.ContextVar[Trace | None] = contextvars.ContextVar("headgate_fetch_trace", default=None)


@contextlib.contextmanager
def tracing(secrets: Iterable[str] = ()) -> Iterator[Trace]:
    """
    Keeps what the invocations started within ask the network for:

        with tracing(secrets=settings.values()) as trace:
            outcome = await executor.invoke(function, event)
        requests = [exchange.as_json() for exchange in trace.exchanges]

    It is the context that tells whose requests they are, so tasks side by side may each trace their own.
    """
    trace = Trace(secrets)
    token = _current.set(trace)
    try:
        yield trace
    finally:
        _current.reset(token)


def current() -> Trace | None:
    """The trace of the invocation whose request is being answered."""
    return _current.get()
