import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from headgate.queue.breaker import FAILURES, PROBE_FIRST_MS
from headgate.queue.clock import ServiceClock
from headgate.queue.dispatcher import LANE_BYTES, WORKSPACE_SHARE, Dispatcher
from headgate.queue.model import Done, Job, Lane, NewEvent, NewJob, Release, Step, Tally
from headgate.queue.sqlite import SqliteQueue
from tests.runtime.fakes import Frozen, until

pytestmark = pytest.mark.filterwarnings("error")

A, B = Lane("w1", "a"), Lane("w1", "b")
C = Lane("w2", "c")


def event(number: int, *lanes: Lane, body: bytes = b"{}") -> NewEvent:
    return NewEvent("w", "s", f"m{number}", "track", body, tuple(NewJob(lane) for lane in lanes))


def done(job: Job) -> Done:
    return Done(job, Tally(job.source, job.lane.destination, Step.DELIVERED, "track"))


class ManualRunner:
    """A Runner whose jobs end only when a test settles them."""

    def __init__(self, capacity: int = 4) -> None:
        self.jobs: list[Job] = []
        self._capacity = capacity

    def capacity(self, lane: Lane) -> int:  # noqa: ARG002 - the same for every lane
        return self._capacity

    def start(self, lane: Lane, jobs: Sequence[Job]) -> None:
        assert all(job.lane == lane for job in jobs)
        self.jobs += jobs

    def of(self, lane: Lane) -> list[Job]:
        return [job for job in self.jobs if job.lane == lane]


class DispatcherHarness:
    """A queue with its dispatcher at work."""

    def __init__(self, queue: SqliteQueue, runner: ManualRunner, clock: Frozen, slots: int) -> None:
        self.queue = queue
        self.runner = runner
        self.clock = clock
        self.dispatcher = Dispatcher(queue, runner, clock, slots=slots)
        self.task = asyncio.create_task(self.dispatcher.run())

    async def settle(self, *jobs: Job) -> None:
        for job in jobs:
            self.runner.jobs.remove(job)
            self.dispatcher.settle(done(job))
        await self.quiet()

    async def quiet(self) -> None:
        """Whatever the dispatcher has to do is done: a put and a poll after it have come back."""
        for _ in range(3):
            await self.queue.settled()
            await self.queue.stats()
            for _ in range(10):
                await asyncio.sleep(0)

    async def close(self) -> None:
        self.dispatcher.stop()
        await self.task
        await self.queue.close()


async def make_harness(path: Path, capacity: int = 4, slots: int = 1_000) -> DispatcherHarness:
    clock = Frozen()
    queue = await SqliteQueue.open(path / "queue.sqlite", clock=ServiceClock(clock))
    return DispatcherHarness(queue, ManualRunner(capacity), clock, slots)


def test_a_lane_gets_no_more_than_its_capacity(tmp_path: Path) -> None:
    async def main() -> None:
        harness = await make_harness(tmp_path)
        await harness.queue.put([event(number, A, B) for number in range(20)])
        await until(lambda: len(harness.runner.jobs) == 8)
        await harness.quiet()
        assert len(harness.runner.of(A)) == len(harness.runner.of(B)) == 4
        # B stands still; A goes on all the same.
        for expected in (16, 12, 8, 4, 0):
            await harness.settle(*harness.runner.of(A))
            await until(lambda: len(harness.runner.of(A)) == min(4, expected))  # noqa: B023
        assert len(harness.runner.of(B)) == 4
        await harness.close()

    asyncio.run(main())


def test_a_workspace_cannot_have_all_slots(tmp_path: Path) -> None:
    async def main() -> None:
        harness = await make_harness(tmp_path, capacity=100, slots=40)
        await harness.queue.put([event(number, A, B) for number in range(50)])
        await until(lambda: len(harness.runner.jobs) >= 2)
        await harness.queue.put([event(number, C) for number in range(50, 60)])
        await until(lambda: bool(harness.runner.of(C)))
        await harness.quiet()
        assert len(harness.runner.jobs) - len(harness.runner.of(C)) <= 40 * WORKSPACE_SHARE
        await harness.close()

    asyncio.run(main())


@pytest.mark.parametrize("workspaces", [1, 10])
def test_lanes_that_stand_still_leave_room_for_one_that_does_not(tmp_path: Path, workspaces: int) -> None:
    """However much each could do at once: a lane of large batches could otherwise have all of its workspace's slots."""

    async def main() -> None:
        harness = await make_harness(tmp_path, capacity=10_000, slots=4_000)
        still = [Lane(f"w{number % workspaces}", f"still {number}") for number in range(20)]
        await harness.queue.put([event(number, *still) for number in range(250)])
        await until(lambda: all(harness.runner.of(lane) for lane in still))
        await harness.quiet()
        quick = Lane("w0", "quick")
        await harness.queue.put([event(number, quick) for number in range(250, 290)])
        for left in range(40, 0, -1):
            await until(lambda: bool(harness.runner.of(quick)))
            await harness.settle(harness.runner.of(quick)[0])
            assert len(harness.runner.of(quick)) < left
        assert not harness.runner.of(quick)
        assert len(harness.runner.jobs) < 4_000
        await harness.close()

    asyncio.run(main())


