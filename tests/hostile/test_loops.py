"""What never ends: in code, in microtasks, in regular expressions, in the engine's own loops."""

from __future__ import annotations

import pytest

from headgate_runtime.outcome import Cause
from tests.hostile.assault import Assault, message
from tests.stage import Stage, track, value

FUEL = 60_000_000

ENDLESS = {
    "sync": "for (;;);",
    "after an await": "await null; for (;;);",
    "in a callback": "[1].forEach(() => { for (;;); })",
    "in a generator": "function* g() { for (;;) yield 1 } for (const x of g());",
    "in an iterator": "const it = { [Symbol.iterator]: () => ({ next: () => ({ done: false }) }) }; for (const x of it);",
    "in a getter while the event is written": "return Object.defineProperty({}, 'x', { enumerable: true, get() { for (;;); } })",
    "in toJSON": "event.x = { toJSON() { for (;;); } }; return event",
    "in toJSON of a date": "const d = new Date(); d.toJSON = () => { for (;;); }; event.d = d; return event",
    "in a proxy's ownKeys": "return new Proxy({}, { ownKeys() { for (;;); } })",
    "in then of the returned value": "return { then() { for (;;); } }",
    "a thenable that resolves with itself": "const t = { then(resolve) { resolve(t) } }; return t",
    "in message of what is thrown": "throw { get message() { for (;;); } }",
    "in toString of what is thrown": "throw { toString() { for (;;); } }",
    "in getPrototypeOf of what is thrown": "throw new Proxy({}, { getPrototypeOf() { for (;;); } })",
    "in name of what is thrown": "throw { get name() { for (;;); } }",
    "in prepareStackTrace": "Error.prepareStackTrace = () => { for (;;); }; throw new Error('x')",
    "in finally": "try { throw 1 } finally { for (;;); }",
    "catching everything": "for (;;) { try { for (;;); } catch {} }",
    "in a timer": "setTimeout(() => { for (;;); }, 1); await new Promise(() => {})",
    "in an immediate": "setImmediate(() => { for (;;); }); await new Promise(() => {})",
    "in a console argument": "console.log({ [Symbol.for('nodejs.util.inspect.custom')]() { for (;;); } })",
    "in a comparator": "[1, 2, 3].sort(() => { for (;;); })",
    "in a replacer": "'abc'.replace(/b/, () => { for (;;); })",
    "in eval": "eval('for (;;);')",
    "in a function made from text": "new Function('for (;;);')()",
    "in a static block": "class A { static { for (;;); } }",
    "in a default parameter": "((a = (() => { for (;;); })()) => a)()",
    "in Symbol.hasInstance": "({}) instanceof { [Symbol.hasInstance]() { for (;;); } }",
    "in a setter": "const o = { set x(v) { for (;;); } }; o.x = 1",
    "in valueOf": "+{ valueOf() { for (;;); } }",
    "microtasks": "const again = () => queueMicrotask(again); again(); await new Promise(() => {})",
    "promises": "const again = () => Promise.resolve().then(again); again(); await new Promise(() => {})",
    "immediates": "const again = () => setImmediate(again); again(); await new Promise(() => {})",
    "awaits": "for (;;) await null",
    "an endless asynchronous iterator": "async function* g() { for (;;) yield 1 } for await (const x of g());",
    "ambiguous repetition": "/(a+)+$/.test('a'.repeat(40) + 'b')",
    "alternatives that overlap": "/^(a|a)*$/.test('a'.repeat(40) + 'b')",
    "nested groups": "/^(([a-z])+.)+[A-Z]([a-z])+$/.test('a'.repeat(60))",
    "a backward reference": "/(x+x+)+\\1y/.test('x'.repeat(60))",
    "look-ahead in a loop": "/((?=(a+))a+)+$/.test('a'.repeat(40) + 'b')",
    "a quantifier of quantifiers": "new RegExp('((a{1000}){1000}){1000}').test('a'.repeat(1e6))",
    "an expression that matches everywhere": "'a'.repeat(1e5).replace(/(?:a+)+b|a/g, 'b')",
    "searching an array of four thousand million": "Array(4294967295).indexOf(1)",
    "joining it": "Array(4294967295).join('')",
    "reversing it": "Array(4294967295).reverse()",
    "sorting it": "Array(4294967295).sort()",
    "walking a length of 2 ** 53": "Array.prototype.forEach.call({ length: 2 ** 53 - 1 }, () => {})",
    "writing a sparse array": "const a = []; a.length = 4294967295; return { a }",
    "squaring a number": "let n = 3n; for (;;) n *= n",
    "printing a number": "(10n ** 200000n).toString()",
    "deriving a key": "crypto.pbkdf2Sync('a', 'b', 1e9, 64, 'sha512')",
    "a costly key": "crypto.scryptSync('a', 'b', 64, { N: 2 ** 14, r: 8, p: 10000, maxmem: 2 ** 30 })",
    "making key after key": "for (;;) crypto.generateKeyPairSync('rsa', { modulusLength: 1024 })",
    "agreeing for ever": "const d = crypto.getDiffieHellman('modp18'); for (;;) { d.generateKeys(); d.computeSecret('05', 'hex') }",
    "asking whether a number is prime": "for (;;) crypto.createDiffieHellman('f'.repeat(2048), 'hex').verifyError",
    "compressing for ever": "for (;;) zlib.zlib.gzipSync('x'.repeat(1000))",
    "parsing for ever": "for (;;) JSON.parse('[1,2,3]')",
    "compiling for ever": "for (let i = 0; ; i++) new Function('return ' + i)",
    "a URL of many steps": "new URL('http://x/' + '../'.repeat(1e6))",
    "output that branches": "let a = {}; for (let i = 0; i < 40; i++) a = { a, b: a }; return a",
    "output that branches, beyond the fast writer": "let a = [1n < 2]; a.x = 1; for (let i = 0; i < 40; i++) { a = [a, a]; a.toJSON = undefined } return { a }",
}


