"""Recursion: a catchable RangeError wherever the stack ends, in the language and in what C does for it."""

from __future__ import annotations

import pytest

from headgate_runtime.outcome import Cause
from tests.hostile.assault import Assault
from tests.stage import Stage, track, value

DEEP = {
    "a function": "function f() { return f() + 1 } f()",
    "two functions": "function a() { return b() + 1 } function b() { return a() + 1 } a()",
    "an arrow": "const f = (n) => f(n + 1) + 1; f(0)",
    "a method": "({ m() { return this.m() + 1 } }).m()",
    "a constructor": "class A { constructor() { this.a = new A() } } new A()",
    "a getter": "const o = { get x() { return this.x } }; o.x",
    "a setter": "const o = { set x(v) { this.x = v } }; o.x = 1",
    "toString": "const o = { toString() { return o + '' } }; o + ''",
    "valueOf": "const o = { valueOf() { return +o } }; +o",
    "a proxy": "const p = new Proxy({}, { get(t, k, r) { return r[k] } }); p.x",
    "a tower of proxies": "let p = {}; for (let i = 0; i < 2e4; i++) p = new Proxy(p, {}); p.x",
    "bound functions": "function f() { return f.bind(null)() + 1 } f()",
    "a generator": "function* g() { yield* g() } [...g()]",
    "an async function": "async function f() { return (await f()) + 1 } await f()",
    "apply": "function f() { return f.apply(null, arguments) + 1 } f(1, 2, 3)",
    "many arguments": "function f(...a) { return f(...a) + 1 } f(...new Array(100))",
    "eval": "const f = (0, eval)('(function f() { return eval(\"f()\") })'); f()",
    "a comparator": "const f = () => [2, 1].sort(f); f()",
    "a replacer": "const f = () => 'x'.replace('x', f); f()",
    "a reviver": "const f = () => JSON.parse('[1]', f); f()",
    "toJSON": "const o = { toJSON() { return JSON.stringify(o) } }; JSON.stringify(o)",
    "instanceof": "class A { static [Symbol.hasInstance](v) { return v instanceof A } } 1 instanceof A",
    "a nested array as text": "let a = []; for (let i = 0; i < 2e4; i++) a = [a]; String(a)",
    "an array that holds itself, as text": "const a = []; a[0] = a; const b = [a]; a[0] = b; b.flat(Infinity)",
    "parsing arrays": "JSON.parse('['.repeat(1e5) + ']'.repeat(1e5))",
    "parsing objects": "JSON.parse('{\"a\":'.repeat(1e5) + '1' + '}'.repeat(1e5))",
    "parsing what is cut off": "JSON.parse('['.repeat(1e5))",
    "writing arrays": "let a = []; for (let i = 0; i < 1e4; i++) a = [a]; JSON.stringify(a)",
    "code in parentheses": "eval('('.repeat(1e5) + ')'.repeat(1e5))",
    "code in blocks": "eval('{'.repeat(1e5) + '}'.repeat(1e5))",
    "code of operators": "eval('!'.repeat(1e5) + '1')",
    "code of arrows": "eval('a=>'.repeat(1e5) + '1')",
    "code of templates": "eval('`${'.repeat(1e4) + '1' + '}`'.repeat(1e4))",
    "a structured clone": "let a = {}; for (let i = 0; i < 1e4; i++) a = { a }; structuredClone(a)",
    "an event listener": "const t = new EventTarget(); t.addEventListener('x', () => t.dispatchEvent(new Event('x'))); let n = 0; const f = () => { n++; return f() + 1 }; f()",
    "the console": "const o = { get x() { console.log(o); return o.x } }; o.x",
    "the class of what is thrown": "function f() { try { f() } finally { f() } } f()",
}


