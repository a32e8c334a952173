"""The workspace of a token, and the echo that clients try their connection with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headgate.api.errors import ApiError, invalid
from headgate.api.operation import STABLE, Operation
from headgate.registry import workspaces

if TYPE_CHECKING:
    from headgate.api.call import Call


def get(call: Call) -> dict[str, Any]:
    found = workspaces.get(call.view, call.workspace)
    return {"workspace": {"id": found.id, "slug": found.slug, "name": found.name}}


def echo(call: Call) -> dict[str, Any]:
    message = call.query.get("message")
    if not isinstance(message, str):
        raise invalid("is required", "message")
    if "triggerUnexpectedError" in call.query:
        raise ApiError(500, "an error that was asked for")
    if "triggerError" in call.query or "triggerMultipleErrors" in call.query:
        status = call.query.get("statusCode", "400")
        code = int(status) if status in ("400", "401", "404", "409", "422", "429") else 400
        raise ApiError(code, "an error that was asked for")
    return {"method": "get", "message": message, "headers": {}}


OPERATIONS = (
    Operation("get_workspace", "GET", "/", STABLE, "any token", get),
    Operation(
        "echo",
        "GET",
        "/echo",
        STABLE,
        "any token",
        echo,
        query=(
            "message*",
            "delay",
            "triggerError",
            "triggerMultipleErrors",
            "triggerUnexpectedError",
            "statusCode",
        ),
    ),
)