def test_bodies_of_a_lane_are_bounded(tmp_path: Path) -> None:
    async def main() -> None:
        harness = await make_harness(tmp_path, capacity=1)
        body = b'"' + b"x" * (LANE_BYTES - 2) + b'"'
        await harness.queue.put([event(1, A, body=body)])
        await until(lambda: len(harness.runner.of(A)) == 1)
        harness.runner._capacity = 10
        await harness.queue.put([event(2, A), event(3, B)])
        await until(lambda: len(harness.runner.of(B)) == 1)
        await harness.quiet()
        assert len(harness.runner.of(A)) == 1
        await harness.settle(*harness.runner.of(A))
        await until(lambda: len(harness.runner.of(A)) == 1)
        await harness.close()

    asyncio.run(main())


def test_an_open_breaker_stops_its_lane_only_and_probes(tmp_path: Path) -> None:
    async def main() -> None:
        harness = await make_harness(tmp_path)
        for _ in range(FAILURES):
            harness.dispatcher.failed(A)
        assert harness.dispatcher.is_open(A)
        await harness.queue.put([event(number, A, B) for number in range(4)])
        await until(lambda: len(harness.runner.of(B)) == 4)
        await harness.quiet()
        assert not harness.runner.of(A)
        harness.clock.advance(PROBE_FIRST_MS)
        await until(lambda: len(harness.runner.of(A)) == 1)
        await harness.quiet()
        assert len(harness.runner.of(A)) == 1
        harness.dispatcher.succeeded(A)
        await harness.settle(*harness.runner.of(A))
        await until(lambda: len(harness.runner.of(A)) == 3)
        await harness.close()

    asyncio.run(main())


def test_a_pause_ends_by_itself(tmp_path: Path) -> None:
    async def main() -> None:
        harness = await make_harness(tmp_path)
        harness.dispatcher.pause(A, 250)
        await harness.queue.put([event(1, A)])
        await harness.quiet()
        assert not harness.runner.jobs
        harness.clock.advance(250)
        await until(lambda: len(harness.runner.jobs) == 1)
        await harness.quiet()
        assert not harness.dispatcher._paused
        await harness.close()

    asyncio.run(main())


def test_a_pause_that_ends_just_after_the_poll_keeps_nothing_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        harness = await make_harness(tmp_path)
        poll = harness.queue.poll

        async def late(room: Callable[[Lane], int], most: int) -> list[Job]:
            jobs = await poll(room, most)
            if not jobs:
                harness.clock.advance(250)
            return jobs

        harness.dispatcher.pause(A, 250)
        await harness.queue.put([event(1, A)])
        await harness.quiet()
        assert not harness.runner.jobs
        monkeypatch.setattr(harness.queue, "poll", late)
        await harness.queue.put([event(2, B)])
        await harness.quiet()
        assert len(harness.runner.of(A)) == len(harness.runner.of(B)) == 1
        await harness.close()

    asyncio.run(main())


def test_what_comes_when_it_was_stopped_is_not_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        queue = await SqliteQueue.open(tmp_path / "queue.sqlite", clock=ServiceClock(Frozen()))
        await queue.put([event(1, A)])
        polled, told, poll = asyncio.Event(), asyncio.Event(), queue.poll

        async def slow(room: Callable[[Lane], int], most: int) -> list[Job]:
            jobs = await poll(room, most)
            polled.set()
            await told.wait()
            return jobs

        monkeypatch.setattr(queue, "poll", slow)
        runner = ManualRunner()
        dispatcher = Dispatcher(queue, runner, Frozen())
        running = asyncio.create_task(dispatcher.run())
        await polled.wait()
        dispatcher.stop()
        await dispatcher.idle()
        told.set()
        await running
        assert runner.jobs == []
        await queue.settled()
        assert [job.message_id for job in await poll(lambda _: 1, 1)] == ["m1"]
        await queue.close()

    asyncio.run(main())


def test_stopped_it_starts_nothing_and_tells_when_all_is_settled(tmp_path: Path) -> None:
    async def main() -> None:
        harness = await make_harness(tmp_path)
        await harness.queue.put([event(1, A)])
        await until(lambda: len(harness.runner.jobs) == 1)
        harness.dispatcher.stop()
        await harness.task
        await harness.queue.put([event(2, A)])
        idle = asyncio.ensure_future(harness.dispatcher.idle())
        await harness.quiet()
        assert not idle.done()
        (job,) = harness.runner.jobs
        harness.dispatcher.settle(Release(job))
        await idle
        assert harness.dispatcher.in_flight == 0
        assert (await harness.queue.stats()).jobs == 2
        await harness.queue.close()

    asyncio.run(main())


def test_a_lane_that_is_gone_is_forgotten(tmp_path: Path) -> None:
    async def main() -> None:
        harness = await make_harness(tmp_path)
        for _ in range(FAILURES):
            harness.dispatcher.failed(A)
        harness.dispatcher.forget(A)
        assert not harness.dispatcher.is_open(A)
        await harness.close()

    asyncio.run(main())
