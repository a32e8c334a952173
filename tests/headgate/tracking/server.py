"""A TrackingApi behind a real server on loopback."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import uvicorn

from headgate.tracking import TrackingApi
from headgate.tracking.asgi import Message, Receive, Scope, Send
from headgate_runtime import Clock, SystemClock, SystemEntropy
from tests.headgate.tracking.asking import ListIntake, Reply


class Recorded(NamedTuple):
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class TrackingServer:
    """`requests` has what was received, `intake` what came of it. To be looked at when clients have had their answers."""

    def __init__(self, clock: Clock) -> None:
        self.intake = ListIntake()
        self.requests: list[Recorded] = []
        self._ended = threading.Condition()
        self.api = TrackingApi(self.intake, clock=clock, entropy=SystemEntropy())
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        config = uvicorn.Config(
            self._application,
            http="httptools",
            interface="asgi3",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._listener],))
        self._thread.start()

    @property
    def host(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        """Ends when everything under way has ended."""
        self._server.should_exit = True
        self._thread.join()

    def wait_for(self, count: int) -> None:
        """Returns when *count* requests have ended, with an answer or without."""
        with self._ended:
            assert self._ended.wait_for(lambda: len(self.requests) >= count, timeout=20)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def ask(self, method: str, path: str, body: Any = None, **options: Any) -> Reply:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, **options)
            response = connection.getresponse()
            headers = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, headers, response.read())
        finally:
            connection.close()

    async def _application(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = bytearray()

        async def listen() -> Message:
            message = await receive()
            body.extend(message.get("body", b""))
            return message

        try:
            await self.api(scope, listen, send)
        finally:
            headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
            with self._ended:
                self.requests.append(Recorded(scope["method"], scope["path"], headers, bytes(body)))
                self._ended.notify_all()


@contextmanager
def serving(clock: Clock | None = None) -> Iterator[TrackingServer]:
    server = TrackingServer(clock or SystemClock())
    try:
        yield server
    finally:
        server.stop()
