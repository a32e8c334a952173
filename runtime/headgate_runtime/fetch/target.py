"""The target of a request: a URL, parsed by the WHATWG standard and validated."""

from __future__ import annotations

import base64
import ipaddress
import re
import urllib.parse
from typing import TYPE_CHECKING, Final, NamedTuple

import ada_url

from headgate_runtime.fetch.failure import refused
from headgate_runtime.fetch.limits import URL_BYTES

if TYPE_CHECKING:
    from headgate_runtime.fetch.ranges import Address

PORTS: Final = {"http:": 80, "https:": 443}

_NAME: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?")
_NUMERIC_END: Final = re.compile(r"(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)\.?$")
_NAME_BYTES: Final = 254

_NOT_ABSOLUTE: Final = "Only absolute URLs are supported"


class Target(NamedTuple):
    """
    A validated URL.

    href             the URL without credentials, as in `response.url`
    scheme           "http" or "https"
    host             in lower case, without brackets and without a trailing dot
    address          the host as an address; None if it is a name
    authority        value of the Host header
    path             path and query, as sent
    authorization    Authorization header made from credentials in the URL; None without any
    """

    href: str
    scheme: str
    host: str
    port: int
    address: Address | None
    authority: str
    path: str
    authorization: str | None

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port


def parse(text: str, base: str | None = None) -> Target:
    """
    Parse the URL *text*, relative to *base*.

    Hosts are parsed as in browsers: 0x7f.1, 2130706433, full-width digits and %31%32%37.1 all become the
    address they mean, so the host is either a name or an address in canonical form. Raises Failure (a
    TypeError) for a URL that cannot be fetched.
    """
    if len(text) > URL_BYTES or (base is None and re.search(r"[\x00-\x20\x7f]", text)):
        raise refused(_NOT_ABSOLUTE)
    try:
        url = ada_url.URL(text) if base is None else ada_url.URL(text, base)
    except (ValueError, UnicodeError):
        raise refused(_NOT_ABSOLUTE) from None
    protocol, hostname = url.protocol, url.hostname
    if protocol not in PORTS:
        raise refused("Only HTTP(S) protocols are supported")
    authorization = _basic(url.username, url.password)
    if authorization is not None:
        url.username = url.password = ""
    address = _address(hostname)
    host = hostname.strip("[]") if address is not None else hostname.removesuffix(".")
    if address is None and not _is_name(hostname):
        raise refused(_NOT_ABSOLUTE)
    return Target(
        href=url.href,
        scheme=protocol[:-1],
        host=host,
        port=int(url.port or PORTS[protocol]),
        address=address,
        authority=url.host,
        path=f"{url.pathname}{url.search}",
        authorization=authorization,
    )


def _address(hostname: str) -> Address | None:
    try:
        if hostname.startswith("["):
            return ipaddress.IPv6Address(hostname[1:-1])
        return ipaddress.IPv4Address(hostname)
    except ValueError:
        return None


def _is_name(hostname: str) -> bool:
    """Whether every resolver takes *hostname* for a name (inet_aton, for one, takes 127.1 for an address)."""
    return (
        len(hostname) <= _NAME_BYTES
        and _NAME.fullmatch(hostname) is not None
        and _NUMERIC_END.search(hostname) is None
    )


def _basic(username: str, password: str) -> str | None:
    if not username and not password:
        return None
    plain = f"{urllib.parse.unquote(username)}:{urllib.parse.unquote(password)}"
    return f"Basic {base64.b64encode(plain.encode()).decode()}"
