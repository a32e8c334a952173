"""Serves the table of operations over HTTP."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Any, Final, Protocol

import orjson
from pydantic import BaseModel, ValidationError
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from headgate.api import media, query
from headgate.api.call import Call
from headgate.api.download import Download
from headgate.api.errors import ApiError, TooMuch, invalid
from headgate.registry.errors import Conflict, NotFound, Refused, Unavailable
from headgate.registry.wording import field_path, worded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    from starlette.requests import Request

    from headgate.api.operation import Operation
    from headgate.api.permissions import Principal
    from headgate.api.rates import Rates
    from headgate.api.services import Services
    from headgate.registry.store import Registry

BODY_BYTES: Final = 4 << 20
"""The largest request body; the source of a function may have 1 MiB of it."""


class Authority(Protocol):
    async def principal(self, token: str) -> Principal | None:
        """The holder of *token*; None if the token is unknown or revoked."""


class Api:
    """
    Serves *operations* on *registry*.

    routes    for Starlette, each named after its operation
    """

    def __init__(
        self,
        operations: Iterable[Operation],
        registry: Registry,
        authority: Authority,
        rates: Rates,
        services: Services,
    ) -> None:
        self._services = services
        self._registry = registry
        self._authority = authority
        self._rates = rates
        self._operations = tuple(operations)
        self.routes = [self._route(operation) for operation in self._operations]

    def _route(self, operation: Operation) -> Route:
        route = Route(
            operation.path, self._endpoint(operation), methods=[operation.method], name=operation.name
        )
        route.methods = {operation.method}  # Starlette adds HEAD
        return route

    def documented(self) -> dict[str, dict[str, Any]]:
        """The `paths` of an OpenAPI document."""
        paths: dict[str, dict[str, Any]] = {}
        for operation in self._operations:
            paths.setdefault(operation.path, {})[operation.method.lower()] = {
                "operationId": operation.name,
                "summary": operation.name.replace("_", " ").capitalize(),
                "description": f"Needs: {operation.needs}.",
                "tags": [operation.path.split("/")[1] or "workspace"],
                **_documented(operation),
            }
        return paths

    def _endpoint(self, operation: Operation) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            content_type = media.JSON
            headers: dict[str, str] = {}
            try:
                if operation.download:
                    media.check_download(request.headers.get("accept"), operation.download)
                else:
                    content_type = media.accepted(request.headers.get("accept"), operation.versions)
                principal = await self._principal(request)
                headers = self._rates.take(principal.workspace, operation.rate)
                asked = query.parsed(request.scope["query_string"])
                body = await _body(request, operation)
                data = await asyncio.to_thread(
                    self._perform, operation, principal, dict(request.path_params), asked, body
                )
                if operation.runs is not None:
                    data = await operation.runs(data, self._services)
                if isinstance(data, Download):
                    named = {"content-disposition": f'attachment; filename="{data.name}"'}
                    return StreamingResponse(self._parts(data), 200, headers | named, operation.download)
                status, value = operation.status, {"data": data}
            except ApiError as error:
                status, value = error.status, error.as_json()
                if isinstance(error, TooMuch):
                    headers = {**headers, **error.headers}
            return Response(orjson.dumps(value), status, headers, content_type)

        return endpoint

    async def _parts(self, download: Download) -> AsyncIterator[bytes]:
        place = None
        while True:
            content, place = await asyncio.to_thread(self._part, download, place)
            yield content
            if place is None:
                return

    def _part(self, download: Download, place: Any) -> tuple[bytes, Any]:
        with self._registry.view() as view:
            return download.part(view, place)

    async def _principal(self, request: Request) -> Principal:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        found = None
        if scheme.lower() == "bearer" and token.strip():
            found = await self._authority.principal(token.strip())
        if found is None:
            raise ApiError(401, "a valid token is required: Authorization: Bearer ...")
        return found

    def _perform(
        self,
        operation: Operation,
        principal: Principal,
        path: dict[str, str],
        asked: dict[str, Any],
        body: BaseModel | None,
    ) -> Any:
        try:
            prepared = None
            if operation.prepare is not None:
                with self._registry.view() as view:
                    permitted = operation.prepare.permits(Call(principal, path, asked, body, None, view))
                prepared = operation.prepare.work(body, permitted)
            if operation.changes:
                with self._registry.change(principal.actor) as change:
                    return operation.handler(Call(principal, path, asked, body, prepared, change))
            with self._registry.view() as view:
                return operation.handler(Call(principal, path, asked, body, prepared, view))
        except NotFound as error:
            raise ApiError(404, error.message, field=error.field) from None
        except Conflict as error:
            raise ApiError(409, error.message, field=error.field) from None
        except Refused as error:
            raise invalid(error.message, error.field) from None
        except Unavailable as error:
            raise ApiError(503, str(error)) from None


async def _body(request: Request, operation: Operation) -> BaseModel | None:
    """Raises ApiError."""
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > BODY_BYTES:
            raise ApiError(413, f"the body has more than {BODY_BYTES} bytes")
    if operation.body is None:
        return None
    media.check_content_type(request.headers.get("content-type"))
    try:
        value = orjson.loads(bytes(content) or b"{}")
    except orjson.JSONDecodeError as error:
        raise ApiError(400, f"the body is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise ApiError(400, "the body must be a JSON object")
    try:
        return operation.body.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise invalid(worded(first), field_path(first["loc"])) from None


def _documented(operation: Operation) -> dict[str, Any]:
    """The OpenAPI description of an operation's parameters, body and responses."""
    types = [media.JSON, *(f"application/vnd.segment.{version}+json" for version in operation.versions)]
    parameters: list[dict[str, Any]] = [
        {"name": name[1:-1], "in": "path", "required": True, "schema": {"type": "string"}}
        for name in operation.path.split("/")
        if name.startswith("{")
    ]
    for name in operation.query:
        schema = {"type": "object"} if name.rstrip("*") == "pagination" else {"type": "string"}
        parameters.append(
            {"name": name.rstrip("*"), "in": "query", "required": name.endswith("*"), "schema": schema}
        )
    failure = {"content": {each: {"schema": _FAILURE} for each in types}}
    statuses = {
        400: "The request is malformed",
        401: "The token is missing, invalid, or lacks the permission",
        404: "Not found",
        406: "The media type is not available",
        413: "The request is too large",
        422: "A value is invalid",
        429: "Too many requests",
        503: "Temporarily unavailable",
    }
    if operation.changes:
        statuses |= {409: "The request conflicts with the current state"}
    if operation.body is not None:
        statuses |= {415: "The media type of the body is not supported"}
    value: dict[str, Any] = {
        "parameters": parameters,
        "security": [{"token": []}],
        "responses": {
            str(operation.status): {
                "description": "Done",
                "content": {operation.download: {"schema": {"type": "string"}}}
                if operation.download
                else {each: {"schema": _SUCCESS} for each in types},
            }
        }
        | {str(status): {"description": text, **failure} for status, text in sorted(statuses.items())},
    }
    if operation.body is not None:
        schema = _schema(operation.body)
        value["requestBody"] = {"required": True, "content": {each: {"schema": schema} for each in types}}
    return value


_SUCCESS: Final = {"type": "object", "required": ["data"], "properties": {"data": {"type": "object"}}}
_FAILURE: Final = {
    "type": "object",
    "required": ["errors"],
    "properties": {
        "errors": {
            "type": "array",
            "items": {"type": "object", "required": ["type"], "properties": {"type": {"type": "string"}}},
        }
    },
}


@functools.cache
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return _inlined(model.model_json_schema())


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """*schema* with every reference into its `$defs` replaced by the definition; no model of ours is recursive."""
    definitions = schema.pop("$defs", {})

    def resolved(value: Any) -> Any:
        if isinstance(value, dict):
            reference = value.get("$ref")
            if isinstance(reference, str):
                return resolved(definitions[reference.rpartition("/")[2]])
            return {key: resolved(each) for key, each in value.items()}
        return [resolved(each) for each in value] if isinstance(value, list) else value

    inlined: dict[str, Any] = resolved(schema)
    return inlined
