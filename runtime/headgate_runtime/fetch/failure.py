"""The errors of a fetch, with the names and messages of node-fetch 2.6.0 (SPEC 4.4, fetch-vectors.json)."""

from __future__ import annotations

from typing import Literal

ErrorName = Literal["FetchError", "AbortError", "TypeError"]


class Failure(Exception):
    """
    Ends a fetch, or the reading of its body.

    name       class of the error that the function receives
    type       node-fetch's `type`: system, request-timeout, max-size, ...; None for a TypeError
    code       Node's `code` and `errno`; only with type "system"
    message    node-fetch's message
    """

    def __init__(
        self,
        message: str,
        type: str | None = None,  # noqa: A002 - node-fetch's word
        code: str | None = None,
        *,
        name: ErrorName = "FetchError",
    ) -> None:
        super().__init__(message)
        self.name = name
        self.type = type
        self.code = code
        self.message = message

    def payload(self) -> dict[str, str | None]:
        """The error as the guest receives it."""
        return {"name": self.name, "type": self.type, "code": self.code, "message": self.message}


class SystemFailure(Exception):
    """
    A system error that ended a request, raised where the request's URL is not known.

    code      a Node error code: ENOTFOUND, ECONNREFUSED, ...
    reason    Node's message, like "connect ECONNREFUSED 192.0.2.1:80"
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason

    def of_request(self, url: str) -> Failure:
        return Failure(f"request to {url} failed, reason: {self.reason}", "system", self.code)

    def of_body(self, url: str) -> Failure:
        return Failure(
            f"Invalid response body while trying to fetch {url}: {self.reason}", "system", self.code
        )


def refused(message: str, code: str | None = None) -> Failure:
    """The TypeError for a request that must not be sent."""
    return Failure(message, code=code, name="TypeError")


def aborted() -> Failure:
    return Failure("The user aborted a request.", "aborted", name="AbortError")


def request_timeout(url: str) -> Failure:
    return Failure(f"network timeout at: {url}", "request-timeout")


def body_timeout(url: str, timeout_ms: float) -> Failure:
    return Failure(
        f"Response timeout while trying to fetch {url} (over {_plain(timeout_ms)}ms)", "body-timeout"
    )


def max_size(url: str, size: float) -> Failure:
    return Failure(f"content size at {url} over limit: {_plain(size)}", "max-size")


def _plain(number: float) -> str:
    """*number* as JavaScript prints it."""
    return str(int(number)) if number == int(number) else str(number)
