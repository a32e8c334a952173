"""Every name of SPEC 4.2 and 4.3 is there, of the right kind, and does something."""

from __future__ import annotations

import json

import pytest

from headgate_runtime import guest
from tests.guest.evaluate import Evaluate

INTRINSICS = {
    # name: (typeof, a trivial use, its value as JSON)
    "globalThis": ("object", "globalThis === window", True),
    "Infinity": ("number", "-Infinity < 0", True),
    "NaN": ("number", "NaN !== NaN", True),
    "undefined": ("undefined", "undefined === void 0", True),
    "eval": ("function", "eval('1 + 1')", 2),
    "isFinite": ("function", "isFinite('1')", True),
    "isNaN": ("function", "isNaN('x')", True),
    "parseFloat": ("function", "parseFloat('1.5x')", 1.5),
    "parseInt": ("function", "parseInt('ff', 16)", 255),
    "decodeURI": ("function", "decodeURI('%41')", "A"),
    "decodeURIComponent": ("function", "decodeURIComponent('%2F')", "/"),
    "encodeURI": ("function", "encodeURI('ä')", "%C3%A4"),
    "encodeURIComponent": ("function", "encodeURIComponent('/')", "%2F"),
    "escape": ("function", "escape('ü')", "%FC"),
    "unescape": ("function", "unescape('%FC')", "ü"),
    "Object": ("function", "Object.keys({ a: 1 })", ["a"]),
    "Function": ("function", "Function('return 3')()", 3),
    "Array": ("function", "Array.from('ab')", ["a", "b"]),
    "ArrayBuffer": ("function", "new ArrayBuffer(2).byteLength", 2),
    "SharedArrayBuffer": (
        "function",
        "new Uint8Array(new SharedArrayBuffer(2, { maxByteLength: 4 })).length",
        2,
    ),
    "Atomics": ("object", "Atomics.add(new Int32Array([5]), 0, 2)", 5),
    "BigInt": ("function", "String(BigInt(2) ** 70n)", "1180591620717411303424"),
    "BigInt64Array": ("function", "String(BigInt64Array.of(1n)[0])", "1"),
    "BigUint64Array": ("function", "String(BigUint64Array.of(-1n)[0])", "18446744073709551615"),
    "Boolean": ("function", "Boolean('')", False),
    "DataView": ("function", "new DataView(new ArrayBuffer(2)).getInt16(0)", 0),
    "Date": ("function", "new Date(0).toISOString()", "1970-01-01T00:00:00.000Z"),
    "FinalizationRegistry": ("function", "new FinalizationRegistry(() => 1).register({}, 1) === undefined", True),
    "Float32Array": ("function", "Float32Array.of(1.5)[0]", 1.5),
    "Float64Array": ("function", "Float64Array.of(0.1)[0]", 0.1),
    "Int8Array": ("function", "Int8Array.of(255)[0]", -1),
    "Int16Array": ("function", "Int16Array.of(65535)[0]", -1),
    "Int32Array": ("function", "Int32Array.of(2 ** 32 - 1)[0]", -1),
    "Uint8Array": ("function", "Uint8Array.of(257)[0]", 1),
    "Uint8ClampedArray": ("function", "Uint8ClampedArray.of(300)[0]", 255),
    "Uint16Array": ("function", "Uint16Array.of(-1)[0]", 65535),
    "Uint32Array": ("function", "Uint32Array.of(-1)[0]", 4294967295),
    "JSON": ("object", "JSON.parse('[1]')", [1]),
    "Map": ("function", "new Map([[1, 2]]).get(1)", 2),
    "Math": ("object", "Math.max(1, 2)", 2),
    "Number": ("function", "Number('0x10')", 16),
    "Promise": ("function", "await Promise.all([1, Promise.resolve(2)])", [1, 2]),
    "Proxy": ("function", "new Proxy({}, { get: () => 1 }).x", 1),
    "Reflect": ("object", "Reflect.ownKeys({ a: 1 })", ["a"]),
    "RegExp": ("function", "new RegExp('a+').exec('baa')[0]", "aa"),
    "Set": ("function", "new Set([1, 1]).size", 1),
    "String": ("function", "String.raw`\\n`.length", 2),
    "Symbol": ("function", "Symbol.for('a').description", "a"),
    "WeakMap": ("function", "new WeakMap([[Object, 1]]).get(Object)", 1),
    "WeakRef": ("function", "new WeakRef(Object).deref() === Object", True),
    "WeakSet": ("function", "new WeakSet([Object]).has(Object)", True),
    **{
        name: ("function", f"new {name}('m').toString()", f"{name}: m")
        for name in ("Error", "EvalError", "RangeError", "ReferenceError", "SyntaxError", "TypeError", "URIError")
    },
    "AggregateError": ("function", "new AggregateError([1], 'm').errors", [1]),
}  # fmt: skip

