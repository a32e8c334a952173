"""
A data directory that is full, or may not be written any more, under load: senders are told to come back, nothing
accepted is lost, and the server goes on by itself when it can.
"""

from __future__ import annotations

import contextlib
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.command import headgate
from tests.acceptance.faults.fates import audit, set_up
from tests.acceptance.faults.load import Load
from tests.acceptance.faults.served import Served
from tests.acceptance.faults.waiting import Waiter
from tests.acceptance.faults.webhook import WebhookReceiver
from tests.headgate.queue.volumes import make_ext4, mounted, succeeds, why_not

pytestmark = pytest.mark.skipif(why_not() is not None, reason=f"file systems of its own: {why_not()}")

SIZE = 512 << 20

RESERVE = 256 << 20
"""What the queue leaves free (QueueLimits.disk_reserve_bytes)."""


def used(volume: Path) -> int:
    stat = os.statvfs(volume)
    return (stat.f_blocks - stat.f_bfree) * stat.f_frsize


def resize(volume: Path, size: int) -> None:
    """Of a tmpfs: a disk that is full without a byte being written."""
    assert succeeds("mount", "-o", f"remount,size={size}", volume)


def live_through(
    folder: Path, data: Path, hurt: Callable[[], None], mend: Callable[[], None], status: int, says: str = ""
) -> None:
    """The server on *data* answers with *status* after *hurt*, and *says* why; and with 200 again after *mend*."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    waiter = Waiter()
    with WebhookReceiver(waiter) as hook, contextlib.closing(Served(data, waiter)) as served:
        set_up(folder, data, hook)
        served.start()
        process = served.process
        with Load(waiter, lambda: served.url, seed, padding=2_000) as load:
            waiter.until(lambda: len(hook.requests) > 100, "events arrive")

            hurt()

            waiter.until(lambda: load.statuses[status] >= 5, f"senders are told to wait: {load.statuses}")
            assert load.cut == []
            assert any(says in line for line in served.log), served.log
            mend()
            accepted = len(load.accepted)
            waiter.until(lambda: len(load.accepted) > accepted + 50, "events are accepted again")
        waiter.until(lambda: served.jobs() == 0, "everything accepted comes to its end")
        assert served.process is process, "it went on without a restart"
        assert served.stop() == 0
        assert set(load.statuses) <= {200, 429, 503}
        assert {wait for _, wait in load.refusals} == {"10"}
        audit(data, load.accepted, hook)


def test_a_disk_that_is_almost_full(tmp_path: Path) -> None:
    """What is left is for those who are to deliver."""
    volume = tmp_path / "volume"
    with mounted("-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", at=volume):
        live_through(
            tmp_path,
            volume / "data",
            lambda: resize(volume, used(volume) + RESERVE // 2),
            lambda: resize(volume, SIZE),
            429,
        )


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    """To the last page, so that not even an outcome can be stored: as when something else fills it."""
    volume = tmp_path / "volume"
    with mounted("-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", at=volume):
        live_through(
            tmp_path,
            volume / "data",
            lambda: fill(volume),
            lambda: empty(volume),
            429,
            "the disk is full: make room, it goes on by itself",
        )


def fill(volume: Path) -> None:
    """To the last page."""
    resize(volume, used(volume) + (1 << 20))
    with contextlib.suppress(OSError), (volume / "ballast").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4_096))


def empty(volume: Path) -> None:
    (volume / "ballast").unlink()
    resize(volume, SIZE)


def test_a_queue_that_may_not_be_written_any_more(tmp_path: Path) -> None:
    """As on a volume that the kernel makes read-only after an error, but one that can be undone."""
    volume = tmp_path / "volume"
    make_ext4(tmp_path / "image", 2 * SIZE)
    with mounted("-o", "loop", str(tmp_path / "image"), at=volume):
        files = [volume / "data" / f"queue-0.sqlite{suffix}" for suffix in ("", "-wal")]
        live_through(
            tmp_path,
            volume / "data",
            lambda: change(files, "+i"),
            lambda: change(files, "-i"),
            503,
            "nothing is accepted: ",
        )


def change(files: list[Path], attribute: str) -> None:
    if not succeeds("chattr", attribute, *files):
        pytest.skip("this file system has no immutable files")


def test_a_volume_that_the_kernel_makes_read_only(tmp_path: Path) -> None:
    """
    After an error of its own; for good, until it is mounted again. Senders are told to wait; after a restart on the
    mounted volume everything arrives that was accepted before.
    """
    volume, data = tmp_path / "volume", tmp_path / "volume" / "data"
    make_ext4(tmp_path / "image", 2 * SIZE)
    waiter = Waiter()
    with WebhookReceiver(waiter) as hook, contextlib.closing(Served(data, waiter)) as served:
        with mounted("-o", "loop,errors=remount-ro", str(tmp_path / "image"), at=volume):
            set_up(tmp_path, data, hook)
            served.start()
            with Load(waiter, lambda: served.url, 1, padding=2_000) as load:
                waiter.until(lambda: len(hook.requests) > 100, "events arrive")
                certain = frozenset(load.accepted)
                fail_file_system(volume)
                waiter.until(lambda: load.statuses[503] >= 5, "senders are told to wait")
                assert load.cut == []
                load.abandon()
            assert set(load.statuses) == {200, 503}
            assert {wait for _, wait in load.refusals} == {"10"}
            done = headgate("serve", "--data", data, "--port", "0", cwd=tmp_path)
            assert done.returncode == 2
            served.kill()
        with mounted("-o", "loop", str(tmp_path / "image"), at=volume):
            served.start()
            waiter.until(lambda: served.jobs() == 0, "everything accepted comes to its end")
            assert served.stop() == 0
            # While ext4 gives its journal up, a sync may succeed of which nothing is kept, and one fail of which all is (seen
            # with Linux 6.18). Of that moment an event is there with all its outcomes or not at all; of before, all are.
            there = certain.union(hook.message_ids)
            audit(data, {id_: fate for id_, fate in load.sent.items() if id_ in there}, hook)


def fail_file_system(volume: Path) -> None:
    number = volume.stat().st_dev
    device = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}").resolve()
    trigger = Path("/sys/fs/ext4") / device.name / "trigger_fs_error"
    try:
        trigger.write_text("1")
    except OSError as error:
        pytest.skip(f"file systems cannot be made to fail here: {error}")


def test_a_read_only_data_directory(tmp_path: Path) -> None:
    """Of a server that is started there."""
    volume = tmp_path / "volume"
    waiter = Waiter()
    with mounted("-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", at=volume), WebhookReceiver(waiter) as hook:
        data = volume / "data"
        set_up(tmp_path, data, hook)
        assert succeeds("mount", "-o", "remount,ro", volume)
        done = headgate("serve", "--data", data, "--port", "0", cwd=tmp_path)
        assert done.returncode == 2
        assert str(data) in done.stderr
        assert "read-only file system" in done.stderr
        assert "listen on" not in done.stderr
