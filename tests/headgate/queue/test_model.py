"""Random calls, restarts and time, held against a queue so simple that it cannot be wrong."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import tempfile
from collections import Counter
from collections.abc import Awaitable
from pathlib import Path
from typing import TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from headgate.queue import recent
from headgate.queue.clock import ServiceClock
from headgate.queue.limits import QueueLimits
from headgate.queue.model import Job, Lane, NewEvent, NewJob, Release, Stage, Step
from headgate.queue.sqlite import SqliteQueue
from tests.headgate.queue.events import DAY, HOUR, WallClock, again, counted, delivered, died, received

T = TypeVar("T")

EXAMPLES = int(os.environ.get("HEADGATE_QUEUE_EXAMPLES", "12"))

LANES = [Lane("w", "a"), Lane("w", "b"), Lane("w", "c"), Lane("v", "a"), Lane("v", "d")]

DELAYS = st.one_of(st.just(0), st.integers(1, 5_000), st.floats(0, 2 * HOUR))


@dataclasses.dataclass
class Stored:
    """What the model knows of a job. *number* orders jobs of the same due time."""

    message_id: str
    lane: Lane
    body: bytes
    due: int
    accepted_at: int
    stage: Stage = "function"
    attempts: int = 0
    first_at: int | None = None

    def is_handed_out_as(self, job: Job) -> bool:
        return (
            job.message_id,
            job.lane,
            job.body,
            job.accepted_at,
            job.stage,
            job.attempts,
            job.first_at,
        ) == (
            self.message_id,
            self.lane,
            self.body,
            self.accepted_at,
            self.stage,
            self.attempts,
            self.first_at,
        )


@st.composite
def new_events(draw: st.DrawFn) -> NewEvent:
    workspace = draw(st.sampled_from(["w", "v"]))
    lanes = [lane for lane in LANES if lane.workspace == workspace]
    to = draw(st.lists(st.sampled_from(lanes), unique=True, max_size=3))
    jobs = tuple(NewJob(lane, draw(st.none() | st.binary(max_size=40))) for lane in to)
    message_id = f"m{draw(st.integers(0, 60))}"
    return NewEvent(workspace, "s", message_id, "track", draw(st.binary(max_size=40)), jobs, (received(),))


class QueueMachine(RuleBasedStateMachine):
    """Jobs in the model go by (message id, lane, the time they were accepted)."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = WallClock()
        self.seen: dict[tuple[str, str], int] = {}
        self.stored: list[Stored] = []
        self.held: dict[int, tuple[Job, Stored]] = {}
        self.dead: list[Stored] = []
        self.counts: Counter[Step] = Counter()

    def wait(self, work: Awaitable[T]) -> T:
        return self.loop.run_until_complete(asyncio.wait_for(work, 30))

    def teardown(self) -> None:
        self.wait(self.queue.close())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()
        self.folder.cleanup()

    @initialize(kept=st.sampled_from([0, 1_200, recent.LANE_BYTES]))
    def begin(self, kept: int) -> None:
        """*kept*: bytes of a lane that are handed out from memory."""
        self.kept = kept
        self.open()

    def open(self) -> None:
        limits = QueueLimits(disk_reserve_bytes=0)
        path = Path(self.folder.name) / "queue.sqlite"
        self.now = ServiceClock(self.clock)
        self.queue = self.wait(SqliteQueue.open(path, clock=self.now, limits=limits))
        self.queue._thread._store._recent = recent.Recent(self.kept, 2 * self.kept)

    @rule(calls=st.lists(st.lists(new_events(), max_size=4), min_size=1, max_size=3))
    def put(self, calls: list[list[NewEvent]]) -> None:
        """Several calls at once."""

        async def put() -> list[list[bool]]:
            return await asyncio.gather(*[self.queue.put(call) for call in calls])

        now = self.now.now()
        for flags, call in zip(self.wait(put()), calls, strict=True):
            for fresh, event in zip(flags, call, strict=True):
                key = (event.workspace, event.message_id)
                assert fresh == (self.seen.get(key, -DAY) + DAY <= now)
                if fresh:
                    self.seen[key] = now
                    self.counts[Step.RECEIVED] += 1
                    self.stored += [
                        Stored(
                            event.message_id, job.lane, event.body if job.body is None else job.body, now, now
                        )
                        for job in event.jobs
                    ]

    @rule(rooms=st.dictionaries(st.sampled_from(LANES), st.integers(0, 5)), limit=st.integers(1, 20))
    def poll(self, rooms: dict[Lane, int], limit: int) -> None:
        jobs = self.wait(self.queue.poll(lambda lane: rooms.get(lane, 2), limit))
        now = self.now.now()
        assert len(jobs) <= limit
        free = [one for one in self.stored if all(one is not held for _, held in self.held.values())]
        due = [one for one in free if one.due <= now]
        for lane in LANES:
            given = [job for job in jobs if job.lane == lane]
            assert len(given) <= rooms.get(lane, 2)
            waiting = sorted((one for one in due if one.lane == lane), key=lambda one: one.due)
            for job in given:
                # Those of one due time in any order: a retry may have been put before what was accepted since.
                first = [one for one in waiting if one.due == waiting[0].due and one.is_handed_out_as(job)]
                assert first, (job, waiting)
                waiting = [one for one in waiting if one is not first[0]]
                self.held[job.id] = job, first[0]
        if not jobs:
            assert [one for one in due if rooms.get(one.lane, 2)] == []

    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        for id_ in list(self.held):
            how = data.draw(st.sampled_from(["keep", "deliver", "again", "output", "release", "die"]))
            if how == "keep":
                continue
            job, stored = self.held.pop(id_)
            if how == "deliver":
                self.queue.settle(delivered(job))
                self.stored = [one for one in self.stored if one is not stored]
                self.counts[Step.DELIVERED] += 1
            elif how == "die":
                self.queue.settle(died(job))
                self.stored = [one for one in self.stored if one is not stored]
                self.dead.append(stored)
                self.counts[Step.FAILED_DELIVERY] += 1
            elif how == "release":
                self.queue.settle(Release(job))
            else:
                delay = data.draw(DELAYS)
                body = data.draw(st.binary(max_size=40)) if how == "output" else None
                stored.first_at = job.first_at or self.now.now()
                stage: Stage = "function" if body is None else "delivery"
                settlement = again(job, delay, first_at=stored.first_at, stage=stage, body=body)
                self.queue.settle(settlement)
                stored.due = self.now.now() + int(-(-delay // 1))
                stored.attempts += 1
                stored.stage = stage
                stored.body = stored.body if body is None else body
        self.wait(self.queue.settled())

    @rule()
    def redrive(self) -> None:
        dead = self.wait(self.queue.dead(limit=3))
        assert [one.message_id for one in dead] == [one.message_id for one in self.dead[:3]]
        assert [one.body for one in dead] == [one.body for one in self.dead[:3]]
        assert self.wait(self.queue.redrive([one.id for one in dead])) == len(dead)
        now = self.now.now()
        self.stored += [
            dataclasses.replace(one, due=now, attempts=0, first_at=None) for one in self.dead[: len(dead)]
        ]
        del self.dead[: len(dead)]

    @rule(ms=st.sampled_from([1, 1_000, 60_000, HOUR, 5 * HOUR]))
    def pass_time(self, ms: int) -> None:
        self.clock.advance(ms)

    @rule(ms=st.integers(-2 * DAY, 2 * DAY))
    def set_the_wall_clock(self, ms: int) -> None:
        """To no effect, as long as the process runs."""
        before = self.clock.set_ms
        self.clock.set_ms = before + ms
        self.wait(self.queue.settled())
        assert self.now.now() == int(self.clock.wall_ms() - ms)
        self.clock.set_ms = before

    @rule()
    def restart(self) -> None:
        self.wait(self.queue.close())
        self.held.clear()
        self.open()

    @invariant()
    def stats_agree(self) -> None:
        if not hasattr(self, "queue"):
            return
        stats = self.wait(self.queue.stats())
        assert (stats.jobs, stats.leased, stats.dead) == (len(self.stored), len(self.held), len(self.dead))
        free = [one for one in self.stored if all(one is not held for _, held in self.held.values())]
        assert {lane: (one.waiting, one.retrying) for lane, one in stats.lanes.items() if one.waiting} == {
            lane: (waiting, sum(one.lane == lane and one.attempts > 0 for one in free))
            for lane, waiting in Counter(one.lane for one in free).items()
        }
        assert self.wait(counted(self.queue)) == {step: n for step, n in self.counts.items() if n}


TestQueue = QueueMachine.TestCase
TestQueue.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
