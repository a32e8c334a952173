"""Exotic objects returned as the event."""

from __future__ import annotations

from typing import Any

import pytest

from headgate_runtime.outcome import Cause
from tests.hostile.assault import Assault
from tests.stage import value

RESTORED = {"messageId": "m1", "type": "track"}

FORWARDED: dict[str, tuple[str, dict[str, Any]]] = {
    "a proxy": ("return new Proxy({ a: 1 }, {})", {"a": 1}),
    "a proxy that answers for itself": (
        "return new Proxy({}, { ownKeys: () => ['a'], getOwnPropertyDescriptor: () => ({ value: 1, enumerable: true, configurable: true }), get: (t, k) => (k === 'a' ? 1 : undefined) })",
        {"a": 1},
    ),
    "a getter": ("return { get a() { return 1 } }", {"a": 1}),
    "toJSON": ("return { toJSON() { return { a: 1 } } }", {"a": 1}),
    "toJSON inherited": ("return new (class { toJSON() { return { a: 1 } } })()", {"a": 1}),
    "toJSON of toJSON": ("return { toJSON() { return { a: 1, toJSON() { return 5 } } } }", {"a": 1}),
    "a class instance": ("return new (class A { a = 1; #b = 2; get c() { return 3 } })()", {"a": 1}),
    "a map": ("return new Map([[1, 2]])", {}),
    "a set": ("return new Set([1])", {}),
    "an error": ("return Object.assign(new Error('x'), { a: 1 })", {"a": 1}),
    "an expression": ("return /x/", {}),
    "a promise in a field": ("return { a: Promise.resolve(1) }", {"a": {}}),
    "arguments": ("return (function () { return arguments })('x', 'y')", {"0": "x", "1": "y"}),
    "a typed array": ("return { a: new Uint8Array([1, 2]) }", {"a": {"0": 1, "1": 2}}),
    "a buffer": ("return { a: Buffer.from([1, 2]) }", {"a": {"type": "Buffer", "data": [1, 2]}}),
    "an invalid date": ("return { a: new Date(NaN) }", {"a": None}),
    "a date": ("return { a: new Date(0) }", {"a": "1970-01-01T00:00:00.000Z"}),
    "a date as the event": ("const d = new Date(0); d.toJSON = undefined; d.a = 1; return d", {"a": 1}),
    "not a number": ("return { a: NaN, b: Infinity, c: -0 }", {"a": None, "b": None, "c": 0}),
    "what JSON leaves out": ("return { a: undefined, b: () => {}, c: Symbol('x'), [Symbol('d')]: 1 }", {}),
    "what JSON leaves out of arrays": (
        "return { a: [undefined, () => {}, Symbol('x')] }",
        {"a": [None, None, None]},
    ),
    "holes": ("return { a: [1, , 3] }", {"a": [1, None, 3]}),
    "an array with a field": ("const a = [1]; a.b = 2; return { a }", {"a": [1]}),
    "an array with a hole past its end": (
        "const a = [1]; a.length = 3; return { a }",
        {"a": [1, None, None]},
    ),
    "an array with an accessor": (
        "const a = [1, 2]; Object.defineProperty(a, 0, { get: () => 7 }); return { a }",
        {"a": [7, 2]},
    ),
    "an array with another prototype": (
        "const a = [1]; Object.setPrototypeOf(a, null); return { a }",
        {"a": [1]},
    ),
    "a subclass of Array": ("return { a: new (class extends Array {})(1, 2) }", {"a": [1, 2]}),
    "a proxy of an array": ("return { a: new Proxy([1, 2], {}) }", {"a": [1, 2]}),
    "boxed values": (
        "return { a: new String('x'), b: new Number(1), c: new Boolean(false) }",
        {"a": "x", "b": 1, "c": False},
    ),
    "a boxed value that lies": ("const b = new Number(1); b.valueOf = () => 7; return { b }", {"b": 7}),
    "integer keys": ("return { b: 1, 2: 2, 1: 3, a: 4 }", {"1": 3, "2": 2, "b": 1, "a": 4}),
    "keys that are not enumerable": ("return Object.defineProperty({ a: 1 }, 'b', { value: 2 })", {"a": 1}),
    "inherited keys": ("return Object.create({ b: 2 }, { a: { value: 1, enumerable: true } })", {"a": 1}),
    "no prototype": ("return Object.assign(Object.create(null), { a: 1 })", {"a": 1}),
    "a frozen object": ("return Object.freeze({ a: 1 })", {"a": 1}),
    "a key named __proto__": ("return JSON.parse('{\"__proto__\":1}')", {"__proto__": 1}),
    "an object that changes while it is read": (
        "const o = { get a() { o.z = 1; delete o.b; return 1 }, b: 2 }; return o",
        {"a": 1},
    ),
    "an array that changes while it is read": (
        "const a = [{ toJSON() { a.length = 1; return 1 } }, 2]; return { a }",
        {"a": [1, None]},
    ),
    "the same object twice": ("const o = { x: 1 }; return { a: o, b: o }", {"a": {"x": 1}, "b": {"x": 1}}),
    "raw JSON": (
        "return { a: JSON.rawJSON ? JSON.rawJSON('12345678901234567890') : 12345678901234567890 }",
        {"a": 12345678901234567890},
    ),
    "big numbers with toJSON": (
        "BigInt.prototype.toJSON = function () { return String(this) }; return { a: 1n }",
        {"a": "1"},
    ),
    "the global object": (
        "return { a: typeof globalThis, b: JSON.stringify(globalThis) }",
        {"a": "object", "b": "{}"},
    ),
    "a thenable's value": ("return { then(f) { f({ a: 1 }) } }", {"a": 1}),
    "a long rope": (
        "let s = ''; for (let i = 0; i < 500; i++) s = 'x' + s + 'y'; return { a: s.length, s: s.slice(499, 501) }",
        {"a": 1000, "s": "xy"},
    ),
    "settings": ("return { a: settings }", {"a": {}}),
    "the event in itself, as text": ("return { a: JSON.stringify(event).length }", {"a": 96}),
}


