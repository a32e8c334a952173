"""
A webhook receiver that costs as little as possible: an `asyncio.Protocol` that finds the events' numbers, records their
arrival in the table and answers 200.

    python -m benchmarks.load.receiver TABLE EVENTS KEPT    (prints its port; ends with its stdin)

The first requests are written to the file KEPT as JSON Lines, so that their content can be compared.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import uvloop

from benchmarks.load.arrival_table import ArrivalTable

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

NUMBER: Final = re.compile(rb'"messageId":"n(\d{10})"')

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)

ANSWER: Final = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"

KEPT_BODIES: Final = 16
"""Requests written to KEPT; with 100 events each they contain every event of the workload."""


class _Connection(asyncio.Protocol):
    def __init__(self, arrived: Callable[[bytes], None]) -> None:
        self._arrived = arrived
        self._content = bytearray()
        self._wanted = 0
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        content = self._content
        content += data
        while len(content) >= self._wanted:
            end = content.find(b"\r\n\r\n")
            if end < 0:
                return
            length = _LENGTH.search(content, 0, end + 2)
            assert length is not None
            self._wanted = end + 4 + int(length[1])
            if len(content) < self._wanted:
                return
            self._arrived(bytes(content[end + 4 : self._wanted]))
            del content[: self._wanted]
            self._wanted = 0
            self._transport.write(ANSWER)
            if not content:
                return


async def _serve(table: ArrivalTable, kept: BinaryIO) -> None:
    def arrived(body: bytes) -> None:
        table.record([int(number) for number in NUMBER.findall(body)], time.monotonic_ns())
        if table.requests <= KEPT_BODIES:
            kept.write(body + b"\n")
            kept.flush()

    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(arrived), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    ended: asyncio.Future[None] = loop.create_future()

    def end() -> None:
        loop.remove_reader(0)
        ended.set_result(None)

    loop.add_reader(0, end)
    await ended


if __name__ == "__main__":
    with ArrivalTable(Path(sys.argv[1]), int(sys.argv[2])) as found, Path(sys.argv[3]).open("wb") as file:
        uvloop.run(_serve(found, file))
