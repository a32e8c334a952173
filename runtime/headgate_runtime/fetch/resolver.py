"""From a name to its addresses."""

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
"""Names that the system's resolver looks up at the same time."""

_TRY_AGAIN: Final = {
    socket.EAI_AGAIN,
    getattr(socket, "EAI_MEMORY", None),
    getattr(socket, "EAI_SYSTEM", None),
}


class Resolver(Protocol):
    """
    Finds all addresses of a host name, IPv4 and IPv6, in the order to try them.

    Raises SystemFailure: ENOTFOUND when there is none, EAI_AGAIN when it could not be found out.
    """

    async def __call__(self, host: str, /) -> Sequence[str]: ...


class SystemResolver:
    """getaddrinfo, in threads of its own: it blocks, and the loop's own threads have other work."""

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
        """Waits for nothing: a look-up under way ends when it ends."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._threads = None


def _getaddrinfo(host: str) -> list[tuple[object, object, object, object, tuple[object, ...]]]:
    # As bytes: Python would try its own, older, IDNA on text.
    return socket.getaddrinfo(host.encode("ascii"), 0, type=socket.SOCK_STREAM)  # type: ignore[return-value]


async def addresses_of(resolver: Resolver, host: str, literal: Address | None) -> list[Address]:
    """What *host* stands for; never an empty list. Raises SystemFailure as resolvers do."""
    if literal is not None:
        return [literal]
    try:
        found: list[Address] = [ipaddress.ip_address(text) for text in await resolver(host)]
    except ValueError:
        found = []
    if not found:
        raise SystemFailure("ENOTFOUND", f"getaddrinfo ENOTFOUND {host}")
    return found