WEB = {
    "structuredClone": ("function", "structuredClone({ a: [1] })", {"a": [1]}),
    "queueMicrotask": ("function", "await new Promise((done) => queueMicrotask(() => done(1)))", 1),
    "TextEncoder": ("function", "new TextEncoder().encode('ä').length", 2),
    "TextDecoder": ("function", "new TextDecoder().decode(Uint8Array.of(65))", "A"),
    "AbortController": ("function", "new AbortController().signal.aborted", False),
    "AbortSignal": ("function", "AbortSignal.abort().aborted", True),
    "Event": ("function", "new Event('a').type", "a"),
    "EventTarget": ("function", "new EventTarget().dispatchEvent(new Event('a'))", True),
    "DOMException": ("function", "new DOMException('m', 'AbortError').code", 20),
    "performance": ("object", "performance.now() >= 0", True),
    "setImmediate": ("function", "await new Promise((done) => setImmediate(done, 1))", 1),
    "clearImmediate": ("function", "clearImmediate(setImmediate(() => 1)) === undefined", True),
    "setTimeout": ("function", "await new Promise((done) => setTimeout(done, 1, 2))", 2),
    "clearTimeout": ("function", "clearTimeout(setTimeout(() => 1)) === undefined", True),
    "setInterval": (
        "function",
        "await new Promise((done) => { const i = setInterval(() => { clearInterval(i); done(3) }, 1) })",
        3,
    ),
    "clearInterval": ("function", "clearInterval(undefined) === undefined", True),
    "console": ("object", "console.log('line') === undefined", True),
    "Buffer": (
        "function",
        "[Buffer.from('a'), new Buffer.from('a'), new Buffer('a')].map((b) => b.toString('hex'))",
        ["61"] * 3,
    ),
    "URL": ("function", "new URL('/b', 'https://a').href", "https://a/b"),
    "URLSearchParams": ("function", "new URLSearchParams('a=1').get('a')", "1"),
    "window": ("object", "window === globalThis", True),
    "fetch": ("function", "fetch.Headers === Headers && fetch.isRedirect(301)", True),
    "Request": ("function", "new Request('http://a/').method", "GET"),
    "Response": ("function", "await new Response('[1]').json()", [1]),
    "Headers": ("function", "new Headers({ A: 'b' }).get('a')", "b"),
}

NODE = {
    "atob": ("function", "atob('YQ==')", "a"),
    "btoa": ("function", "btoa('a')", "YQ=="),
    "crypto": ("object", "crypto.createHash('md5').update('').digest('hex').slice(0, 4)", "d41d"),
    "https": ("object", "typeof https.request + typeof https.get", "functionfunction"),
    "http": ("object", "http.STATUS_CODES[200]", "OK"),
    "zlib": ("object", "zlib.gunzipSync(zlib.gzipSync('a')).toString()", "a"),
    "_": ("function", "_.chunk([1, 2, 3], 2)", [[1, 2], [3]]),
    "moment": ("function", "moment.utc(0).format('YYYY')", "1970"),
    "xml": ("function", "xml({ a: 'b' })", "<a>b</a>"),
    "FormData": ("function", "new FormData().getHeaders()['content-type'].split(';')[0]", "multipart/form-data"),
    "OAuth": ("object", "typeof OAuth.OAuth + typeof OAuth.OAuth2", "functionfunction"),
    "AWS": ("object", "typeof AWS.S3", "function"),
    "cache": ("object", "await cache.load('k', -1, async () => 5)", 5),
    **{
        name: ("function", f"new {name}('m').name", name)
        for name in ("EventNotSupported", "InvalidEventPayload", "ValidationError", "RetryError", "DropEvent")
    },
}  # fmt: skip

