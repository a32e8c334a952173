"""
Processes of the server killed at random moments, under load. Shortly with the other tests; `make soak`, which sets
HEADGATE_KILLS, makes it hundreds, with fresh luck each time.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
from collections import Counter
from pathlib import Path

import pytest

from tests.acceptance.faults.fates import Audit, audit, set_up
from tests.acceptance.faults.load import Load
from tests.acceptance.faults.served import Served
from tests.acceptance.faults.waiting import Waiter
from tests.acceptance.faults.webhook import WebhookReceiver

KILLS = int(os.environ.get("HEADGATE_KILLS", "4"))
"""A quarter of them of a server that is one process, the others of one with two workers."""

ROUND = 20
"""Kills before the server is stopped in good order and everything is counted."""

Kinds = Counter[str]


def kill_one(served: Served, luck: random.Random, waiter: Waiter) -> str:
    """Kills something of a server that listens, after which it listens again. What it was."""
    workers = served.workers()
    kind = luck.choices(("worker", "supervisor"), (4, 1))[0] if workers else "server"
    if kind == "worker":
        with contextlib.suppress(ProcessLookupError):  # it was being killed
            os.kill(luck.choice(workers), signal.SIGKILL)
        return kind
    served.kill()
    if luck.random() < 0.2:
        served.begin()
        waiter.pause(luck.uniform(0, 1.5))
        served.kill()
        kind += " twice, once as it started"
    served.start()
    return kind


def wait_for_more(events: int, load: Load, hook: WebhookReceiver, waiter: Waiter) -> None:
    accepted, arrived = len(load.accepted) + events, len(hook.requests)
    waiter.until(lambda: len(load.accepted) > accepted, "events are accepted")
    waiter.until(lambda: len(hook.requests) > arrived, "events arrive")


def live_through(kills: int, folder: Path, seed: int, workers: int) -> tuple[Kinds, Audit]:
    """A server under load, of which something is killed *kills* times."""
    luck = random.Random(seed)
    waiter = Waiter()
    data = folder / "data"
    kinds: Kinds = Counter()
    with WebhookReceiver(waiter) as hook, contextlib.closing(Served(data, waiter, workers=workers)) as served:
        set_up(folder, data, hook)
        served.start()
        with Load(waiter, lambda: served.url, seed) as load:
            for _ in range(kills):
                wait_for_more(luck.randrange(1, 60), load, hook, waiter)
                kinds[kill_one(served, luck, waiter)] += 1
            wait_for_more(100, load, hook, waiter)
        waiter.until(lambda: served.jobs() == 0, "everything accepted comes to its end")
        assert served.stop() == 0
        assert set(load.statuses) == {200}
        return kinds, audit(data, load.accepted, hook)


@pytest.mark.parametrize(("workers", "left"), [(1, KILLS // 4), (2, KILLS - KILLS // 4)])
@pytest.mark.timeout(60 + 10 * KILLS)
def test_nothing_accepted_is_lost_and_everything_is_counted(
    tmp_path: Path, workers: int, left: int, capsys: pytest.CaptureFixture[str]
) -> None:
    number = 0
    while left:
        kills = min(left, ROUND)
        left -= kills
        number += 1
        seed = random.randrange(1 << 32)
        print(f"seed {seed}")
        folder = tmp_path / str(number)
        folder.mkdir()
        kinds, result = live_through(kills, folder, seed, workers)
        with capsys.disabled() if "HEADGATE_KILLS" in os.environ else contextlib.nullcontext():
            print(f"workers {workers}: {kills} kills {dict(kinds)}, {result}, {left} to go")
        assert result.events > 10 * kills
