"""
What every engine of the queue has to keep (`headgate.queue.protocol`), in words of the protocol alone. An engine is held
to it by a class that inherits one of these and has a fixture `storage`.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import pytest

from headgate.queue.limits import QueueLimits
from headgate.queue.model import Lane, Release, Step
from headgate.queue.protocol import Queue
from tests.headgate.queue.events import (
    OTHER,
    SECOND,
    A,
    B,
    C,
    WallClock,
    again,
    counted,
    delivered,
    died,
    event,
    events,
    ids,
    poll,
)


class Storage(Protocol):
    """
    Where one queue lives.

    clock    of all that is opened here; a restart keeps the machine's clock
    """

    clock: WallClock

    async def open(self, limits: QueueLimits = ..., /) -> Queue:
        """The queue, as a process that starts finds it. Only one at a time."""


def waits(test: Callable[[Any, Any], Awaitable[None]]) -> Callable[[Any, Any], None]:
    """Runs a test on an event loop of its own. Nothing in it takes long, so nothing may hang."""

    @functools.wraps(test)
    def run(self: object, storage: object) -> None:
        async def bounded() -> None:
            await asyncio.wait_for(test(self, storage), 60)

        asyncio.run(bounded())

    return run


class Delivers:
    """What is put comes out, once, in order and fairly."""

    @waits
    async def test_what_is_put_comes_out_whole(self, storage: Storage) -> None:
        queue = await storage.open()
        now = int(storage.clock.wall_ms())

        assert await queue.put([event("m1", A, B, body=b'{"n":1}', own=b'{"n":2}')]) == [True]

        first, second = sorted(await poll(queue), key=lambda job: job.lane)
        assert (first.lane, first.body, second.lane, second.body) == (A, b'{"n":1}', B, b'{"n":2}')
        assert (first.source, first.message_id, first.event_type) == ("s", "m1", "track")
        assert (first.stage, first.attempts, first.faults, first.first_at) == ("function", 0, 0, None)
        assert first.accepted_at == now
        await queue.close()

    @waits
    async def test_ids_and_bodies_may_hold_anything(self, storage: Storage) -> None:
        queue = await storage.open()
        bodies = [b"", b"\0", bytes(range(256)), b"x" * 100_000, "\U0001f600".encode(), b'"]}', b""]
        names = ["", "\0", "a\0b", "\U0001f600" * 50, "'", '"]', "\n"]
        lane = Lane("w\0", 'd"\U0001f600')

        put = [event(name, lane, body=body) for name, body in zip(names, bodies, strict=True)]
        assert all(await queue.put(put))

        found = [(job.lane, job.message_id, job.body) for job in await poll(queue)]
        assert found == [(lane, name, body) for name, body in zip(names, bodies, strict=True)]
        await queue.close()

    @waits
    async def test_every_job_is_delivered_exactly_once(self, storage: Storage) -> None:
        """While others put, and one thing settles while the next is read."""
        queue = await storage.open()
        lanes = [Lane(f"w{number % 3}", f"d{number}") for number in range(20)]
        taken: list[tuple[str, Lane]] = []
        all_put = asyncio.Event()

        async def put(writer: int) -> None:
            for number in range(50):
                name = f"{writer}-{number}"
                assert await queue.put([event(name, lanes[(writer + number) % 20], C)]) == [True]

        async def take() -> None:
            while True:
                done = all_put.is_set()
                jobs = await queue.poll(lambda _: 5, 32)
                taken.extend((job.message_id, job.lane) for job in jobs)
                for job in jobs:
                    queue.settle(delivered(job))
                if done and not jobs:
                    break
                await asyncio.sleep(0)
            await queue.settled()

        async def put_all() -> None:
            await asyncio.gather(*[put(writer) for writer in range(40)])
            all_put.set()

        await asyncio.gather(put_all(), take())

        assert len(taken) == len(set(taken)) == 4_000
        stats = await queue.stats()
        assert (stats.jobs, stats.leased) == (0, 0)
        assert await counted(queue) == {Step.RECEIVED: 2_000, Step.DELIVERED: 4_000}
        await queue.close()

    @waits
    async def test_a_lane_gives_its_oldest_first(self, storage: Storage) -> None:
        queue = await storage.open()
        for name in ("m1", "m2", "m3"):
            await queue.put([event(name)])
            storage.clock.advance(1)

        assert ids(await poll(queue, 2)) == ["m1", "m2"]
        assert ids(await poll(queue)) == ["m3"]
        await queue.close()

    @waits
    async def test_nothing_is_handed_out_twice(self, storage: Storage) -> None:
        queue = await storage.open()
        await queue.put(events(3))

        jobs = await poll(queue)
        assert await poll(queue) == []
        queue.settle(delivered(jobs[1]))
        with pytest.raises(ValueError, match="not handed out"):
            queue.settle(delivered(jobs[1]))
        await queue.settled()
        assert await poll(queue) == []
        await queue.close()

    @waits
    async def test_a_job_that_was_not_tried_is_due_as_before(self, storage: Storage) -> None:
        queue = await storage.open()
        await queue.put(events(4))
        first, second, third = await poll(queue, 3)

        queue.settle(Release(second))
        queue.settle(Release(first))
        await queue.settled()

        assert ids(await poll(queue)) == ["m0", "m1", "m3"]
        queue.settle(delivered(third))
        await queue.close()
        queue = await storage.open()
        assert ids(await poll(queue)) == ["m0", "m1", "m3"]
        await queue.close()

    @waits
    async def test_a_poll_nobody_waits_for_any_more_loses_nothing(self, storage: Storage) -> None:
        queue = await storage.open()
        await queue.put(events(3))

        task = asyncio.ensure_future(queue.poll(lambda _: 9, 9))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await queue.stats()
        await queue.settled()

        assert ids(await poll(queue)) == ["m0", "m1", "m2"]
        await queue.close()

    @waits
    async def test_a_poll_that_is_cancelled_once_it_is_answered_loses_nothing(self, storage: Storage) -> None:
        queue = await storage.open()
        putting = asyncio.ensure_future(queue.put(events(3)))
        polling = asyncio.ensure_future(queue.poll(lambda _: 1, 1))
        await asyncio.sleep(0)

        def cancel() -> None:
            polling.cancel()

        queue.on_due(cancel)  # called because there is more, before the task has run
        await putting
        with contextlib.suppress(asyncio.CancelledError):
            queue.settle(*map(Release, await polling))
        await queue.settled()

        assert ids(await poll(queue)) == ["m0", "m1", "m2"]
        await queue.close()

    @waits
    async def test_a_put_nobody_waits_for_any_more_is_one_nevertheless(self, storage: Storage) -> None:
        queue = await storage.open()

        task = asyncio.ensure_future(queue.put(events(1)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert await queue.put(events(1)) == [False]
        assert len(await poll(queue)) == 1
        await queue.close()

    @waits
    async def test_workspaces_and_lanes_take_turns(self, storage: Storage) -> None:
        queue = await storage.open()
        busy = [Lane("w", f"d{number}") for number in range(5)]
        await queue.put([event(f"{lane}{number}", lane) for lane in busy for number in range(50)])
        await queue.put(events(50, OTHER))

        jobs = await queue.poll(lambda _: 50, 40)

        count = {lane: sum(job.lane == lane for job in jobs) for lane in [*busy, OTHER]}
        assert count == {**dict.fromkeys(busy, 4), OTHER: 20}
        later = [job for _ in range(5) for job in await queue.poll(lambda _: 50, 1)]
        assert {job.lane.workspace for job in later} == {"w", "v"}
        assert len({job.lane for job in later}) > 3
        await queue.close()

    @waits
    async def test_room_is_asked_once_for_a_lane_and_kept_to(self, storage: Storage) -> None:
        queue = await storage.open()
        await queue.put([job for lane in (A, B, C) for job in events(10, lane, prefix=lane.destination)])
        rooms = {A: 0, B: 3, C: 20}
        asked: list[Lane] = []

        def room(lane: Lane) -> int:
            asked.append(lane)
            return rooms[lane]

        jobs = await queue.poll(room, 100)

        assert sorted(asked) == [A, B, C]
        assert [sum(job.lane == lane for job in jobs) for lane in (A, B, C)] == [0, 3, 10]
        await queue.close()

    @waits
    async def test_a_lane_without_room_holds_up_nobody(self, storage: Storage) -> None:
        queue = await storage.open()
        await queue.put(events(500, A, prefix="slow"))
        await queue.put(events(3, B))

        assert ids(await queue.poll(lambda lane: 8 if lane == B else 0, 10)) == ["m0", "m1", "m2"]
        await queue.close()

    @waits
    async def test_it_says_when_there_may_be_something(self, storage: Storage) -> None:
        queue = await storage.open()
        due = asyncio.Event()
        queue.on_due(due.set)

        await queue.put(events(1))
        assert due.is_set()

        (job,) = await poll(queue)
        due.clear()
        queue.settle(again(job, 20 * SECOND))
        await queue.settled()
        assert not due.is_set()
        storage.clock.advance(20 * SECOND - 1)
        assert await poll(queue) == []
        assert not due.is_set()
        storage.clock.advance(1)
        await due.wait()

        (job,) = await poll(queue)
        due.clear()
        queue.settle(Release(job))
        await due.wait()
        assert len(await poll(queue)) == 1
        await queue.close()

    @waits
    async def test_stats_say_what_waits(self, storage: Storage) -> None:
        queue = await storage.open()
        accepted = int(storage.clock.wall_ms())
        await queue.put(events(3))
        storage.clock.advance(1)
        await queue.put(events(1, B, prefix="b"))
        one, two, three = await queue.poll(lambda lane: 9 if lane == A else 0, 9)
        queue.settle(again(one, SECOND))
        queue.settle(died(two))
        await queue.settled()

        stats = await queue.stats()

        assert (stats.jobs, stats.leased, stats.dead) == (3, 1, 1)
        assert stats.bytes > 0
        lanes = {lane: (a.waiting, a.retrying, a.oldest_at) for lane, a in stats.lanes.items()}
        assert lanes == {A: (1, 1, accepted), B: (1, 0, accepted + 1)}
        queue.settle(delivered(three))
        await queue.close()
        queue = await storage.open()
        stats = await queue.stats()
        assert (stats.jobs, stats.leased, stats.dead) == (2, 0, 1)
        assert stats.lanes[A].retrying == 1
        await queue.close()
