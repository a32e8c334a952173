"""The errors of the API (SPEC 12.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

TYPES: Final = {
    400: "bad-request",
    401: "unauthorized",
    404: "not-found",
    405: "method-not-allowed",
    406: "not-acceptable",
    409: "conflict",
    413: "payload-too-large",
    415: "unsupported-media-type",
    422: "input-validation",
    429: "RequestError",
    500: "internal",
    503: "unavailable",
}
"""The `type` of an error, by status."""


class ApiError(Exception):
    """Becomes {"errors": [{"type", "message", "field"?, "data"?}]}. *field* is a path such as "settings[0].name"."""

    def __init__(
        self, status: int, message: str, *, field: str = "", data: dict[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.field = field
        self.data = data

    def as_json(self) -> dict[str, Any]:
        error: dict[str, Any] = {"type": TYPES.get(self.status, "bad-request"), "message": self.message}
        if self.field:
            error["field"] = self.field
        if self.data is not None:
            error["data"] = self.data
        return {"errors": [error]}


class TooMuch(ApiError):
    """429, with *headers* that tell when to retry."""

    def __init__(
        self,
        message: str,
        retry_after_s: int,
        *,
        data: dict[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(429, message, data=data)
        self.headers = {**(headers or {}), "retry-after": str(retry_after_s)}


def invalid(message: str, field: str = "") -> ApiError:
    """422: a value breaks a rule. The message names the field the way the hosted API does: `"id" is required`."""
    return ApiError(422, f'"{field}" {message}' if field else message, field=field)


def not_found(kind: str) -> ApiError:
    """404: it does not exist, or belongs to another workspace; callers cannot tell which."""
    return ApiError(404, f"there is no such {kind}")
