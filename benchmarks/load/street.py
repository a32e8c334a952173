"""Fifty destinations of one source in one server: twenty-nine as they should be, twenty-one as they should not."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Final

import httpx

from benchmarks.load.receiver import SILENCE, Receiver
from headgate.demo.server import ChildServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from benchmarks.load.receiver import Received

GOOD: Final = "good"

HOUSES: Final[Mapping[str, int]] = {GOOD: 29, "hang": 10, "fail": 10, "loop": 1}
"""How many destinations of each sort: `hang` never answers, `fail` answers 500, the function of `loop` never ends."""

_STATUS: Final = {GOOD: 200, "hang": SILENCE, "fail": 500, "loop": 200}

FUNCTION: Final = """
function onTrack(event) {
  event.properties.seen = true
  return event
}
"""

ENDLESS: Final = "function onTrack() { while (true) {} }"

WRITE_KEY: Final = "street"


def manifest(port: int, sorts: Mapping[str, int], functions: Mapping[str, str]) -> str:
    """A `headgate.toml` with destinations of *sorts*, all of one source and one workspace."""
    lines = ["[[sources]]", 'slug = "street"', f'write_keys = ["{WRITE_KEY}"]']
    for name, code in functions.items():
        lines += ["[[functions]]", f'name = "{name}"', f"code = {json.dumps(code)}"]
    for sort, count in sorts.items():
        for number in range(count):
            lines += ["[[destinations]]", f'name = "{sort} {number}"', 'source = "street"']
            lines += ['kind = "webhook"', f'url = "http://127.0.0.1:{port}/{sort}/{number}"']
            lines.append(f'function = {{ name = "{"endless" if sort == "loop" else "seen"}" }}')
    return "\n".join(lines) + "\n"


class Street:
    """
    A server with its destinations.

    requests    what came to webhooks, by sort; they are in this process
    """

    def __init__(self, root: Path, server: ChildServer, requests: Counter[str]) -> None:
        self.root = root
        self.server = server
        self.requests = requests


@contextlib.asynccontextmanager
async def street(
    root: Path, sorts: Mapping[str, int], arrived: Callable[[Received], None]
) -> AsyncIterator[Street]:
    """*arrived* gets the requests to good destinations. *root* is an empty directory."""
    requests: Counter[str] = Counter()

    def answer(request: Received) -> int:
        sort = request.path.split("/")[1]
        requests[sort] += 1
        if sort == GOOD:
            arrived(request)
        return _STATUS[sort]

    async with Receiver(answer) as receiver:
        text = manifest(receiver.port, sorts, {"seen": FUNCTION, "endless": ENDLESS})
        await asyncio.to_thread(apply, root, text)
        # What hangs need not be waited for at the end.
        server = ChildServer(root / "data", 0, "--allow-private", "--grace-ms", "0")
        await asyncio.to_thread(server.__enter__)
        try:
            yield Street(root, server, requests)
        finally:
            await asyncio.to_thread(server.__exit__, None, None, None)


def apply(root: Path, text: str) -> None:
    """Carries out the manifest *text* on `root/data`."""
    (root / "headgate.toml").write_text(text)
    program = "import sys; from headgate.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "apply", "--yes", "--data", str(root / "data")]
    subprocess.run(command, cwd=root, check=True, stdout=subprocess.DEVNULL)


async def pour(
    url: str, rate: float, count: int, event: Callable[[int], bytes], done: Callable[[int], None]
) -> None:
    """
    Sends *count* events at *rate* per second, whatever becomes of those before; *done* is called as each is accepted.
    Raises RuntimeError for an event that is not.
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
