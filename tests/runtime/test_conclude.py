"""Whatever comes out of a sandbox becomes an outcome, by tables that are total, and never an exception."""

from __future__ import annotations

import struct

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate_runtime import Limits, LogLine, abi, conclude
from headgate_runtime._wasmtime import Trap
from headgate_runtime.outcome import ERROR_CLASSES, Cause, Usage

USAGE = Usage(fuel=123, wall_ms=4.5, memory_bytes=678)
LIMITS = Limits()

KINDS = {
    abi.Kind.FORWARD: Cause.FORWARD,
    abi.Kind.EMPTY: Cause.EMPTY,
    abi.Kind.THROWN: Cause.BAD_REQUEST,
    abi.Kind.MISSING: Cause.UNSUPPORTED,
    abi.Kind.BAD_RETURN: Cause.BAD_REQUEST,
    abi.Kind.UNKNOWN_TYPE: Cause.UNKNOWN_TYPE,
    abi.Kind.ITEMS: Cause.INTERNAL,  # of a batch only, and then `of_items`
    abi.Kind.TOO_LARGE: Cause.BAD_REQUEST,
    abi.Kind.OUT_OF_MEMORY: Cause.INTERNAL,
}

ITEMS = {
    abi.Item.FORWARD: Cause.FORWARD,
    abi.Item.FILTERED: Cause.EMPTY,
    abi.Item.BAD_RETURN: Cause.BAD_REQUEST,
    abi.Item.RETRY: Cause.RETRY,
    abi.Item.UNCHANGED: Cause.FORWARD,
    abi.Item.DISCARD: Cause.BAD_REQUEST,
    abi.Item.THROWN: Cause.BAD_REQUEST,
    abi.Item.TOO_LARGE: Cause.BAD_REQUEST,
}

TRAPS = {
    Trap.OUT_OF_FUEL: (Cause.TIMEOUT, "CPU limit exceeded: fuel = 20000000000"),
    Trap.STACK_OVERFLOW: (Cause.BAD_REQUEST, "Maximum call stack size exceeded"),
    Trap.FAULT: (Cause.INTERNAL, "sandbox fault: wasm trap: unreachable"),
}


def items(*entries: tuple[int, bytes]) -> bytes:
    """The output of a batch."""
    table, bodies = struct.pack("<I", len(entries)), b""
    start = len(table) + len(entries) * abi.ITEM.size
    for kind, body in entries:
        table += abi.ITEM.pack(kind, start + len(bodies), len(body))
        bodies += body
    return table + bodies


def thrown(*parts: str | None) -> bytes:
    return orjson.dumps(parts)


def test_the_tables_are_total() -> None:
    assert set(KINDS) == set(abi.Kind)
    assert set(ITEMS) == set(abi.Item)
    assert set(TRAPS) == set(Trap)


@pytest.mark.parametrize("kind", abi.Kind)
def test_every_kind_has_its_cause(kind: abi.Kind) -> None:
    output = thrown(None, "Error", "text", "stack") if kind is abi.Kind.THROWN else b"text"
    outcome = conclude.of_output(kind, output, USAGE, LIMITS)

    assert outcome.cause is KINDS[kind]
    assert (outcome.fuel, outcome.wall_ms, outcome.memory_bytes) == USAGE
    assert outcome.output == (b"text" if kind is abi.Kind.FORWARD else None)
    assert bool(outcome.message) is (kind is not abi.Kind.FORWARD)


@pytest.mark.parametrize("kind", [-1, 9, 77, 2**32 - 1])
def test_a_kind_that_does_not_exist_is_a_fault(kind: int) -> None:
    assert conclude.of_output(kind, b"text", USAGE, LIMITS).cause is Cause.INTERNAL


@pytest.mark.parametrize("kind", abi.Item)
def test_every_item_has_its_cause(kind: abi.Item) -> None:
    body = thrown(None, "Error", "text", None) if kind is abi.Item.THROWN else b"text"
    (outcome,) = conclude.of_items(items((kind, body)), [b"event"], USAGE, LIMITS)

    assert outcome.cause is ITEMS[kind]
    assert (outcome.fuel, outcome.wall_ms, outcome.memory_bytes) == USAGE
    assert outcome.output == {abi.Item.FORWARD: b"text", abi.Item.UNCHANGED: b"event"}.get(kind)


@pytest.mark.parametrize("trap", Trap)
def test_every_trap_has_its_cause(trap: Trap) -> None:
    outcome = conclude.of_trap(
        (trap, "error while executing\n  0: f\nwasm trap: unreachable\n"), USAGE, LIMITS
    )

    assert (outcome.cause, outcome.message) == TRAPS[trap]
    assert conclude.of_trap((trap, ""), USAGE, LIMITS).cause is TRAPS[trap][0]


