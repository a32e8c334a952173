"""
Processes killed at random moments, under load. Shortly with the other tests; HEADGATE_QUEUE_KILLS=200 in the environment
makes it as many, with fresh luck each time.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
from pathlib import Path

import pytest

from tests.headgate.queue.aftermath import Promises, look_into, start_load

KILLS = int(os.environ.get("HEADGATE_QUEUE_KILLS", "5"))


def size_of(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0


def still_runs(process: subprocess.Popen[bytes], seconds: float) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(seconds)


@pytest.mark.timeout(60 + 5 * KILLS)
def test_nothing_accepted_is_lost_and_nothing_ended_comes_back(tmp_path: Path) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    luck = random.Random(seed)
    accepted = ended = 0

    for kill in range(KILLS):
        # A queue lives through some deaths and then makes room for the next: each look reads all of it.
        folder = tmp_path / str(kill // 8)
        folder.mkdir(exist_ok=True)
        queue, log = folder / "queue.sqlite", folder / "log"
        before, size = Promises.read(log), size_of(log)
        process = start_load(queue, log, f"{seed}-{kill}")
        # Now and then at its start; else from when it keeps promises, however busy the machine is.
        while kill % 5 != 4 and size_of(log) == size:
            still_runs(process, 0.01)
        still_runs(process, luck.uniform(0.0, 0.6))
        process.send_signal(signal.SIGKILL)
        _, words = process.communicate()
        assert words == b""
        promises = Promises.read(log)
        stored = asyncio.run(look_into(queue))
        assert stored.lost(promises) == set()
        assert stored.returned(promises) == set()
        stored.check_counts()
        accepted += len(promises.put) - len(before.put)
        ended += len(promises.ended) - len(before.ended)

    print(f"{KILLS} kills: {accepted} accepted, {ended} ended")
    assert accepted > 20 * KILLS, "the load was killed before it had begun"
    assert ended > 20 * KILLS
