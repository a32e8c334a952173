"""Rules of where functions may connect (SPEC 4.9, D35): by host name, by port and, above all, by address."""

from __future__ import annotations

import ipaddress
import re
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING, Final

from headgate_runtime.errors import HeadgateError
from headgate_runtime.fetch.failure import SystemFailure
from headgate_runtime.fetch.ranges import OWN_NETWORK, embedded, kind_of

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from headgate_runtime.fetch.ranges import Address
    from headgate_runtime.fetch.target import Target

Network = IPv4Network | IPv6Network

UNUSUAL_PORTS: Final = frozenset(
    (
        1719,
        1720,
        1723,
        2049,
        3659,
        4045,
        4190,
        5060,
        5061,
        6000,
        6566,
        6665,
        6666,
        6667,
        6668,
        6669,
        6679,
        6697,
        10080,
    )
)
"""Ports above 1023 that browsers block because other protocols use them (Fetch standard, "bad port")."""


class DefaultPorts:
    """80, 443, and 1024 to 65535 except UNUSUAL_PORTS: APIs on any usual port, but no mail, DNS or SSH."""

    def __contains__(self, port: object) -> bool:
        return port in {80, 443} or (isinstance(port, int) and port >= 1024 and port not in UNUSUAL_PORTS)


class EgressError(HeadgateError, ValueError):
    """An entry of an egress list that is neither a host pattern nor a CIDR."""


_PATTERN: Final = re.compile(r"(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")


class _List:
    """One egress list: its host patterns and its networks."""

    __slots__ = ("_exact", "_networks", "_suffixes")

    def __init__(self, entries: Iterable[str]) -> None:
        self._exact: set[str] = set()
        self._suffixes: list[str] = []
        self._networks: list[Network] = []
        for entry in entries:
            self._add(entry)

    def _add(self, entry: str) -> None:
        text = entry.strip().lower().removesuffix(".")
        try:
            # IPv6 zones (fe80::1%eth0) mean something on one machine only: "/%" makes ip_network refuse them.
            self._networks.append(ipaddress.ip_network(text.replace("%", "/%")))
        except ValueError as error:
            if "/" in text or ":" in text or not _PATTERN.fullmatch(text) or text.replace(".", "").isdigit():
                raise EgressError(
                    f"{entry!r} is neither a host, like api.example.com or *.example.com, nor a CIDR: {error}"
                ) from None
            if text.startswith("*."):
                self._suffixes.append(text[1:])
            else:
                self._exact.add(text)

    def has_host(self, host: str) -> bool:
        return host in self._exact or any(host.endswith(suffix) for suffix in self._suffixes)

    def has_address(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


class Egress:
    """
    The egress rules of a Fetcher. List entries are host patterns (`api.example.com`, or `*.example.com` for
    all names below it) or CIDRs (`10.1.0.0/16`, `192.0.2.7`).

    allow            reachable even with special-purpose addresses, for internal services
    deny             never reachable; overrides everything else
    only             if given, nothing else is reachable
    allow_private    open this machine and its networks (`ranges.OWN_NETWORK`), for development
    ports            allowed ports; any object that supports `in`

    Raises EgressError for an entry that is neither a host pattern nor a CIDR.
    """

    __slots__ = ("_allow", "_allow_private", "_deny", "_only", "_ports")

    def __init__(
        self,
        *,
        allow: Iterable[str] = (),
        deny: Iterable[str] = (),
        only: Iterable[str] | None = None,
        allow_private: bool = False,
        ports: Container[int] | None = None,
    ) -> None:
        self._allow = _List(allow)
        self._deny = _List(deny)
        self._only = None if only is None else _List(only)
        self._allow_private = allow_private
        self._ports: Container[int] = DefaultPorts() if ports is None else ports

    def check_target(self, target: Target) -> None:
        """Raises SystemFailure when *target* is forbidden whatever addresses its name resolves to."""
        if target.port not in self._ports:
            raise _refusal(target.host, target.port, f"port {target.port} is not open to functions")
        if target.address is not None:
            self.check_addresses(target.host, target.port, [target.address])
        elif self._deny.has_host(target.host):
            raise _refusal(target.host, target.port, "the host is denied")

    def check_addresses(self, host: str, port: int, addresses: Sequence[Address]) -> None:
        """Raises SystemFailure unless connections to all *addresses* of *host* are allowed."""
        if self._deny.has_host(host):
            raise _refusal(host, port, "the host is denied")
        allowed = self._allow.has_host(host)
        listed = self._only is None or self._only.has_host(host)
        for address in addresses:
            if not listed and self._only is not None and not self._only.has_address(address):
                raise _refusal(host, port, "the host is not among those allowed")
            # Traffic to a translated address ends at the IPv4 address embedded in it.
            for form in (address, *embedded(address)):
                if self._deny.has_address(form):
                    raise _refusal(host, port, "the address is denied")
                if allowed or self._allow.has_address(form):
                    continue
                kind = kind_of(form)
                if kind is not None and not (self._allow_private and kind in OWN_NETWORK):
                    raise _refusal(host, port, f"{kind} addresses are not open to functions")


def _refusal(host: str, port: int, why: str) -> SystemFailure:
    # The message leaves the address out, so that a function cannot map the names of an internal network.
    shown = f"[{host}]" if ":" in host else host
    return SystemFailure("EACCES", f"connect EACCES {shown}:{port} ({why})")
