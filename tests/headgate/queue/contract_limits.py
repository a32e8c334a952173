"""The part of the contract about what is too much. Each limit is met from both sides."""

from __future__ import annotations

import asyncio

import pytest

from headgate.queue.limits import QueueLimits
from headgate.queue.model import Step
from headgate.queue.protocol import QueueFull
from tests.headgate.queue.contract import Storage, waits
from tests.headgate.queue.events import (
    OTHER,
    A,
    B,
    C,
    again,
    counted,
    deliver_all,
    event,
    events,
    ids,
    poll,
)


class KeepsLimits:
    """One workspace fills its share and no other's; what is refused was not stored."""

    @waits
    async def test_rows_of_a_workspace(self, storage: Storage) -> None:
        queue = await storage.open(QueueLimits(workspace_rows=10))
        await queue.put(events(4, A, B))
        await queue.put(events(2, A, prefix="n"))

        with pytest.raises(QueueFull) as refused:
            await queue.put(events(1, C, prefix="x"))
        assert (refused.value.workspace, refused.value.retry_after_s > 0) == ("w", True)
        assert await queue.put(events(10, OTHER)) == [True] * 10
        assert await counted(queue) == {Step.RECEIVED: 16}

        jobs = await queue.poll(lambda lane: int(lane == A), 1)
        with pytest.raises(QueueFull):
            await queue.put(events(1, C, prefix="x"))
        await deliver_all(queue)
        assert len(jobs) == 1
        assert await queue.put(events(9, C, prefix="x")) == [True] * 9
        with pytest.raises(QueueFull):
            await queue.put(events(1, C, prefix="y"))
        await queue.close()

    @waits
    async def test_bytes_of_a_workspace(self, storage: Storage) -> None:
        queue = await storage.open(QueueLimits(workspace_bytes=100))
        await queue.put([event("m1", A, B, body=b"x" * 40, own=b"y" * 60)])

        with pytest.raises(QueueFull, match="workspace w"):
            await queue.put([event("m2", body=b"x")])
        assert await queue.put([event("m3", body=b"")]) == [True]
        await queue.close()

    @waits
    async def test_rows_of_a_lane(self, storage: Storage) -> None:
        queue = await storage.open(QueueLimits(lane_rows=3))
        await queue.put(events(3, A))

        with pytest.raises(QueueFull, match="destination a"):
            await queue.put([event("x", B, A)])
        assert await queue.put(events(3, B, prefix="b")) == [True] * 3
        assert len(await poll(queue)) == 6
        await queue.close()

    @waits
    async def test_bytes_of_a_lane(self, storage: Storage) -> None:
        queue = await storage.open(QueueLimits(lane_bytes=10))
        await queue.put([event("m1", A, body=b"12345")])
        await queue.put([event("m2", A, body=b"12345")])

        with pytest.raises(QueueFull, match="destination a"):
            await queue.put([event("m3", A, body=b"1")])
        for job in await poll(queue):
            queue.settle(again(job, 0, body=b"1"))
        await queue.settled()
        assert await queue.put([event("m3", A, body=b"12345678")]) == [True]
        with pytest.raises(QueueFull, match="destination a"):
            await queue.put([event("m4", A, body=b"1")])
        await queue.close()

    @waits
    async def test_duplicates_take_no_room(self, storage: Storage) -> None:
        queue = await storage.open(QueueLimits(lane_rows=4))
        for _ in range(5):
            await queue.put(events(2))
        assert await queue.put([event("m2"), event("m3")]) == [True] * 2
        await queue.close()

    @waits
    async def test_a_refused_call_is_refused_whole(self, storage: Storage) -> None:
        queue = await storage.open(QueueLimits(lane_rows=3))
        with pytest.raises(QueueFull):
            await queue.put([*events(2, B), *events(4, A)])

        assert await poll(queue) == []
        assert await counted(queue) == {}
        assert await queue.put([*events(3, B), *events(3, A, prefix="a")]) == [True] * 6
        await queue.close()

    @waits
    async def test_a_restart_counts_what_there_is(self, storage: Storage) -> None:
        limits = QueueLimits(lane_rows=4, lane_bytes=40)
        queue = await storage.open(limits)
        await queue.put([event("m1", A, body=b"x" * 30), event("m2", A, body=b"")])
        await queue.close()

        queue = await storage.open(limits)
        with pytest.raises(QueueFull):
            await queue.put([event("m3", A, body=b"x" * 11)])
        with pytest.raises(QueueFull):
            await queue.put([event(f"m{number}", A, body=b"") for number in range(3, 6)])
        assert await queue.put([event("m3", A, body=b"x" * 5), event("m4", A, body=b"x" * 5)]) == [True] * 2
        await queue.close()

    @waits
    async def test_events_waiting_for_the_disk(self, storage: Storage) -> None:
        queue = await storage.open(QueueLimits(waiting_events=5))

        calls = [queue.put(events(2, prefix=f"{call}.")) for call in range(3)]
        answers = await asyncio.gather(*calls, return_exceptions=True)

        assert answers[:2] == [[True, True], [True, True]]
        assert isinstance(answers[2], QueueFull)
        assert (answers[2].workspace, answers[2].retry_after_s) == (None, 1)
        assert await queue.put(events(2, prefix="2.")) == [True, True]
        await queue.close()

    @waits
    async def test_bytes_waiting_for_the_disk(self, storage: Storage) -> None:
        queue = await storage.open(QueueLimits(waiting_bytes=10))

        calls = [queue.put([event(name, body=b"12345")]) for name in ("m1", "m2", "m3")]
        answers = await asyncio.gather(*calls, return_exceptions=True)

        assert answers[:2] == [[True], [True]]
        assert isinstance(answers[2], QueueFull)
        assert ids(await poll(queue)) == ["m1", "m2"]
        assert await queue.put([event("large", body=b"x" * 20)]) == [True], "a call of its own always passes"
        await queue.close()
