"""Console output without end, or made to harm its reader."""

from __future__ import annotations

import pytest

from headgate_runtime import LogLine
from headgate_runtime.outcome import Cause
from tests.hostile.assault import Assault
from tests.stage import Stage, track, value

LINES, BYTES = 50, 4_000


def test_a_flood_of_lines_is_cut_and_counted(assault: Assault) -> None:
    outcome = assault("for (let i = 0; i < 300; i++) console.log(i)", log_lines=LINES, log_bytes=BYTES)

    assert outcome.cause is Cause.FORWARD
    assert [line.message for line in outcome.logs] == [str(n) for n in range(LINES)]
    assert outcome.logs_dropped == 300 - LINES


def test_a_flood_of_bytes_is_cut_and_counted(assault: Assault) -> None:
    outcome = assault(
        "for (let i = 0; i < 50; i++) console.log('x'.repeat(500))", log_lines=LINES, log_bytes=BYTES
    )

    assert 0 < len(outcome.logs) < 50
    assert len(outcome.logs) + outcome.logs_dropped == 50


def test_a_flood_without_end_ends(assault: Assault) -> None:
    for call in (
        "log('x')",
        "error(new Error('x'))",
        "table([{ a: 1 }])",
        "trace()",
        "count()",
        "dir({ a: {} })",
    ):
        outcome = assault(f"for (;;) console.{call}", fuel=100_000_000)

        assert outcome.cause is Cause.TIMEOUT


@pytest.mark.parametrize(
    "argument",
    [
        "'x'.repeat(3e6)",
        "new Array(1e5).fill('x')",
        "Object.fromEntries(new Array(5e3).fill(0).map((_, i) => ['k' + i, i]))",
        "new Map(new Array(5e3).fill(0).map((_, i) => [i, { i }]))",
        "new Uint8Array(1e6)",
        "new Proxy({}, { get() { throw 1 }, ownKeys() { throw 2 }, getPrototypeOf() { throw 3 } })",
        "(() => { const a = {}; a.a = a; return a })()",
        "{ get x() { throw 1 }, [Symbol.toStringTag]: 'x'.repeat(1e5) }",
        "{ [Symbol.for('nodejs.util.inspect.custom')]() { throw new Error('x') } }",
        "Object.create(null)",
        "new (class A { get [Symbol.toStringTag]() { throw 1 } })()",
        "Object.defineProperty(() => {}, 'name', { get() { throw 1 } })",
        "Object.assign(new Error('x'), { stack: 5, name: Symbol('x'), message: {} })",
        "Symbol('x'), 1n, -0, null, undefined, NaN, async function* f() {}",
        "'%s %d %i %f %j %o %O %c %%', Symbol('a'), 1n, {}, 'x', { toJSON() { throw 1 } }, {}, {}, 'css'",
        "'%s'.repeat(1e4), ...new Array(1e4).fill('y')",
    ],
)
def test_whatever_is_logged_the_event_goes_on(assault: Assault, argument: str) -> None:
    outcome = assault(
        f"try {{ console.log({argument}) }} catch {{ event.thrown = true }}",
        fuel=1_000_000_000,
        log_bytes=1 << 20,
    )

    assert outcome.cause is Cause.FORWARD, outcome


def test_text_that_would_fool_a_terminal_or_a_log_file_stays_one_line(run: Stage) -> None:
    text = "a\nb\r\n\x00\x1b[2Jé😀"
    source = (
        "function onTrack(event) { console.log(event.properties.text); console.log('\\ud800'); return event }"
    )

    outcome = run(source, track(text=text))

    assert outcome.logs == (LogLine("log", text), LogLine("log", "\ufffd" * 3))


def test_lines_of_one_event_are_not_found_in_the_next(assault: Assault) -> None:
    assault(
        "console.log('secret'); setTimeout(() => console.log('late'), 1); queueMicrotask(() => console.log('soon'))"
    )

    outcome = assault.source(
        "async function onTrack(event) { event.properties.calm = [2, 3, 4]; return event }"
    )
    assert outcome.logs == ()


def test_what_runs_after_the_outcome_logs_to_its_own_event(run: Stage) -> None:
    """Jobs left over run right after the outcome and cannot change it; timers are dropped."""
    source = """
    function onTrack(event) {
      if (!event.properties.leave) return event
      Promise.resolve().then(() => { console.log('job'); event.late = true })
      setTimeout(() => console.log('timer'), 0)
      return event
    }"""

    first = run(source, track(leave=True))
    second = run(source, track(leave=False))

    assert value(first) == track(leave=True)
    assert [line.message for line in first.logs] == ["job"]
    assert second.logs == ()


@pytest.mark.parametrize("zero", ["log_lines", "log_bytes"])
def test_a_limit_of_nothing_keeps_nothing(run: Stage, zero: str) -> None:
    outcome = run("function onTrack(event) { console.log('x'); return event }", **{zero: 0})  # type: ignore[arg-type]

    assert (outcome.logs, outcome.logs_dropped) == ((), 1)