TABLE = {**INTRINSICS, **WEB, **NODE}

ABSENT = {
    # Of SPEC 4.2: optional, and not for insert functions.
    "WebAssembly",
    "Segment",
    "ServerRequest",
}


@pytest.mark.parametrize("name", TABLE)
def test_a_global_works(evaluate: Evaluate, name: str) -> None:
    kind, use, value = TABLE[name]

    result = evaluate(f"return [typeof {name}, {use}]", memory_bytes=256 << 20)

    assert result.value == [kind, value], result.thrown


def test_what_is_left_out(evaluate: Evaluate) -> None:
    code = f"return {json.dumps(sorted(ABSENT))}.filter((name) => name in globalThis)"

    assert evaluate(code).value == []


def test_every_library_is_more_than_nothing(evaluate: Evaluate) -> None:
    """What each does is for tests/libraries to show."""
    expressions = sorted(json.loads(guest.read("libraries/index.json")))
    code = f"return [{', '.join(f'[typeof {name}, {name} === null]' for name in expressions)}]"

    kinds = evaluate(code, memory_bytes=512 << 20, fuel=20_000_000_000).value

    assert len(expressions) > 25
    assert [
        name for name, kind in zip(expressions, kinds, strict=True) if kind[0] not in {"object", "function"}
    ] == []
    assert not any(is_null for _, is_null in kinds)


ATOMICS = [
    ("const a = new Uint8Array(2); return [Atomics.store(a, 0, 7), Atomics.load(a, 0), a[0]]", [7, 7, 7]),
    (
        "const a = Int32Array.of(12); return [Atomics.sub(a, 0, 2), Atomics.and(a, 0, 6), Atomics.or(a, 0, 9), Atomics.xor(a, 0, 1), a[0]]",
        [12, 10, 2, 11, 10],
    ),
    (
        "const a = Int16Array.of(1); return [Atomics.exchange(a, 0, 5), Atomics.compareExchange(a, 0, 5, 6), Atomics.compareExchange(a, 0, 5, 7), a[0]]",
        [1, 5, 6, 6],
    ),
    (
        "const a = new BigInt64Array(new SharedArrayBuffer(8)); Atomics.add(a, 0, 1n); return [String(a[0]), Atomics.isLockFree(4)]",
        ["1", True],
    ),
    ("return Atomics.notify(new Int32Array(new SharedArrayBuffer(4)), 0)", 0),
    ("const b = new SharedArrayBuffer(1, { maxByteLength: 8 }); b.grow(4); return [b.byteLength, b.growable]", [4, True]),
    (
        "return [[new SharedArrayBuffer(4), 0], [new ArrayBuffer(4), 0]].map(([b, v]) => { try { return Atomics.wait(new Int32Array(b), 0, v, 0) } catch (e) { return e.name } })",
        ["TypeError", "TypeError"],
    ),
    ("try { new SharedArrayBuffer(1, { maxByteLength: 2e9 }) } catch (e) { return typeof e }", "object"),
    ("try { Atomics.load(new Float64Array(1), 0) } catch (e) { return e.name }", "TypeError"),
    ("try { Atomics.load(new Int8Array(1), 1) } catch (e) { return e.name }", "RangeError"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "expected"), ATOMICS, ids=[row[0][:60] for row in ATOMICS])
def test_atomics_without_threads(evaluate: Evaluate, code: str, expected: object) -> None:
    assert evaluate(code).value == expected
