"""
A process that uses a queue as fast as it can, to be killed. It logs each promise of the queue before it does anything else,
for the test that kills it.

    python -m tests.headgate.queue.load QUEUE LOG NAME [--synchronous NORMAL] [--put-only]

Of each event go jobs to two destinations. Lines: `put ID`, accepted; `try ID DESTINATION`, about to be settled for good;
`end ID DESTINATION`, and that is durable.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

from headgate.queue import schema
from headgate.queue.clock import ServiceClock
from headgate.queue.limits import QueueLimits
from headgate.queue.model import Job, Lane, NewEvent, NewJob
from headgate.queue.sqlite import SqliteQueue
from tests.headgate.queue.events import again, delivered, died, received

DESTINATIONS = ("a", "b")

WRITERS = 16

CALL_EVENTS_MAX = 20


class RealClock:
    """The system's clock."""

    def wall_ms(self) -> float:
        return time.time() * 1e3

    def monotonic_ms(self) -> float:
        return time.monotonic() * 1e3

    async def wait(self, tasks: Collection[asyncio.Task[Any]], timeout_ms: float) -> set[asyncio.Task[Any]]:
        assert not tasks
        await asyncio.sleep(timeout_ms / 1e3)
        return set()


def body_of(message_id: str) -> bytes:
    """A body of about 1 KB that contains *message_id*."""
    return b'{"messageId":"%b","filler":"%b"}' % (message_id.encode(), b"x" * 960)


class Load:
    def __init__(self, queue: SqliteQueue, log: int, name: str) -> None:
        self.queue = queue
        self.log = log
        self.name = name
        self.random = random.Random(name)
        self.numbers = iter(range(1_000_000_000))

    async def put(self) -> None:
        while True:
            count = self.random.choice((1, 1, 1, 5, CALL_EVENTS_MAX))
            names = [f"{self.name}-{next(self.numbers)}" for _ in range(count)]
            flags = await self.queue.put([self._event(name) for name in names])
            assert all(flags)
            self._say(*[f"put {name}" for name in names])

    async def deliver(self) -> None:
        due = asyncio.Event()
        self.queue.on_due(due.set)
        while True:
            due.clear()
            jobs = await self.queue.poll(lambda _: 50, 100)
            if not jobs:
                await due.wait()
                continue
            over = [job for job in jobs if not self._postpone(job)]
            self._say(*[f"try {job.message_id} {job.lane.destination}" for job in over])
            for job in over:
                self.queue.settle(died(job) if self.random.random() < 0.05 else delivered(job))
            await self.queue.settled()
            self._say(*[f"end {job.message_id} {job.lane.destination}" for job in over])

    def _event(self, name: str) -> NewEvent:
        jobs = tuple(NewJob(Lane("w", destination)) for destination in DESTINATIONS)
        return NewEvent("w", "s", name, "track", body_of(name), jobs, (received(),))

    def _postpone(self, job: Job) -> bool:
        lot = self.random.random()
        if lot < 0.2:
            changed = body_of(job.message_id) if lot < 0.1 else None
            self.queue.settle(again(job, self.random.choice((0, 5, 50, 3_600_000)), body=changed))
        return lot < 0.2

    def _say(self, *lines: str) -> None:
        if lines:
            os.write(self.log, "".join(f"{line}\n" for line in lines).encode())


async def main(arguments: argparse.Namespace) -> None:
    vars(schema)["SYNCHRONOUS"] = arguments.synchronous
    log = os.open(arguments.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    limits = QueueLimits(disk_reserve_bytes=0)
    queue = await SqliteQueue.open(arguments.queue, clock=ServiceClock(RealClock()), limits=limits)
    load = Load(queue, log, arguments.name)
    tasks = [load.put() for _ in range(WRITERS)]
    if not arguments.put_only:
        tasks.append(load.deliver())
    await asyncio.gather(*tasks)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("queue", type=Path)
    parser.add_argument("log", type=Path)
    parser.add_argument("name")
    parser.add_argument("--synchronous", default="FULL")
    parser.add_argument("--put-only", action="store_true")
    asyncio.run(main(parser.parse_args()))
