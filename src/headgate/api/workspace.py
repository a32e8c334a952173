"""The workspace of a token, and the echo for testing a connection."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from headgate.api.errors import ApiError, invalid
from headgate.api.operation import STABLE, Operation
from headgate.registry import workspaces

if TYPE_CHECKING:
    from headgate.api.call import Call
    from headgate.api.services import Services

DELAY_MS: Final = 10_000
"""The longest delay of an echo."""

_DELAY: Final = re.compile(r"[0-9]{1,5}")


def get(call: Call) -> dict[str, Any]:
    found = workspaces.get(call.view, call.workspace)
    return {"workspace": {"id": found.id, "slug": found.slug, "name": found.name}}


class _Echo(NamedTuple):
    message: str
    delay_s: float


def echo(call: Call) -> _Echo:
    message = call.query.get("message")
    if not isinstance(message, str):
        raise invalid("is required", "message")
    if _is_on(call, "triggerUnexpectedError"):
        raise ApiError(500, "the error that was requested")
    if _is_on(call, "triggerError") or _is_on(call, "triggerMultipleErrors"):
        status = call.query.get("statusCode", "400")
        code = int(status) if status in ("400", "401", "404", "409", "422", "429") else 400
        raise ApiError(code, "the error that was requested")
    return _Echo(message, _delay_s(call.query.get("delay")))


async def answered(asked: _Echo, _: Services) -> dict[str, Any]:
    await asyncio.sleep(asked.delay_s)
    return {"method": "get", "message": asked.message, "headers": {}}


def _is_on(call: Call, name: str) -> bool:
    return call.query.get(name) in ("true", "1", "")


def _delay_s(given: Any) -> float:
    """*given* milliseconds, in seconds. Raises ApiError 422."""
    if given is None:
        return 0.0
    if not isinstance(given, str) or not _DELAY.fullmatch(given) or int(given) > DELAY_MS:
        raise invalid(f"must be a whole number of milliseconds, at most {DELAY_MS}", "delay")
    return int(given) / 1e3


OPERATIONS = (
    Operation("get_workspace", "GET", "/", STABLE, "any token", get),
    Operation(
        "echo",
        "GET",
        "/echo",
        STABLE,
        "any token",
        echo,
        runs=answered,
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
