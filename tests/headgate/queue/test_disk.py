"""Disks that are full, fail, or may not be written: nothing is accepted, nothing is lost, and it goes on by itself."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from headgate.queue.clock import ServiceClock
from headgate.queue.limits import QueueLimits
from headgate.queue.model import Job, Step
from headgate.queue.protocol import QueueBroken, QueueFull
from headgate.queue.sqlite import SqliteQueue
from tests.headgate.queue.events import A, C, again, counted, deliver_all, delivered, died, event, ids, poll
from tests.headgate.queue.sqlite_storage import SqliteStorage
from tests.headgate.queue.volumes import files_limited_to, mounted, succeeds, why_not

needs_mounts = pytest.mark.skipif(why_not() is not None, reason=f"file systems of its own: {why_not()}")

FILLER = b"x" * 50_000


async def put_until_broken(queue: SqliteQueue, prefix: str) -> tuple[list[str], QueueBroken]:
    """The ids that were accepted, and the refusal of the next."""
    accepted: list[str] = []
    for number in range(1_000):
        try:
            await queue.put([event(f"{prefix}{number}", body=FILLER)])
        except QueueBroken as refusal:
            return accepted, refusal
        accepted.append(f"{prefix}{number}")
    raise AssertionError("the disk took it all")


async def live_through(queue: SqliteQueue, mend: Callable[[], None], expected: str, *, for_all: bool) -> None:
    """The disk of *queue* is about to break; *mend* mends it. *for_all*: what is small cannot be written either."""
    await queue.put([event(f"first{number}", body=b"1") for number in range(4)])
    one, two, three, four = await poll(queue)
    due = asyncio.Event()

    accepted, refusal = await put_until_broken(queue, "m")

    assert expected in str(refusal)
    assert "queue.sqlite" in str(refusal)
    if for_all:
        assert queue.broken is not None
        assert await queue.poll(lambda _: 9, 9) == [], "nothing is handed out that could not be settled"
    queue.settle(delivered(one))
    queue.settle(again(two, 0, body=FILLER))
    queue.settle(died(three))
    with pytest.raises(QueueBroken):
        await queue.put([event("refused", C, body=FILLER * 4)])
    queue.on_due(due.set)

    mend()

    await queue.settled()
    assert await queue.put([event("after", body=b"2"), event("refused", C, body=b"3")]) == [True, True]
    assert queue.broken is None
    await due.wait()
    jobs: list[Job] = await deliver_all(queue)
    assert sorted(ids(jobs)) == sorted(["first1", *accepted, "after", "refused"])
    queue.settle(delivered(four))
    await queue.settled()
    assert await counted(queue) == {
        Step.RECEIVED: len(accepted) + 6,
        Step.DELIVERED: len(accepted) + 5,
        Step.FAILED_DELIVERY: 1,
    }
    assert (await queue.stats()).jobs == 0


def run(work: Awaitable[None]) -> None:
    asyncio.run(asyncio.wait_for(work, 60))


@needs_mounts
def test_a_full_disk(tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    with mounted("-t", "tmpfs", "-o", "size=8m", "tmpfs", at=volume):
        ballast = volume / "ballast"
        ballast.write_bytes(bytes(6 << 20))

        async def fill() -> None:
            queue = await SqliteStorage(volume / "queue.sqlite").open()
            await live_through(queue, ballast.unlink, "make room, it goes on by itself", for_all=False)
            await queue.close()

        run(fill())


def test_a_disk_with_errors(storage: SqliteStorage) -> None:
    async def fail() -> None:
        queue = await storage.open()
        with contextlib.ExitStack() as limit:
            limit.enter_context(files_limited_to(400_000))
            await live_through(queue, limit.close, "the disk fails", for_all=True)
        await queue.put([event("left", C)])
        await queue.close()
        queue = await storage.open()
        assert ids(await poll(queue)) == ["left"], "its lane was first named in a commit that failed"
        await queue.close()

    run(fail())


def test_it_goes_on_when_nobody_asks(storage: SqliteStorage) -> None:
    async def fail() -> None:
        queue = await storage.open()
        await queue.put([event("m1")])
        with files_limited_to(100_000), pytest.raises(QueueBroken):
            await queue.put([event("m2", body=FILLER * 4)])
        assert await poll(queue) == []
        due = asyncio.Event()
        queue.on_due(due.set)
        await due.wait()
        assert ids(await poll(queue)) == ["m1"]
        await queue.close()

    run(fail())


@needs_mounts
def test_a_log_that_may_not_be_written_any_more(storage: SqliteStorage, tmp_path: Path) -> None:
    """As when an administrator, or the kernel after an error, makes it read-only."""
    log = tmp_path / "queue.sqlite-wal"

    async def lock_up() -> None:
        queue = await storage.open()
        await queue.put([event("m1")])
        if not succeeds("chattr", "+i", log):
            await queue.close()
            pytest.skip("this file system has no immutable files")
        try:
            with pytest.raises(QueueBroken, match=r"queue\.sqlite"):
                await queue.put([event("m2")])
        finally:
            assert succeeds("chattr", "-i", log)
        assert await queue.put([event("m1"), event("m2")]) == [False, True]
        await queue.close()

    run(lock_up())


@needs_mounts
def test_a_read_only_volume(tmp_path: Path) -> None:
    volume = tmp_path / "volume"

    async def open_there() -> None:
        queue = await SqliteStorage(volume / "queue.sqlite").open()
        await queue.put([event("m1")])
        await queue.close()
        assert succeeds("mount", "-o", "remount,ro", volume)
        with pytest.raises(QueueBroken, match=r"queue\.sqlite.*Read-only"):
            await SqliteStorage(volume / "queue.sqlite").open()
        assert succeeds("mount", "-o", "remount,rw", volume)
        queue = await SqliteStorage(volume / "queue.sqlite").open()
        assert ids(await poll(queue)) == ["m1"]
        await queue.close()

    with mounted("-t", "tmpfs", "-o", "size=8m", "tmpfs", at=volume):
        run(open_there())


@needs_mounts
def test_some_of_the_disk_is_left_to_others(tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    limits = QueueLimits(disk_reserve_bytes=4 << 20)

    async def fill() -> None:
        storage = SqliteStorage(volume / "queue.sqlite")
        queue = await storage.open(limits)
        ballast = volume / "ballast"
        await queue.put([event("m1")])
        ballast.write_bytes(bytes(5 << 20))
        storage.clock.advance(1_000)

        with pytest.raises(QueueFull) as refused:
            await queue.put([event("m2")])
        assert refused.value.workspace is None
        assert ids(await deliver_all(queue)) == ["m1"], "what is there is delivered all the same"
        ballast.unlink()
        assert await queue.put([event("m2")]) == [True]
        await queue.close()

    with mounted("-t", "tmpfs", "-o", "size=8m", "tmpfs", at=volume):
        run(fill())


@needs_mounts
def test_room_inside_the_file_is_room(tmp_path: Path) -> None:
    """A file never shrinks: a queue that was long once must not refuse for ever."""
    volume = tmp_path / "volume"

    async def fill() -> None:
        storage = SqliteStorage(volume / "queue.sqlite")
        queue = await storage.open()
        await queue.put([event(f"m{number}", body=FILLER) for number in range(60)])
        await deliver_all(queue)
        await queue.close()
        stat = os.statvfs(volume)
        (volume / "ballast").write_bytes(bytes(stat.f_bavail * stat.f_frsize - (3 << 20)))

        queue = await storage.open(QueueLimits(disk_reserve_bytes=4 << 20))
        assert await queue.put([event("n")]) == [True]
        await queue.close()
        queue = await storage.open(QueueLimits(disk_reserve_bytes=8 << 20))
        with pytest.raises(QueueFull):
            await queue.put([event("o")])
        await queue.close()

    with mounted("-t", "tmpfs", "-o", "size=12m", "tmpfs", at=volume):
        run(fill())


def test_one_event_that_cannot_be_stored_fails_alone(storage: SqliteStorage) -> None:
    """Half a surrogate pair fits into no file; the calls it shares a commit with are none the worse."""

    async def put() -> None:
        queue = await storage.open()
        calls = [queue.put([event(name)]) for name in ("m1", "m2")]
        bad = event("m3")._replace(source="\ud800")
        answers = await asyncio.gather(calls[0], queue.put([bad]), calls[1], return_exceptions=True)

        assert answers[0] == answers[2] == [True]
        assert isinstance(answers[1], UnicodeEncodeError)
        assert ids(await poll(queue)) == ["m1", "m2"]
        assert (await queue.stats()).lanes[A].waiting == 0
        await queue.close()

    run(put())


def test_one_settlement_that_cannot_be_stored_is_alone(
    storage: SqliteStorage, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody waits for it for ever, and its job is not lost."""

    async def settle() -> None:
        queue = await storage.open()
        await queue.put([event(name) for name in ("m1", "m2", "m3")])
        one, two, three = await poll(queue)
        queue.settle(delivered(one))
        queue.settle(again(two, 0, first_at=1 << 70))
        queue.settle(delivered(three))
        await queue.settled()
        assert await poll(queue) == []
        await queue.close()
        queue = await storage.open()
        assert ids(await poll(queue)) == ["m2"]
        await queue.close()

    run(settle())
    assert "the settlement of job 2 cannot be stored" in caplog.text


def test_it_says_so_when_it_is_closed(storage: SqliteStorage) -> None:
    async def close() -> None:
        queue = await SqliteQueue.open(storage.path, clock=ServiceClock(storage.clock))
        await asyncio.gather(queue.close(), queue.close())
        with pytest.raises(QueueBroken, match="closed"):
            await queue.put([event("m1")])
        assert await queue.poll(lambda _: 1, 1) == []

    run(close())


def test_what_a_broken_disk_did_not_take_is_not_called_settled(storage: SqliteStorage) -> None:
    async def break_and_close() -> None:
        queue = await storage.open()
        await queue.put([event("m1")])
        (job,) = await poll(queue)
        with files_limited_to(1):
            queue.settle(delivered(job))
            waiting = asyncio.ensure_future(queue.settled())
            await asyncio.sleep(0)
            await queue.close()
            with pytest.raises(QueueBroken):
                await waiting
            with pytest.raises(QueueBroken):
                await queue.settled()

    run(break_and_close())
