"""`fetch` without a network: canned replies for testing functions (`headgate run --mock FILE.json`)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from headgate_runtime.errors import HeadgateError
from headgate_runtime.fetch import target as targets
from headgate_runtime.fetch.failure import Failure, SystemFailure, max_size, request_timeout
from headgate_runtime.fetch.limits import FetchLimits
from headgate_runtime.fetch.message import Incoming
from headgate_runtime.fetch.service import FetchService

if TYPE_CHECKING:
    import os
    from collections.abc import Hashable, Iterable

    from headgate_runtime.fetch.message import Headers, Options, Outgoing
    from headgate_runtime.host import Clock

MOCK_BYTES: Final = 64 << 20
"""Largest file of replies that is read."""

DELAY_MS: Final = 60_000
"""Longest delay of a reply, in milliseconds."""

_KEYS: Final = frozenset(("method", "url", "status", "headers", "body", "error", "delay_ms", "times"))
_CODE: Final = re.compile(r"E[A-Z0-9_]+")
_TOKEN: Final = re.compile(r"[\^_`a-zA-Z\-0-9!#$%&'*+.|~]+")
_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


class MockError(HeadgateError, ValueError):
    """A malformed list of canned replies; the message says where and what is wrong."""


@dataclass(slots=True)
class Reply:
    """
    One canned reply.

    method     request method that it answers; None for any
    url        URL that it answers, in which `*` stands for any characters
    error      error to fail with instead of a response: a code like ECONNREFUSED, "timeout", or any text
    delay_ms   time before the reply
    times      how often it may still be used; None for no limit
    """

    method: str | None
    url: str
    status: int = 200
    headers: Headers = ()
    body: bytes = b""
    error: str | None = None
    delay_ms: float = 0.0
    times: int | None = None

    @classmethod
    def read(cls, entry: object, where: str) -> Reply:
        """Parse one JSON entry. Raises MockError with a message that begins with *where*."""
        fields = _Fields(entry, where)
        error = fields.text("error")
        if error is not None and not fields.isdisjoint({"status", "headers", "body"}):
            raise MockError(f"{where}: an entry has either error, or status, headers and body")
        body, is_json = fields.body()
        headers = fields.headers()
        if is_json and not any(name.lower() == "content-type" for name, _ in headers):
            headers = (("content-type", "application/json"), *headers)
        method = fields.text("method")
        url = fields.text("url")
        if not url:
            raise MockError(f"{where}: url is missing")
        return cls(
            method=None if method is None else method.upper(),
            url=_canonical(url, where),
            status=int(fields.number("status", 200, 200, 599, whole=True)),
            headers=headers,
            body=body,
            error=error,
            delay_ms=fields.number("delay_ms", 0, 0, DELAY_MS),
            times=int(fields.number("times", 1, 1, 10**9, whole=True)) if "times" in fields else None,
        )

    def fits(self, outgoing: Outgoing) -> bool:
        if self.times == 0 or (self.method is not None and self.method != outgoing.method):
            return False
        url = outgoing.target.href
        pattern = ".*".join(re.escape(part) for part in self.url.split("*"))
        return self.url in (url, url.partition("#")[0]) or (
            "*" in self.url and re.fullmatch(pattern, url) is not None
        )


class _Fields(dict[str, Any]):
    """The members of one entry, each validated when it is read."""

    def __init__(self, entry: object, where: str) -> None:
        if not isinstance(entry, dict):
            raise MockError(f"{where}: an entry is a JSON object, not {_shown(entry)}")
        super().__init__(entry)
        self._where = where
        unknown = sorted(set(entry) - _KEYS)
        if unknown:
            raise MockError(f"{where}: {unknown[0]!r} is not known; known are {', '.join(sorted(_KEYS))}")

    def isdisjoint(self, names: set[str]) -> bool:
        return names.isdisjoint(self)

    def text(self, name: str) -> str | None:
        value = self.get(name)
        if value is not None and not isinstance(value, str):
            raise MockError(f"{self._where}: {name} is a text, not {_shown(value)}")
        return value

    def number(self, name: str, otherwise: float, low: float, high: float, *, whole: bool = False) -> float:
        value = self.get(name, otherwise)
        kinds = int if whole else (int, float)
        if not isinstance(value, kinds) or isinstance(value, bool) or not low <= value <= high:
            kind = "whole number" if whole else "number"
            raise MockError(
                f"{self._where}: {name} is a {kind} from {low:g} to {high:g}, not {_shown(value)}"
            )
        return value

    def headers(self) -> Headers:
        given = self.get("headers", {})
        if not isinstance(given, dict):
            raise MockError(f"{self._where}: headers is an object of names and texts, not {_shown(given)}")
        pairs = []
        for name, value in given.items():
            for each in value if isinstance(value, list) else [value]:
                if not _TOKEN.fullmatch(name):
                    raise MockError(f"{self._where}: {name!r} is not a legal HTTP header name")
                if not isinstance(each, str) or not _VALUE.fullmatch(each):
                    raise MockError(f"{self._where}: the header {name} is no legal text: {_shown(each)}")
                pairs.append((name, each))
        return tuple(pairs)

    def body(self) -> tuple[bytes, bool]:
        """The body's bytes, and whether they are JSON, which every value but a string becomes."""
        value = self.get("body", "")
        return (
            (value.encode(errors="replace"), False) if isinstance(value, str) else (orjson.dumps(value), True)
        )