@pytest.mark.parametrize("name", ERROR_CLASSES)
def test_every_error_class_has_its_cause(name: str | None) -> None:
    outcome = conclude.of_output(abi.Kind.THROWN, thrown(name, "Name", "text", "at f"), USAGE, LIMITS)

    assert outcome.cause is ERROR_CLASSES[name]
    assert (outcome.error_name, outcome.message, outcome.stack) == ("Name", "text", "at f")


@pytest.mark.parametrize("name", ["Error", "toString", "__proto__", ""])
def test_a_class_that_is_none_of_ours_is_any_error(name: str) -> None:
    assert (
        conclude.of_output(abi.Kind.THROWN, thrown(name, name, "x", None), USAGE, LIMITS).cause
        is Cause.BAD_REQUEST
    )


def test_the_limits_that_were_passed_are_named() -> None:
    limits = Limits(time_ms=10, memory_bytes=9_000_000, output_bytes=77)

    assert conclude.of_timeout(USAGE, limits).message == "time limit exceeded: time_ms = 10"
    assert conclude.of_memory(USAGE, limits).message == "out of memory: memory_bytes = 9000000"
    outcome = conclude.of_output(abi.Kind.TOO_LARGE, b"", USAGE, limits)
    assert outcome.message == "the output is larger than output_bytes = 77"


def test_messages_for_events_that_no_handler_took() -> None:
    missing = conclude.of_output(abi.Kind.MISSING, b"track", USAGE, LIMITS)
    assert (missing.error_name, missing.message) == ("EventNotSupported", "track not supported")
    assert (
        conclude.of_output(abi.Kind.UNKNOWN_TYPE, b"", USAGE, LIMITS).message
        == "unknown event type undefined"
    )
    assert conclude.of_output(abi.Kind.UNKNOWN_TYPE, b"5", USAGE, LIMITS).message == "unknown event type 5"


@given(st.integers(-1, 12), st.binary(max_size=200))
def test_no_output_is_an_exception(kind: int, output: bytes) -> None:
    outcome = conclude.of_output(kind, output, USAGE, LIMITS)

    assert outcome.cause in Cause
    assert repr(outcome)


@given(st.binary(max_size=300), st.integers(0, 4))
def test_no_table_of_items_is_an_exception(output: bytes, count: int) -> None:
    events = [b"{}"] * count

    assert len(conclude.of_items(output, events, USAGE, LIMITS)) == count


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)), max_size=5),
    st.integers(0, 6),
)
def test_no_places_of_items_are_an_exception(entries: list[tuple[int, int, int]], count: int) -> None:
    output = struct.pack("<I", len(entries)) + b"".join(abi.ITEM.pack(*entry) for entry in entries)
    outcomes = conclude.of_items(output, [b"{}"] * count, USAGE, LIMITS)

    assert len(outcomes) == count
    if count != len(entries):
        assert {outcome.cause for outcome in outcomes} <= {Cause.INTERNAL}


lines = st.lists(st.tuples(st.sampled_from(range(len(abi.LEVELS))), st.text(max_size=20)), max_size=8)


def log(entries: list[tuple[int, str]]) -> bytes:
    return b"".join(struct.pack("<BI", level, len(text.encode())) + text.encode() for level, text in entries)


@given(lines)
def test_log_lines_are_read_back(entries: list[tuple[int, str]]) -> None:
    assert conclude.log_lines(log(entries)) == tuple(
        LogLine(abi.LEVELS[level], text) for level, text in entries
    )


@given(st.lists(lines, min_size=1, max_size=5))
def test_log_lines_are_of_the_turn_they_were_written_in(turns: list[list[tuple[int, str]]]) -> None:
    written = [b"".join([log(entries) for entries in turns[:number]]) for number in range(len(turns) + 1)]
    begun = [(len(text), float(number)) for number, text in enumerate(written[:-1])]

    assert conclude.log_times(written[-1], begun) == tuple(
        float(number) for number, entries in enumerate(turns) for _ in entries
    )


@given(lines, st.binary(max_size=30), st.integers(0, 100))
def test_no_log_is_an_exception(entries: list[tuple[int, str]], garbage: bytes, cut: int) -> None:
    content = log(entries) + garbage

    content = content[: max(0, len(content) - cut)]
    found = conclude.log_lines(content)
    assert all(line.level in abi.LEVELS for line in found)
    assert len(conclude.log_times(content, [(0, 1.0)])) == len(found)
