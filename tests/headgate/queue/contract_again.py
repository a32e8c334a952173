"""The part of the contract about what is not delivered at the first attempt."""

from __future__ import annotations

import asyncio

import pytest

from headgate.queue.limits import QueueLimits
from headgate.queue.model import Error, Step
from tests.headgate.queue.contract import Storage, waits
from tests.headgate.queue.events import (
    BROKE,
    DAY,
    HOUR,
    SECOND,
    A,
    B,
    again,
    counted,
    deliver_all,
    delivered,
    died,
    event,
    events,
    ids,
    poll,
)


class TriesAgain:
    """Retries, restarts, the dead, and clocks that lie."""

    @waits
    async def test_a_retry_keeps_what_it_is(self, storage: Storage) -> None:
        queue = await storage.open()
        accepted = int(storage.clock.wall_ms())
        await queue.put([event("m1", A, B, body=b"event", own=b"own")])
        storage.clock.advance(HOUR)
        for job in await poll(queue):
            queue.settle(again(job, 90 * SECOND, first_at=accepted + HOUR))
        await queue.settled()

        storage.clock.advance(90 * SECOND - 1)
        assert await poll(queue) == []
        storage.clock.advance(1)
        first, second = sorted(await poll(queue), key=lambda job: job.lane)

        assert (first.body, second.body) == (b"event", b"own")
        for job in (first, second):
            assert (job.attempts, job.faults, job.first_at) == (1, 0, accepted + HOUR)
            assert (job.accepted_at, job.stage) == (accepted, "function")
        await queue.close()

    @waits
    async def test_a_retry_outlives_a_restart(self, storage: Storage) -> None:
        queue = await storage.open()
        await queue.put([event("m1", A, B)])
        one, two = await poll(queue)
        queue.settle(again(one, HOUR, first_at=7, stage="delivery", body=b"output"))
        queue.settle(again(two, HOUR + 0.5))
        await queue.close()

        storage.clock.advance(HOUR - 1)
        queue = await storage.open()
        assert await poll(queue) == []
        storage.clock.advance(1)
        (job,) = await poll(queue)
        assert (job.lane, job.stage, job.body, job.attempts, job.first_at) == (
            one.lane,
            "delivery",
            b"output",
            1,
            7,
        )
        storage.clock.advance(1)
        (job,) = await poll(queue)
        assert (job.lane, job.stage, job.body) == (two.lane, "function", one.body)
        await queue.close()

    @waits
    async def test_what_destinations_share_is_kept_for_the_last(self, storage: Storage) -> None:
        queue = await storage.open()
        await queue.put([event("m1", A, B, body=b"shared")])
        one, two = await poll(queue)
        queue.settle(again(one, 0, body=b"changed"))
        await queue.settled()
        (one,) = await poll(queue)
        assert one.body == b"changed"
        queue.settle(delivered(one))
        queue.settle(again(two, 0))
        await queue.settled()

        (two,) = await poll(queue)
        assert two.body == b"shared"
        queue.settle(delivered(two))
        await queue.settled()
        await queue.put([event("m2", A, B, body=b"other")])
        assert [job.body for job in await deliver_all(queue)] == [b"other", b"other"]
        await queue.close()

    @waits
    async def test_a_retry_without_delay_is_due_at_once(self, storage: Storage) -> None:
        queue = await storage.open()
        await queue.put(events(5))
        for _ in range(3):
            for job in await poll(queue):
                queue.settle(again(job, 0))
            await queue.settled()

        assert sorted(ids(await poll(queue))) == ["m0", "m1", "m2", "m3", "m4"]
        await queue.close()

    @waits
    async def test_retries_to_come_do_not_hide_what_is_due(self, storage: Storage) -> None:
        queue = await storage.open()
        await queue.put(events(20, prefix="late"))
        for job in await poll(queue):
            queue.settle(again(job, HOUR))
        await queue.settled()
        storage.clock.advance(SECOND)

        await queue.put(events(2))
        assert ids(await poll(queue)) == ["m0", "m1"]
        storage.clock.advance(HOUR)
        assert len(await poll(queue)) == 20
        await queue.close()

    @waits
    async def test_leases_end_with_the_process(self, storage: Storage) -> None:
        queue = await storage.open()
        await queue.put(events(3))
        first, _, _ = await poll(queue)
        queue.settle(delivered(first))
        await queue.close()

        queue = await storage.open()
        assert ids(await poll(queue)) == ["m1", "m2"]
        await queue.close()

    @waits
    async def test_what_is_settled_is_durable(self, storage: Storage) -> None:
        queue = await storage.open()
        await queue.put(events(3))
        one, two, three = await poll(queue)
        queue.settle(delivered(one))
        queue.settle(died(two))
        queue.settle(again(three, HOUR))
        await queue.close()

        queue = await storage.open()
        assert await poll(queue) == []
        stats = await queue.stats()
        assert (stats.jobs, stats.dead) == (1, 1)
        assert await counted(queue) == {Step.RECEIVED: 3, Step.DELIVERED: 1, Step.FAILED_DELIVERY: 1}
        await queue.close()

    @waits
    async def test_the_dead_are_listed_and_redriven_once(self, storage: Storage) -> None:
        queue = await storage.open()
        accepted = int(storage.clock.wall_ms())
        await queue.put([*events(3), *events(1, B, prefix="b")])
        storage.clock.advance(SECOND)
        for job in await poll(queue):
            queue.settle(again(job, 0, first_at=5))
        await queue.settled()
        for job in await poll(queue):
            queue.settle(died(job, Error("http-400", "half a pair \ud800", 400)))
        await queue.settled()

        dead = await queue.dead(lane=A)
        assert [one.message_id for one in dead] == ["m0", "m1", "m2"]
        line = dead[0]
        assert (line.lane, line.source, line.event_type, line.attempts) == (A, "s", "track", 2)
        assert (line.reason, line.message, line.died_at) == (
            "http-400",
            "half a pair \\ud800",
            accepted + SECOND,
        )
        assert line.body == b'{"messageId":"m0"}'
        everybody = await queue.dead()
        assert len(everybody) == 4
        assert await queue.dead(limit=2) == everybody[:2]
        assert await queue.dead(after=everybody[1].id) == everybody[2:]

        assert await queue.redrive([dead[0].id, dead[2].id, dead[0].id, 999]) == 2
        assert await queue.redrive([dead[0].id]) == 0
        jobs = await poll(queue)
        assert [(job.message_id, job.attempts, job.first_at, job.accepted_at) for job in jobs] == [
            ("m0", 0, None, accepted),
            ("m2", 0, None, accepted),
        ]
        assert [one.message_id for one in await queue.dead(lane=A)] == ["m1"]
        assert (await queue.stats()).dead == 2
        await queue.close()

    @waits
    async def test_what_is_redriven_goes_on_where_it_was(self, storage: Storage) -> None:
        """The output of a function is not given to it again."""
        queue = await storage.open()
        await queue.put(events(1))
        (job,) = await poll(queue)
        queue.settle(again(job, 0, stage="delivery", body=b"output"))
        await queue.settled()
        (job,) = await poll(queue)
        queue.settle(died(job))
        await queue.settled()
        await queue.close()

        queue = await storage.open()
        assert await queue.redrive([one.id for one in await queue.dead()]) == 1
        (job,) = await poll(queue)
        assert (job.stage, job.body) == ("delivery", b"output")
        await queue.close()

    @waits
    async def test_what_is_redriven_is_due_though_nobody_waits_for_the_answer(self, storage: Storage) -> None:
        queue = await storage.open()
        await queue.put(events(1))
        (job,) = await poll(queue)
        queue.settle(died(job))
        await queue.settled()
        asking = asyncio.ensure_future(queue.redrive([one.id for one in await queue.dead()]))
        await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        # Comes back after whatever was asked before it.
        assert (await queue.stats()).jobs == 1
        (job,) = await poll(queue)
        assert job.message_id == "m0"
        await queue.close()

    @waits
    async def test_what_is_settled_after_the_end_is_due_again(self, storage: Storage) -> None:
        queue = await storage.open()
        await queue.put(events(2))
        first, second = await poll(queue)
        queue.settle(delivered(first))
        closing = asyncio.ensure_future(queue.close())
        await asyncio.sleep(0)
        queue.settle(delivered(second))
        await queue.settled()
        await closing
        await queue.settled()

        queue = await storage.open()
        (job,) = await poll(queue)
        assert job.message_id == second.message_id
        await queue.close()

    @waits
    async def test_the_dead_are_kept_for_seven_days(self, storage: Storage) -> None:
        queue = await storage.open()
        await queue.put(events(2))
        one, two = await poll(queue)
        queue.settle(died(one))
        await queue.settled()
        storage.clock.advance(1)
        queue.settle(died(two))
        await queue.settled()

        storage.clock.advance(7 * DAY - 2)
        await queue.put([event("m3")])
        assert len(await queue.dead()) == 2
        storage.clock.advance(1)
        await queue.close()
        queue = await storage.open()
        await queue.put([event("m4")])
        assert [one.message_id for one in await queue.dead()] == ["m1"]
        await queue.close()

    @waits
    async def test_of_a_lane_the_last_to_die_are_kept(self, storage: Storage) -> None:
        queue = await storage.open(QueueLimits(dead_rows=3))
        await queue.put([*events(1, B, prefix="b"), *events(3)])
        for job in await poll(queue):
            queue.settle(died(job))
        await queue.settled()
        assert len(await queue.dead()) == 4

        await queue.put(events(2, A, prefix="n"))
        for job in await poll(queue):
            queue.settle(died(job))
        await queue.settled()
        assert sorted(one.message_id for one in await queue.dead()) == ["b0", "m2", "n0", "n1"]
        assert (await queue.stats()).dead == 4
        await queue.close()

    @waits
    async def test_a_wall_clock_that_is_set_changes_nothing(self, storage: Storage) -> None:
        queue = await storage.open()
        await queue.put(events(2))
        one, two = await poll(queue)
        queue.settle(again(one, HOUR))
        queue.settle(died(two, BROKE))
        await queue.settled()

        storage.clock.set_ms = 8.0 * DAY
        assert await queue.put(events(2)) == [False, False]
        assert await poll(queue) == []
        assert len(await queue.dead()) == 1
        storage.clock.set_ms = -8.0 * DAY
        await queue.put([event("m3")])
        assert ids(await poll(queue)) == ["m3"]
        storage.clock.advance(HOUR)
        assert ids(await poll(queue)) == ["m0"]
        assert await queue.put(events(2)) == [False, False]
        await queue.close()

    @waits
    async def test_a_wall_clock_that_was_set_back_before_a_restart_delays_nothing(
        self, storage: Storage
    ) -> None:
        queue = await storage.open()
        storage.clock.advance(HOUR)
        await queue.put(events(2))
        (one, _) = await poll(queue)
        queue.settle(again(one, SECOND))
        await queue.close()

        storage.clock.set_ms = -8.0 * HOUR
        queue = await storage.open()
        assert ids(await poll(queue)) == ["m1"]
        storage.clock.advance(SECOND)
        assert ids(await poll(queue)) == ["m0"]
        await queue.put([event("m3")])
        (job,) = await poll(queue)
        assert job.accepted_at >= one.accepted_at
        await queue.close()