@pytest.mark.parametrize(("body", "expected"), FORWARDED.values(), ids=FORWARDED)
def test_it_crosses_as_json_has_it(assault: Assault, body: str, expected: dict[str, Any]) -> None:
    assert value(assault(body, calm=False)) == {**expected, **RESTORED}


REFUSED = {
    "a revoked proxy": "const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return proxy",
    "a revoked proxy in a field": "const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return { proxy }",
    "a proxy whose keys throw": "return new Proxy({}, { ownKeys() { throw new Error('x') } })",
    "a proxy whose keys lie": "return new Proxy({}, { ownKeys: () => ['a', 'a'] })",
    "a proxy with a strange get": "return new Proxy({ a: 1 }, { get() { throw 1 } })",
    "a getter that throws": "return { get a() { throw new Error('x') } }",
    "toJSON that throws": "return { toJSON() { throw new Error('x') } }",
    "toJSON that is an array": "return { toJSON: () => [1] }",
    "toJSON that is nothing": "return { toJSON: () => undefined }",
    "toJSON that is a string": "return { toJSON: () => '{}' }",
    "a date": "return new Date(0)",
    "a boxed string": "return new String('x')",
    "a cycle": "event.self = event; return event",
    "a cycle through an array": "const a = []; a.push({ a }); return { a }",
    "a cycle through toJSON": "const o = { a: { toJSON: () => o } }; return o",
    "a cycle through a proxy": "const o = {}; o.p = new Proxy(o, {}); return o",
    "a big number": "return { a: 1n }",
    "a big number in an array": "return { a: [[[1n]]] }",
    "a boxed big number": "return { a: Object(1n) }",
    "an array": "return [event]",
    "a proxy of an array": "return new Proxy([event], {})",
    "a function": "return () => event",
    "a class": "return class {}",
    "a proxy of a function": "return new Proxy(() => {}, {})",
    "a string": "return 'x'",
    "an empty string": "return ''",
    "zero": "return 0",
    "false": "return false",
    "a symbol": "return Symbol('x')",
    "a bare big number": "return 1n",
    "not a number": "return NaN",
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
def test_it_is_a_bad_request(assault: Assault, body: str) -> None:
    outcome = assault(body)

    assert outcome.cause is Cause.BAD_REQUEST
    assert outcome.message


def test_a_sparse_array_of_great_length(assault: Assault) -> None:
    outcome = assault("const a = []; a[5e7] = 1; return { a }", fuel=200_000_000)

    assert outcome.cause in {Cause.TIMEOUT, Cause.BAD_REQUEST, Cause.INTERNAL}


@pytest.mark.parametrize("count", [1, 63, 64, 65, 200, 3000])
def test_many_keys(assault: Assault, count: int) -> None:
    outcome = value(assault(f"const o = {{}}; for (let i = 0; i < {count}; i++) o['k' + i] = i; return o"))

    assert outcome == {**{f"k{n}": n for n in range(count)}, **RESTORED}
