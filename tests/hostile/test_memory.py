"""What asks for all memory: in one piece, in small ones, hidden from the collector, on the host's side."""

from __future__ import annotations

import pytest

from headgate_runtime.outcome import Cause
from tests.hostile.assault import Assault, message
from tests.stage import Stage, track, value

FUEL = 2_000_000_000
MEMORY = 8 << 20

BOMBS = {
    "an array of arrays": "const all = []; for (;;) all.push([1, 2, 3])",
    "an array of numbers": "const all = []; for (let i = 0; ; i++) all.push(i)",
    "an array of strings": "const all = []; for (let i = 0; ; i++) all.push('text ' + i)",
    "a string repeated": "return { s: 'x'.repeat(2 ** 29) }",
    "a string padded": "return { s: 'x'.padEnd(2 ** 29) }",
    "strings that double": "const all = ['x'.repeat(1000)]; for (;;) all.push(all.at(-1) + 'y')",
    "strings that grow": "const all = []; for (let i = 0; ; i++) all.push('x'.repeat(1000) + i)",
    "a replacement": "'a'.repeat(1e5).replace(/a/g, '$`')",
    "a typed array": "new Uint8Array(5e8)",
    "typed arrays": "const all = []; for (;;) all.push(new Uint8Array(1e5))",
    "a buffer": "Buffer.alloc(1e9)",
    "a buffer resized": "const b = new ArrayBuffer(1, { maxByteLength: 2 ** 30 }); b.resize(2 ** 30)",
    "a map": "const m = new Map(); for (let i = 0; ; i++) m.set(i, { i })",
    "a set": "const s = new Set(); for (let i = 0; ; i++) s.add('member ' + i)",
    "an object": "const o = {}; for (let i = 0; ; i++) o['key ' + i] = i",
    "integer keys": "const o = {}; for (let i = 0; ; i++) o[i * 1000] = i",
    "closures": "let f = () => 0; for (;;) { const g = f; f = () => g }",
    "a chain": "let last = {}; for (;;) last = { last }",
    "symbols": "const all = []; for (let i = 0; ; i++) all.push(Symbol('s' + i))",
    "registered symbols": "const all = []; for (let i = 0; ; i++) all.push(Symbol.for('s' + i))",
    "globals": "for (let i = 0; ; i++) globalThis['g' + i] = i",
    "promises": "const all = []; for (;;) all.push(new Promise(() => {}))",
    "microtasks": "for (;;) queueMicrotask(() => {})",
    "functions made from text": "const all = []; for (let i = 0; ; i++) all.push(new Function('return ' + i))",
    "an expression's stack": "/(?:.|\\n)*?(?:.|\\n)*x/.test('a'.repeat(3e6)); for (const all = []; ;) all.push([])",
    "errors with stacks": "const all = []; for (;;) all.push(new Error('x'))",
    "timers' arguments": "for (;;) setTimeout(() => {}, 1e9, new Array(1e5).fill(0))",
    "abort signals": "const all = []; for (;;) all.push(new AbortController())",
    "weak references": "const keep = []; for (;;) { const o = {}; keep.push(new WeakRef(o), o) }",
    "text decoded": "new TextDecoder().decode(new Uint8Array(5e6).fill(0xff))",
    "text split": "'a'.repeat(2e6).split('')",
    "a spread string": "[...'a'.repeat(2e6)]",
    "a structured clone": "const a = new Uint8Array(3e6); const all = []; for (;;) all.push(structuredClone(a))",
    "a cache": "for (let i = 0; ; i++) globalThis['v' + i] = await cache.load('k' + i, -1, async () => 'x'.repeat(1e5) + i)",
    "numbers without end": "const all = []; for (let n = 2n ** 20000n; ; n++) all.push(n)",
    "events kept": "globalThis.kept ??= []; for (;;) kept.push(JSON.parse(JSON.stringify(event)))",
}


@pytest.mark.parametrize("body", BOMBS.values(), ids=BOMBS)
def test_it_ends_with_the_memory(assault: Assault, body: str) -> None:
    outcome = assault(body, fuel=FUEL, memory_bytes=MEMORY)

    assert outcome.cause is Cause.INTERNAL
    assert message(outcome) == f"out of memory: memory_bytes = {MEMORY}"


REFUSED = {
    "an array buffer past its range": ("new ArrayBuffer(2 ** 53)", "RangeError"),
    "a typed array past its range": ("new Float64Array(2 ** 40)", "RangeError"),
    "a buffer past its range": ("Buffer.alloc(2 ** 40)", "RangeError"),
    "a string past its range": ("'x'.repeat(2 ** 31)", "RangeError"),
    "an array past its range": ("new Array(-1)", "RangeError"),
    "a power past its range": ("2n ** (2n ** 40n)", "RangeError"),
    "a shift past its range": ("1n << (2n ** 40n)", "RangeError"),
    "a string that doubles past its range": ("let s = 'x'; for (;;) s += s", "InternalError"),
    "random bytes past their range": ("crypto.randomBytes(2 ** 40)", "RangeError"),
    "arguments past their number": ("Math.max.apply(null, new Array(1e6))", "RangeError"),
    "spread arguments past their number": ("Math.max(...new Array(1e5))", "RangeError"),
}


