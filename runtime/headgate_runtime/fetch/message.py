"""Requests as the guest files them (guest/prelude/fetch.js documents the format) and their responses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import orjson

from headgate_runtime.fetch import target as targets
from headgate_runtime.fetch.failure import Failure, refused

if TYPE_CHECKING:
    from headgate_runtime.fetch.target import Target

Redirect = Literal["follow", "manual", "error"]
Headers = tuple[tuple[str, str], ...]

_TOKEN: Final = re.compile(r"[\^_`a-zA-Z\-0-9!#$%&'*+.|~]+")
_NOT_VALUE: Final = re.compile(r"[^\t\x20-\x7e\x80-\xff]")

_OURS: Final = frozenset(
    (
        "content-length",
        "transfer-encoding",
        "te",
        "trailer",
        "upgrade",
        "http2-settings",
        "keep-alive",
        "proxy-connection",
        "expect",
    )
)
"""Headers of the connection and its framing, which functions do not control. Content-Length is recomputed."""

_UNFIT_METHODS: Final = frozenset(("CONNECT", "TRACE", "TRACK"))
"""
Methods that functions may not use: they open tunnels or echo headers (Fetch standard, "forbidden method").
"""


class Outgoing(NamedTuple):
    """One request as it is sent; *headers* never has Content-Length, and Host only if the function set it."""

    method: str
    target: Target
    headers: Headers
    body: bytes | None


class Options(NamedTuple):
    """node-fetch's request options. A *timeout_ms* or *size* of 0 means no limit."""

    redirect: Redirect
    follow: float
    timeout_ms: float
    compress: bool
    size: float


class Incoming(NamedTuple):
    """
    A response.

    reason     status text; empty with HTTP/2, which has none
    body       the part of the body that was received
    failure    the error that ended the body early; None when it is complete
    """

    status: int
    reason: str
    headers: Headers
    body: bytes = b""
    failure: Failure | None = None

    def header(self, name: str) -> str | None:
        """The first header called *name* (in lower case), or None."""
        return next((value for each, value in self.headers if each.lower() == name), None)


class Abort(NamedTuple):
    """The function aborts the request that it filed as *operation*."""

    operation: int


class Message(NamedTuple):
    """A request to send, and its options."""

    outgoing: Outgoing
    options: Options


def read(payload: bytes, body: bytes | None, header_bytes: int) -> Message | Abort:
    """
    Parse a guest's request. The guest is not trusted, so every check that it makes is repeated here.

    payload         JSON as described in guest/prelude/fetch.js
    header_bytes    most bytes of header names and values together

    Raises Failure for a request that must not be sent.
    """
    try:
        asked: dict[str, Any] = orjson.loads(payload)
        if asked.get("op") == "abort":
            return Abort(int(asked["id"]))
        method, url, pairs = str(asked["method"]), str(asked["url"]), asked.get("headers", ())
        given = [(str(name), str(value)) for name, value in pairs]
        options = _options(asked)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise refused("malformed fetch request") from None
    if not _TOKEN.fullmatch(method):
        raise refused(
            f"Method must be a valid HTTP token [{orjson.dumps(method).decode()}]", "ERR_INVALID_HTTP_TOKEN"
        )
    if method.upper() in _UNFIT_METHODS:
        raise refused(f"{method} is not a method that functions may use")
    if sum(len(name) + len(value) for name, value in given) > header_bytes:
        raise refused(f"the headers have more than {header_bytes} bytes")
    target = targets.parse(url)
    headers = tuple(_headers(given))
    if target.authorization is not None and not _has(headers, "authorization"):
        headers = (*headers, ("Authorization", target.authorization))
    return Message(Outgoing(method, target, headers, body), options)


def _options(asked: dict[str, Any]) -> Options:
    redirect = asked.get("redirect", "follow")
    return Options(
        redirect if redirect in {"manual", "error"} else "follow",
        _number(asked.get("follow", 20), float("inf")),
        _number(asked.get("timeout"), 0.0),
        bool(asked.get("compress", True)),
        _number(asked.get("size"), 0.0),
    )


def _number(value: object, otherwise: float) -> float:
    """*value*, or *otherwise* if it is no number: JSON turns Infinity into null."""
    return max(0.0, float(value)) if isinstance(value, int | float) else otherwise


def _headers(given: list[tuple[str, str]]) -> list[tuple[str, str]]:
    headers = []
    hosts = 0
    for name, value in given:
        if not _TOKEN.fullmatch(name):
            raise refused(f"{name} is not a legal HTTP header name")
        if _NOT_VALUE.search(value):
            raise refused(f"{value} is not a legal HTTP header value")
        lower = name.lower()
        if lower in _OURS:
            continue
        if lower == "host":
            hosts += 1
            if hosts > 1 or not re.fullmatch(r"[A-Za-z0-9._:\[\]-]+", value):
                continue
        headers.append((name, value.strip(" \t")))
    return headers


def _has(headers: Headers, name: str) -> bool:
    return any(each.lower() == name for each, _ in headers)
