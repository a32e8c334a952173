"""The connection pool of one function; functions never share connections."""

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
    """An httpcore pool and the number of fetches that use it."""

    __slots__ = ("pool", "users")

    def __init__(self, pool: httpcore.AsyncConnectionPool) -> None:
        self.pool = pool
        self.users = 0

    def has_http2(self) -> bool:
        return any("HTTP/2" in connection.info() for connection in self.pool.connections)


class Pool:
    """
    Reusable connections, at most *function_connections*.

    When an exchange is broken off on an HTTP/2 connection, the server keeps sending its rest, which uses up
    the connection's flow-control window and streams. The pool therefore moves on to a new generation of
    connections, and closes the old one after its last exchange.

    budget        byte budget of the function's bodies in progress
    turns         limits concurrent exchanges to the number of connections
    users         number of fetches that use the pool or wait for it
    idle_since    when the last fetch ended, in milliseconds of the fetcher's clock
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
        """Send *request* and yield the response with its body unread; close it when the block ends."""
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
