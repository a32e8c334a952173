"""The responses of the event API, byte for byte (SPEC 8.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import orjson

if TYPE_CHECKING:
    from headgate.tracking.asgi import Send

_CORS: Final = [(b"access-control-allow-origin", b"*")]
"""On every response. `*` is safe: the API uses no cookies, only write keys, which the page holds anyway."""


class Response:
    """Immutable, so one instance can be sent any number of times."""

    __slots__ = ("_body", "_headers", "code", "status")

    def __init__(
        self,
        status: int,
        body: bytes,
        content_type: bytes | None,
        headers: tuple[tuple[bytes, bytes], ...] = (),
        code: str = "",
    ) -> None:
        self.code = code
        """The error code of a refusal, else ""."""
        typed = [] if content_type is None else [(b"content-type", content_type)]
        self.status = status
        self._body = body
        self._headers = [*typed, (b"content-length", str(len(body)).encode()), *_CORS, *headers]

    async def send(self, send: Send, *, head: bool = False) -> None:
        """Sends the response; *head* omits the body but keeps its Content-Length."""
        # Each send makes new messages, because middleware may add to them.
        await send({"type": "http.response.start", "status": self.status, "headers": list(self._headers)})
        await send({"type": "http.response.body", "body": b"" if head else self._body})


def _refusal(status: int, code: str, message: str, *headers: tuple[bytes, bytes]) -> Response:
    """
    A response whose JSON has the `code` and `message` that SDKs
    read. They repeat nothing of the request.
    """
    body = orjson.dumps({"code": code, "message": message})
    return Response(status, body, b"application/json", headers, code)


_CLOSE = (b"connection", b"close")

ACCEPTED: Final = Response(200, b'{"success":true}', b"application/json")

MALFORMED: Final = _refusal(400, "malformed_json", "the body is not a JSON object")
UNDECODABLE: Final = _refusal(400, "malformed_encoding", "the body is not encoded as Content-Encoding says")
TOO_LARGE: Final = _refusal(400, "body_too_large", "the body is larger than the limit")
TOO_LARGE_UNREAD: Final = _refusal(400, "body_too_large", "the body is larger than the limit", _CLOSE)
NO_WRITE_KEY: Final = _refusal(400, "missing_write_key", "the write key is missing or blank")
UNKNOWN_WRITE_KEY: Final = _refusal(401, "unknown_write_key", "no source has this write key")
NOT_FOUND: Final = _refusal(404, "not_found", "there is nothing at this path")
SLOW: Final = _refusal(408, "request_timeout", "the body did not arrive in time", _CLOSE)


def _later(status: int, code: str, message: str, seconds: int) -> Response:
    """A refusal after which SDKs retry the same request in *seconds*, at least 1."""
    number = str(max(1, seconds)).encode()
    return _refusal(
        status,
        code,
        message,
        (b"retry-after", number),
        (b"x-ratelimit-reset", number),
        (b"access-control-expose-headers", b"Retry-After, X-RateLimit-Reset"),
    )


def throttled(seconds: int) -> Response:
    """The workspace exceeds its rate."""
    return _later(429, "too_many_requests", "the workspace sends too many requests", seconds)


def full(seconds: int) -> Response:
    """
    The queue is full. 429 although the fault is ours: all SDKs honour its Retry-After, and it uses up no
    attempts.
    """
    return _later(429, "queue_full", "too many events wait to be delivered", seconds)


def broken(seconds: int) -> Response:
    """Nothing can be stored."""
    return _later(503, "queue_broken", "events cannot be stored at present", seconds)


_EVENT_METHODS = b"POST, OPTIONS"
_PIXEL_METHODS = b"GET, HEAD, OPTIONS"


def _not_allowed(methods: bytes) -> Response:
    return _refusal(405, "method_not_allowed", f"allowed are {methods.decode()}", (b"allow", methods))


def _preflight(methods: bytes) -> Response:
    return Response(
        204,
        b"",
        None,
        (
            (b"access-control-allow-methods", methods),
            # `*` covers every header except Authorization. Browsers that do not know `*` need the names.
            (b"access-control-allow-headers", b"Content-Type, Authorization, *"),
            (b"access-control-max-age", b"86400"),
        ),
    )


EVENT_NOT_ALLOWED: Final = _not_allowed(_EVENT_METHODS)
PIXEL_NOT_ALLOWED: Final = _not_allowed(_PIXEL_METHODS)
EVENT_PREFLIGHT: Final = _preflight(_EVENT_METHODS)
PIXEL_PREFLIGHT: Final = _preflight(_PIXEL_METHODS)

_TRANSPARENT_PIXEL = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b"
)

PIXEL: Final = Response(200, _TRANSPARENT_PIXEL, b"image/gif", ((b"cache-control", b"no-store"),))
"""A GIF of one transparent pixel."""
