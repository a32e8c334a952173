"""console: what it prints is what Node prints (SPEC 4.5)."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.guest.evaluate import Evaluate

VECTORS = json.loads((Path(__file__).parent / "inspect-vectors.json").read_text())

FRAMES = re.compile(r"\n\s+(at |\.\.\. \d+ lines matching cause).*")


def test_values_print_as_node_prints_them(evaluate: Evaluate) -> None:
    wrong = {}
    for code, expected in VECTORS["format"]:
        lines = evaluate(f"console.log(...new Function({json.dumps(f'return [{code}]')})())").lines
        text = FRAMES.sub("", "\n".join(lines))
        if text != expected:
            wrong[code] = (text, expected)

    assert len(VECTORS["format"]) > 250
    assert wrong == {}


def test_methods_print_as_node_prints_them(evaluate: Evaluate) -> None:
    wrong = {}
    for code, expected in VECTORS["console"]:
        lines = [FRAMES.sub("", line) for line in evaluate(code).lines]
        if lines != expected:
            wrong[code] = (lines, expected)

    assert len(VECTORS["console"]) > 30
    assert wrong == {}


@pytest.mark.parametrize(
    ("code", "level"),
    [
        ("console.log(1)", "log"),
        ("console.info(1)", "info"),
        ("console.debug(1)", "debug"),
        ("console.warn(1)", "warn"),
        ("console.error(1)", "error"),
        ("console.assert(false)", "error"),
        ("console.trace()", "error"),
        ("console.dir(1)", "log"),
        ("console.dirxml(1)", "log"),
        ("console.table([1])", "log"),
        ("console.group('g')", "log"),
        ("console.count()", "log"),
        ("console.time('levels'); console.timeEnd('levels')", "log"),
    ],
)
def test_each_method_has_its_level(evaluate: Evaluate, code: str, level: str) -> None:
    assert [line.level for line in evaluate(code).logs] == [level]


def test_a_trace_shows_where_it_was_called(evaluate: Evaluate) -> None:
    (line,) = evaluate("function here() { console.trace('at %s', 'x') } here()").lines

    assert line.startswith("Trace: at x\n    at here (")
    assert "console" not in line
    assert "prelude" not in line


def test_times_are_told_as_node_tells_them(evaluate: Evaluate) -> None:
    lines = evaluate(
        "console.time('t'); console.timeLog('t', 'so far', { a: 1 }); console.timeEnd('t'); console.timeEnd('t')"
    ).lines

    assert re.fullmatch(r"t: [\d.]+m?s so far \{ a: 1 \}", lines[0])
    assert re.fullmatch(r"t: [\d.]+m?s", lines[1])
    assert lines[2:] == ["Warning: No such label 't' for console.timeEnd()"]


def test_a_group_left_open_ends_with_its_invocation(evaluate: Evaluate) -> None:
    assert evaluate("console.group('open'); console.log('in')", "console.log('next')").lines == ["next"]


@pytest.mark.parametrize(
    "value",
    [
        "Object.fromEntries(Array.from({ length: 200000 }, (_, i) => ['key' + i, i]))",
        "Array(100).fill(Array(100).fill('x'.repeat(9000)))",
        "new Map(Array.from({ length: 100 }, (_, i) => [i, Array(90).fill('y'.repeat(9000))]))",
    ],
)
def test_a_huge_value_is_cut_short(evaluate: Evaluate, value: str) -> None:
    (line,) = evaluate(f"console.log({value})", log_bytes=4_000_000).lines

    assert len(line) < 400_000
    assert "more item" in line or "[Array]" in line


def test_proxies_are_looked_through_and_never_triggered(evaluate: Evaluate) -> None:
    result = evaluate(
        """
        const touched = []
        const traps = new Proxy({}, { get: (_, trap) => { touched.push(trap) } })
        console.log(new Proxy({ a: 1 }, traps), new Proxy([1], traps), [new Proxy(function f() {}, traps)])
        return touched
        """
    )

    assert result.value == []
    assert result.lines == ["{ a: 1 } [ 1 ] [ [Function: f] ]"]


def test_printing_works_after_everything_was_tampered_with(evaluate: Evaluate) -> None:
    result = evaluate(
        """
        const map = new Map([['k', 1]]), { defineProperty } = Object
        for (const owner of [Array, String, Map, Set, RegExp, Function, Number, Symbol, Promise])
          for (const name of Object.getOwnPropertyNames(owner.prototype))
            // The engine evaluates templates by way of concat.
            if (name !== 'constructor' && name !== 'length' && name !== 'concat')
              try { defineProperty(owner.prototype, name, { value() { throw new Error('tampered ' + name) } }) } catch {}
        for (const name of ['JSON', 'Math', 'Reflect']) globalThis[name] = undefined
        Array.prototype[Symbol.iterator] = null
        Object.keys = Object.getPrototypeOf = null
        console.log('%s and %o', 'text', 1, { a: [1, 'two', { b: 2 }] }, map, new Error('boom').message)
        """
    )

    assert result.lines == ["text and 1 { a: [ 1, 'two', { b: 2 } ] } Map(1) { 'k' => 1 } boom"]
