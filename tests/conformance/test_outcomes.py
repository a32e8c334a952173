"""errors.json and headgate_runtime.outcome agree row by row, and what triggers a row gives that row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headgate_runtime import CompileError, Outcome
from headgate_runtime.outcome import CLASSES, ERROR_CLASSES, Cause, Usage, of_cause
from tests.stage import Stage, track

TABLE = json.loads((Path(__file__).parent / "errors.json").read_text())
ROWS = {row["trigger"]: row for row in TABLE["outcomes"]}

CAUSES = {
    "handler returns an object": Cause.FORWARD,
    "handler returns undefined or null": Cause.EMPTY,
    "throw DropEvent": Cause.DROPPED,
    "no handler for event.type": Cause.UNSUPPORTED,
    "throw EventNotSupported": Cause.UNSUPPORTED,
    "throw InvalidEventPayload": Cause.REJECTED,
    "throw ValidationError": Cause.REJECTED,
    "throw RetryError": Cause.RETRY,
    "wall-clock limit exceeded (default 5000 ms)": Cause.TIMEOUT,
    "any other thrown value or rejected promise": Cause.BAD_REQUEST,
    "handler returns a non-object or an array (single handler)": Cause.BAD_REQUEST,
    "return value cannot be serialised to JSON (cycle, BigInt) or exceeds output limit": Cause.BAD_REQUEST,
    "code does not compile, or module top level throws": Cause.BAD_REQUEST,
    "instance settings missing a required value, undecryptable secret, or no deployed version": Cause.INVALID_SETTINGS,
    "concurrency/throughput guard of the invoker": Cause.THROTTLED,
    "sandbox or platform fault (process crash, out of memory)": Cause.INTERNAL,
    "workspace execution quota exhausted": Cause.LOCKED_OUT,
}

TRIGGERS = {
    "handler returns an object": ["function onTrack(e) { return e }", "onTrack = async () => ({})"],
    "handler returns undefined or null": [
        "function onTrack() {}",
        "async function onTrack() { return null }",
    ],
    "throw DropEvent": ["function onTrack() { throw new DropEvent('no') }"],
    "no handler for event.type": ["function onPage(e) { return e }", "", "onTrack = 5"],
    "throw EventNotSupported": ["async function onTrack() { throw new EventNotSupported('no') }"],
    "throw InvalidEventPayload": ["function onTrack() { throw new InvalidEventPayload('no') }"],
    "throw ValidationError": ["function onTrack() { return Promise.reject(new ValidationError('no')) }"],
    "throw RetryError": ["function onTrack() { throw new RetryError('later') }"],
    "wall-clock limit exceeded (default 5000 ms)": ["function onTrack() { for (;;); }"],
    "any other thrown value or rejected promise": [
        "function onTrack() { throw new Error('x') }",
        "function onTrack() { throw 1 }",
        "function onTrack() { throw undefined }",
        "function onTrack() { return Promise.reject() }",
    ],
    "handler returns a non-object or an array (single handler)": [
        f"function onTrack() {{ return {value} }}"
        for value in ("[]", "[{}]", "'x'", "1", "true", "() => 1", "Symbol()", "1n")
    ],
    "return value cannot be serialised to JSON (cycle, BigInt) or exceeds output limit": [
        "function onTrack(e) { e.self = e; return e }",
        "function onTrack(e) { e.big = 1n; return e }",
        "function onTrack(e) { e.long = 'x'.repeat(1e5); return e }",
    ],
    "sandbox or platform fault (process crash, out of memory)": [
        "function onTrack() { const all = []; for (;;) all.push([]) }"
    ],
}


def is_row(outcome: Outcome, row: dict[str, Any]) -> bool:
    return (outcome.outcome, outcome.category, outcome.status, outcome.outcome == "retry") == (
        row["outcome"],
        row["category"],
        row["status"],
        row["retry"],
    ) and outcome.reason == row["overviewReason"]


def test_every_row_has_its_cause_and_every_cause_a_row() -> None:
    assert CAUSES.keys() == ROWS.keys()
    # An event of an unknown type is SPEC D47, filtered as if the handler had returned nothing.
    assert set(Cause) - set(CAUSES.values()) == {Cause.UNKNOWN_TYPE}
    assert (
        of_cause(Cause.UNKNOWN_TYPE, Usage(0, 0, 0)).category
        == of_cause(Cause.EMPTY, Usage(0, 0, 0)).category
    )


@pytest.mark.parametrize("trigger", ROWS)
def test_a_cause_says_what_its_row_says(trigger: str) -> None:
    row, cause = ROWS[trigger], CAUSES[trigger]
    outcome = of_cause(cause, Usage(0, 0.0, 0))

    assert (cause.outcome, cause.category, cause.reason, cause.status) == (
        row["outcome"],
        row["category"],
        row["overviewReason"],
        row["status"],
    )
    assert (cause.outcome == "retry") is row["retry"]
    assert (cause.reason is None) is (row["overviewStage"] is None)
    assert type(outcome) is CLASSES[row["outcome"]]
    assert is_row(outcome, row)


@pytest.mark.parametrize(
    ("trigger", "source"), [(trigger, source) for trigger, sources in TRIGGERS.items() for source in sources]
)
def test_a_trigger_gives_its_row(run: Stage, trigger: str, source: str) -> None:
    row = ROWS[trigger]

    outcome = run(source, output_bytes=10_000, memory_bytes=12 << 20)

    assert is_row(outcome, row), outcome
    assert outcome.cause is CAUSES[trigger]
    if "message" in row:
        assert outcome.message == row["message"].replace("<type>", "track")
    if "errorName" in row:
        assert outcome.error_name == row["errorName"]


@pytest.mark.parametrize("source", ["function onTrack(", "throw new Error('x')", "import a from 'b'"])
def test_a_source_that_fails_has_no_image(run: Stage, source: str) -> None:
    """So whoever runs it discards its events: SPEC D4."""
    assert run.refusal(source).kind in {"syntax", "throw"}


def test_an_unknown_type_is_filtered(run: Stage) -> None:
    for event_type in ("nope", "", "TRACK", "toString", "__proto__", 5, None, ["track"], {"track": 1}):
        outcome = run("function onTrack(e) { return e }", {**track(), "type": event_type})
        assert outcome.cause is Cause.UNKNOWN_TYPE, (event_type, outcome)


@pytest.mark.parametrize("row", TABLE["classes"], ids=lambda row: row["name"])
def test_an_error_class(run: Stage, row: dict[str, Any]) -> None:
    name = row["name"]
    source = """
    function onTrack(event) {
      const Class = globalThis[event.properties.name]
      const error = new Class('text', new Error('cause'))
      if (!(error instanceof Class && error instanceof Error)) throw new Error('instanceof')
      if (Object.getPrototypeOf(Class) !== Error || Class.name !== event.properties.name) throw new Error('class')
      if (error.message !== 'text' || error.name !== event.properties.name || 'cause' in error) throw new Error('fields')
      throw error
    }"""

    outcome = run(source, track(name=name))

    assert outcome.cause is ERROR_CLASSES[name]
    assert (outcome.error_name, outcome.message) == (name, "text")


def test_the_classes_are_the_five() -> None:
    assert {row["name"] for row in TABLE["classes"]} == ERROR_CLASSES.keys() - {None}


def test_a_compile_error_is_a_value(run: Stage) -> None:
    error = run.refusal("function onTrack(e) {\n  return e +\n}")

    assert isinstance(error, CompileError)
    assert (error.kind, error.error_name, error.line, error.source_line) == ("syntax", "SyntaxError", 3, "}")
