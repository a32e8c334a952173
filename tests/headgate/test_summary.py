"""Counting what became of the events, and saying so."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from headgate.cli.summary import ROWS_MAX, WORDS, Summary
from headgate.cli.terminal import Terminal, printable
from headgate_runtime import Cause, Outcome


def ended(
    cause: Cause, message: str | None = None, *, error_name: str | None = None, logs_dropped: int = 0
) -> Outcome:
    """As much of an outcome as is counted."""
    facts = {"message": message, "error_name": error_name, "logs_dropped": logs_dropped, "fuel": 100}
    return cast(Outcome, SimpleNamespace(outcome=cause.outcome, category=cause.category, **facts))


def summary(*outcomes: Outcome) -> Summary:
    counted = Summary()
    for line, outcome in enumerate(outcomes, 1):
        counted.count_invocation(outcome)
        counted.count(line, outcome)
    return counted


def rejected(name: str, message: str = "no") -> Outcome:
    return ended(Cause.REJECTED, message, error_name=name)


FORWARD = ended(Cause.FORWARD)


def test_every_outcome_has_its_word() -> None:
    assert set(WORDS) == {cause.outcome for cause in Cause}


def test_the_line_names_the_first_trouble() -> None:
    counted = summary(FORWARD, ended(Cause.TIMEOUT, "too long"), rejected("ValidationError"))

    assert counted.line(2.5) == (
        "headgate: 3 events in 2.50 s: 1 forwarded, 0 filtered, 1 discarded, 1 left for retry; "
        "first at line 2: Timeout: too long"
    )


def test_log_lines_over_the_limit_are_mentioned() -> None:
    outcome = ended(Cause.FORWARD, logs_dropped=7)

    assert summary(outcome).line(0).endswith("; 7 console lines over the limit")


def test_equal_troubles_share_a_row() -> None:
    counted = summary(rejected("ValidationError", "a"), rejected("ValidationError", "b"))

    (row,) = counted.rows.values()
    assert (row.count, row.line, row.message) == (2, 1, "a")


def test_names_that_a_function_makes_up_do_not_fill_the_table() -> None:
    counted = summary(*(rejected(f"Error{n}") for n in range(1000)))

    assert len(counted.rows) == ROWS_MAX + 1
    assert list(counted.rows.values())[-1].describe() == "Others"
    assert sum(row.count for row in counted.rows.values()) == 1000


@pytest.mark.parametrize(
    ("outcomes", "imperfect"),
    [
        ((), False),
        ((FORWARD,), False),
        ((FORWARD, rejected("E")), True),
        ((ended(Cause.RETRY),), True),
    ],
)
def test_what_counts_as_imperfect(outcomes: tuple[Outcome, ...], imperfect: bool) -> None:
    assert summary(*outcomes).imperfect is imperfect


def test_malformed_lines_count_as_imperfect() -> None:
    counted = summary(FORWARD)
    counted.count_malformed(4)
    counted.count_malformed(9)

    assert counted.imperfect
    assert counted.line(0).endswith(", 2 malformed")
    assert "malformed               2  (first: line 4)" in counted.table(1, Terminal())


def test_the_table_gives_the_rate_and_the_fuel() -> None:
    table = summary(FORWARD, FORWARD).table(4, Terminal())

    assert table.startswith("2 events in 4.00 s, 0 a second\n")
    assert table.endswith("fuel per call         100  at most 100")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 日", "plain é 日"),
        ("first\nsecond", "first"),
        ("\x1b[2J\x07tab\t", "\ufffd[2J\ufffdtab\ufffd"),
        ("x" * 300, "x" * 199 + "…"),
        ("\u202eevil", "\ufffdevil"),
    ],
)
def test_what_functions_say_cannot_steer_a_terminal(text: str, shown: str) -> None:
    assert printable(text) == shown
