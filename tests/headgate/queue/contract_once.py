"""The part of the contract about duplicates and counters."""

from __future__ import annotations

import asyncio

from headgate.queue.limits import QueueLimits
from headgate.queue.model import NewEvent, Step, Tally, TallyRow
from tests.headgate.queue.contract import Storage, waits
from tests.headgate.queue.events import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    A,
    B,
    counted,
    deliver_all,
    delivered,
    died,
    event,
    events,
    ids,
    poll,
    received,
)


class TakesOnce:
    """A message id is taken once in 24 hours and workspace (SPEC 8.7); what is counted is what happened."""

    @waits
    async def test_in_one_call(self, storage: Storage) -> None:
        queue = await storage.open()

        assert await queue.put([event("m1"), event("m2"), event("m1")]) == [True, True, False]

        assert ids(await poll(queue)) == ["m1", "m2"]
        await queue.close()

    @waits
    async def test_across_calls_at_once(self, storage: Storage) -> None:
        queue = await storage.open()

        answers = await asyncio.gather(*[queue.put([event("m1", A, B)]) for _ in range(50)])

        assert sum(answer == [True] for answer in answers) == 1
        assert len(await poll(queue)) == 2
        await queue.close()

    @waits
    async def test_after_it_was_delivered(self, storage: Storage) -> None:
        queue = await storage.open()
        await queue.put([event("m1")])
        await deliver_all(queue)

        assert await queue.put([event("m1")]) == [False]
        assert await poll(queue) == []
        await queue.close()

    @waits
    async def test_after_a_restart(self, storage: Storage) -> None:
        queue = await storage.open()
        await queue.put([event("m1"), event("m2")])
        await deliver_all(queue)
        await queue.close()

        queue = await storage.open()
        assert await queue.put([event("m2"), event("m3"), event("m1")]) == [False, True, False]
        await queue.close()

    @waits
    async def test_an_event_that_goes_nowhere_is_known_as_well(self, storage: Storage) -> None:
        queue = await storage.open()
        nowhere = NewEvent("w", "s", "m1", "track", b"{}", (), (received(),))

        assert await queue.put([nowhere]) == [True]
        assert await queue.put([event("m1")]) == [False]
        assert await poll(queue) == []
        assert await counted(queue) == {Step.RECEIVED: 1}
        await queue.close()

    @waits
    async def test_workspaces_have_ids_of_their_own(self, storage: Storage) -> None:
        queue = await storage.open()

        put = [NewEvent(name, "s", "m1", "track", b"", ()) for name in ("w", "v", "", "w\0m1")]
        assert await queue.put(put) == [True] * 4
        await queue.close()

    @waits
    async def test_for_24_hours(self, storage: Storage) -> None:
        queue = await storage.open()
        await queue.put([event("m1")])
        storage.clock.advance(DAY - 1)
        assert await queue.put([event("m1")]) == [False]

        storage.clock.advance(1)
        assert await queue.put([event("m1")]) == [True]
        storage.clock.advance(DAY - 1)
        assert await queue.put([event("m1")]) == [False]
        assert len(await poll(queue)) == 2
        await queue.close()

    @waits
    async def test_what_has_expired_is_swept(self, storage: Storage) -> None:
        """The store does not grow with what it need not know any more."""
        queue = await storage.open()
        sizes = []
        for round_ in range(6):
            for batch in range(4):
                await queue.put(
                    [
                        NewEvent("w", "s", f"{round_}.{batch}.{number}", "track", b"", ())
                        for number in range(900)
                    ]
                )
                storage.clock.advance(2 * SECOND)
            await queue.close()
            queue = await storage.open()
            sizes.append((await queue.stats()).bytes)
            storage.clock.advance(DAY)

        assert sizes[5] < 1.5 * sizes[1]
        await queue.close()

    @waits
    async def test_a_duplicate_is_not_counted(self, storage: Storage) -> None:
        queue = await storage.open()
        failed = Tally("s", "", Step.FAILED_ON_INGEST, "", "invalid")

        await queue.put([event("m1"), event("m1"), event("m2")], [failed, failed])
        await queue.put([event("m1")], [failed])
        await queue.put([], [failed])

        assert await counted(queue) == {Step.RECEIVED: 2, Step.FAILED_ON_INGEST: 4}
        await queue.close()

    @waits
    async def test_counters_are_kept_by_the_minute(self, storage: Storage) -> None:
        queue = await storage.open()
        minute = int(storage.clock.wall_ms()) // MINUTE
        await queue.put(events(3))
        for job in await poll(queue):
            queue.settle(delivered(job, 2.5) if job.message_id != "m2" else died(job))
        await queue.settled()
        storage.clock.advance(2 * MINUTE)
        await queue.put([event("m9")])

        def row(at: int, tally: Tally, number: int, latency_ms: float = 0.0) -> TallyRow:
            return TallyRow(at, tally, number, latency_ms)

        done = Tally("s", "a", Step.DELIVERED, "track", "", 1)
        gave_up = Tally("s", "a", Step.FAILED_DELIVERY, "track", "http-503", 1)
        first = [row(minute, received(), 3), row(minute, done, 2, 5.0), row(minute, gave_up, 1)]
        assert sorted(await queue.tallies()) == sorted([*first, row(minute + 2, received(), 1)])
        assert await queue.tallies(minute + 1) == [row(minute + 2, received(), 1)]
        await queue.close()
        queue = await storage.open()
        await queue.put([event("m10")])
        assert await queue.tallies(minute + 1) == [row(minute + 2, received(), 2)]
        await queue.close()

    @waits
    async def test_counters_go_when_their_time_has_passed(self, storage: Storage) -> None:
        queue = await storage.open(QueueLimits(tallies_ms=HOUR))
        minute = int(storage.clock.wall_ms()) // MINUTE
        await queue.put(events(1))
        storage.clock.advance(HOUR)
        await queue.put([event("m1")])
        assert [row.minute for row in await queue.tallies()] == [minute, minute + 60]

        storage.clock.advance(MINUTE)
        await queue.put([event("m2")])
        assert [row.minute for row in await queue.tallies()] == [minute + 60, minute + 61]
        await queue.close()
