"""Name resolution."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import functools
import ipaddress
import socket
import threading
from typing import TYPE_CHECKING, Final, Protocol

from headgate_runtime.fetch.failure import SystemFailure
from headgate_runtime.fetch.fair_semaphore import FairSemaphore
from headgate_runtime.fetch.limits import TENANT_LOOKUPS, TOTAL_LOOKUPS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate_runtime.fetch.ranges import Address

_TRY_AGAIN: Final = {
    socket.EAI_AGAIN,
    getattr(socket, "EAI_MEMORY", None),
    getattr(socket, "EAI_SYSTEM", None),
}

_Found = list[tuple[object, object, object, object, tuple[object, ...]]]
"""What getaddrinfo returns."""


class Resolver(Protocol):
    """
    Returns all IPv4 and IPv6 addresses of a host name in the order to try them.

    Raises SystemFailure: ENOTFOUND when there are none, EAI_AGAIN when the lookup itself failed.
    """

    async def __call__(self, host: str, /) -> Sequence[str]: ...


class SystemResolver:
    """
    getaddrinfo, which blocks, in a thread for each lookup. No pool: its threads would be joined at the end of
    the process, which would wait for names whose servers do not answer.

    Such names delay only the tenants that look them up: lookups in progress are divided fairly. Belongs to one
    event loop. A Resolver itself, on behalf of no tenant.
    """

    def __init__(self) -> None:
        self._turns = FairSemaphore(TOTAL_LOOKUPS, TENANT_LOOKUPS)

    def of(self, tenant: str) -> Resolver:
        """The resolver for the lookups of *tenant*."""
        return functools.partial(self._look_up, tenant)

    async def __call__(self, host: str) -> Sequence[str]:
        return await self._look_up("", host)

    def close(self) -> None:
        """Cancel the lookups that have not begun."""
        self._turns.cancel()

    async def _look_up(self, tenant: str, host: str) -> Sequence[str]:
        await self._turns.acquire(tenant)
        loop = asyncio.get_running_loop()
        looking: concurrent.futures.Future[_Found] = concurrent.futures.Future()
        looking.set_running_or_notify_cancel()  # from now on it cannot be cancelled, as the thread cannot

        def ended(_: object) -> None:
            with contextlib.suppress(RuntimeError):  # the loop was closed before
                loop.call_soon_threadsafe(self._turns.release, tenant)

        looking.add_done_callback(ended)
        thread = threading.Thread(target=_answer, args=(looking, host), name="headgate-resolver", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the system has no more threads
            looking.set_exception(socket.gaierror(socket.EAI_AGAIN, str(error)))
        try:
            found = await asyncio.wrap_future(looking)
        except socket.gaierror as error:
            code = "EAI_AGAIN" if error.errno in _TRY_AGAIN else "ENOTFOUND"
            raise SystemFailure(code, f"getaddrinfo {code} {host}") from None
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _answer(looking: concurrent.futures.Future[_Found], host: str) -> None:
    try:
        found = _getaddrinfo(host)
    except Exception as error:  # noqa: BLE001 - whoever waits must get it
        looking.set_exception(error)
    else:
        looking.set_result(found)


def _getaddrinfo(host: str) -> _Found:
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
