"""The schedule of retries as the command line says it (SPEC 7)."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from tests.acceptance.command import headgate
from tests.acceptance.faults.fates import WRITE_KEY, account, set_up
from tests.acceptance.faults.sending import send
from tests.acceptance.faults.served import Served
from tests.acceptance.faults.waiting import Waiter
from tests.acceptance.faults.webhook import WebhookReceiver, status


@pytest.mark.parametrize(
    ("flags", "attempts"),
    [
        (("--retry-base-ms", "1", "--retry-attempts", "3"), 3),
        (("--retry-attempts", "1"), 1),
        (("--retry-base-ms", "1", "--retry-window-ms", "0"), 1),
    ],
)
def test_so_many_attempts_and_then_no_more(tmp_path: Path, flags: tuple[str, ...], attempts: int) -> None:
    waiter = Waiter()
    data = tmp_path / "data"
    with WebhookReceiver(waiter) as hook, contextlib.closing(Served(data, waiter, *flags)) as served:
        set_up(tmp_path, data, hook)
        hook.answer = status(503)
        served.start()

        assert send(served.url, WRITE_KEY, ["m"], fate="pass") == 200

        waiter.until(lambda: served.jobs() == 0, "the event is given up")
        assert served.stop() == 0
        assert len(hook.requests) == attempts
        found = account(data)
        assert found.outcomes["hook", "failed-delivery", "503"] == 1
        assert found.dead == {"hook": {"m"}}


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--retry-base-ms", "0"),
        ("--retry-base-ms", "2700001"),
        ("--retry-attempts", "0"),
        ("--retry-attempts", "101"),
        ("--retry-window-ms", "-1"),
        ("--retry-window-ms", "604800001"),
        ("--retry-window-ms", "soon"),
    ],
)
def test_what_is_no_schedule_is_refused(tmp_path: Path, flag: str, value: str) -> None:
    done = headgate("serve", "--data", tmp_path / "data", flag, value, cwd=tmp_path)

    assert done.returncode == 2
    assert flag in done.stderr
    assert not (tmp_path / "data").exists()
