"""
Random functions for property tests: JavaScript that writes globals, prototypes, closures and timers, asks the clock,
entropy and the host, logs, fails, and tells in its output whatever it can see of an earlier event.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

NAMES = ("a", "b", "c")
numbers = st.integers(-3, 40).map(str)
names = st.sampled_from(NAMES)
texts = st.sampled_from(["''", "'x'", "'é😀'", "'\\ud800'", "'a'.repeat(300)", "`t${1 + 1}`", "'\\n'"])

_LEAVES = st.one_of(
    numbers,
    texts,
    names.map("state.{}".format),
    names.map("typeof g_{}".format),
    names.map("globalThis.g_{}".format),
    names.map("event.properties.{}".format),
    names.map("event.out_{}".format),
    st.sampled_from(
        [
            *("true", "null", "undefined", "0.1", "-0", "1e21", "NaN", "10n ** 20n"),
            *(
                "list.length",
                "list",
                "saved()",
                "calls",
                "Array.prototype.p",
                "Object.prototype.q",
                "typeof onTrack",
            ),
            *(
                "Object.keys(globalThis).join()",
                "new Date(5)",
                "[]",
                "({})",
                "() => 1",
                "Symbol('s')",
                "/x/g",
            ),
        ]
    ),
)

ASKING = st.sampled_from(
    [
        *("Math.random()", "Date.now()", "new Date()", "performance.now()", "crypto.randomUUID()"),
        *("crypto.randomBytes(5).toString('hex')", "crypto.randomInt(1000)", "new Date().getTime()"),
    ]
)


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.tuples(inner, inner)
    return st.one_of(
        pairs.map(lambda p: f"`${{String({p[0]})}}${{typeof ({p[1]})}}`"),
        pairs.map(lambda p: f"[{p[0]}, {p[1]}]"),
        pairs.map(lambda p: f"({{ k: {p[0]}, l: {p[1]} }})"),
        pairs.map(lambda p: f"(({p[0]}) || ({p[1]}))"),
        inner.map("JSON.stringify({})".format),
        inner.map("String({})".format),
        inner.map("new Map([[1, {}]])".format),
        inner.map("((x) => [x, x])({})".format),
        inner.map("structuredClone({})".format),
        inner.map("Object.entries({} ?? {{}})".format),
    )


def expressions(*, asking: bool) -> st.SearchStrategy[str]:
    return st.recursive(st.one_of(_LEAVES, ASKING) if asking else _LEAVES, _grown, max_leaves=4)


def _simple(expression: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    named = st.tuples(names, expression)
    return st.one_of(
        named.map(lambda p: f"state.{p[0]} = {p[1]}"),
        named.map(lambda p: f"globalThis.g_{p[0]} = {p[1]}"),
        named.map(lambda p: f"event.out_{p[0]} = {p[1]}"),
        named.map(lambda p: f"event.properties.{p[0]} = {p[1]}"),
        expression.map("list.push({})".format),
        expression.map("saved = () => ({})".format),
        expression.map("Array.prototype.p = {}".format),
        expression.map(
            "Object.defineProperty(Object.prototype, 'q', {{ value: {}, configurable: true }})".format
        ),
        expression.map("console.log('line', {})".format),
        expression.map("console.error({})".format),
        expression.map("event.kept = (kept ??= []).push({})".format),
        st.sampled_from(
            [
                "delete event.properties",
                "event.same = list.includes(event)",
                "list.push(event, settings)",
                "calls++",
                "Object.freeze(state)",
                "weak.set(event, calls)",
                "big = new Uint8Array(70000).fill(calls)",
                "Map.prototype.size2 = calls",
                "onTrack.calls = (onTrack.calls ?? 0) + 1, event.calls = onTrack.calls",
                "for (let i = 0; i < 300; i++) list.push(i)",
                "'abc'.replace(/b/, () => { calls++; return 'x' })",
                "setTimeout(() => { calls += 10; console.log('late') }, 3)",
                "setTimeout(() => { state.a = 'timer' }, 0)",
                "queueMicrotask(() => { calls += 100 })",
                "Promise.resolve().then(() => { globalThis.g_a = 'job' })",
                "Error.stackTraceLimit = 2",
                "if (calls > 2) onTrack = async (event) => ({ replaced: calls })",
                "Date.prototype.mark = 1, event.mark = new Date(0).mark",
                "globalThis[`d_${calls}`] = calls",
                "symbol ??= Symbol.for('one'), event.symbol = Symbol.keyFor(symbol)",
                "new Function('g_b = 7')()",
                "eval('var evaluated = calls')",
            ]
        ),
    )


WAITS = [
    "await null",
    "await new Promise((done) => setTimeout(done, 5))",
    "await new Promise((done) => setImmediate(done))",
    "await Promise.all([1, 2].map(async (n) => { await null; list.push(n) }))",
    "for await (const x of (async function* () { yield calls; await null; yield 2 })()) list.push(x)",
]

HOST = [
    "event.cached = await cache.load('k', 50, async () => { calls++; return `v${calls}` })",
    "cache.delete('k')",
    "event.body = await (await fetch('http://host.test/' + calls)).text()",
    "event.bodies = await Promise.all([1, 2, 3].map((n) => fetch(`http://host.test/${n}`).then((r) => r.text(), (e) => e.name)))",
    "event.first = await Promise.race([fetch('http://host.test/r').then((r) => r.text()), new Promise((done) => setTimeout(done, 6, 'timer'))])",
    "try { event.status = (await fetch('http://host.test/', { method: 'POST', body: JSON.stringify(event) })).status } catch (e) { event.failed = e.message }",
    "fetch('http://host.test/forgotten').catch(() => {})",
]

ENDS = [
    "return event",
    "return event",
    "return { ...event, state, list, g: [typeof g_a, typeof g_b, typeof g_c], p: [].p, q: ({}).q, calls }",
    "return",
    "return 'text'",
    "throw new Error(String(calls))",
    "throw new RetryError(typeof g_a)",
    "throw new DropEvent('\\ud800')",
    "return { toJSON() { calls++; return { calls } } }",
    "await new Promise(() => {})",
    "for (;;) calls++",
    "return (function sink() { return sink() + 1 })()",
    "const all = []; for (;;) all.push(new Array(1000).fill(all))",
]


@st.composite
def programs(
    draw: st.DrawFn, *, asking: bool = True, host: bool = False, ends: list[str] | None = None
) -> str:
    """The source of a function with an onTrack."""
    expression = expressions(asking=asking)
    simple = _simple(expression)
    waits = st.sampled_from(WAITS + HOST if host else WAITS)
    wrapped = st.one_of(
        simple,
        simple,
        waits,
        simple.map("try {{ {}; throw 1 }} catch (error) {{ event.caught = String(error) }}".format),
        simple.map("for (let i = 0; i < 3; i++) {{ {} }}".format),
        simple.map("if (calls % 2) {{ {} }}".format),
        simple.map("(() => {{ {} }})()".format),
    )
    body = draw(st.lists(wrapped, min_size=1, max_size=6))
    top = draw(st.lists(expression, max_size=1))
    end = draw(st.sampled_from(ends or ENDS))
    lines = [
        "let calls = 0, kept, big, symbol, saved = () => 'none', list = []",
        "const state = {}, weak = new WeakMap()",
        *(f"try {{ list.push({each}) }} catch (error) {{ list.push(String(error)) }}" for each in top),
        "async function onTrack(event, settings) {",
        "  calls++",
        *(f"  {line};" for line in body),
        f"  {end}",
        "}",
    ]
    return "\n".join(lines)


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)

events: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "type": st.just("track"),
        "messageId": st.text(max_size=5),
        "properties": st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=4), json_values, max_size=4),
    },
    optional={"context": json_values, "__proto__": json_values, "1": json_values},
)
