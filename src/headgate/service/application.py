"""The FastAPI application around the event API: everything that is not an event."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException

from headgate.service import refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from fastapi import APIRouter


def application(
    routers: Sequence[APIRouter],
    *,
    is_ready: Callable[[], str | None],
    metrics: Callable[[], Awaitable[bytes]],
    metrics_token: str | None,
    version: str,
) -> FastAPI:
    """
    is_ready         None, or why not, for people
    metrics          the text of this moment
    metrics_token    what is wanted for them as a bearer token: they tell of all tenants; None: nothing
    """
    app = FastAPI(title="Headgate", version=version, docs_url="/docs", redoc_url=None)

    @app.get(
        "/healthz", tags=["health"], summary="Whether the process is alive", response_class=PlainTextResponse
    )
    async def healthz() -> str:
        return "ok\n"

    @app.get(
        "/readyz", tags=["health"], summary="Whether events are accepted", response_class=PlainTextResponse
    )
    async def readyz(response: Response) -> str:
        why = is_ready()
        if why is not None:
            response.status_code = 503
        return f"{why or 'ok'}\n"

    @app.get("/metrics", tags=["health"], summary="Prometheus' text format", response_class=PlainTextResponse)
    async def metrics_text(request: Request) -> Response:
        given = request.headers.get("authorization", "").encode()
        if metrics_token is not None and not hmac.compare_digest(given, f"Bearer {metrics_token}".encode()):
            raise HTTPException(401, "the metrics token is wanted: Authorization: Bearer ...")
        return Response(await metrics(), media_type=CONTENT_TYPE_LATEST)

    @app.exception_handler(HTTPException)
    async def refuse(_: Request, error: HTTPException) -> Response:
        value = refusal.as_json(error.status_code, str(error.detail))
        return JSONResponse(value, error.status_code, headers=error.headers)

    @app.exception_handler(Exception)
    async def fail(_: Request, error: Exception) -> Response:  # noqa: ARG001 - the server logs it
        return JSONResponse(refusal.as_json(500, "the server failed; its log says why"), 500)

    for router in routers:
        app.include_router(router)
    return app
