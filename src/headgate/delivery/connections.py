"""
A pool of connections to one origin, whose addresses are checked
against the egress rules when connecting.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from headgate.delivery.wire import Wire
from headgate_runtime.fetch import SystemFailure, reach, tls_failure_of

if TYPE_CHECKING:
    import ssl

    from headgate_runtime import Clock
    from headgate_runtime.fetch import Egress, Resolver, Target

IDLE_MS: Final = 60_000.0
"""Idle time after which a connection is not reused."""


LOOKUPS: Final = 8
"""Maximum number of concurrent look-ups of the host name."""


class Connections:
    """
    Connections to the origin of *target*. A caller takes one by `kept`, or `connect` if there is none, and
    then returns it by `give` or aborts it. Their number is not limited here.
    """

    def __init__(
        self, target: Target, egress: Egress, resolver: Resolver, context: ssl.SSLContext | None, clock: Clock
    ) -> None:
        assert context is not None or target.scheme != "https"
        self._target = target
        self._egress = egress
        self._resolver = resolver
        self._context = context if target.scheme == "https" else None
        self._clock = clock
        self._lookups = asyncio.Semaphore(LOOKUPS)
        self._idle: list[Wire] = []

    def kept(self) -> Wire | None:
        """Takes the most recently used open connection; None if there is none."""
        old = self._clock.monotonic_ms() - IDLE_MS
        while self._idle:
            wire = self._idle.pop()
            if wire.is_open and wire.idle_since > old:
                return wire
            wire.close()
        return None

    def give(self, wire: Wire) -> None:
        """Returns a connection whose response is complete, for reuse."""
        if not wire.is_open:
            return
        now = wire.idle_since = self._clock.monotonic_ms()
        self._idle.append(wire)
        # The list is ordered by last use, the oldest first.
        while not self._idle[0].is_open or self._idle[0].idle_since < now - IDLE_MS:
            self._idle.pop(0).close()

    def close(self) -> None:
        """Closes the idle connections."""
        for wire in self._idle:
            wire.close()
        self._idle.clear()

    async def connect(self) -> Wire:
        """Opens a new connection. Raises SystemFailure."""
        host, port = self._target.host, self._target.port
        loop = asyncio.get_running_loop()

        async def connect(address: str) -> tuple[asyncio.Transport, Wire]:
            return await loop.create_connection(Wire, address, port)

        transport, wire = await reach(
            host,
            port,
            connect,
            egress=self._egress,
            resolver=self._resolver,
            clock=self._clock,
            lookups=self._lookups,
        )
        if self._context is None:
            return wire
        try:
            secure = await loop.start_tls(transport, wire, self._context, server_hostname=host)
        except OSError as error:  # an SSLError is one
            transport.abort()
            raise tls_failure_of(error, host) from None
        except BaseException:
            transport.abort()
            raise
        if secure is None:
            raise SystemFailure("ECONNRESET", "socket hang up")
        wire.connection_made(secure)
        return wire
