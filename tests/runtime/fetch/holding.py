"""
A server in a process of its own that answers nobody before everybody has asked.

    python -m tests.runtime.fetch.holding COUNT

Writes its port, then a line for each COUNT requests that are open at once, with the connections that they came on;
a line on its stdin lets it answer these, each with its path.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import sys
from collections.abc import AsyncIterator
from typing import NamedTuple

FILES = 10_240
"""What every system that we know lets a process have, if its hard limit does."""


class Holding:
    """The server as a test sees it."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self._process = process
        self.url = f"http://127.0.0.1:{port}/"

    async def everybody(self) -> tuple[int, int]:
        """Requests and connections that are open, once there are as many as expected."""
        assert self._process.stdout is not None
        requests, connections = map(int, (await self._process.stdout.readline()).split())
        return requests, connections

    async def answer(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        await self._process.stdin.drain()


@contextlib.asynccontextmanager
async def holding(count: int) -> AsyncIterator[Holding]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", __name__, str(count)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield Holding(process, int(await process.stdout.readline()))
    finally:
        process.stdin.close()
        await process.wait()


class _Held(NamedTuple):
    writer: asyncio.StreamWriter
    path: bytes


def make_room() -> None:
    """As many open files as this process may have, up to FILES."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    room = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, room), hard))


async def _main(count: int) -> None:
    held: list[_Held] = []
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                held.append(_Held(writer, head.split(b" ", 2)[1]))
                if len(held) == count:
                    sys.stdout.write(f"{len(held)} {connections}\n")
                    sys.stdout.flush()
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            connections -= 1
            writer.close()

    def answer() -> None:
        if not sys.stdin.readline():
            ended.set()
        for writer, path in held:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(path), path))
        held.clear()

    ended = asyncio.Event()
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=4096)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), answer)
    await ended.wait()


if __name__ == "__main__":
    make_room()
    asyncio.run(_main(int(sys.argv[1])))
