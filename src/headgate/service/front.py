"""Dispatches requests to the event API, to functions, to the health endpoints or to everything else."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from headgate.service.invoke import InvokeApi
from headgate.tracking.api import TrackingApi

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp

    from headgate.service.endpoints import Endpoints
    from headgate.tracking.asgi import Receive, Scope, Send


class Front:
    """
    The ASGI application. Events bypass FastAPI, whose routing, request objects and middleware would take most
    of the time of accepting them.

    *make* creates the rest of the application, in a thread, at the first request for it: this takes longer
    than all other steps of a start, and many servers receive only events.
    """

    def __init__(
        self, tracking: TrackingApi, invoke: InvokeApi, health: Endpoints, make: Callable[[], ASGIApp]
    ) -> None:
        self._tracking = tracking
        self._invoke = invoke
        self._health = health
        self._make = make
        self._rest: ASGIApp | None = None
        self._making = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and TrackingApi.handles(scope["path"]):
            await self._tracking(scope, receive, send)
        elif scope["type"] == "http" and InvokeApi.handles(scope["method"], scope["path"]):
            await self._invoke(scope, receive, send)
        elif scope["type"] == "http" and self._health.handles(scope["path"]):
            await self._health(scope, receive, send)
        else:
            rest = self._rest or await self._made()
            await rest(scope, receive, send)

    async def _made(self) -> ASGIApp:
        async with self._making:
            if self._rest is None:
                self._rest = await asyncio.to_thread(self._make)
            return self._rest
