"""uvicorn without its polling: it is stopped by an event instead of checking a flag ten times a second."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from uvicorn import Config
from uvicorn import Server as Uvicorn

from headgate.service.bounded import HEAD_S

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
        self._connections = _Connections()
        self.server_state.connections = self._connections

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
        for connection in list(self._connections):
            since = getattr(connection, "head_since", None)  # of BoundedProtocol
            if since is not None and since < latest:
                connection.transport.abort()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for each in sockets or ():
            each.close()
        for connection in list(self._connections):
            connection.shutdown()
        try:
            async with asyncio.timeout(self.config.timeout_graceful_shutdown):
                await self._connections.gone()
                while self.server_state.tasks:
                    await asyncio.wait(self.server_state.tasks)
        except TimeoutError:
            # It is not known whether their events are stored. No response leaves that open; an error would
            # deny it.
            for connection in list(self._connections):
                connection.transport.abort()
            await self._connections.gone()


class _Connections(set[Any]):
    """The open connections. uvicorn's protocols add and remove themselves."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: asyncio.Future[None] | None = None

    def discard(self, connection: Any) -> None:
        super().discard(connection)
        if not self and self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def gone(self) -> None:
        """Returns when there are no connections."""
        while self:
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting
