"""Redirects by the rules of node-fetch 2.6 (SPEC 4.4)."""

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
Headers that are dropped when a redirect leaves the origin, as in node-fetch 2.6.7 (2.6.0 sent credentials to
any target). Here, as in the Fetch standard, another port or a parent domain is another origin as well.
"""


def is_left(incoming: Incoming, options: Options) -> bool:
    """Whether *incoming* is a redirect that ends or continues the fetch, so that its body is not needed."""
    if options.redirect == "manual" or incoming.status not in STATUSES:
        return False
    return options.redirect == "error" or incoming.header("location") is not None


def next_request(outgoing: Outgoing, incoming: Incoming, options: Options, hops: int) -> Outgoing:
    """
    The request to which the redirect *incoming*, for which `is_left` is true, leads after *hops* earlier
    redirects.

    Raises Failure: no-redirect, max-redirect, or a TypeError when the location is not an HTTP URL.
    """
    url = outgoing.target.href
    if options.redirect == "error":
        raise Failure(f"redirect mode is set to error: {url}", "no-redirect")
    if hops >= options.follow:
        raise Failure(f"maximum redirect reached at: {url}", "max-redirect")
    target = targets.parse(_text(incoming.header("location") or ""), url)
    method, body, headers = outgoing.method, outgoing.body, outgoing.headers
    if incoming.status == 303 or (incoming.status in {301, 302} and method == "POST"):
        # Content-Type stays, as was observed with node-fetch (fetch-vectors.json).
        method, body = "GET", None
    if target.origin != outgoing.target.origin:
        headers = tuple(pair for pair in headers if pair[0].lower() not in _FOR_ONE_ORIGIN)
    return Outgoing(method, target, _authorized(headers, target.authorization), body)


def _authorized(headers: Headers, authorization: str | None) -> Headers:
    if authorization is None or any(name.lower() == "authorization" for name, _ in headers):
        return headers
    return (*headers, ("Authorization", authorization))


def _text(location: str) -> str:
    """*location*, decoded as Latin-1, read as the UTF-8 that servers really send."""
    try:
        return location.encode("latin-1").decode()
    except UnicodeError:
        return location
