"""`POST /v1/functions/{functionId}/invoke`: Headgate as a library over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import orjson
from fastapi import APIRouter, HTTPException, Request, Response

from headgate.outcomes import as_json
from headgate_runtime import CompileError, EventError, Limits
from headgate_runtime.limits import BATCH_EVENTS

if TYPE_CHECKING:
    from headgate.pipeline.directory import Directory
    from headgate.pipeline.functions import Functions
    from headgate.registry.snapshot import Instance, Snapshot
    from headgate_runtime import Executor, Function, Outcome


class Authority(Protocol):
    """Knows whose a token is."""

    async def workspace_of(self, token: str) -> str | None:
        """The id of the token's workspace; None for a token that is not known or revoked."""


def router(directory: Directory, functions: Functions, executor: Executor, authority: Authority) -> APIRouter:
    invoker = _Invoker(directory, functions, executor, authority)
    routes = APIRouter(prefix="/v1/functions", tags=["functions"])
    routes.add_api_route(
        "/{functionId}/invoke",
        invoker.invoke,
        methods=["POST"],
        summary="Run a function on an event, or on an array of events",
        description=(
            "Takes an event, or an array of at most 1,000, and answers with an outcome for each, in order. An array goes "
            "to `onBatch` where the function has one. With `instanceId`, the function runs with that instance's version "
            "and settings; else its deployed version, or its newest, runs without settings. Nothing is stored and "
            "nothing is delivered."
        ),
        responses={
            400: {"description": "The body is not what is wanted"},
            401: {"description": "No valid token"},
            404: {"description": "No such function or instance in the token's workspace"},
            413: {"description": "The body is too large"},
            422: {"description": "The function does not compile, or its settings are not usable"},
        },
    )
    return routes


class _Invoker:
    def __init__(
        self, directory: Directory, functions: Functions, executor: Executor, authority: Authority
    ) -> None:
        self._directory = directory
        self._functions = functions
        self._executor = executor
        self._authority = authority

    async def invoke(self, request: Request, functionId: str, instanceId: str | None = None) -> Response:  # noqa: N803 - the API's names
        workspace = await self._authority.workspace_of(_bearer(request))
        if workspace is None:
            raise HTTPException(401, "a valid token is wanted: Authorization: Bearer ...")
        events = await _events(request)
        function = await self._function(workspace, functionId, instanceId)
        try:
            result = await self._executor.invoke(function, events)
        except EventError as error:
            raise HTTPException(400, str(error)) from None
        outcomes: list[Outcome] = result if isinstance(result, list) else [result]
        content = orjson.dumps({"data": {"outcomes": [as_json(outcome) for outcome in outcomes]}})
        return Response(content, media_type="application/json")

    async def _function(self, workspace: str, function_id: str, instance_id: str | None) -> Function:
        snapshot = await self._directory.current()
        found = snapshot.functions.get(function_id) or snapshot.functions.get(f"ifnd_{function_id}")
        if found is None or found.workspace != workspace:
            raise HTTPException(404, "there is no such function in this workspace")
        tenant = snapshot.workspaces[workspace]
        if instance_id is None:
            function = await self._functions.alone(found, tenant)
        else:
            instance = _instance(snapshot, found.id, instance_id)
            if instance is None:
                raise HTTPException(404, "the function has no such instance")
            if instance.fault is not None or instance.version is None:
                raise HTTPException(422, instance.fault or "there is no version to run")
            function = await self._functions.of(instance, tenant)
        if isinstance(function, CompileError):
            raise HTTPException(422, str(function))
        return function


def _instance(snapshot: Snapshot, function: str, instance_id: str) -> Instance | None:
    for destination in snapshot.destinations.values():
        instance = destination.instance
        if instance is not None and instance.id == instance_id and instance.function == function:
            return instance
    return None


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def _events(request: Request) -> bytes | list[bytes]:
    """The event's text, or those of the array."""
    most = Limits().input_bytes
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > most:
            raise HTTPException(413, f"the body has more than {most} bytes")
    try:
        value: Any = orjson.loads(bytes(content))
    except orjson.JSONDecodeError as error:
        raise HTTPException(400, f"the body is not JSON: {error}") from None
    if isinstance(value, dict):
        return bytes(content)
    if not isinstance(value, list) or not all(isinstance(event, dict) for event in value):
        raise HTTPException(400, "the body must be an event or an array of events, each a JSON object")
    if len(value) > BATCH_EVENTS:
        raise HTTPException(400, f"the array has {len(value)} events, more than {BATCH_EVENTS}")
    return [orjson.dumps(event) for event in value]
