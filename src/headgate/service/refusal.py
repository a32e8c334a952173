"""What a request is refused with, where it is not one of the event API: the form of the management API's errors."""

from __future__ import annotations

from typing import Any, Final


class Refusal(Exception):
    """*message* is for people."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def as_json(status: int, message: str) -> dict[str, Any]:
    """{"errors": [{"type", "message"}]}."""
    return {"errors": [{"type": _TYPES.get(status, "bad-request"), "message": message}]}


_TYPES: Final = {
    401: "unauthorized",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    413: "too-large",
}
