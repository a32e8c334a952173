"""Outcomes: a closed set, each with the category, reason and status of its cause (SPEC 3.2)."""

from __future__ import annotations

import pytest

from headgate_runtime import Cause, Discard, Filtered, Forward, LogLine, Outcome, Retry, Usage
from headgate_runtime.outcome import CLASSES, ERROR_CLASSES, of_cause

USAGE = Usage(1, 2.0, 3)


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_makes_an_outcome_of_its_class(cause: Cause) -> None:
    outcome = of_cause(cause, USAGE, message="text")

    assert type(outcome) is CLASSES[cause.outcome]
    assert outcome.outcome == cause.outcome
    assert (outcome.category, outcome.reason, outcome.status) == (cause.category, cause.reason, cause.status)
    assert (outcome.fuel, outcome.wall_ms, outcome.memory_bytes) == USAGE


def test_the_set_is_closed() -> None:
    assert set(Outcome.__subclasses__()) == {Forward, Filtered, Discard, Retry}
    assert {name: kind.outcome for name, kind in CLASSES.items()} == {name: name for name in CLASSES}


@pytest.mark.parametrize("cause", Cause)
def test_status_and_class_fit_each_other(cause: Cause) -> None:
    """SPEC D15: what goes on or is dropped on purpose is 200, what is the function's fault 4xx (501: no handler)."""
    expected = {
        "forward": {200},
        "filtered": {200},
        "discard": {400, 402, 422, 501},
        "retry": {429, 500, 504},
    }
    assert cause.status in expected[cause.outcome]
    assert (cause.category is None) == (cause.reason is None) == (cause is Cause.FORWARD)


def test_causes_are_different_members_even_where_rows_are_equal() -> None:
    assert len(Cause) == len(Cause.__members__) == 13
    assert len({Cause.EMPTY, Cause.DROPPED, Cause.UNKNOWN_TYPE}) == 3


def test_error_classes_are_those_of_the_specification() -> None:
    """SPEC 3.1; None is any other error."""
    assert ERROR_CLASSES.keys() == {
        *("EventNotSupported", "InvalidEventPayload", "ValidationError", "RetryError", "DropEvent", None)
    }


def test_what_is_not_there_is_none() -> None:
    outcome = of_cause(Cause.FORWARD, USAGE, output=b"{}")

    assert (outcome.error_name, outcome.message, outcome.stack, outcome.record) == (None,) * 4
    assert (outcome.logs, outcome.logs_dropped, outcome.output) == ((), 0, b"{}")


def test_what_is_added_to_one_does_not_show_in_another() -> None:
    one, other = (of_cause(Cause.FORWARD, USAGE) for _ in range(2))
    one.add(logs=(LogLine("log", "line"),), logs_dropped=2)

    assert (one.logs, one.logs_dropped) == ((("log", "line"),), 2)
    assert (other.logs, other.logs_dropped) == ((), 0)


def test_an_error_keeps_what_it_said() -> None:
    outcome = of_cause(Cause.RETRY, USAGE, error_name="RetryError", message="later", stack="at f")
    outcome.add(logs=())

    assert (outcome.error_name, outcome.message, outcome.stack) == ("RetryError", "later", "at f")


@pytest.mark.parametrize(
    ("outcome", "shown"),
    [
        (of_cause(Cause.FORWARD, USAGE, output=b"{}"), "<Forward>"),
        (of_cause(Cause.EMPTY, USAGE, message="why"), "<Filtered Filtered at insert function | why>"),
        (of_cause(Cause.BAD_REQUEST, USAGE, error_name="E", message="m"), "<Discard Bad Request | E | m>"),
        (of_cause(Cause.TIMEOUT, USAGE, message=""), "<Retry Timeout>"),
    ],
)
def test_outcomes_show_what_they_are(outcome: Outcome, shown: str) -> None:
    assert repr(outcome) == shown


def test_an_event_is_not_shown() -> None:
    assert "secret" not in repr(of_cause(Cause.FORWARD, USAGE, output=b'{"secret":1}'))
