"""An outcome as JSON, in the words of the outcome table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from headgate_runtime import Forward

if TYPE_CHECKING:
    from collections.abc import Callable

    from headgate_runtime import Outcome


def as_json(
    outcome: Outcome,
    requests: list[dict[str, Any]] | None = None,
    clean: Callable[[str], str] = str,
) -> dict[str, object]:
    """
    {"outcome", "category", "reason", "errorName", "message", "stack", "output", "logs": [{"level", "message"}],
    "fuel", "ms"}; what does not apply is null. "output" is a fragment: only orjson can write it. With *requests*, what
    was fetched, there is "requests" as well. *clean* takes out of texts for people what they must not read.
    """
    value: dict[str, object] = {
        "outcome": outcome.outcome,
        "category": outcome.category,
        "reason": outcome.reason,
        "errorName": outcome.error_name and clean(outcome.error_name),
        "message": outcome.message and clean(outcome.message),
        "stack": outcome.stack and clean(outcome.stack),
        "output": None if outcome.output is None else orjson.Fragment(outcome.output),
        "logs": [{"level": line.level, "message": clean(line.message)} for line in outcome.logs],
        "fuel": outcome.fuel,
        "ms": round(outcome.wall_ms, 3),
    }
    return value if requests is None else value | {"requests": requests}


def text_of(outcome: Outcome, clean: Callable[[str], str] = str) -> bytes:
    """The JSON text of `as_json`."""
    if type(outcome) is Forward and not outcome.logs:  # nearly every one, and then there is little to say
        return _FORWARDED % (outcome.output, outcome.fuel, outcome.wall_ms)
    return orjson.dumps(as_json(outcome, clean=clean))


_FORWARDED: Final = (
    b'{"outcome":"forward","category":null,"reason":null,"errorName":null,"message":null,"stack":null,'
    b'"output":%b,"logs":[],"fuel":%d,"ms":%.3f}'
)


def line_of(outcome: Outcome, requests: list[dict[str, Any]] | None = None) -> bytes:
    """One line of JSON, with its end."""
    return orjson.dumps(as_json(outcome, requests), option=orjson.OPT_APPEND_NEWLINE)
