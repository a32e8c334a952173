"""The connections of one function, shared by its fetches and with no other function."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import httpcore

from headgate_runtime.fetch import unbroken
from headgate_runtime.fetch.backend import must_be_an_answer
from headgate_runtime.fetch.budget import Budget
from headgate_runtime.fetch.protocol import in_nodes_words

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

    from headgate_runtime.fetch.backend import Backend
    from headgate_runtime.fetch.limits import FetchLimits


class _Generation:
    """A pool of httpcore, and how many fetches use it."""

    __slots__ = ("pool", "users")

    def __init__(self, pool: httpcore.AsyncConnectionPool) -> None:
        self.pool = pool
        self.users = 0

    def has_http2(self) -> bool:
        return any("HTTP/2" in connection.info() for connection in self.pool.connections)


class Pool:
    """
    Connections for reuse, at most *function_connections*.

    An HTTP/2 connection on which an exchange was broken off keeps the half of it that the server still sends, and
    with it a part of its window and of its streams. So it gets no more exchanges: the pool goes over to a new
    generation, and the old one is closed with its last exchange.

    budget        bytes of the function's bodies under way
    turns         as many exchanges as there may be connections
    users         fetches that use the pool or wait for it
    idle_since    when the last of them ended, in milliseconds of the fetcher's clock
    """

    __slots__ = ("_backend", "_context", "_current", "_limits", "budget", "idle_since", "turns", "users")

    def __init__(self, backend: Backend, context: ssl.SSLContext, limits: FetchLimits, total: Budget) -> None:
        self._backend = backend
        self._context = context
        self._limits = limits
        self._current = self._generation()
        self.budget = Budget(limits.function_bytes, total)
        self.turns = asyncio.Semaphore(limits.function_connections)
        self.users = 0
        self.idle_since = 0.0

    def _generation(self) -> _Generation:
        limits = self._limits
        return _Generation(
            httpcore.AsyncConnectionPool(
                ssl_context=self._context,
                max_connections=limits.function_connections,
                max_keepalive_connections=limits.function_idle,
                keepalive_expiry=limits.idle_ms / 1e3,
                http1=True,
                http2=True,
                network_backend=self._backend,
            )
        )

    @contextlib.asynccontextmanager
    async def send(self, request: httpcore.Request) -> AsyncIterator[httpcore.Response]:
        """The response to *request*, with its body still to be read. Broken off unless it was read to its end."""
        generation = self._current
        generation.users += 1
        is_whole = False
        try:
            with in_nodes_words():
                response = await unbroken.exchange(generation.pool.handle_async_request(request))
                await must_be_an_answer(response)
            try:
                yield response
                is_whole = True
            finally:
                await unbroken.closing(response.aclose())
        finally:
            if not is_whole and generation is self._current and generation.has_http2():
                self._current = self._generation()
            generation.users -= 1
            if generation is not self._current and generation.users == 0:
                await generation.pool.aclose()

    async def aclose(self) -> None:
        await self._current.pool.aclose()
