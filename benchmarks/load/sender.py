"""
Sends events to the event API from a process of its own: prepared requests over persistent connections.

    python -m benchmarks.load.sender '{"port": ..., ...}'    (fields of Order; prints a JSON object with the fields of Sent)

Open loop: request n is due at start + n / rate and is sent then, whether or not earlier ones were answered. Latencies
count from that moment, so a server that stalls is charged for every request that was due meanwhile (no coordinated
omission). Closed loop: at most *window* events are between the sender and the receiver.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import math
import re
import sys
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import uvloop

from benchmarks.load.arrival_table import ArrivalTable
from benchmarks.workload import load

WRITE_KEY: Final = "load"

_ID: Final = re.compile(rb'"messageId":"[^"]*"')
_HEAD: Final = re.compile(
    rb"HTTP/1\.1 (\d+).*?\r\ncontent-length: *(\d+).*?\r\n\r\n", re.DOTALL | re.IGNORECASE
)
_DIGITS: Final = 10

_LOOK_S: Final = 0.0005
"""Interval at which a closed loop reads the number of arrivals."""

LATE_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Order:
    """
    first, count     numbers of the events to send, from which their message ids are made
    batch            events per request; 1: POST /v1/track
    rate             events per second; None: closed loop
    window           closed loop: greatest number of events sent but not arrived
    table, cells     path and size of the ArrivalTable; None: a closed loop waits only for acceptance
    seconds          closed loop: greatest duration
    """

    port: int
    first: int
    count: int
    batch: int
    connections: int
    rate: float | None = None
    window: int = 0
    table: str | None = None
    cells: int = 0
    seconds: float = 3600.0


@dataclass(frozen=True, slots=True)
class Sent:
    """
    start_ns       when request 0 was due, on the monotonic clock
    sent           number of events
    refused        requests that were not answered with 200
    accepted_ms    of each request, the time from when it was due to its answer
    late_ms        the longest time by which the sender itself was late
    end_ns         when the last request was answered
    """

    start_ns: int
    sent: int
    refused: int
    accepted_ms: list[float]
    late_ms: float
    end_ns: int


class Requests:
    """Requests with the workload's events in turn; an event's number is its message id."""

    def __init__(self, batch: int, port: int) -> None:
        self._batch = batch
        events = [_ID.sub(b'"messageId":"n%0*d"' % (_DIGITS, 0), each, 1) for each in load().events]
        # Requests until the workload's first event is the first of a request again.
        forms = len(events) // math.gcd(batch, len(events))
        self._forms = [self._form(events, request * batch, port) for request in range(forms)]
        self._holes = [[hole.end() - 1 - _DIGITS for hole in _ID.finditer(form)] for form in self._forms]

    def _form(self, events: list[bytes], start: int, port: int) -> bytes:
        picked = [events[(start + number) % len(events)] for number in range(self._batch)]
        if self._batch == 1:
            path, body = b"track", picked[0][:-1] + b',"writeKey":"%s"}' % WRITE_KEY.encode()
        else:
            path = b"batch"
            body = b'{"writeKey":"%s","batch":[%s]}' % (WRITE_KEY.encode(), b",".join(picked))
        head = b"POST /v1/%s HTTP/1.1\r\nhost: 127.0.0.1:%d\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        return head % (path, port, len(body)) + body

    def make(self, request: int, first: int) -> bytearray:
        """Request number *request*, whose events are numbered from *first* on."""
        which = request % len(self._forms)
        content = bytearray(self._forms[which])
        for number, hole in enumerate(self._holes[which], first):
            content[hole : hole + _DIGITS] = b"%0*d" % (_DIGITS, number)
        return content


class _Connection(asyncio.Protocol):
    def __init__(self, sender: _Sender) -> None:
        self._gun = sender
        self._content = bytearray()
        self.due: deque[int] = deque()
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        content = self._content
        content += data
        while (head := _HEAD.match(content)) is not None:
            end = head.end() + int(head[2])
            if len(content) < end:
                return
            status = int(head[1])
            del content[:end]
            self._gun.answered(self.due.popleft(), status)

    def connection_lost(self, error: Exception | None) -> None:
        if self.due:
            self._gun.lost(error)


class _Sender:
    def __init__(self, order: Order) -> None:
        self._order = order
        self._requests = Requests(order.batch, order.port)
        self._connections: list[_Connection] = []
        self._refused = 0
        self._accepted: list[float] = []
        self._sent = 0
        self._late_ns = 0
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._all = False

    def answered(self, due_ns: int, status: int) -> None:
        self._accepted.append((time.monotonic_ns() - due_ns) / 1e6)
        self._refused += status != 200
        self._look()

    def lost(self, error: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(error or ConnectionResetError("the server closed a connection"))

    def _look(self) -> None:
        if self._all and not self._done.done() and not any(each.due for each in self._connections):
            self._done.set_result(None)

    def _send(self, due_ns: int) -> None:
        """Sends the next request on the connection with the fewest requests in flight."""
        order = self._order
        size = min(order.batch, order.count - self._sent)
        assert size == order.batch
        number = self._sent // order.batch
        connections = self._connections
        connection = connections[number % len(connections)]
        if connection.due:
            connection = min(connections, key=lambda each: len(each.due))
        connection.due.append(due_ns)
        connection.transport.write(self._requests.make(number, order.first + self._sent))
        self._sent += size

    async def send(self) -> Sent:
        order = self._order
        loop = asyncio.get_running_loop()
        for _ in range(order.connections):
            _, connection = await loop.create_connection(lambda: _Connection(self), "127.0.0.1", order.port)
            self._connections.append(connection)
        start = time.monotonic_ns()
        if order.rate is not None:
            await self._open(start, order.rate)
        else:
            await self._closed(start)
        self._all = True
        self._look()
        async with asyncio.timeout(LATE_S):
            await self._done
        end = time.monotonic_ns()
        for each in self._connections:
            each.transport.close()
        return Sent(start, self._sent, self._refused, self._accepted, self._late_ns / 1e6, end)

    async def _open(self, start: int, rate: float) -> None:
        step = 1e9 * self._order.batch / rate
        for number in range(self._order.count // self._order.batch):
            due = start + round(number * step)
            ahead = due - time.monotonic_ns()
            if ahead > 0:
                await asyncio.sleep(ahead / 1e9)
            self._late_ns = max(self._late_ns, time.monotonic_ns() - due)
            self._send(due)

    async def _closed(self, start: int) -> None:
        order = self._order
        end = start + round(order.seconds * 1e9)
        table = ArrivalTable(Path(order.table), order.cells) if order.table else None
        before = table.arrived if table else 0
        while self._sent + order.batch <= order.count and time.monotonic_ns() < end:
            over = table.arrived - before if table else len(self._accepted) * order.batch
            if self._sent - over + order.batch <= order.window:
                self._send(time.monotonic_ns())
            else:
                await asyncio.sleep(_LOOK_S)


async def _main(order: Order) -> Sent:
    return await _Sender(order).send()


if __name__ == "__main__":
    print(json.dumps(dataclasses.asdict(uvloop.run(_main(Order(**json.loads(sys.argv[1])))))))
