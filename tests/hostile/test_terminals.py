"""What senders, functions and destinations choose is shown to operators: it steers no terminal and forges no line."""

from __future__ import annotations

import logging

import pytest

from headgate.cli import dead
from headgate.queue.model import DeadJob, Lane
from headgate.service.logs import JsonFormatter, TextFormatter

TRICKS = {
    "a title": "\x1b]0;owned\x07",
    "a jump": "\x1b[2J\x1b[1;1H",
    "C1 controls": "\x9b2J\x9d0;owned\x9c",
    "a line of its own": "a\n0.1  2026-01-01T00:00:00+00:00  forged",
    "back to the beginning": "harmful\rharmless",
    "text that runs the other way": "a\u202e\u2066b",
    "half a pair": "a\ud800",
}


def steers(text: str) -> bool:
    return any(not char.isprintable() for char in text)


@pytest.mark.parametrize("trick", TRICKS.values(), ids=TRICKS)
def test_dead_letters(trick: str) -> None:
    job = DeadJob(
        id=7,
        lane=Lane("w", "d"),
        source="s",
        message_id=f"m{trick}",
        event_type="track",
        attempts=1,
        reason="message_rejected",
        message=f"Error: {trick}",
        died_at=0,
        body=b"{}",
    )

    line = dead._as_text(0, job, None)

    assert line.startswith("0.7  1970-01-01T00:00:00+00:00  d  track  m")
    assert not steers(line)


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()], ids=["text", "JSON"])
@pytest.mark.parametrize("trick", TRICKS.values(), ids=TRICKS)
def test_logs(formatter: logging.Formatter, trick: str) -> None:
    record = logging.makeLogRecord({"msg": f"failed: {trick}", "levelname": "ERROR", "destination": trick})

    line = formatter.format(record)

    assert "failed: " in line
    assert "\n" not in line
    if isinstance(formatter, TextFormatter):
        assert not steers(line)
    line.encode()


def fail() -> None:
    raise ValueError("\n12:00:00 info: forged \x1b[2J")


def test_tracebacks_in_logs() -> None:
    try:
        fail()
    except ValueError as error:
        told = (type(error), error, error.__traceback__)
    record = logging.makeLogRecord({"msg": "failed", "exc_info": told})

    lines = TextFormatter().format(record).split("\n")

    assert not any(steers(line) for line in lines)
    assert all(line.startswith("  ") for line in lines[1:])