@pytest.mark.parametrize(("body", "name"), REFUSED.values(), ids=REFUSED)
def test_what_is_past_its_range_is_an_error(assault: Assault, body: str, name: str) -> None:
    outcome = assault(body)

    assert (outcome.cause, outcome.error_name) == (Cause.BAD_REQUEST, name)


@pytest.mark.parametrize(
    "body",
    [
        "'x'.repeat(2 ** 29)",
        "new Uint8Array(5e8)",
        "(() => { const a = []; for (;;) a.push([1, 2, 3]) })()",
        "crypto.randomBytes(2 ** 31 - 1)",
    ],
)
def test_it_can_be_caught(assault: Assault, body: str) -> None:
    caught = f"try {{ {body} }} catch (error) {{ event.caught = error.message; return event }}"

    assert value(assault(caught, fuel=FUEL))["caught"] == "out of memory"


def test_a_caught_exhaustion_is_not_held_against_other_errors(assault: Assault) -> None:
    outcome = assault("try { new Uint8Array(5e8) } catch {} throw new TypeError('mine')")

    assert (outcome.cause, outcome.error_name, outcome.message) == (Cause.BAD_REQUEST, "TypeError", "mine")


def test_an_expression_that_does_not_fit_is_a_syntax_error_as_the_engine_has_it(assault: Assault) -> None:
    outcome = assault(
        "for (const all = []; ; ) all.push(new RegExp('a' + all.length))",
        calm=False,
        memory_bytes=MEMORY,
        fuel=FUEL,
    )

    assert outcome.cause in {Cause.INTERNAL, Cause.BAD_REQUEST}
    assert "out of memory" in message(outcome)


def test_while_the_error_is_described(assault: Assault) -> None:
    outcome = assault("throw { get message() { const a = []; for (;;) a.push([1, 2, 3]) } }", fuel=FUEL)

    assert outcome.cause in {Cause.INTERNAL, Cause.BAD_REQUEST}


def test_while_the_event_is_written(assault: Assault) -> None:
    outcome = assault("return { x: { toJSON() { const a = []; for (;;) a.push([1, 2, 3]) } } }", fuel=FUEL)

    assert outcome.cause is Cause.INTERNAL


def test_a_top_level_that_takes_all_is_refused(run: Stage) -> None:
    for source in ("const a = []; for (;;) a.push([1, 2, 3])", "'x'.repeat(2 ** 29)", "new Uint8Array(5e8)"):
        error = run.refusal(source, fuel=FUEL, memory_bytes=MEMORY)

        assert error.kind == "limit"
        assert error.message == f"loading needs more memory than memory_bytes = {MEMORY}"


def test_what_a_warm_function_keeps_is_its_own(run: Stage) -> None:
    """A leak fills one sandbox after the other; the one that overflowed is replaced by a fresh one."""
    source = """
    const kept = []
    function onTrack(event) {
      kept.push(new Uint8Array(2e6))
      event.kept = kept.length
      return event
    }"""
    counts = []
    for _ in range(20):
        outcome = run(source)
        counts.append(value(outcome)["kept"] if outcome.cause is Cause.FORWARD else None)
        assert outcome.cause in {Cause.FORWARD, Cause.INTERNAL}

    assert counts[:2] == [1, 2]
    overflowed = counts.index(None)
    assert counts[overflowed + 1 :: overflowed + 1] == [1] * len(counts[overflowed + 1 :: overflowed + 1])
    assert counts.count(None) == 20 // (overflowed + 1)


def test_garbage_is_collected(run: Stage) -> None:
    """Ten times the memory passes through one event, in cycles that only the collector finds."""
    source = """
    function onTrack(event) {
      for (let i = 0; i < 1500; i++) { const a = { data: new Uint8Array(1e5) }; a.self = a }
      return event
    }"""

    for _ in range(3):
        assert value(run(source, track(), fuel=FUEL)) == track()


def test_logging_a_promise_keeps_nothing_of_it(run: Stage) -> None:
    source = """
    async function onTrack(event) {
      console.log(Promise.resolve(new Uint8Array(1e6)), Promise.reject(new Uint8Array(1e6)).catch(() => {}))
      return event
    }"""

    peaks = [run(source).memory_bytes for _ in range(8)]

    assert max(peaks[1:]) - peaks[0] < 1_000_000
