"""Servers that are told to end, at whatever moment: they do, soon, and nothing that was answered is lost."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.acceptance.faults.fates import audit, set_up
from tests.acceptance.faults.load import Load
from tests.acceptance.faults.served import Served
from tests.acceptance.faults.waiting import Waiter
from tests.acceptance.faults.webhook import WebhookReceiver, hang

GRACE_MS = 2_000

TOLERANCE_S = 4.0
"""For a process to end on a machine that has other things to do."""


CLIENTS = 3


def more(load: Load, waiter: Waiter) -> None:
    accepted = len(load.accepted)
    waiter.until(lambda: len(load.accepted) > accepted + 50, "events are accepted")


def go_on(load: Load, hook: WebhookReceiver, waiter: Waiter) -> None:
    arrived = len(hook.requests)
    more(load, waiter)
    waiter.until(lambda: len(hook.requests) > arrived, "events arrive")


@pytest.mark.parametrize("workers", [1, 2])
def test_under_load(tmp_path: Path, workers: int) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    waiter = Waiter()
    data = tmp_path / "data"
    flags = ("--grace-ms", str(GRACE_MS))
    with (
        WebhookReceiver(waiter) as hook,
        contextlib.closing(Served(data, waiter, *flags, workers=workers)) as served,
    ):
        set_up(tmp_path, data, hook)
        answer = hook.answer
        served.start()
        with Load(waiter, lambda: served.url, seed, clients=CLIENTS) as load:
            for hangs in (False, True):
                go_on(load, hook, waiter)
                if hangs:
                    hook.answer = hang
                    more(load, waiter)

                began = time.monotonic()
                assert served.stop() == 0
                assert time.monotonic() - began < GRACE_MS / 1e3 + TOLERANCE_S
                hook.answer = answer
                served.start()
            go_on(load, hook, waiter)
        waiter.until(lambda: served.jobs() == 0, "everything accepted comes to its end")
        assert served.stop() == 0
        assert set(load.statuses) == {200}
        unanswered = [error for error in load.cut if not isinstance(error, ConnectionRefusedError)]
        # Each may send in the moment in which a worker closes its connection, and connect in that in which nobody listens.
        assert len(unanswered) <= 2 * CLIENTS * (workers + 1), unanswered
        audit(data, load.accepted, hook)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_while_it_starts(tmp_path: Path, workers: int, number: signal.Signals) -> None:
    waiter = Waiter()
    data = tmp_path / "data"
    with contextlib.closing(Served(data, waiter, workers=workers)) as served:
        served.begin()
        queue = data / "queue-0.sqlite"
        waiter.until(
            lambda: served.process.poll() is not None or len(served.workers()) == workers or queue.exists(),
            "it begins",
        )
        served.process.send_signal(number)

        assert served.wait() == 0, served.log


def test_a_worker_that_is_gone_comes_back(tmp_path: Path) -> None:
    waiter = Waiter()
    with contextlib.closing(Served(tmp_path / "data", waiter, workers=2)) as served:
        served.start()
        before = served.workers()

        for pid in before:
            os.kill(pid, signal.SIGKILL)

        waiter.until(
            lambda: len(served.workers()) == 2 and not set(served.workers()) & set(before), "others are there"
        )
        waiter.until(lambda: served.jobs() == 0, "they answer")
        assert served.stop() == 0


def test_a_worker_that_does_not_end_is_killed(tmp_path: Path) -> None:
    impatient = (
        "import sys; from headgate.service import supervisor; supervisor.OVERDUE_S = 0.5;"
        "from headgate.cli import main; sys.exit(main())"
    )
    flags = ("serve", "--data", str(tmp_path / "data"), "--port", "0", "--workers", "2", "--grace-ms", "100")
    with subprocess.Popen(
        [sys.executable, "-c", impatient, *flags], stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stderr is not None
        assert any("listening on" in line for line in server.stderr)
        hangs = int(Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()[1])
        os.kill(hangs, signal.SIGSTOP)

        server.terminate()

        assert server.wait(60) == 0
        assert "headgate: worker 1 does not end; it is killed\n" in server.stderr.readlines()
        assert not Path(f"/proc/{hangs}").exists()


def test_workers_do_not_outlive_their_supervisor(tmp_path: Path) -> None:
    waiter = Waiter()
    with contextlib.closing(Served(tmp_path / "data", waiter, workers=2)) as served:
        served.start()
        workers = served.workers()

        served.kill()

        waiter.until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), "they end")
