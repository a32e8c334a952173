"""The validation errors of pydantic in the words of our own messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


def worded(error: Any) -> str:
    """The message of one of `ValidationError.errors()`, without the field: "is required", "must be a valid string"."""
    match error["type"]:
        case "extra_forbidden":
            return "is unknown"
        case "missing":
            return "is required"
        case "literal_error":
            return f"must be {error['ctx']['expected']}"
    message = error["msg"][0].lower() + error["msg"][1:]
    for theirs, ours in (("input should be", "must be"), ("should have", "must have")):
        message = message.replace(theirs, ours)
    return str(message)


def field_path(location: Iterable[int | str]) -> str:
    """The `loc` of an error as messages show it: "settings[0].name"."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
