"""Name resolution."""

from __future__ import annotations

import asyncio
import concurrent.futures
import ipaddress
import socket
from typing import TYPE_CHECKING, Final, Protocol

from headgate_runtime.fetch.failure import SystemFailure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate_runtime.fetch.ranges import Address

THREADS: Final = 32
"""Concurrent lookups of the system resolver."""

_TRY_AGAIN: Final = {
    socket.EAI_AGAIN,
    getattr(socket, "EAI_MEMORY", None),
    getattr(socket, "EAI_SYSTEM", None),
}


class Resolver(Protocol):
    """
    Returns all IPv4 and IPv6 addresses of a host name in the order to try them.

    Raises SystemFailure: ENOTFOUND when there are none, EAI_AGAIN when the lookup itself failed.
    """

    async def __call__(self, host: str, /) -> Sequence[str]: ...


class SystemResolver:
    """getaddrinfo, which blocks, in a thread pool of its own: the loop's default pool has other work."""

    def __init__(self) -> None:
        self._threads: concurrent.futures.ThreadPoolExecutor | None = None

    async def __call__(self, host: str) -> Sequence[str]:
        if self._threads is None:
            self._threads = concurrent.futures.ThreadPoolExecutor(THREADS, "headgate-resolver")
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._threads, _getaddrinfo, host)
        except socket.gaierror as error:
            code = "EAI_AGAIN" if error.errno in _TRY_AGAIN else "ENOTFOUND"
            raise SystemFailure(code, f"getaddrinfo {code} {host}") from None
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    def close(self) -> None:
        """Shut the thread pool down without waiting for lookups in progress."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._threads = None


def _getaddrinfo(host: str) -> list[tuple[object, object, object, object, tuple[object, ...]]]:
    # As bytes, because Python would apply its outdated IDNA encoding to a str.
    return socket.getaddrinfo(host.encode("ascii"), 0, type=socket.SOCK_STREAM)  # type: ignore[return-value]


async def addresses_of(resolver: Resolver, host: str) -> list[Address]:
    """The addresses of *host*, at least one. Raises SystemFailure like a Resolver."""
    try:
        found: list[Address] = [ipaddress.ip_address(text) for text in await resolver(host)]
    except ValueError:
        found = []
    if not found:
        raise SystemFailure("ENOTFOUND", f"getaddrinfo ENOTFOUND {host}")
    return found
