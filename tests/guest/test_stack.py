"""`error.stack` and what makes it: as V8 has them, expectations from Node. Frames are the engine's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.stage import Isolation, Stage

if TYPE_CHECKING:
    from tests.guest.evaluate import Evaluate

HEADERS = [
    # What makes an object with a stack, and the lines above its first frame
    ("new Error('a')", "Error: a"),
    ("new TypeError('a')", "TypeError: a"),
    ("new Error('')", "Error"),
    ("new Error()", "Error"),
    ("new Error('two\\nlines')", "Error: two\nlines"),
    ("new RetryError('a')", "RetryError: a"),
    ("new (class Mine extends DropEvent {})('a')", "DropEvent: a"),
    ("new AggregateError([], 'all')", "AggregateError: all"),
    ("new DOMException('gone', 'AbortError')", "AbortError: gone"),
    ("(() => { try { null.x } catch (e) { return e } })()", "TypeError: cannot read property 'x' of null"),
    ("new (class extends Error { constructor(m) { super(m); this.name = 'Mine' } })('a')", "Mine: a"),
    ("new (class extends Error { get name() { return 'Mine' } })('a')", "Mine: a"),
    ("Object.assign(new Error('a'), { message: 'changed' })", "Error: changed"),
    (
        "new (class extends Error { constructor(m) { super(m); Error.captureStackTrace(this, this.constructor); this.name = 'Mine' } })('a')",
        "Mine: a",
    ),
    (
        (
            "(() => { function Old(m) { Error.captureStackTrace(this, Old); this.message = m } Old.prototype = Object.create(Error.prototype); "
            "Old.prototype.name = 'Old'; return new Old('a') })()"
        ),
        "Old: a",
    ),
    ("(() => { const o = { name: 'N' }; Error.captureStackTrace(o); o.message = 'M'; return o })()", "N: M"),
    ("(() => { const o = {}; Error.captureStackTrace(o); return o })()", "Error"),
    ("Object.create(new Error('inherited'))", "Error: inherited"),
    ("Object.assign(new Error('ä😀'), { name: 'Größe' })", "Größe: ä😀"),
    ("structuredClone(new RangeError('a'))", "RangeError: a"),
]


@pytest.mark.parametrize(("code", "header"), HEADERS, ids=[row[0][:60] for row in HEADERS])
def test_a_stack_begins_with_name_and_message(evaluate: Evaluate, code: str, header: str) -> None:
    stack = evaluate(f"const made = {code}; return made.stack").value

    assert isinstance(stack, str)
    assert stack.startswith(f"{header}\n    at ")
    assert not stack.endswith("\n")
    assert stack.count(header.split("\n", maxsplit=1)[0]) == 1


VALUES: list[tuple[str, Any]] = [
    # Written once, when it is first read
    ("const e = new Error('a'); e.stack; e.message = 'b'; return e.stack.split('\\n')[0]", "Error: a"),
    # An own accessor
    ("return [Object.hasOwn(new Error('x'), 'stack'), 'stack' in Error.prototype]", [True, False]),
    ("return Object.getOwnPropertyNames(new Error('x')).sort()", ["message", "stack"]),
    ("return [Object.keys(new Error('x')), JSON.stringify(new Error('x')), { ...new Error('x') }]", [[], "{}", {}]),
    (
        "const e = new Error('x'); return JSON.parse(JSON.stringify(e, Object.getOwnPropertyNames(e))).stack === e.stack",
        True,
    ),
    ("const e = new Error('x'); return [delete e.stack, typeof e.stack]", [True, "undefined"]),
    ("const e = new Error('x'); e.stack = 5; return [e.stack, Object.keys(e)]", [5, []]),
    ("const e = Object.freeze(new Error('x')); return e.stack.split('\\n')[0]", "Error: x"),
    # Frames
    ("return (() => new Error('x').stack.split('\\n')[1].replace(/\\d+/g, 'N'))()", "    at <input>:N:N"),
    ("function f() { return new Error('x').stack.split('\\n')[1].slice(0, 20) } return f()", "    at f (<input>:3:"),
    # captureStackTrace
    ("return [Error.captureStackTrace({}), Error.captureStackTrace.length]", [None, 2]),
    (
        ("const h = {}; function outer() { inner() } function inner() { Error.captureStackTrace(h, inner) } outer(); "
        "return h.stack.split('\\n')[1].split(' (')[0]"),
        "    at outer",
    ),
    ("const h = {}; Error.captureStackTrace(h, () => 1); return h.stack", "Error"),
    ("try { Error.captureStackTrace(Object.freeze({})) } catch (e) { return e.name }", "TypeError"),
    ("try { Error.captureStackTrace(5) } catch (e) { return e.name }", "TypeError"),
    ("const e = new Error('x'); e.stack = ''; Error.captureStackTrace(e); return e.stack.split('\\n')[0]", "Error: x"),
    # stackTraceLimit
    ("return Error.stackTraceLimit", 10),
    ("Error.stackTraceLimit = 0; return [new Error('x').stack, new RetryError('y').stack]", ["Error: x", "RetryError: y"]),
    (
        ("Error.stackTraceLimit = 1; function f() { return [new Error('x'), new RetryError('x')] } "
        "return f().map((e) => e.stack.split('\\n').map((line) => line.split(' (')[0]))"),
        [["Error: x", "    at f"], ["RetryError: x", "    at f"]],
    ),
    (
        ("Error.stackTraceLimit = 30; const deep = (n) => n ? deep(n - 1) : [new Error('x'), new RetryError('x')]; "
        "return deep(20).map((e) => e.stack.split('\\n').filter((line) => line.includes('deep')).length)"),
        [21, 21],
    ),
    ("const deep = (n) => n ? deep(n - 1) : [new Error('x'), new RetryError('x')]; return deep(20).map((e) => e.stack.split('\\n').length)", [11, 11]),
    # prepareStackTrace has the last word
    ("Error.prepareStackTrace = (e, frames) => '    at ' + e.message; return new Error('x').stack", "    at x"),
    # What the function's own code throws while the text is made
    (
        ("const e = new Error('x'); Object.defineProperty(e, 'message', { get() { throw new TypeError('inner') } }); "
        "try { return e.stack } catch (error) { return error.message }"),
        "inner",
    ),
    # No stack of another's own
    ("class Odd {} Object.setPrototypeOf(RetryError, Odd); return Object.getOwnPropertyNames(new RetryError('x'))", ["stack"]),
    (
        "class Odd { constructor() { return new Uint8Array(3) } } Object.setPrototypeOf(RetryError, Odd); return [...new RetryError('x')]",
        [0, 0, 0],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("code", "expected"), VALUES, ids=[row[0][:70] for row in VALUES])
def test_stacks(evaluate: Evaluate, code: str, expected: Any) -> None:
    assert evaluate(code).value == expected


def test_an_error_prints_with_its_header_once(evaluate: Evaluate) -> None:
    code = """
        class Mine extends Error { constructor(m) { super(m); this.name = 'Mine' } }
        console.log(new Mine('a'))
        console.log('%s', new TypeError('b').stack)
        console.error(new Error('outer', { cause: new RetryError('inner') }))
        """
    first, second, third = evaluate(code).lines

    assert first.startswith("Mine: a\n    at ")
    assert second.startswith("TypeError: b\n    at ")
    assert third.startswith("Error: outer\n    at ")
    assert "[cause]: RetryError: inner\n" in third
    assert [line.count(": ") for line in (first, second)] == [1, 1]


@pytest.mark.parametrize("isolation", ["warm", "hermetic"])
def test_the_stack_of_an_outcome(run: Stage, isolation: Isolation) -> None:
    source = (
        "const inner = () => { throw new ValidationError('no') }\nfunction onTrack(event) {\n  inner()\n}"
    )
    outcome = run(source, isolation=isolation)

    assert (outcome.error_name, outcome.message) == ("ValidationError", "no")
    assert outcome.stack == (
        "ValidationError: no\n    at inner (function.js:1:33)\n    at onTrack (function.js:3:3)"
    )


def test_what_a_message_says_of_places_is_not_believed(run: Stage) -> None:
    thrown = run("function onTrack() { throw new Error('see headgate.js:1 (native)') }")
    refused = run.refusal("\nthrow new Error('function.js:77:7')")

    assert (thrown.stack or "").startswith(
        "Error: see headgate.js:1 (native)\n    at onTrack (function.js:1:"
    )
    assert (refused.line, refused.column) == (2, 11)
    assert (refused.stack or "").startswith("Error: function.js:77:7\n    at ")
