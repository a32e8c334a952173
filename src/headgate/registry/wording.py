"""pydantic's errors in our words."""

from __future__ import annotations

from typing import Any


def worded(error: Any) -> str:
    """One of `ValidationError.errors()`, without its place."""
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
