"""Name resolution."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import functools
import ipaddress
import socket
import threading
from collections import Counter, deque
from typing import TYPE_CHECKING, Final, Protocol

from headgate_runtime.fetch.failure import SystemFailure
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

    Such names delay only the tenants that look them up: a tenant has at most TENANT_LOOKUPS lookups in
    progress, and when one of TOTAL_LOOKUPS ends, the waiting tenant with the fewest goes next (max-min
    fairness). Belongs to one event loop. A Resolver itself, on behalf of no tenant.
    """

    def __init__(self) -> None:
        self._free = TOTAL_LOOKUPS
        self._busy: Counter[str] = Counter()
        """Lookups in progress, by tenant."""
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    def of(self, tenant: str) -> Resolver:
        """The resolver for the lookups of *tenant*."""
        return functools.partial(self._look_up, tenant)

    async def __call__(self, host: str) -> Sequence[str]:
        return await self._look_up("", host)

    def close(self) -> None:
        """Cancel the lookups that have not begun."""
        for line in self._waiting.values():
            for turn in line:
                turn.cancel()
        self._waiting.clear()

    async def _look_up(self, tenant: str, host: str) -> Sequence[str]:
        await self._enter(tenant)
        loop = asyncio.get_running_loop()
        looking: concurrent.futures.Future[_Found] = concurrent.futures.Future()
        looking.set_running_or_notify_cancel()  # from now on it cannot be cancelled, as the thread cannot

        def ended(_: object) -> None:
            with contextlib.suppress(RuntimeError):  # the loop was closed before
                loop.call_soon_threadsafe(self._leave, tenant)

        looking.add_done_callback(ended)
        threading.Thread(target=_answer, args=(looking, host), name="headgate-resolver", daemon=True).start()
        try:
            found = await asyncio.wrap_future(looking)
        except socket.gaierror as error:
            code = "EAI_AGAIN" if error.errno in _TRY_AGAIN else "ENOTFOUND"
            raise SystemFailure(code, f"getaddrinfo {code} {host}") from None
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    async def _enter(self, tenant: str) -> None:
        """Return when a lookup of *tenant* may begin."""
        if self._free and self._busy[tenant] < TENANT_LOOKUPS:
            self._begin(tenant)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(tenant, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self._leave(tenant)
            raise

    def _begin(self, tenant: str) -> None:
        self._free -= 1
        self._busy[tenant] += 1

    def _leave(self, tenant: str) -> None:
        """A lookup of *tenant* has ended: the next may begin."""
        self._free += 1
        self._busy[tenant] -= 1
        if not self._busy[tenant]:
            del self._busy[tenant]
        while self._free and (waiting := self._next()) is not None:
            self._begin(waiting[0])
            waiting[1].set_result(None)

    def _next(self) -> tuple[str, asyncio.Future[None]] | None:
        """Remove and return the first waiter of the tenant whose turn it is, if any may begin."""
        able = [tenant for tenant in self._waiting if self._busy[tenant] < TENANT_LOOKUPS]
        for tenant in sorted(able, key=self._busy.__getitem__):
            line = self._waiting.pop(tenant)
            while line:
                turn = line.popleft()
                if turn.done():  # cancelled
                    continue
                if line:
                    self._waiting[tenant] = line  # behind the others
                return tenant, turn
        return None


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
