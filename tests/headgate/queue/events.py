"""Events to put, outcomes to settle with, and a clock that only the test moves."""

from __future__ import annotations

from collections.abc import Sequence

from headgate.queue.model import (
    Again,
    Done,
    Error,
    Job,
    Lane,
    NewEvent,
    NewJob,
    Stage,
    Step,
    Tally,
)
from headgate.queue.protocol import Queue
from tests.runtime.fakes import Frozen

A = Lane("w", "a")
B = Lane("w", "b")
C = Lane("w", "c")
OTHER = Lane("v", "a")

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

BROKE = Error("http-503", "Service Unavailable", 503)


class WallClock(Frozen):
    """Beside what passes, somebody may set the wall clock: *set_ms* is what they added."""

    def __init__(self) -> None:
        super().__init__()
        self.set_ms = 0.0

    def wall_ms(self) -> float:
        return super().wall_ms() + self.set_ms


def received(source: str = "s", event_type: str = "track") -> Tally:
    return Tally(source, "", Step.RECEIVED, event_type)


def event(message_id: str, *lanes: Lane, body: bytes | None = None, own: bytes | None = None) -> NewEvent:
    """An event for *lanes*, lane A unless said; *own* is the body of the last of them where that is another."""
    to = lanes or (A,)
    jobs = [NewJob(lane) for lane in to]
    if own is not None:
        jobs[-1] = NewJob(to[-1], own)
    text = b'{"messageId":"%b"}' % message_id.encode() if body is None else body
    return NewEvent(to[0].workspace, "s", message_id, "track", text, tuple(jobs), (received(),))


def events(count: int, *lanes: Lane, prefix: str = "m") -> list[NewEvent]:
    return [event(f"{prefix}{number}", *lanes) for number in range(count)]


def delivered(job: Job, latency_ms: float | None = None) -> Done:
    return Done(
        job,
        Tally(job.source, job.lane.destination, Step.DELIVERED, job.event_type, "", job.attempts + 1),
        latency_ms,
    )


def died(job: Job, error: Error = BROKE) -> Done:
    tally = Tally(
        job.source, job.lane.destination, Step.FAILED_DELIVERY, job.event_type, error.reason, job.attempts + 1
    )
    return Done(job, tally, dead=error)


def again(
    job: Job, delay_ms: float, *, first_at: int = 1, stage: Stage | None = None, body: bytes | None = None
) -> Again:
    return Again(
        job, delay_ms, BROKE, job.attempts + 1, job.faults, job.first_at or first_at, stage or job.stage, body
    )


async def poll(queue: Queue, limit: int = 1_000) -> list[Job]:
    """All that is due, up to *limit*; every lane has room."""
    jobs: list[Job] = []
    while found := await queue.poll(lambda _: 1_000, limit - len(jobs)):
        jobs += found
        if len(jobs) >= limit:
            break
    return jobs


async def deliver_all(queue: Queue) -> list[Job]:
    """Everything that is due, delivered."""
    jobs = await poll(queue)
    for job in jobs:
        queue.settle(delivered(job))
    await queue.settled()
    return jobs


async def counted(queue: Queue) -> dict[Step, int]:
    """Events counted in each step since ever."""
    steps: dict[Step, int] = {}
    for row in await queue.tallies():
        steps[row.tally.step] = steps.get(row.tally.step, 0) + row.events
    return steps


def ids(jobs: Sequence[Job]) -> list[str]:
    return [job.message_id for job in jobs]
