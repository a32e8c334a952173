"""Every case of handler-vectors.json: what hosted functions do, here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headgate_runtime import CompileError, Outcome
from tests.stage import Isolation, Stage, value

CASES = json.loads((Path(__file__).parent / "handler-vectors.json").read_text())["cases"]

NOT_SAVED = "rejected-at-save"
"""The outcome of a case whose source does not compile (SPEC D4)."""


def check(outcome: Outcome, expected: dict[str, Any]) -> None:
    assert outcome.outcome == expected["outcome"], outcome
    if "output" in expected:
        assert value(outcome) == expected["output"]
    if "category" in expected:
        assert outcome.category == expected["category"]
    if "errorName" in expected:
        assert outcome.error_name == expected["errorName"]
    if expected.get("message") is not None:
        assert outcome.message == expected["message"]


def check_case(run: Stage, case: dict[str, Any], isolation: Isolation) -> None:
    settings = case.get("settings", {})
    expected = case["expect"]
    compiled = run.compile(case["code"])
    if isinstance(compiled, CompileError):
        assert (compiled.kind, expected["outcome"]) == ("syntax", NOT_SAVED)
    elif "events" in case:
        outcomes = run.batch(case["code"], case["events"], settings, isolation=isolation)
        assert len(outcomes) == len(expected["items"])
        for outcome, item in zip(outcomes, expected["items"], strict=True):
            check(outcome, item)
    else:
        for _ in range(expected.get("repeat", 1)):
            outcome = run(case["code"], case["event"], settings, isolation=isolation)
        check(outcome, expected)


def test_there_are_cases() -> None:
    assert len(CASES) == 68
    assert len({case["id"] for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_warm(run: Stage, case: dict[str, Any]) -> None:
    check_case(run, case, "warm")


@pytest.mark.parametrize(
    "case", [case for case in CASES if "repeat" not in case["expect"]], ids=lambda case: case["id"]
)
def test_hermetic(run: Stage, case: dict[str, Any]) -> None:
    """What one event alone can show is the same in both isolations."""
    check_case(run, case, "hermetic")