@pytest.mark.parametrize("body", DEEP.values(), ids=DEEP)
def test_it_ends_in_a_range_error(assault: Assault, body: str) -> None:
    outcome = assault(body, fuel=1_000_000_000)

    if outcome.cause is not Cause.TIMEOUT:  # unwinding may cost more than the fuel
        assert (outcome.cause, outcome.error_name) == (Cause.BAD_REQUEST, "RangeError")
        assert outcome.message == "Maximum call stack size exceeded"


HARMLESS = {
    "promises": "let p = Promise.resolve(); for (let i = 0; i < 2e4; i++) p = p.then(() => {}); await p",
    "promises of promises": "let p = Promise.resolve(1); for (let i = 0; i < 5e3; i++) { const q = p; p = new Promise((f) => f(q)) } await p",
    "async functions that wait": "const f = async (n) => { await null; if (n) await f(n - 1) }; await f(5e3)",
    "a chain freed": "let a = {}; for (let i = 0; i < 5e4; i++) a = { a }",
    "closures freed": "let f = () => 0; for (let i = 0; i < 5e4; i++) { const g = f; f = () => g }",
    "a rope freed": "let s = 'x'.repeat(1e4); for (let i = 0; i < 2e4; i++) s = 'y' + s",
    "a rope read": "let s = 'x'; for (let i = 0; i < 2e4; i++) s = s + 'yz'; if (s[1] !== 'y') throw s[1]",
    "a chain of prototypes": "let a = {}; for (let i = 0; i < 2e4; i++) a = Object.create(a); if (a.x) throw 1",
    "a chain in the console": "let a = {}; for (let i = 0; i < 2e4; i++) a = { a }; console.log(a)",
    "causes in the console": "let e = new Error('x'); for (let i = 0; i < 1e4; i++) e = new Error('x', { cause: e }); console.log(e)",
    "a generator's chain": "function* g(n) { if (n) yield* g(n - 1); yield 1 } let n = 0; for (const x of g(200)) n += x",
    "code in a sum": "eval('1+'.repeat(1e4) + '1')",
}


@pytest.mark.parametrize("body", HARMLESS.values(), ids=HARMLESS)
def test_depth_that_needs_no_stack(assault: Assault, body: str) -> None:
    outcome = assault(body, fuel=2_000_000_000, memory_bytes=64 << 20)

    assert outcome.cause is Cause.FORWARD


ON_THE_LAST_STACK = [
    "JSON.parse('['.repeat(99) + ']'.repeat(99))",
    "JSON.parse('{\"a\":'.repeat(99) + '1' + '}'.repeat(99))",
    "JSON.parse('['.repeat(3000))",
    "JSON.stringify(nested)",
    "JSON.stringify(event)",
    "event.nested.length",
    "event.properties.attack",
    "structuredClone(nested)",
    "console.log(nested, '%o', { a: [1] })",
    "console.error(new Error('x'))",
    "console.table([{ a: 1 }])",
    "zlib.zlib.gzipSync('hello')",
    "zlib.zlib.gunzipSync(zipped)",
    "crypto.createHash('sha512').update('x').digest('hex')",
    "crypto.createHmac('sha256', 'k').update('x').digest('hex')",
    "crypto.scryptSync('a', 'b', 16, { N: 16 })",
    "crypto.createCipheriv('aes-256-gcm', Buffer.alloc(32), Buffer.alloc(12)).update('x')",
    "crypto.randomUUID()",
    "new URL('http://example.com/a/../b?x=1').searchParams.get('x')",
    "new URL('http://日本.jp/')",
    "Buffer.from('é').toString('latin1')",
    "btoa('x') + atob('eA==')",
    "new Error('x').stack",
    "/((a+)+)+$/.exec('aaab')",
    "new RegExp('('.repeat(50) + ')'.repeat(50))",
    "'x'.normalize('NFKD').localeCompare('y')",
    "new Date().toString()",
    "(9n ** 300n).toString()",
    "(0.1).toFixed(20)",
    "eval('1 + 1')",
    "new Function('a', 'return a')(1)",
    "Math.max(...new Array(3000))",
    "Reflect.construct(Array, new Array(3000))",
    "Function.prototype.bind.apply(Array, new Array(3000))()",
    "Promise.resolve(1).then(() => {})",
    "setTimeout(() => {}, 1)",
    "fetch('http://host.test/')",
    "new FormData().append('a', 'b')",
    "[3, 2, 1].sort().map(String).flat(9).join()",
]


