"""The network backend through which httpcore opens connections."""

# ruff: noqa: ASYNC109 - the signatures are httpcore's

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpcore

from headgate_runtime.fetch import tls
from headgate_runtime.fetch.deadline import Deadline
from headgate_runtime.fetch.failure import SystemFailure
from headgate_runtime.fetch.limits import LOOKUPS
from headgate_runtime.fetch.reaching import os_code, reach

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

    from headgate_runtime.fetch.egress import Egress
    from headgate_runtime.fetch.resolver import Resolver
    from headgate_runtime.host import Clock


class Backend(httpcore.AsyncNetworkBackend):
    """
    Opens the connections of one function: *resolver* looks names up, *egress* checks the addresses, and
    connect timeouts run on *clock*. Raises SystemFailure, which passes through httpcore unchanged.
    """

    def __init__(self, egress: Egress, resolver: Resolver, clock: Clock) -> None:
        self._egress = egress
        self._resolver = resolver
        self._clock = clock
        self._inner = httpcore.AnyIOBackend()
        self._lookups = asyncio.Semaphore(LOOKUPS)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,  # noqa: ARG002 - httpcore's signature
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        async def connect(address: str) -> httpcore.AsyncNetworkStream:
            try:
                return await self._inner.connect_tcp(address, port, socket_options=socket_options)
            except httpcore.ConnectError as error:
                raise ConnectionError from error

        stream = await reach(
            host,
            port,
            connect,
            egress=self._egress,
            resolver=self._resolver,
            clock=self._clock,
            lookups=self._lookups,
            limit_ms=_ms(timeout),
        )
        return Stream(stream, self._clock)

    async def connect_unix_socket(
        self,
        path: str,  # noqa: ARG002 - httpcore's signature
        timeout: float | None = None,  # noqa: ARG002 - httpcore's signature
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002 - httpcore's signature
    ) -> httpcore.AsyncNetworkStream:
        raise SystemFailure("EACCES", "connect EACCES")

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


class Stream(httpcore.AsyncNetworkStream):
    """
    A connection that is closed even when its TLS handshake is cancelled, and that reports errors with Node's
    codes and messages.

    heard    whether anything was read since the last write
    """

    def __init__(self, inner: httpcore.AsyncNetworkStream, clock: Clock) -> None:
        self._inner = inner
        self._clock = clock
        self.heard = True

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            data = await self._inner.read(max_bytes, timeout)
        except httpcore.ReadError as error:
            code = os_code(error, "ECONNRESET")
            raise SystemFailure(code, f"read {code}") from None
        self.heard = True
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.heard = False
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        try:
            async with Deadline(self._clock, _ms(timeout)):
                stream = await self._inner.start_tls(ssl_context, server_hostname)
            return Stream(stream, self._clock)
        except TimeoutError:
            await self._inner.aclose()
            raise SystemFailure("ETIMEDOUT", "connect ETIMEDOUT") from None
        except httpcore.ConnectError as error:
            await self._inner.aclose()
            raise tls.failure_of(error, server_hostname) from None
        except BaseException:
            await self._inner.aclose()
            raise

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


async def must_be_an_answer(response: httpcore.Response) -> None:
    """
    Reject a response that arrived before its request was sent (response smuggling): it is the surplus of what
    the server sent before, and must not answer the next request on the connection.

    Raises httpcore.RemoteProtocolError after closing the connection.
    """
    stream = response.extensions.get("network_stream")
    is_http1 = response.extensions.get("http_version", b"").startswith(b"HTTP/1")
    if is_http1 and isinstance(stream, Stream) and not stream.heard:
        await response.aclose()
        raise httpcore.RemoteProtocolError("Response before the request")


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1e3
