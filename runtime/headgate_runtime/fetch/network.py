"""Sends requests over the network, within all limits."""

from __future__ import annotations

import asyncio
import importlib
from typing import TYPE_CHECKING, Final

import httpcore

from headgate_runtime.fetch.backend import Backend
from headgate_runtime.fetch.budget import Budget, Share
from headgate_runtime.fetch.deadline import Deadline
from headgate_runtime.fetch.decode import decoder_of
from headgate_runtime.fetch.failure import (
    Failure,
    SystemFailure,
    body_timeout,
    max_size,
    request_timeout,
)
from headgate_runtime.fetch.fair_semaphore import FairSemaphore
from headgate_runtime.fetch.message import Incoming
from headgate_runtime.fetch.pool import Pool
from headgate_runtime.fetch.protocol import chunks
from headgate_runtime.fetch.redirects import is_left
from headgate_runtime.fetch.resolver import SystemResolver
from headgate_runtime.fetch.tls import default_context
from headgate_runtime.function import Function

if TYPE_CHECKING:
    import ssl
    from collections.abc import Hashable

    from headgate_runtime.fetch.egress import Egress
    from headgate_runtime.fetch.limits import FetchLimits
    from headgate_runtime.fetch.message import Options, Outgoing
    from headgate_runtime.fetch.resolver import Resolver
    from headgate_runtime.host import Clock

_WORTH_READING: Final = 16 << 10
"""Unwanted bodies up to this size are read to the end, so that their connection can be reused."""

_WORTH_WAITING_MS: Final = 1_000.0
"""The most time to read one."""


class _Unread(Exception):
    """Breaks off the exchange of a response whose body is neither wanted nor worth reading."""


