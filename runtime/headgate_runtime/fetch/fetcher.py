"""The `fetch` of functions, on the network."""

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
    Carries out the requests of functions, safely by default: only public addresses, usual ports, bounded everything.

        async with Fetcher(Egress(deny=["*.corp.example"])) as fetch, Executor(fetch=fetch) as executor:
            ...

    egress         where functions may connect to; public addresses when it is not given
    limits         of time, bytes and connections
    resolver       finds the addresses of a name; the system's when it is not given
    ssl_context    whom to trust; Mozilla's roots when it is not given
    keep_alive     keep connections of HTTP/1.1, too. Without it a server sees what node-fetch 2.6 sends, which is
                   `Connection: close` unless the function passes an `agent` (SPEC 4.4, fetch-vectors.json). With it
                   that header is not sent, even if the function set it; functions and traces see it as before.
                   HTTP/2 has no such header, and its connections are kept in any case.
    clock          what time limits and delays count on; the machine's when it is not given

    It belongs to one event loop. Its connections are closed by `aclose`, or by and by when they are idle; each
    function has its own. For different rules per tenant, let a Service of one's own choose among several Fetchers by
    `request.invocation.function.tenant`.
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
        """Closes every connection. May be called twice."""
        await self.network.aclose()