@pytest.mark.parametrize("expression", ON_THE_LAST_STACK)
def test_what_runs_at_the_end_of_the_stack_fails_as_an_error(run: Stage, expression: str) -> None:
    """Each frame of an overflow tries it while the stack unwinds: with no room at all, then with a little more."""
    source = """
    const nested = JSON.parse('['.repeat(90) + ']'.repeat(90))
    const zipped = zlib.zlib.gzipSync('hello '.repeat(100))
    function onTrack(event) {
      let frames = 0, failed = 0
      function sink(depth) {
        try { sink(depth + 1) } catch (overflow) {
          if (frames++ < 60 || frames %% 40 === 0) {
            try { %s } catch (error) { failed++ }
          }
          throw overflow
        }
      }
      try { sink(0) } catch (error) { if (!(error instanceof RangeError)) throw error }
      return { frames, failed }
    }"""
    nested = b"[" * 1500 + b"]" * 1500
    event = b'{"type":"track","messageId":"m","properties":{"attack":true},"nested":%s}' % nested

    for _ in range(2):
        result = value(run(source % expression, event, fuel=10_000_000_000, memory_bytes=64 << 20))
        assert result["frames"] > 500


@pytest.mark.parametrize("body", [body for body in DEEP.values() if "finally" not in body])
def test_it_can_be_caught(run: Stage, body: str) -> None:
    """The engine's own recursion included: none of it runs out of the machine's stack first, which nobody can catch."""
    source = """
    async function onTrack(event) {
      try { await (async () => { %s })() } catch (error) { event.caught = error.name }
      return event
    }"""

    outcome = run(source % body, fuel=20_000_000_000, memory_bytes=64 << 20)

    assert value(outcome).get("caught") in {"RangeError", None}


def test_at_the_top_level_it_is_a_throw(run: Stage) -> None:
    error = run.refusal("\n(function f() { return f() + 1 })()")

    assert (error.kind, error.error_name, error.line) == ("throw", "RangeError", 2)


@pytest.mark.parametrize("open_close", [b'{"a":|}', b"[|]"])
@pytest.mark.parametrize("depth", [100, 199, 201, 1000, 1999])
def test_a_nested_event_passes(run: Stage, open_close: bytes, depth: int) -> None:
    opening, closing = open_close.split(b"|")
    nested = opening * depth + b"1" + closing * depth
    event = b'{"nested":%s,"type":"track","messageId":"m"}' % nested
    changed = "function onTrack(event) { event.touched = event.nested !== 5; return event }"

    untouched = run("function onTrack(event) { return event }", event, fuel=5_000_000_000)
    touched = run(changed, event, fuel=5_000_000_000)

    assert untouched.output == event
    assert touched.output == event[:-1] + b',"touched":true}'


def test_an_event_nested_too_deeply_is_refused_on_its_way_out(assault: Assault) -> None:
    outcome = assault("let a = 1; for (let i = 0; i < 2500; i++) a = { a }; return a", fuel=2_000_000_000)

    assert (outcome.cause, outcome.error_name) == (Cause.BAD_REQUEST, "RangeError")
    assert outcome.message == "the event is nested too deeply: at most 2000 levels"


def test_deep_and_wide_settings(run: Stage) -> None:
    settings = {"wide": [{"n": n} for n in range(1000)]}
    deep: object = 1
    for _ in range(100):
        deep = {"a": [deep]}
    settings["deep"] = deep  # type: ignore[assignment]
    source = "function onTrack(event, settings) { event.same = JSON.stringify(settings); return event }"

    assert len(value(run(source, track(), settings))["same"]) > 10_000
