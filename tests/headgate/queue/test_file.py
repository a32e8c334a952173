"""The file of a queue: who may open it, what it is, and what becomes of one that was damaged."""

from __future__ import annotations

import asyncio
import multiprocessing
import shutil
import sqlite3
import stat
import time
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headgate.queue import schema
from headgate.queue.clock import ServiceClock
from headgate.queue.limits import QueueLimits
from headgate.queue.lock import FileLock, InUse
from headgate.queue.model import Step
from headgate.queue.protocol import QueueBroken
from headgate.queue.sqlite import SqliteQueue
from tests.headgate.queue.aftermath import Promises, look_into, start_load
from tests.headgate.queue.events import (
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
from tests.headgate.queue.load import CALL_EVENTS_MAX, DESTINATIONS, WRITERS
from tests.headgate.queue.sqlite_storage import NO_RESERVE, SqliteStorage


def test_a_poll_beside_duplicates_for_a_lane_that_never_had_any(
    storage: SqliteStorage, caplog: pytest.LogCaptureFixture
) -> None:
    async def put_and_poll_at_once() -> None:
        queue = await storage.open()
        await queue.put([event("m1")])
        (job,) = await poll(queue)
        queue.settle(delivered(job))

        fresh, found = await asyncio.gather(queue.put([event("m1", B)]), poll(queue))

        assert (fresh, found) == ([False], [])
        await queue.close()

    asyncio.run(put_and_poll_at_once())

    assert not caplog.records


def test_a_failure_beside_settlements_does_not_repeat_them(
    storage: SqliteStorage, caplog: pytest.LogCaptureFixture
) -> None:
    async def settle_beside_a_failure() -> None:
        queue = await storage.open()
        await queue.put(events(2))
        first, second = await poll(queue)
        queue.settle(delivered(first))
        with pytest.raises(ZeroDivisionError):
            await queue._ask(lambda _db, _store, _now: 1 / 0)
        queue.settle(delivered(second))
        await queue.settled()
        assert (await counted(queue))[Step.DELIVERED] == 2
        await queue.close()

    asyncio.run(settle_beside_a_failure())

    assert [record.getMessage() for record in caplog.records] == [f"a batch of {storage.path} failed"]


def test_a_second_queue_on_a_file_is_refused(storage: SqliteStorage) -> None:
    async def open_twice() -> None:
        queue = await storage.open()
        with pytest.raises(InUse, match=r"queue\.sqlite is in use by process \d+; stop it first"):
            await storage.open()
        await queue.close()
        await (await storage.open()).close()

    asyncio.run(open_twice())


def _hold(path: Path, pipe: Connection) -> None:
    with FileLock(path, "the data directory"):
        pipe.send("held")
        pipe.recv()


def test_a_lock_goes_with_its_process(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_hold, args=(path, theirs))
    process.start()
    assert ours.recv() == "held"

    with pytest.raises(InUse, match=f"the data directory is in use by process {process.pid}"):
        FileLock(path, "the data directory")
    process.kill()
    process.join()
    FileLock(path, "the data directory").close()
    ours.close()
    theirs.close()


def test_others_cannot_read_it(storage: SqliteStorage) -> None:
    async def look() -> None:
        queue = await storage.open()
        await queue.put(events(1))
        files = list(storage.path.parent.iterdir())
        assert len(files) == 4
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
        await queue.close()

    asyncio.run(look())


def refusal(storage: SqliteStorage) -> str:
    async def open_it() -> None:
        await (await storage.open()).close()

    with pytest.raises(QueueBroken) as refused:
        asyncio.run(open_it())
    return str(refused.value)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert str(tmp_path / "gone") in refusal(SqliteStorage(tmp_path / "gone" / "queue.sqlite"))


def test_a_file_that_is_something_else(storage: SqliteStorage) -> None:
    storage.path.write_bytes(b"Dear diary, " * 1_000)
    assert "is not a database; it is no queue, or its beginning is damaged" in refusal(storage)
    assert storage.path.read_bytes() == b"Dear diary, " * 1_000

    storage.path.unlink()
    db = sqlite3.connect(storage.path)
    db.execute("CREATE TABLE diary (day, text)")
    db.close()
    assert "not a queue of Headgate" in refusal(storage)


def test_a_file_of_a_newer_version(storage: SqliteStorage) -> None:
    schema.connect(storage.path).close()
    db = sqlite3.connect(storage.path)
    db.execute("PRAGMA user_version = 99")
    db.close()
    assert "written by a newer Headgate (format 99" in refusal(storage)


def test_it_waits_for_the_disk(storage: SqliteStorage) -> None:
    db = schema.connect(storage.path)
    (mode,), (synchronous,) = (
        db.execute("PRAGMA journal_mode").fetchone(),
        db.execute("PRAGMA synchronous").fetchone(),
    )
    assert (mode, synchronous) == ("wal", 2)
    db.close()


def filled(storage: SqliteStorage, count: int) -> None:
    async def fill() -> None:
        queue = await storage.open()
        await queue.put([event(f"m{number}", body=b"x" * 1_000) for number in range(count)])
        await queue.close()

    asyncio.run(fill())


def test_what_is_over_leaves_nothing_behind(storage: SqliteStorage) -> None:
    async def use() -> None:
        queue = await storage.open()
        await queue.put([event("m1", A, B), event("m2", A, B, own=b"own"), event("m3", A)])
        for number, job in enumerate(await poll(queue)):
            queue.settle(again(job, 0, body=b"changed" if number % 2 else None))
        await queue.settled()
        for number, job in enumerate(await poll(queue)):
            queue.settle(died(job) if number % 2 else delivered(job))
        await queue.settled()
        await queue.redrive([one.id for one in await queue.dead()])
        assert len(await deliver_all(queue)) == 2
        await queue.close()

    asyncio.run(use())
    db = sqlite3.connect(storage.path)
    for table in ("jobs", "bodies", "shares", "dead"):
        assert db.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table
    db.close()


def test_a_damaged_beginning_is_not_taken_for_an_empty_queue(storage: SqliteStorage) -> None:
    filled(storage, 10)
    damaged = bytes(100) + storage.path.read_bytes()[100:]
    storage.path.write_bytes(damaged)

    assert "restore it, or move it away" in refusal(storage)
    assert storage.path.read_bytes() == damaged


def test_a_file_that_was_cut_short_is_not_wiped(storage: SqliteStorage) -> None:
    filled(storage, 500)
    size = storage.path.stat().st_size
    with storage.path.open("rb+") as file:
        file.truncate(size // 8)

    assert "it is damaged: stop, keep a copy" in refusal(storage)
    assert storage.path.stat().st_size >= size // 8


def test_damage_inside_is_told_and_nothing_is_accepted(storage: SqliteStorage) -> None:
    filled(storage, 500)
    db = sqlite3.connect(storage.path)
    (root,) = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'seen'").fetchone()
    db.close()
    with storage.path.open("rb+") as file:
        file.seek((root - 1) * 4_096)
        file.write(b"\xff" * 4_096)

    async def use() -> None:
        queue = await storage.open()
        try:
            await queue.put([event("n")])
        finally:
            await queue.close()

    with pytest.raises(QueueBroken, match=r"queue\.sqlite.* it is damaged"):
        asyncio.run(use())


@pytest.fixture(scope="module")
def file_and_log(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """A queue's file and its log after thirty commits of three events."""
    home = tmp_path_factory.mktemp("home") / "queue.sqlite"

    async def put() -> tuple[bytes, bytes]:
        queue = await SqliteStorage(home).open()
        for number in range(30):
            await queue.put([event(f"{number}.{part}") for part in range(3)])
        found = home.read_bytes(), home.with_name("queue.sqlite-wal").read_bytes()
        await queue.close()
        return found

    return asyncio.run(put())


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(cut=st.floats(0, 1), damage=st.sampled_from(["cut", "zeros", "noise", "more"]))
def test_a_torn_end_of_the_log_takes_only_what_was_last(
    tmp_path: Path, file_and_log: tuple[bytes, bytes], cut: float, damage: str
) -> None:
    """What was never synced may be there in part after a power cut: all before it is whole, and nothing of it half."""
    copy = tmp_path / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    file, text = file_and_log
    (copy / "queue.sqlite").write_bytes(file)
    log = copy / "queue.sqlite-wal"
    whole = int(len(text) * cut)
    tail = {
        "cut": b"",
        "zeros": bytes(len(text) - whole),
        "noise": bytes((byte * 7 + 1) % 256 for byte in text[whole:]),
        "more": text[whole:] + b"more" * 5_000,
    }
    log.write_bytes(text[:whole] + tail[damage])

    async def look() -> tuple[list[str], dict[Step, int]]:
        queue = await SqliteStorage(copy / "queue.sqlite").open()
        jobs, counts = await poll(queue), await counted(queue)
        assert await queue.put([event("new")]) == [True]
        await queue.close()
        return ids(jobs), counts

    found, counts = asyncio.run(look())
    everything = [f"{number}.{part}" for number in range(30) for part in range(3)]
    assert found == everything[: len(found)]
    assert len(found) % 3 == 0
    assert counts.get(Step.RECEIVED, 0) == len(found)
    if damage == "more":
        assert found == everything


def test_a_load_that_ended_with_its_log_is_carried_on(tmp_path: Path) -> None:
    """A killed process leaves a log that is not in the file yet; a cut end of it costs the end only."""
    queue, log = tmp_path / "queue.sqlite", tmp_path / "log"
    process = start_load(queue, log, "p", "--put-only")
    while len(Promises.read(log).put) < 1_000:
        assert process.poll() is None
        time.sleep(0.02)  # the load's time: it has to get somewhere
    process.kill()
    process.communicate()

    wal = tmp_path / "queue.sqlite-wal"
    with wal.open("rb+") as file:
        file.truncate(wal.stat().st_size - 2_000)
    stored = asyncio.run(look_into(queue))
    stored.check_counts()
    one_commit = WRITERS * CALL_EVENTS_MAX * len(DESTINATIONS)
    assert len(stored.lost(Promises.read(log))) <= one_commit
    assert stored.jobs


def test_a_duplicate_is_known_from_a_sibling(tmp_path: Path) -> None:
    one = SqliteStorage(tmp_path / "one.sqlite")
    two = tmp_path / "two.sqlite"

    async def use() -> None:
        first = await SqliteQueue.open(
            one.path,
            clock=ServiceClock(one.clock),
            limits=NO_RESERVE,
            siblings=[two, tmp_path / "never.sqlite"],
        )
        assert await first.put(events(2)) == [True, True]
        assert not two.exists(), "a look does not make the file"

        second = await SqliteQueue.open(
            two, clock=ServiceClock(one.clock), limits=NO_RESERVE, siblings=[one.path]
        )
        assert await second.put(events(4)) == [False, False, True, True]
        assert await first.put(events(6)) == [False] * 4 + [True] * 2

        await second.close()
        assert await first.put([event("m3")]) == [False], "a sibling that has stopped"
        two.unlink()
        assert await first.put([event("m3")]) == [True], "and one that is gone"
        second = await SqliteQueue.open(two, clock=ServiceClock(one.clock), limits=NO_RESERVE)
        await second.put([event("m9")])
        assert await first.put([event("m9")]) == [False], "and one that is new"
        await first.close()
        await second.close()

    asyncio.run(use())


def test_a_damaged_sibling_harms_nobody(tmp_path: Path) -> None:
    two = tmp_path / "two.sqlite"
    two.write_bytes(b"noise" * 1_000)

    async def use() -> None:
        clock = ServiceClock(SqliteStorage(tmp_path).clock)
        queue = await SqliteQueue.open(
            tmp_path / "one.sqlite", clock=clock, limits=NO_RESERVE, siblings=[two]
        )
        assert await queue.put(events(2)) == [True, True]
        assert await queue.put(events(2)) == [False, False]
        await queue.close()

    asyncio.run(use())


def test_a_slow_disk_is_told_before_memory_is_full(storage: SqliteStorage) -> None:
    async def use() -> None:
        queue = await storage.open(QueueLimits(disk_reserve_bytes=0, commit_ms=-1))
        first = asyncio.ensure_future(queue.put(events(1)))
        await asyncio.sleep(0)
        with pytest.raises(Exception, match="too slow"):
            await queue.put([event("m1", A)])
        assert await first == [True]
        assert await queue.put([event("m1", A)]) == [True]
        await queue.close()

    asyncio.run(use())


def test_a_sibling_that_cannot_be_closed_holds_nothing_up(
    storage: SqliteStorage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    async def put_and_close() -> None:
        queue = await storage.open()
        await queue.put([event("m1")])
        await asyncio.wait_for(queue.close(), 20)

    monkeypatch.setattr("headgate.queue.seen.Siblings.close", fail)
    asyncio.run(put_and_close())

    assert [record.getMessage().partition(": ")[2] for record in caplog.records] == ["disk I/O error"]
