"""uvicorn without its polling: it is stopped by an event instead of checking a flag ten times a second."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from uvicorn import Config
from uvicorn import Server as Uvicorn

from headgate.service.bounded import HEAD_S
from headgate.service.connections import Connections

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

DATE_S = 1.0
"""How often the Date header is refreshed."""


class Server(Uvicorn):
    """Handles no signals; `stop` ends it. *on_ready* is called when it listens."""

    def __init__(self, config: Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._told = asyncio.Event()
        self.connections = Connections()
        self.server_state.connections = self.connections

    def stop(self) -> None:
        """
        Stops accepting connections, and ends when the requests in progress have ended or the grace period is
        over.
        """
        self.should_exit = True
        self._told.set()

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]  # uvicorn's private generator
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    async def main_loop(self) -> None:
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DATE_S if self.config.date_header else None):
                    await self._told.wait()
            self._end_slow_heads()

    def _end_slow_heads(self) -> None:
        latest = asyncio.get_running_loop().time() - HEAD_S
        for connection in list(self.connections):
            since = getattr(connection, "head_since", None)  # of BoundedProtocol
            if since is not None and since < latest:
                self.connections.broken_off["head_s"] += 1
                connection.transport.abort()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for each in sockets or ():
            each.close()
        for connection in list(self.connections):
            connection.shutdown()
        try:
            async with asyncio.timeout(self.config.timeout_graceful_shutdown):
                await self.connections.gone()
                while self.server_state.tasks:
                    await asyncio.wait(self.server_state.tasks)
        except TimeoutError:
            # It is not known whether their events are stored. No response leaves that open; an error would
            # deny it.
            for connection in list(self.connections):
                connection.transport.abort()
            await self.connections.gone()
