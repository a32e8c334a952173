"""The endpoints for monitoring: liveness, readiness and metrics."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any, Final

from prometheus_client import CONTENT_TYPE_LATEST

from headgate.service.endpoints import TEXT, Endpoints, Response, refused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from headgate.service.endpoints import Request

_SUMMARIES: Final = {
    "/healthz": "Whether the process is alive",
    "/readyz": "Whether events are accepted",
    "/metrics": "Prometheus' text format",
}

_FAILURES: Final = {
    "/readyz": {"503": "Not ready: the text says why"},
    "/metrics": {"401": "The server has a token for its metrics, and this is another"},
}


def application(
    *, is_ready: Callable[[], str | None], metrics: Callable[[], Awaitable[bytes]], metrics_token: str | None
) -> Endpoints:
    """
    is_ready         returns None, or why the worker is not ready, for people
    metrics          returns the current metrics as text
    metrics_token    the bearer token required for the metrics, which cover all tenants; None: no token is
                     required
    """

    async def healthz(_: Request) -> Response:
        return Response(b"ok\n", TEXT)

    async def readyz(_: Request) -> Response:
        why = is_ready()
        return Response(f"{why or 'ok'}\n".encode(), TEXT, 503 if why else 200)

    async def metrics_text(request: Request) -> Response:
        given = request.headers.get(b"authorization", b"")
        if metrics_token is not None and not hmac.compare_digest(given, f"Bearer {metrics_token}".encode()):
            return refused(401, "the metrics token is wanted: Authorization: Bearer ...")
        return Response(await metrics(), CONTENT_TYPE_LATEST)

    return Endpoints(
        {("GET", "/healthz"): healthz, ("GET", "/readyz"): readyz, ("GET", "/metrics"): metrics_text}
    )


def documented() -> dict[str, dict[str, Any]]:
    """The OpenAPI descriptions of the paths."""
    content = {"text/plain": {"schema": {"type": "string"}}}
    paths: dict[str, dict[str, Any]] = {}
    for path, summary in _SUMMARIES.items():
        responses = {"200": {"description": "Done", "content": content}}
        responses |= {status: {"description": what} for status, what in _FAILURES.get(path, {}).items()}
        operation = {"operationId": path[1:], "tags": ["health"], "summary": summary, "responses": responses}
        paths[path] = {"get": operation}
    return paths
