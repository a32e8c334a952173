"""HTTP for httpx, over connections that lead to an address that was checked, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import httpcore
import httpx

from headgate_runtime.fetch import Backend, in_nodes_words, must_be_an_answer

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

    from headgate_runtime import Clock
    from headgate_runtime.fetch import Egress, Resolver

IDLE_S: Final = 60.0
"""After which a connection that nobody uses is closed."""


class CheckedTransport(httpx.AsyncBaseTransport):
    """
    At most *connections*, kept alive. Every address that a name leads to passes *egress* when the connection is made.

    What goes wrong is raised as headgate_runtime.fetch.SystemFailure, with Node's name for it.
    """

    def __init__(
        self, egress: Egress, resolver: Resolver, context: ssl.SSLContext, clock: Clock, connections: int
    ) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=IDLE_S,
            http1=True,
            http2=True,
            network_backend=Backend(egress, resolver, clock),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.AsyncByteStream)
        url = request.url
        with in_nodes_words():
            response = await self._pool.handle_async_request(
                httpcore.Request(
                    method=request.method,
                    url=httpcore.URL(
                        scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                    ),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
            await must_be_an_answer(response)
        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_Body(response),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        await self._pool.aclose()


class _Body(httpx.AsyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with in_nodes_words():
            async for chunk in self._response.aiter_stream():
                yield chunk

    async def aclose(self) -> None:
        await self._response.aclose()
