"""workerd: a server that is called over HTTP on loopback. Its CPU time counts, not the client's."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.peers.child import PATIENCE_S, Failed, process_cpu_s
from benchmarks.runqueue import Latencies
from benchmarks.workload import DIRECTORY

if TYPE_CHECKING:
    from benchmarks.workload import Work

PROGRAMS: Final = Path(__file__).parent / "programs"

AT_ONCE: Final = {"warm": 16, "fresh isolate": 1}
"""Concurrent requests, each on its own connection: the fastest of several numbers that were tried."""


class Workerd:
    """A Contestant. Raises Failed if the server does not start."""

    def __init__(self, kind: str, name: str, program: Path, mode: str, work: Work) -> None:
        self.kind, self.name = kind, name
        self._requests = [
            b"POST / HTTP/1.1\r\nHost: workerd\r\nContent-Length: %d\r\n\r\n%b" % (len(event), event)
            for event in work.events
        ]
        self._outputs: list[bytes | None] = []
        self._stack = contextlib.ExitStack()
        try:
            folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
            for file in (PROGRAMS / "workerd.capnp", PROGRAMS / "loader.js", DIRECTORY / "settings.json"):
                shutil.copy(file, folder)
            harness = (PROGRAMS / "worker.js").read_text()
            (folder / "worker.js").write_text(f"{harness}\n{work.sources[name]}")
            port = self._begin(
                [program, "serve", "--experimental", "--control-fd=1", "workerd.capnp"], folder, mode
            )
            self._connections = [self._connect(port) for _ in range(AT_ONCE[mode])]
        except BaseException:
            self.close()
            raise

    def _begin(self, command: list[str | Path], folder: Path, mode: str) -> int:
        complaints = self._stack.enter_context((folder / "complaints").open("wb"))
        self._process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=complaints)
        self._stack.callback(self._end)
        assert self._process.stdout is not None
        for line in self._process.stdout:
            event = json.loads(line)
            if event["event"] == "listen" and event["socket"] == mode:
                return int(event["port"])
        said = (folder / "complaints").read_text().splitlines()
        raise Failed(said[0] if said else "it ended")

    def _end(self) -> None:
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process.terminate()
        self._process.wait()

    def _connect(self, port: int) -> socket.socket:
        connection = self._stack.enter_context(socket.create_connection(("127.0.0.1", port), PATIENCE_S))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def cpu_s(self) -> float:
        return process_cpu_s(self._process.pid)

    async def serve(self, first: int, count: int) -> None:
        requests, connections = self._requests, self._connections
        self._outputs = []
        try:
            for start in range(first, first + count, len(connections)):
                together = range(start, min(start + len(connections), first + count))
                for connection, place in zip(connections, together, strict=False):
                    connection.sendall(requests[place % len(requests)])
                for connection, _ in zip(connections, together, strict=False):
                    self._outputs.append(_output(connection))
        except OSError as error:
            raise Failed(str(error)) from error

    async def outputs(self) -> list[bytes | None]:
        return self._outputs

    async def latencies(self, count: int) -> Latencies:  # noqa: ARG002 - the connection would be measured
        return Latencies()

    def close(self) -> None:
        self._stack.close()


def _output(connection: socket.socket) -> bytes | None:
    """The body of a response; None for 204 No Content."""
    content = b""
    while (end := content.find(b"\r\n\r\n")) < 0:
        content += _received(connection)
    head, body = content[:end].lower(), content[end + 4 :]
    if head.startswith(b"http/1.1 204"):
        return None
    size = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
    while len(body) < size:
        body += _received(connection)
    return body


def _received(connection: socket.socket) -> bytes:
    content = connection.recv(1 << 16)
    if not content:
        raise Failed("it closed a connection")
    return content
