"""Where a redirect leads, by the rules of node-fetch 2.6 (SPEC 4.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from headgate_runtime.fetch import target as targets
from headgate_runtime.fetch.failure import Failure
from headgate_runtime.fetch.message import Incoming, Outgoing

if TYPE_CHECKING:
    from headgate_runtime.fetch.message import Headers, Options

STATUSES: Final = frozenset((301, 302, 303, 307, 308))

_FOR_ONE_ORIGIN: Final = frozenset(
    ("authorization", "proxy-authorization", "www-authenticate", "cookie", "cookie2", "host")
)
"""
Not sent on to another origin. node-fetch does so from 2.6.7 on (2.6.0 gave credentials to whoever it was sent to); here
another port and a parent domain are another origin, too, as in the Fetch standard.
"""


def is_left(incoming: Incoming, options: Options) -> bool:
    """Whether the response is not the last one, so that its body is of no interest."""
    if options.redirect == "manual" or incoming.status not in STATUSES:
        return False
    return options.redirect == "error" or incoming.header("location") is not None


def next_request(outgoing: Outgoing, incoming: Incoming, options: Options, hops: int) -> Outgoing:
    """
    The request that *incoming*, which is left, asks for after *hops* redirects.

    Raises Failure: no-redirect, max-redirect, or a TypeError when it leads to no URL of HTTP.
    """
    url = outgoing.target.href
    if options.redirect == "error":
        raise Failure(f"redirect mode is set to error: {url}", "no-redirect")
    if hops >= options.follow:
        raise Failure(f"maximum redirect reached at: {url}", "max-redirect")
    target = targets.parse(_text(incoming.header("location") or ""), url)
    method, body, headers = outgoing.method, outgoing.body, outgoing.headers
    if incoming.status == 303 or (incoming.status in {301, 302} and method == "POST"):
        # The content type stays: so it was observed (fetch-vectors.json).
        method, body = "GET", None
    if target.origin != outgoing.target.origin:
        headers = tuple(pair for pair in headers if pair[0].lower() not in _FOR_ONE_ORIGIN)
    return Outgoing(method, target, _authorized(headers, target.authorization), body)


def _authorized(headers: Headers, authorization: str | None) -> Headers:
    if authorization is None or any(name.lower() == "authorization" for name, _ in headers):
        return headers
    return (*headers, ("Authorization", authorization))


def _text(location: str) -> str:
    """Headers come as Latin-1; what servers write there is UTF-8, if it is not ASCII."""
    try:
        return location.encode("latin-1").decode()
    except UnicodeError:
        return location
