"""
Power cuts: a file system of its own is cut off in the middle of the load, and what had not been synced is gone. That a test
which loses nothing could lose something is shown with a queue that does not wait for the disk. HEADGATE_QUEUE_CUTS in the
environment says how many cuts.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import time
from pathlib import Path

import pytest

from headgate.queue.schema import SYNCHRONOUS
from tests.headgate.queue.aftermath import Promises, Stored, look_into, start_load
from tests.headgate.queue.volumes import make_ext4, mounted, power_cut, why_not

CUTS = int(os.environ.get("HEADGATE_QUEUE_CUTS", "1"))

pytestmark = pytest.mark.skipif(why_not() is not None, reason=f"power cuts: {why_not()}")


def put_and_cut(folder: Path, synchronous: str, *options: str) -> tuple[Promises, Stored]:
    """
    What was promised before the cut, and what is there after it.

    A sync that is under way at the cut may return as if it had been made: who asked for it would have had no power to say so.
    So the log is read before the cut; what was tried counts to the end.
    """
    image, volume, log = folder / "image", folder / "volume", folder / "log"
    make_ext4(image, 512 << 20)
    with mounted("-o", "loop", str(image), at=volume):
        process = start_load(volume / "queue.sqlite", log, "p", "--synchronous", synchronous, *options)
        begun = time.monotonic()
        while len(Promises.read(log).put) < 500 or time.monotonic() < begun + random.uniform(0.5, 2):
            assert process.poll() is None, process.communicate()[1].decode()
            time.sleep(0.05)  # the load's time, not the test's: it has to get somewhere
        promises = Promises.read(log)
        power_cut(volume)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    promises.tried = Promises.read(log).tried
    with mounted("-o", "loop", str(image), at=volume):
        return promises, asyncio.run(look_into(volume / "queue.sqlite"))


@pytest.mark.timeout(60 + 20 * CUTS)
@pytest.mark.parametrize("options", [("--put-only",), ()], ids=["put", "put and delivered"])
def test_a_power_cut_loses_nothing_that_was_accepted(tmp_path: Path, options: tuple[str, ...]) -> None:
    for cut in range(CUTS):
        folder = tmp_path / str(cut)
        folder.mkdir()
        promises, stored = put_and_cut(folder, SYNCHRONOUS, *options)
        shutil.rmtree(folder)

        assert stored.lost(promises) == set()
        assert stored.returned(promises) == set()
        stored.check_counts()


def test_without_waiting_for_the_disk_it_would(tmp_path: Path) -> None:
    """Unless the cut comes just when the log has been carried into the file, so there are some tries."""
    for cut in range(8):
        folder = tmp_path / str(cut)
        folder.mkdir()
        promises, stored = put_and_cut(folder, "NORMAL", "--put-only")
        shutil.rmtree(folder)
        if stored.lost(promises):
            return
    pytest.fail("what was not synced survived every cut: these cuts prove nothing")
