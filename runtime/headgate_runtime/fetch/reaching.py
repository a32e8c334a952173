"""
Connects to a host: looks its name up, checks every address, and connects to one of the checked addresses. The
name is not looked up again, so DNS rebinding cannot redirect a connection after the check.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
from typing import TYPE_CHECKING, Final, TypeVar

from headgate_runtime.fetch.deadline import Deadline
from headgate_runtime.fetch.failure import SystemFailure
from headgate_runtime.fetch.limits import ADDRESSES
from headgate_runtime.fetch.resolver import addresses_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from headgate_runtime.fetch.egress import Egress
    from headgate_runtime.fetch.ranges import Address
    from headgate_runtime.fetch.resolver import Resolver
    from headgate_runtime.host import Clock

T = TypeVar("T")

_NEXT_ADDRESS_MS: Final = 2_000.0
"""Time for each address but the last before the next one is tried."""


async def reach(
    host: str,
    port: int,
    connect: Callable[[str], Awaitable[T]],
    *,
    egress: Egress,
    resolver: Resolver,
    clock: Clock,
    lookups: asyncio.Semaphore,
    limit_ms: float | None = None,
) -> T:
    """
    Call *connect* with the addresses of *host* in turn, and return the first result. All addresses must pass
    *egress* before the first call.

    connect     takes an address; raises OSError when it cannot connect
    lookups     limits concurrent name lookups
    limit_ms    most time for each address; None for no limit

    Raises SystemFailure.
    """
    addresses = await _addresses(host, resolver, lookups)
    egress.check_addresses(host, port, addresses)
    addresses = addresses[:ADDRESSES]
    last: SystemFailure | None = None
    for address in addresses:
        limit = limit_ms
        if address is not addresses[-1]:
            limit = _NEXT_ADDRESS_MS if limit is None else min(_NEXT_ADDRESS_MS, limit)
        try:
            async with Deadline(clock, limit):
                return await connect(str(address))
        except (OSError, TimeoutError) as error:
            last = _failure(error, address, port)
    assert last is not None
    raise last


async def _addresses(host: str, resolver: Resolver, lookups: asyncio.Semaphore) -> Sequence[Address]:
    """
    The addresses of *host*. A lookup counts in *lookups* until it ends, even if nobody waits for it any more:
    the resolver's thread goes on.
    """
    literal = _literal(host)
    if literal is not None:
        return [literal]
    await lookups.acquire()
    looking = asyncio.ensure_future(addresses_of(resolver, host))

    def ended(_: asyncio.Future[list[Address]]) -> None:
        lookups.release()
        if not looking.cancelled():
            looking.exception()  # seen here, since the caller may have gone

    looking.add_done_callback(ended)
    return await asyncio.shield(looking)


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _failure(error: Exception, address: Address, port: int) -> SystemFailure:
    code = "ETIMEDOUT" if isinstance(error, TimeoutError) else os_code(error, "ECONNREFUSED")
    return SystemFailure(code, f"connect {code} {address}:{port}")


def os_code(error: BaseException, otherwise: str) -> str:
    """The errno name (like ECONNRESET) of the OSError that caused *error*, or *otherwise*."""
    cause: BaseException | None = error
    for _ in range(8):
        if cause is None:
            break
        if isinstance(cause, OSError) and cause.errno is not None and cause.errno in errno.errorcode:
            return errno.errorcode[cause.errno]
        cause = cause.__cause__ or cause.__context__
    return otherwise
