"""Compares what a killed process had been promised with what its queue holds."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from headgate.queue.clock import ServiceClock
from headgate.queue.limits import QueueLimits
from headgate.queue.model import Step
from headgate.queue.sqlite import SqliteQueue
from tests.headgate.queue.events import DAY, counted, poll
from tests.headgate.queue.load import DESTINATIONS, RealClock, body_of

ROOT = Path(__file__).resolve().parents[3]

JobName = tuple[str, str]


class Tomorrow(RealClock):
    """A clock a day later, when every retry is due."""

    def wall_ms(self) -> float:
        return super().wall_ms() + DAY


@dataclass
class Promises:
    """The promises in the log of load.py."""

    put: set[str] = field(default_factory=set)
    tried: set[JobName] = field(default_factory=set)
    ended: set[JobName] = field(default_factory=set)

    @classmethod
    def read(cls, log: Path) -> Promises:
        promises = cls()
        for line in log.read_text().splitlines() if log.exists() else ():
            what, *names = line.split(" ")
            if what == "put":
                promises.put.add(names[0])
            elif what == "try":
                promises.tried.add((names[0], names[1]))
            else:
                promises.ended.add((names[0], names[1]))
        return promises


@dataclass
class Stored:
    """The contents of a queue: live jobs and dead ones."""

    jobs: list[JobName]
    dead: list[JobName]
    counts: dict[Step, int]

    def lost(self, promises: Promises) -> set[JobName]:
        """Jobs that were accepted, never settled, and are gone."""
        promised = {(name, destination) for name in promises.put for destination in DESTINATIONS}
        return promised - promises.tried - {*self.jobs, *self.dead}

    def returned(self, promises: Promises) -> set[JobName]:
        """Jobs that were settled durably, and exist again."""
        return promises.ended & set(self.jobs)

    def check_counts(self) -> None:
        """Every job is in one place, and every counter equals what it counts."""
        assert len(self.jobs) == len(set(self.jobs))
        assert len(self.dead) == len(set(self.dead)) == self.counts.get(Step.FAILED_DELIVERY, 0)
        over = self.counts.get(Step.DELIVERED, 0) + len(self.dead)
        assert len(self.jobs) + over == len(DESTINATIONS) * self.counts.get(Step.RECEIVED, 0)


async def look_into(path: Path) -> Stored:
    """Opens the queue as the next process would, and takes all jobs without settling them."""
    limits = QueueLimits(disk_reserve_bytes=0)
    queue = await SqliteQueue.open(path, clock=ServiceClock(Tomorrow()), limits=limits)
    jobs = await poll(queue, 10_000_000)
    assert [job for job in jobs if job.body != body_of(job.message_id)] == []
    dead = await queue.dead(limit=10_000_000)
    assert [one for one in dead if one.body != body_of(one.message_id)] == []
    counts = await counted(queue)
    await queue.close()
    return Stored(
        [(job.message_id, job.lane.destination) for job in jobs],
        [(one.message_id, one.lane.destination) for one in dead],
        counts,
    )


def start_load(queue: Path, log: Path, name: str, *options: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.headgate.queue.load", str(queue), str(log), name, *options]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE)
