"""
Events arriving at a steady rate from outside, as they would at a socket: a process that writes to a pipe, once per
event, when it was sent (nanoseconds of the monotonic clock, 8 bytes), and never waits for what comes of it.

    python -m benchmarks.load.feeder RATE COUNT
"""

from __future__ import annotations

import asyncio
import os
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

SENT: Final = struct.Struct("<q")


def feed(rate: int, count: int) -> None:
    """Writes *count* moments to stdout, *rate* per second; after a delay it catches up at once."""
    start = time.monotonic()
    for number in range(count):
        wait = start + number / rate - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        os.write(1, SENT.pack(time.monotonic_ns()))


async def arrivals(rate: int, count: int, serve: Callable[[int], Awaitable[object]]) -> list[tuple[int, int]]:
    """
    Awaits `serve(number)` for each of *count* events as they arrive, any number at once; when each was sent and when
    it was served, in nanoseconds of the monotonic clock.
    """
    loop = asyncio.get_running_loop()
    spent: list[tuple[int, int]] = []
    tasks: set[asyncio.Task[None]] = set()
    all_sent: asyncio.Future[None] = loop.create_future()
    begun = 0

    async def one(number: int, sent: int) -> None:
        await serve(number)
        spent.append((sent, time.monotonic_ns()))

    def arrive() -> None:
        nonlocal begun
        content = os.read(pipe, SENT.size * 64)
        for (sent,) in SENT.iter_unpack(content):
            tasks.add(asyncio.ensure_future(one(begun, sent)))
            begun += 1
        if not content:
            loop.remove_reader(pipe)
            all_sent.set_result(None)

    process = subprocess.Popen(  # noqa: ASYNC220 - begins before anything is measured
        [sys.executable, "-m", "benchmarks.load.feeder", str(rate), str(count)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    pipe = process.stdout.fileno()
    loop.add_reader(pipe, arrive)
    try:
        await all_sent
        await asyncio.gather(*tasks)
    finally:
        loop.remove_reader(pipe)
        process.stdout.close()
        process.wait()
    return spent


if __name__ == "__main__":
    feed(int(sys.argv[1]), int(sys.argv[2]))
