"""
HTTP endpoints without a framework, for those that every server needs from the start: importing a framework
takes longer than everything else at a start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import orjson

from headgate.service.refusal import as_json

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from headgate.tracking.asgi import Receive, Scope, Send

    Endpoint = Callable[["Request"], Awaitable["Response"]]

JSON: Final = "application/json"
TEXT: Final = "text/plain; charset=utf-8"
BYTES: Final = "application/octet-stream"


class Request(NamedTuple):
    """A request. The names of *headers* are in lower case."""

    headers: dict[bytes, bytes]
    body: bytes


class Response(NamedTuple):
    content: bytes
    content_type: str = BYTES
    status: int = 200
    headers: tuple[tuple[bytes, bytes], ...] = ()


def refused(status: int, message: str, headers: tuple[tuple[bytes, bytes], ...] = ()) -> Response:
    return Response(orjson.dumps(as_json(status, message)), JSON, status, headers)


class Endpoints:
    """
    An ASGI application with *endpoints* by method and path. It reads the bodies of POST requests only,
    without a size limit, so POST endpoints are for trusted clients.
    """

    def __init__(self, endpoints: Mapping[tuple[str, str], Endpoint]) -> None:
        self._endpoints = endpoints
        self._paths = {path for _, path in endpoints}

    def handles(self, path: str) -> bool:
        return path in self._paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request; *scope* is of type "http"."""
        endpoint = self._endpoints.get((scope["method"], scope["path"]))
        if endpoint is not None:
            body = await _body(receive) if scope["method"] == "POST" else b""
            response = await endpoint(Request(dict(scope["headers"]), body))
        elif self.handles(scope["path"]):
            allowed = sorted(method for method, path in self._endpoints if path == scope["path"])
            allow = (b"allow", ", ".join(allowed).encode())
            response = refused(405, "Method Not Allowed", (allow,))
        else:
            response = refused(404, "Not Found")
        headers = [
            (b"content-type", response.content_type.encode()),
            (b"content-length", str(len(response.content)).encode()),
            *response.headers,
        ]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": response.content})


async def _body(receive: Receive) -> bytes:
    content = bytearray()
    while True:
        message = await receive()
        content += message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(content)