class Network:
    """
    The Carrier of a Fetcher. Each owner has its own Pool, which is closed after being idle for a while.

    `aclose` closes all connections; fetches in progress must have ended before.
    """

    def __init__(
        self,
        egress: Egress,
        limits: FetchLimits,
        clock: Clock,
        resolver: Resolver | None = None,
        ssl_context: ssl.SSLContext | None = None,
        *,
        keep_alive: bool = False,
    ) -> None:
        self._egress = egress
        self._limits = limits
        self._clock = clock
        self._keep_alive = keep_alive
        self._own_resolver = SystemResolver() if resolver is None else None
        self._resolver: Resolver = resolver or self._own_resolver  # type: ignore[assignment]
        # Done here because each would block the event loop for tens of milliseconds on the first request.
        self._context = ssl_context or default_context()
        importlib.import_module("h2.connection")
        self._total = Budget(limits.total_bytes)
        self._turns = FairSemaphore(limits.fetches, limits.tenant_fetches)
        self._pools: dict[Hashable, Pool] = {}
        self._sweeper: asyncio.Task[None] | None = None

    @property
    def bytes_held(self) -> int:
        """Bytes held by bodies in progress."""
        return self._total.used

    @property
    def pools(self) -> int:
        return len(self._pools)

    async def __call__(self, owner: Hashable, outgoing: Outgoing, options: Options) -> Incoming:
        self._egress.check_target(outgoing.target)
        pool = self._pool(owner)
        pool.users += 1
        try:
            with Share(pool.budget) as share:
                # Taken before the wait: those that wait for a turn hold their bodies as well.
                share.take(len(outgoing.body or b""))
                async with pool.turns, self._turns.held(_tenant_of(owner)):
                    return await self._exchange(pool, outgoing, options, share)
        finally:
            pool.users -= 1
            pool.idle_since = self._clock.monotonic_ms()

    async def _exchange(self, pool: Pool, outgoing: Outgoing, options: Options, share: Share) -> Incoming:
        url = outgoing.target.href
        incoming: Incoming | None = None
        body = bytearray()
        try:
            async with (
                self._deadline(options) as head,
                pool.send(self._request(outgoing)) as response,
            ):
                head.lift()
                incoming = self._head(response)
                if is_left(incoming, options):
                    await self._drain(incoming, response)
                    return incoming
                await self._read(response, incoming, outgoing, options, share, body)
        except _Unread:
            assert incoming is not None
            return incoming
        except TimeoutError:
            raise request_timeout(url) from None
        except Failure as failure:
            assert incoming is not None
            return incoming._replace(body=bytes(body), failure=failure)
        except SystemFailure as failure:
            if incoming is None:
                raise
            return incoming._replace(body=bytes(body), failure=failure.of_body(url))
        return incoming._replace(body=bytes(body))

    def _deadline(self, options: Options) -> Deadline:
        ms = min(options.timeout_ms, self._limits.time_ms) if options.timeout_ms else None
        return Deadline(self._clock, ms)

    def _request(self, outgoing: Outgoing) -> httpcore.Request:
        target = outgoing.target
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in outgoing.headers]
        if self._keep_alive:
            headers = [(name, value) for name, value in headers if name.lower() != b"connection"]
        if not any(name.lower() == b"host" for name, _ in headers):
            headers.insert(0, (b"Host", target.authority.encode("ascii")))
        if outgoing.body is not None or outgoing.method in {"POST", "PUT"}:
            headers.append((b"Content-Length", b"%d" % len(outgoing.body or b"")))
        return httpcore.Request(
            outgoing.method,
            httpcore.URL(
                scheme=target.scheme.encode(),
                host=target.host.encode(),
                port=target.port,
                target=target.path.encode(),
            ),
            headers=headers,
            content=outgoing.body,
            extensions={"timeout": {"connect": self._limits.connect_ms / 1e3}},
        )

    def _head(self, response: httpcore.Response) -> Incoming:
        if response.status < 200:
            raise SystemFailure("ECONNRESET", "socket hang up")
        if (
            sum(len(name) + len(value) for name, value in response.headers)
            > self._limits.response_header_bytes
        ):
            raise SystemFailure("HPE_HEADER_OVERFLOW", "Parse Error: Header overflow")
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers)
        reason: bytes = response.extensions.get("reason_phrase", b"")
        return Incoming(response.status, reason.decode("latin-1"), headers)

    async def _drain(self, incoming: Incoming, response: httpcore.Response) -> None:
        """Read an unwanted body. Raises _Unread if it is large or slow, or breaks off."""
        size = incoming.header("content-length")
        if size is None and response.extensions["http_version"] == b"HTTP/2":
            left = _WORTH_READING  # here, a response needs no Content-Length to have no body
        elif size is not None and size.isdecimal() and len(size) < 10 and int(size) <= _WORTH_READING:
            left = int(size)
        else:
            raise _Unread
        try:
            async with Deadline(self._clock, _WORTH_WAITING_MS):
                async for chunk in chunks(response):
                    left -= len(chunk)
                    if left < 0:
                        raise _Unread
        except (SystemFailure, TimeoutError):
            raise _Unread from None

    async def _read(
        self,
        response: httpcore.Response,
        incoming: Incoming,
        outgoing: Outgoing,
        options: Options,
        share: Share,
        body: bytearray,
    ) -> None:
        """
        Append the response's body to *body*. Raises Failure or SystemFailure, with *body* as far as it was
        read.
        """
        url = outgoing.target.href
        limit = int(min(options.size or self._limits.response_bytes, self._limits.response_bytes))
        decode = decoder_of(outgoing.method, incoming, options.compress)
        # A bound on encoded bytes as well, since some of them decode to nothing.
        patience = 2 * limit + (64 << 10)
        try:
            async with self._deadline(options):
                async for chunk in chunks(response):
                    room = limit + 1 - len(body)
                    patience -= len(chunk)
                    data = chunk[:room] if decode is None else decode(chunk, room)
                    share.take(len(data))
                    body += data
                    if len(body) > limit or patience < 0:
                        raise max_size(url, limit)
        except TimeoutError:
            raise body_timeout(url, options.timeout_ms) from None

    # ---- pools ----

    def _pool(self, owner: Hashable) -> Pool:
        pool = self._pools.get(owner)
        if pool is None:
            resolver = self._resolver
            if isinstance(resolver, SystemResolver):
                resolver = resolver.of(_tenant_of(owner))
            backend = Backend(self._egress, resolver, self._clock)
            pool = Pool(backend, self._context, self._limits, self._total)
            self._pools[owner] = pool
            if self._sweeper is None or self._sweeper.done():
                self._sweeper = asyncio.get_running_loop().create_task(self._sweep())
        return pool

    async def _sweep(self) -> None:
        """Close pools that are idle; ends when there are none left."""
        idle_ms = self._limits.idle_ms
        while self._pools:
            await self._clock.wait((), idle_ms)
            latest = self._clock.monotonic_ms() - idle_ms
            idle = [key for key, pool in self._pools.items() if not pool.users and pool.idle_since <= latest]
            for pool in [self._pools.pop(key) for key in idle]:
                await pool.aclose()

    async def aclose(self) -> None:
        """Close all connections. May be called more than once."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
            self._sweeper = None
        while self._pools:
            await self._pools.popitem()[1].aclose()
        if self._own_resolver is not None:
            self._own_resolver.close()


def _tenant_of(owner: Hashable) -> str:
    return owner.tenant.name if isinstance(owner, Function) else ""
