"""What a request is refused with, where it is not one of the event API: the form of the management API's errors."""

from __future__ import annotations

from typing import Any

from headgate.api.errors import ApiError


class Refusal(Exception):
    """*message* is for people; *retry_after_s* is when to ask again, where that is known."""

    def __init__(self, status: int, message: str, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.retry_after_s = retry_after_s


def as_json(status: int, message: str) -> dict[str, Any]:
    """{"errors": [{"type", "message"}]}."""
    return ApiError(status, message).as_json()
