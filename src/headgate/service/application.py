"""The FastAPI application for the management API and the documentation of all endpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from headgate.service import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fastapi import Request, Response
    from starlette.routing import BaseRoute


class Application(FastAPI):
    """
    *documented* returns the `paths` of the OpenAPI document; it is called when the document is first
    requested.
    """

    def __init__(
        self,
        routes: Sequence[BaseRoute],
        documented: Callable[[], dict[str, dict[str, Any]]],
        *,
        version: str,
    ) -> None:
        super().__init__(title="Headgate", version=version, docs_url="/docs", redoc_url=None)
        self._documented = documented
        self.add_exception_handler(HTTPException, _refuse)
        self.add_exception_handler(Exception, _fail)
        self.router.routes.extend(routes)

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            schema = super().openapi()
            schema["paths"] = self._documented()
            schema["components"] = {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}}
            self.openapi_schema = schema
        return self.openapi_schema


def _refuse(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    value = refusal.as_json(error.status_code, str(error.detail))
    return JSONResponse(value, error.status_code, headers=error.headers)


def _fail(_: Request, error: Exception) -> Response:  # noqa: ARG001 - the server logs it
    return JSONResponse(refusal.as_json(500, "the server failed; its log says why"), 500)
