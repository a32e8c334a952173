"""
Power cuts: a file system of its own is cut off in the middle of the load, and what had not been synced is gone. That a test
which loses nothing could lose something is shown with a queue that does not wait for the disk.
"""

from __future__ import annotations

import asyncio
import random
import signal
import time
from pathlib import Path

import pytest

from headgate.queue.schema import SYNCHRONOUS
from tests.headgate.queue.aftermath import Promises, Stored, look_into, start_load
from tests.headgate.queue.volumes import make_ext4, mounted, power_cut, why_not

pytestmark = pytest.mark.skipif(why_not() is not None, reason=f"power cuts: {why_not()}")


def put_and_cut(folder: Path, synchronous: str, *options: str) -> tuple[Promises, Stored]:
    """What was promised before the cut, and what is there after it."""
    image, volume, log = folder / "image", folder / "volume", folder / "log"
    make_ext4(image, 512 << 20)
    with mounted("-o", "loop", str(image), at=volume):
        process = start_load(volume / "queue.sqlite", log, "p", "--synchronous", synchronous, *options)
        begun = time.monotonic()
        while len(Promises.read(log).put) < 500 or time.monotonic() < begun + random.uniform(0.5, 2):
            assert process.poll() is None, process.communicate()[1].decode()
            time.sleep(0.05)  # the load's time, not the test's: it has to get somewhere
        power_cut(volume)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    with mounted("-o", "loop", str(image), at=volume):
        return Promises.read(log), asyncio.run(look_into(volume / "queue.sqlite"))


@pytest.mark.parametrize("options", [("--put-only",), ()], ids=["put", "put and delivered"])
def test_a_power_cut_loses_nothing_that_was_accepted(tmp_path: Path, options: tuple[str, ...]) -> None:
    promises, stored = put_and_cut(tmp_path, SYNCHRONOUS, *options)

    assert stored.lost(promises) == set()
    assert stored.returned(promises) == set()
    stored.check_counts()


def test_without_waiting_for_the_disk_it_would(tmp_path: Path) -> None:
    promises, stored = put_and_cut(tmp_path, "NORMAL", "--put-only")

    assert stored.lost(promises) != set()
