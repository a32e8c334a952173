"""The Service that performs functions' `fetch` calls on the network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from headgate_runtime.fetch.egress import Egress
from headgate_runtime.fetch.limits import FetchLimits
from headgate_runtime.fetch.network import Network
from headgate_runtime.fetch.service import FetchService
from headgate_runtime.host import SystemClock

if TYPE_CHECKING:
    import ssl
    from types import TracebackType

    from headgate_runtime.fetch.resolver import Resolver
    from headgate_runtime.host import Clock


class Fetcher(FetchService):
    """
    Performs the requests of functions. The defaults are safe: public addresses only, usual ports only,
    everything bounded.

        async with Fetcher(Egress(deny=["*.corp.example"])) as fetch, Executor(fetch=fetch) as executor:
            ...

    egress         where functions may connect; public addresses by default
    limits         bounds on time, bytes and connections
    resolver       looks up the addresses of a name; by default a SystemResolver of its own. Fetchers can share
                   one, which then divides its threads fairly among the tenants of all
    ssl_context    which certificates to trust; Mozilla's roots by default
    keep_alive     reuse HTTP/1.1 connections as well. By default a server sees what node-fetch 2.6 sends,
                   which is `Connection: close` unless the function passes an `agent` (SPEC 4.4,
                   fetch-vectors.json). With keep_alive that header is never sent, even if the function sets
                   it; functions and traces still see it. HTTP/2 has no such header, and its connections are
                   always reused.
    clock          the clock of time limits and delays; the machine's clock by default

    A Fetcher belongs to one event loop. Each function has its own connections, which are closed after being
    idle for a while, or by `aclose`. For different rules per tenant, write a Service that chooses among
    several Fetchers by `request.invocation.function.tenant`.
    """

    def __init__(
        self,
        egress: Egress | None = None,
        *,
        limits: FetchLimits | None = None,
        resolver: Resolver | None = None,
        ssl_context: ssl.SSLContext | None = None,
        keep_alive: bool = False,
        clock: Clock | None = None,
    ) -> None:
        bounds = limits or FetchLimits()
        time: Clock = clock or SystemClock()
        self.network = Network(egress or Egress(), bounds, time, resolver, ssl_context, keep_alive=keep_alive)
        super().__init__(self.network, bounds, time)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections. May be called more than once."""
        await self.network.aclose()
