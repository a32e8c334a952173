"""Test doubles on loopback: a webhook receiver, and a proxy that records the requests to a server."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple, Self
from urllib.parse import urlsplit


class Request(NamedTuple):
    """Names of *headers* are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Reply(NamedTuple):
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


class Double:
    """An HTTP server; `requests` has what it received, in the order of the answers."""

    def __init__(self, answer: Callable[[Request], Reply]) -> None:
        self.requests: list[Request] = []
        double = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", "0")))
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = Request(self.command, self.path, headers, body)
                reply = answer(request)
                double.requests.append(request)
                self.send_response_only(reply.status)
                for name, value in reply.headers:
                    self.send_header(name, value)
                self.send_header("content-length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False  # connections are kept alive by whoever opened them
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@contextmanager
def receiver() -> Iterator[Double]:
    """Answers every request with 200."""
    with Double(lambda _: Reply()) as double:
        yield double


@contextmanager
def tap(url: Callable[[], str]) -> Iterator[Double]:
    """Forwards every request to *url* and returns the response, both unchanged."""

    def forward(request: Request) -> Reply:
        connection = http.client.HTTPConnection(urlsplit(url()).netloc, timeout=20)
        try:
            connection.request(request.method, request.path, request.body, request.headers)
            response = connection.getresponse()
            headers = tuple(pair for pair in response.getheaders() if pair[0].lower() != "content-length")
            return Reply(response.status, headers, response.read())
        finally:
            connection.close()

    with Double(forward) as double:
        yield double