@pytest.mark.parametrize("body", ENDLESS.values(), ids=ENDLESS)
def test_it_ends_when_the_fuel_does(assault: Assault, body: str) -> None:
    outcome = assault(body, fuel=FUEL)

    assert outcome.cause in {Cause.TIMEOUT, Cause.BAD_REQUEST}
    if outcome.cause is Cause.TIMEOUT:
        assert (outcome.fuel, message(outcome)) == (FUEL, f"CPU limit exceeded: fuel = {FUEL}")


@pytest.mark.parametrize("kind", ["sync", "microtask", "timer"])
def test_it_ends_when_the_time_does(run: Stage, kind: str) -> None:
    """As for fuel, with the clock on the wall: stopped for real, in the middle of a loop."""
    loops = {
        "sync": "for (;;);",
        "microtask": "for (;;) await null",
        "timer": "for (;;) await new Promise((done) => setTimeout(done, 1))",
    }
    outcome = run(f"async function onTrack() {{ {loops[kind]} }}", time_ms=60, fuel=10**12)

    assert outcome.cause is Cause.TIMEOUT
    assert message(outcome) == "time limit exceeded: time_ms = 60"
    assert outcome.wall_ms >= 60


@pytest.mark.parametrize(
    "source",
    [
        "for (;;);",
        "function onTrack() {} for (;;);",
        "eval('for (;;);')",
        "(function f() { queueMicrotask(f) })()",
    ],
)
def test_a_top_level_that_never_ends_is_refused(run: Stage, source: str) -> None:
    error = run.refusal(source, fuel=FUEL)

    assert (error.kind, error.message) == ("limit", f"loading used more than fuel = {FUEL}")


def test_a_top_level_that_never_ends_is_refused_in_time(run: Stage) -> None:
    error = run.refusal("for (;;);", time_ms=50, fuel=10**12)

    assert (error.kind, error.message) == ("limit", "loading took longer than time_ms = 50")


def test_a_top_level_that_loops_in_the_sandbox_only(run: Stage) -> None:
    """It passes while the image is made, since it sees the clock stand still there, and loops ever after."""
    source = "if (Date.now() > 0) for (;;); function onTrack(event) { return event }"

    for _ in range(2):
        outcome = run(source, fuel=FUEL)
        assert outcome.cause is Cause.TIMEOUT


def test_a_promise_that_nothing_can_settle_ends_at_once(run: Stage) -> None:
    sources = [
        "async function onTrack() { await new Promise(() => {}) }",
        "function onTrack() { return new Promise(() => {}) }",
        "function onTrack() { return { then() {} } }",
        "async function onTrack() { await Promise.race([]) }",
        "let settle; const p = new Promise((f) => { settle = f }); async function onTrack() { await p }",
        "async function onTrack() { clearTimeout(setTimeout(() => {}, 1e9)); await new Promise(() => {}) }",
        "async function onTrack() { for await (const x of { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) }); }",
    ]
    for source in sources:
        outcome = run(source, time_ms=60_000)

        assert outcome.cause is Cause.TIMEOUT, source
        assert "can never settle" in message(outcome), source
        assert outcome.wall_ms < 5_000, source


def test_an_unsettled_promise_does_not_hold_up_the_next_event(run: Stage) -> None:
    source = """
    let settle
    async function onTrack(event) {
      if (event.properties.wait) await new Promise((done) => { settle = done })
      if (settle) settle()
      return event
    }"""

    assert run(source, track(wait=True)).cause is Cause.TIMEOUT
    assert value(run(source, track(wait=False))) == track(wait=False)
