"""Refusals of requests outside the event API, in the error format of the management API."""

from __future__ import annotations

from typing import Any

from headgate.api.errors import ApiError


class Refusal(Exception):
    """*message* is for people; *retry_after_s* is when to try again, or None."""

    def __init__(self, status: int, message: str, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.retry_after_s = retry_after_s


def as_json(status: int, message: str) -> dict[str, Any]:
    """{"errors": [{"type", "message"}]}."""
    return ApiError(status, message).as_json()
