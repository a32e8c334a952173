"""A server with fifty destinations of one source, of which twenty-nine work and twenty-one hang, fail or loop."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import Counter
from typing import TYPE_CHECKING, Final

import httpx

from benchmarks.load import manifest
from benchmarks.load.webhooks import SILENCE, WebhookServer
from headgate.demo.server import ChildServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from benchmarks.load.webhooks import Received

GOOD: Final = "good"

DESTINATIONS: Final[Mapping[str, int]] = {GOOD: 29, "hang": 10, "fail": 10, "loop": 1}
"""Destinations by kind: `hang` never answers, `fail` answers 500, the function of `loop` never ends."""

_STATUS: Final = {GOOD: 200, "hang": SILENCE, "fail": 500, "loop": 200}

FUNCTION: Final = """
function onTrack(event) {
  event.properties.seen = true
  return event
}
"""

ENDLESS: Final = "function onTrack() { while (true) {} }"

WRITE_KEY: Final = "load"


def manifest_of(port: int, kinds: Mapping[str, int], functions: Mapping[str, str]) -> str:
    """A `headgate.toml` with so many destinations of each kind, all of one source and workspace."""
    lines = ["[[sources]]", 'slug = "load"', f'write_keys = ["{WRITE_KEY}"]']
    for name, code in functions.items():
        lines += ["[[functions]]", f'name = "{name}"', f"code = {json.dumps(code)}"]
    for kind, count in kinds.items():
        for number in range(count):
            lines += ["[[destinations]]", f'name = "{kind} {number}"', 'source = "load"']
            lines += ['kind = "webhook"', f'url = "http://127.0.0.1:{port}/{kind}/{number}"']
            lines.append(f'function = {{ name = "{"endless" if kind == "loop" else "seen"}" }}')
    return "\n".join(lines) + "\n"


class Deployment:
    """
    A running server with its destinations, whose webhooks are in this process.

    requests    number of requests to webhooks, by kind
    """

    def __init__(self, root: Path, server: ChildServer, requests: Counter[str]) -> None:
        self.root = root
        self.server = server
        self.requests = requests


@contextlib.asynccontextmanager
async def deployed(
    root: Path, kinds: Mapping[str, int], arrived: Callable[[Received], None]
) -> AsyncIterator[Deployment]:
    """Starts a Deployment in the empty directory *root*. *arrived* is called with each request to a good destination."""
    requests: Counter[str] = Counter()

    def answer(request: Received) -> int:
        kind = request.path.split("/")[1]
        requests[kind] += 1
        if kind == GOOD:
            arrived(request)
        return _STATUS[kind]

    async with WebhookServer(answer) as webhooks:
        text = manifest_of(webhooks.port, kinds, {"seen": FUNCTION, "endless": ENDLESS})
        await asyncio.to_thread(manifest.apply, root, text)
        # Without a grace period: hanging requests would use all of it.
        server = ChildServer(root / "data", 0, "--allow-private", "--grace-ms", "0")
        await asyncio.to_thread(server.__enter__)
        try:
            yield Deployment(root, server, requests)
        finally:
            await asyncio.to_thread(server.__exit__, None, None, None)


async def send_events(
    url: str, rate: float, count: int, event: Callable[[int], bytes], done: Callable[[int], None]
) -> None:
    """
    Sends *count* events at *rate* per second, as an open loop; *done* is called as each is accepted. Raises RuntimeError
    for an event that is not accepted.
    """
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=100)
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60, limits=limits) as client:

        async def send(number: int) -> None:
            answer = await client.post("/v1/track", content=event(number))
            if answer.status_code != 200:
                raise RuntimeError(f"an event was answered with {answer.status_code}: {answer.text}")
            done(number)

        start = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(count):
                await asyncio.sleep(max(0.0, start + number / rate - time.perf_counter()))
                group.create_task(send(number))
