"""Numbers that are large: lanes, and retries that are not due for a long time."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from headgate.queue import schema
from headgate.queue.model import Lane
from tests.headgate.queue.events import HOUR, A, deliver_all, event, ids, poll
from tests.headgate.queue.sqlite_storage import SqliteStorage

LATER = 200_000


def with_retries(path: Path, now: int, count: int) -> None:
    """A file with *count* retries, due in an hour, over a hundred lanes of which A is one."""
    db = schema.connect(path)
    db.execute("BEGIN")
    db.execute("INSERT INTO lanes VALUES (1, 'w', 'a')")
    db.executemany("INSERT INTO lanes VALUES (?, 'w', ?)", [(n, f"d{n}") for n in range(2, 101)])
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
    db.execute(
        f"{numbers} INSERT INTO bodies SELECT i, 's', 'm' || i, 'track', ?, 0, '', 'E' FROM n", (count, now)
    )
    db.execute(
        f"{numbers} INSERT INTO jobs SELECT i, 1 + i % 100, ? + i, i, 0, 0, 1, 0, ?, '503' FROM n",
        (count, now + HOUR, now),
    )
    db.execute("COMMIT")
    db.close()


def steps_of_a_round(storage: SqliteStorage) -> int:
    """What SQLite does for one event that is put, handed out and delivered: its instructions, not its time."""

    async def use() -> int:
        queue = await storage.open()
        await queue.put([event("warm")])
        await deliver_all(queue)
        steps = 0

        def count() -> None:
            nonlocal steps
            steps += 1

        queue._thread._db.set_progress_handler(count, 1)
        await queue.put([event("one")])
        assert ids(await deliver_all(queue)) == ["one"]
        queue._thread._db.set_progress_handler(None, 1)
        await queue.close()
        return steps

    return asyncio.run(use())


def test_retries_to_come_cost_nothing(tmp_path: Path) -> None:
    few, many = SqliteStorage(tmp_path / "few.sqlite"), SqliteStorage(tmp_path / "many.sqlite")
    with_retries(few.path, int(few.clock.wall_ms()), 200)
    with_retries(many.path, int(many.clock.wall_ms()), LATER)

    assert steps_of_a_round(many) <= 1.05 * steps_of_a_round(few)


def test_a_queue_with_many_retries_opens_soon(tmp_path: Path) -> None:
    storage = SqliteStorage(tmp_path / "queue.sqlite")
    with_retries(storage.path, int(storage.clock.wall_ms()), LATER)

    async def use() -> float:
        begun = time.perf_counter()
        queue = await storage.open()
        took = time.perf_counter() - begun
        assert await poll(queue) == []
        stats = await queue.stats()
        assert stats.jobs == LATER
        assert stats.lanes[A].retrying == LATER // 100
        await queue.close()
        return took

    assert asyncio.run(use()) < 2, "a million take less than a second on a machine with nothing else to do"


def test_ten_thousand_lanes(storage: SqliteStorage) -> None:
    lanes = [Lane(f"w{number % 7}", f"d{number}") for number in range(10_000)]

    async def use() -> None:
        queue = await storage.open()
        for start in range(0, len(lanes), 500):
            await queue.put([event(f"m{lane}", lane) for lane in lanes[start : start + 500]])
        jobs = await poll(queue, 10_000)
        assert sorted(job.lane for job in jobs) == sorted(lanes)
        await queue.close()

    asyncio.run(use())
