"""
What the engine does by a shorter way than QuickJS (guest/engine: call, arith, iterate, keys, case, shapes, replace) gives what the
long way gives. The long way is within reach: it takes whatever is an object, `new String(s)` or `{ valueOf() {...} }`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.guest.boundary import Boundary

if TYPE_CHECKING:
    from tests.guest.evaluate import Evaluate

ODD = [
    0,
    -0.0,
    1,
    -1,
    31,
    32,
    33,
    0.5,
    -0.5,
    2**31 - 1,
    2**31,
    -(2**31),
    2**32 - 1,
    2**32,
    2**53,
    -(2**63),
    2**63,
    1e300,
]

NUMBERS = Boundary("""
const long = (v) => ({ valueOf: () => v })
const same = (a, b) => Object.is(a, b)
function onTrack(event) {
  const { a, b } = event.properties, x = long(a), y = long(b), wrong = []
  const check = (name, short, long) => same(short, long) || wrong.push([name, a, b, short, long])
  check('and', a & b, x & y); check('or', a | b, x | y); check('xor', a ^ b, x ^ y)
  check('shl', a << b, x << y); check('sar', a >> b, x >> y); check('shr', a >>> b, x >>> y)
  check('imul', Math.imul(a, b), Math.imul(x, y)); check('floor', Math.floor(a), Math.floor(x))
  check('round', Math.round(a), Math.round(x)); check('sqrt', Math.sqrt(b), Math.sqrt(y))
  const nan = [NaN, Infinity, -Infinity].map((n) => [n ^ b, b >>> n, Math.imul(n, b), Math.floor(n)])
  const slow = [NaN, Infinity, -Infinity].map((n) => [long(n) ^ y, y >>> long(n), Math.imul(long(n), y), Math.floor(long(n))])
  check('no number', JSON.stringify(nan), JSON.stringify(slow))
  event.properties = { wrong }
  return event
}
""")

TEXTS = Boundary(r"""
function onTrack(event) {
  const { text, by } = event.properties, object = new String(text), wrong = []
  const check = (name, short, long) => Object.is(short, long) || wrong.push([name, short, long])
  for (let i = -1; i <= text.length; i++) check('charCodeAt', text.charCodeAt(i), object.charCodeAt(i))
  check('no index', text.charCodeAt(), object.charCodeAt())
  check('part of one', text.charCodeAt(0.5), object.charCodeAt(0.5))
  for (const name of ['toLowerCase', 'toUpperCase', 'toLocaleLowerCase']) check(name, text[name](), object[name]())
  for (const [short, long] of [[/[a-z0-9]/gi, /(?<n>[a-z0-9])/gi], [/[^e]/g, /(?<n>[^e])/g], [/(A)/g, /(?<n>A)/g], [/\s/g, /(?<n>\s)/g], [/\u00e9/g, /(?<n>\u00e9)/g]]) {
    short.lastIndex = long.lastIndex = 2
    check('replace ' + short, text.replace(short, by), text.replace(long, by))
    check('lastIndex', short.lastIndex, long.lastIndex)
  }
  event.properties = { wrong }
  return event
}
""")


def wrong(boundary: Boundary, properties: dict[str, object]) -> list[object]:
    reply = boundary(json.dumps({"type": "track", "properties": properties}))
    found: list[object] = reply.value["properties"]["wrong"]
    return found


@pytest.mark.parametrize("a", ODD)
def test_operations_on_numbers_that_are_no_small_integers(a: float) -> None:
    for b in ODD:
        assert wrong(NUMBERS, {"a": a, "b": b}) == []


@settings(max_examples=100, deadline=None)
@given(
    st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**33), 2**33),
    st.integers(-(2**33), 2**33),
)
def test_operations_on_any_numbers(a: float, b: int) -> None:
    assert wrong(NUMBERS, {"a": a, "b": b}) == []


@settings(max_examples=100, deadline=None)
@given(
    st.text("abXY09 é\u0130\u03a3\u0131€\U0001d4b3$&", max_size=40),
    st.sampled_from(["", "*", "__", "$&", "$$", "€", "a" * 17]),
)
def test_texts(text: str, by: str) -> None:
    assert wrong(TEXTS, {"text": text, "by": by}) == []


@pytest.mark.parametrize(
    ("code", "value"),
    [
        pytest.param(
            "const a = [1, 2, 3], seen = []; for (const x of a) { seen.push(x); if (x < 3 && a.length < 6) a.push(9) } return seen",
            [1, 2, 3, 9, 9],
            id="an array that grows",
        ),
        pytest.param(
            "const a = [1, 2, 3], seen = []; for (const x of a) { seen.push(x); a.length = 2 } return seen",
            [1, 2],
            id="an array that shrinks",
        ),
        pytest.param(
            "const a = [1, , 3], seen = []; for (const x of a) seen.push(x ?? 'hole'); return seen",
            [1, "hole", 3],
            id="holes",
        ),
        pytest.param(
            "const a = [1, 2], seen = []; a.length = 3; for (const x of a) seen.push(x ?? 'none'); return seen",
            [1, 2, "none"],
            id="longer than what it has",
        ),
        pytest.param(
            "const seen = []; for (const x of [1, 2].entries()) seen.push(x); for (const x of [7, 8].keys()) seen.push(x);"
            " return seen",
            [[0, 1], [1, 2], 0, 1],
            id="other iterators",
        ),
        pytest.param(
            "const it = [1, 2, 3].values(); it.next(); const seen = []; for (const x of it) { seen.push(x); break }"
            " return [...seen, ...it]",
            [2, 3],
            id="begun before, left early",
        ),
        pytest.param(
            "const proto = Object.getPrototypeOf([].values()), next = proto.next; let calls = 0;"
            " proto.next = function () { calls++; return next.call(this) };"
            " try { for (const x of [1, 2]); } finally { proto.next = next } return calls",
            3,
            id="another next",
        ),
        pytest.param(
            "const seen = []; for (const x of new Uint8Array([1, 2])) seen.push(x); for (const c of 'ab') seen.push(c);"
            " return seen",
            [1, 2, "a", "b"],
            id="bytes and texts",
        ),
    ],
)
def test_elements_in_turn(evaluate: Evaluate, code: str, value: object) -> None:
    assert evaluate(code).value == value


@pytest.mark.parametrize(
    ("code", "value"),
    [
        pytest.param(
            "[() => 1, function f(a, b) {}, class C {}, async (x) => x, function* g() {}, (a, b = 1, c) => 1, { m() {} }.m]"
            ".map((f) => [f.name, f.length, ...Object.getOwnPropertyNames(f)])",
            [
                ["", 0, "length", "name"],
                ["f", 2, "length", "name", "prototype"],
                ["C", 0, "length", "name", "prototype"],
                ["", 1, "length", "name"],
                ["g", 0, "length", "name", "prototype"],
                ["", 1, "length", "name"],
                ["m", 0, "length", "name"],
            ],
            id="names and lengths",
        ),
        pytest.param(
            "((f, g) => (f.x = 1, delete f.name, f.length = 9, [Object.keys(f), f.name, f.length, g.name, g.length, Object.keys(g)]))"
            "((a) => 1, (a, b) => 2)",
            [["x"], "", 1, "", 2, []],
            id="each its own",
        ),
        pytest.param(
            "JSON.stringify(Object.getOwnPropertyDescriptors((a) => 1))",
            '{"length":{"value":1,"writable":false,"enumerable":false,"configurable":true},'
            '"name":{"value":"","writable":false,"enumerable":false,"configurable":true}}',
            id="attributes",
        ),
        pytest.param(
            "[{ a: 1, b: 2, a: 3 }, { 2: 'b', 1: 'a', x: 0 }, { __proto__: { q: 1 }, z: 1 }, { get a() { return 5 }, b: 1, a: 6 }]"
            ".map((o) => JSON.stringify(o))",
            ['{"a":3,"b":2}', '{"1":"a","2":"b","x":0}', '{"z":1}', '{"a":6,"b":1}'],
            id="literals",
        ),
        pytest.param(
            "[{}, { b: 1, a: 2 }, { b: 1, 7: 0, a: 2, 4294967294: 0, 4294967295: 0, '-1': 0 }, { [Symbol.iterator]: 1, a: 0 },"
            " Object.defineProperty({ a: 1, c: 2 }, 'b', { value: 1 }), (o => (delete o.a, o.a = 1, o))({ a: 0, b: 0, c: 0 }),"
            " Object.create({ z: 1 }), [4, 5], 'ab', { get a() { throw new Error() } }].map((o) => Object.keys(o))",
            [
                [],
                ["b", "a"],
                ["7", "4294967294", "b", "a", "4294967295", "-1"],
                ["a"],
                ["a", "c"],
                ["b", "c", "a"],
                [],
                ["0", "1"],
                ["0", "1"],
                ["a"],
            ],
            id="keys",
        ),
        pytest.param(
            "((k) => (k.push('c'), k.length = 2, k[5] = 'z', [k.length, Array.isArray(k), JSON.stringify(k)]))(Object.keys({ a: 1, b: 2 }))",
            [6, True, '["a","b",null,null,null,"z"]'],
            id="keys are an array",
        ),
        pytest.param(
            "[3, 16, 17, 40, 500].map((n) => 'aXb'.repeat(n).replace(/(X)(b)?/g, (m, x, b, at) => (at % 7 ? x + b : '')).length)",
            [7, 44, 45, 108, 1356],
            id="more matches than a few",
        ),
        pytest.param(
            "Object.getOwnPropertyNames(Object.assign({}, { b: 1, a: 2 })).concat(Object.keys({ b: 1, ...{ c: 1, b: 2 } }))",
            ["b", "a", "b", "c"],
            id="order",
        ),
    ],
)
def test_functions_and_literals(evaluate: Evaluate, code: str, value: object) -> None:
    assert evaluate(f"return {code}").value == value