def _shown(value: object) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= 40 else f"{text[:37]}..."


def _canonical(url: str, where: str) -> str:
    """*url* in canonical form, in which http://x.example is http://x.example/. A glob is left unchanged."""
    if "*" in url:
        return url
    try:
        return targets.parse(url).href
    except Failure as failure:
        raise MockError(f"{where}: {_shown(url)} cannot be fetched: {failure.message}") from None


class MockRequest(NamedTuple):
    """A request that a function made, and whether a canned reply matched it."""

    method: str
    url: str
    headers: Headers
    body: bytes | None
    matched: bool


class MockFetcher(FetchService):
    """
    Answers each request with the first of *replies* that matches and is not used up. A request without a
    match fails with a FetchError.

        [{"method": "POST", "url": "https://api.example.com/*", "status": 201, "body": {"id": 7}, "times": 1},
         {"url": "https://api.example.com/down", "error": "ECONNREFUSED"}]

    Redirects among the replies are followed as on the network. Delays run on *clock*, by default the
    machine's.

    requests    all requests so far, in order
    """

    def __init__(self, replies: Iterable[Reply], *, clock: Clock | None = None) -> None:
        self.requests: list[MockRequest] = []
        self._replies = list(replies)
        super().__init__(self._carry_canned, FetchLimits(), clock)

    @classmethod
    def of(cls, entries: object, where: str = "mock", *, clock: Clock | None = None) -> MockFetcher:
        """Build from a parsed JSON list. Raises MockError."""
        if not isinstance(entries, list):
            raise MockError(f"{where}: a JSON array of replies is expected, not {_shown(entries)}")
        replies = [Reply.read(entry, f"{where}: entry {number}") for number, entry in enumerate(entries, 1)]
        return cls(replies, clock=clock)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> MockFetcher:
        """Read a JSON file. Raises MockError for invalid content and OSError when it cannot be read."""
        file = Path(path)
        if file.stat().st_size > MOCK_BYTES:
            raise MockError(f"{file}: larger than {MOCK_BYTES} bytes")
        try:
            entries = orjson.loads(file.read_bytes())
        except orjson.JSONDecodeError as error:
            raise MockError(f"{file}: not JSON: {error}") from None
        return cls.of(entries, str(file))

    async def _carry_canned(self, owner: Hashable, outgoing: Outgoing, options: Options) -> Incoming:  # noqa: ARG002 - the signature of Carrier
        url = outgoing.target.href
        reply = next((each for each in self._replies if each.fits(outgoing)), None)
        self.requests.append(
            MockRequest(outgoing.method, url, outgoing.headers, outgoing.body, reply is not None)
        )
        if reply is None:
            raise SystemFailure("ENOTMOCKED", f"no canned reply fits {outgoing.method} {url}")
        if reply.times is not None:
            reply.times -= 1
        if 0 < options.timeout_ms < reply.delay_ms:
            await self._clock.wait((), options.timeout_ms)
            raise request_timeout(url)
        if reply.delay_ms:
            await self._clock.wait((), reply.delay_ms)
        if reply.error is not None:
            raise _failure(reply.error, outgoing)
        incoming = Incoming(reply.status, "", reply.headers, b"" if outgoing.method == "HEAD" else reply.body)
        if 0 < options.size < len(incoming.body):
            size = int(options.size)
            return incoming._replace(body=incoming.body[: size + 1], failure=max_size(url, size))
        return incoming


def _failure(error: str, outgoing: Outgoing) -> Failure | SystemFailure:
    target = outgoing.target
    if error == "timeout":
        return request_timeout(target.href)
    if error in {"ENOTFOUND", "EAI_AGAIN"}:
        return SystemFailure(error, f"getaddrinfo {error} {target.host}")
    if error == "ECONNRESET":
        return SystemFailure(error, "socket hang up")
    if _CODE.fullmatch(error):
        return SystemFailure(error, f"connect {error} {target.host}:{target.port}")
    return SystemFailure("EMOCK", error)
