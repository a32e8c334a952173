"""Which requests go straight to the event API or to functions, and which through FastAPI."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.service.invoke import InvokeApi
from headgate.tracking.api import TrackingApi

if TYPE_CHECKING:
    from fastapi import FastAPI

    from headgate.tracking.asgi import Receive, Scope, Send


class Front:
    """
    The ASGI application. An event costs no routing, no request object and no middleware: FastAPI would take most of
    the time of its acceptance.
    """

    def __init__(self, tracking: TrackingApi, invoke: InvokeApi, application: FastAPI) -> None:
        self._tracking = tracking
        self._invoke = invoke
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and TrackingApi.handles(scope["path"]):
            await self._tracking(scope, receive, send)
        elif scope["type"] == "http" and InvokeApi.handles(scope["method"], scope["path"]):
            await self._invoke(scope, receive, send)
        else:
            await self._application(scope, receive, send)
