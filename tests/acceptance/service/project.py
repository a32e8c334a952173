"""A directory with a manifest and functions, the data directory made from it, and a server on that."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import httpx
import orjson

from headgate.demo.server import ChildServer
from tests.acceptance import forked
from tests.acceptance.command import apply

DEADLINE_S = 30.0

MANIFEST = """
[workspace]
slug = "default"

[[sources]]
slug = "web"
write_keys = ["wk"]

[[functions]]
name = "Mark"
path = "mark.js"

[[destinations]]
name = "Out"
source = "web"
kind = "sink"
path = "out.jsonl"
function = { name = "Mark" }
"""

MARK = "function onTrack(event) { event.properties.mark = 1; return event }"


class Project:
    """A directory with a manifest and functions; `data` is the data directory that they are applied to."""

    def __init__(self, root: Path, manifest: str = MANIFEST, files: Mapping[str, str] | None = None) -> None:
        self.root = root
        self.data = root / "data"
        self.write("headgate.toml", manifest)
        for name, text in (files or {"mark.js": MARK}).items():
            self.write(name, text)

    def write(self, name: str, text: str) -> None:
        (self.root / name).write_text(text)

    def command(self, *arguments: str, status: int = 0) -> str:
        """Runs `headgate`; returns what it prints on both streams."""
        done = forked.run(
            *arguments,
            "--data",
            self.data,
            cwd=self.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        assert done.returncode == status, done.stdout
        shown: str = done.stdout
        return shown

    def apply(self) -> None:
        apply(self.root / "headgate.toml", self.data)

    @contextlib.contextmanager
    def serving(self, *flags: str) -> Iterator[Client]:
        with Server(self.data, 0, *flags) as server, Client(server) as client:
            yield client

    def arrived(self, name: str = "out.jsonl") -> list[dict[str, Any]]:
        path = self.data / "sinks" / name
        if not path.exists():
            return []
        return [orjson.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]


class Server(ChildServer):
    """`headgate serve`, forked from a prepared process."""

    def _begin(self) -> subprocess.Popen[str]:
        return forked.Popen(*self._arguments, stderr=subprocess.PIPE, text=True, start_new_session=True)


class Client:
    """Sends events as SDKs do."""

    def __init__(self, server: ChildServer) -> None:
        self.server = server
        self.http = httpx.Client(base_url=server.url, trust_env=False, timeout=20)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def track(self, number: int, *, key: str = "wk", **properties: Any) -> httpx.Response:
        return self.post("/v1/track", event(number, writeKey=key, properties=properties))

    def batch(self, *events: dict[str, Any], key: str = "wk") -> httpx.Response:
        return self.post("/v1/batch", {"writeKey": key, "batch": list(events)})

    def post(self, path: str, value: object, **headers: str) -> httpx.Response:
        return self.http.post(
            path, content=orjson.dumps(value), headers={"content-type": "application/json", **headers}
        )

    def metrics(self, name: str) -> dict[tuple[tuple[str, str], ...], float]:
        """Samples called *name*, by their labels."""
        from prometheus_client.parser import text_string_to_metric_families

        return {
            tuple(sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(self.http.get("/metrics").text)
            for sample in family.samples
            if sample.name == name
        }


def event(number: int, **fields: Any) -> dict[str, Any]:
    return {"type": "track", "event": "E", "userId": "u", "messageId": f"m{number}", **fields}


def until(done: Callable[[], bool]) -> None:
    """Polls until *done*, since there is no notification from other processes."""
    deadline = time.monotonic() + DEADLINE_S
    while not done():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
