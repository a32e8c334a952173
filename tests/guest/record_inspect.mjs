// Records what Node prints, for test_console.py: `node tests/guest/record_inspect.mjs` (Node 20).
//
// Output: inspect-vectors.json. "format": [code of an argument list, the text console.log prints];
// "console": [statements, the lines printed]. Stack frames are left out, for they name this file.

import { Console } from "node:console";
import { writeFileSync } from "node:fs";
import { Writable } from "node:stream";
import { format } from "node:util";

const FORMAT = [
  // Primitives
  "undefined", "null", "true", "0", "-0", "1.5", "NaN", "-Infinity", "1e21", "10n", "-0n",
  "Symbol('a b')", "Symbol()", "'text'", "''", "", "'a', 'b', 1", "1, 'a'",
  // Strings inside objects
  "['text']", "[\"it's\"]", "['a\"b']", "[`it's \"x\"`]", "['`' + \"'\" + '\"']", "['\\n\\t\\0\\x1b\\\\']",
  "['\\ud800']", "['\\u{1f600}']", "['\\x7f\\x9f']", "['${a}\\'\"']", "['x'.repeat(120)]",
  "['a\\nb\\nc'.repeat(12)]", "[{ a: 'line one of it\\n'.repeat(6) }]", "['y'.repeat(10001)]",
  "['y'.repeat(10005)]",
  // Objects
  "{}", "{ a: 1 }", "{ a: 1, 'b-c': 2, 3: 4, '': 5 }", "{ [Symbol('k')]: 1 }",
  "{ [Symbol.iterator]: 1 }", "{ a: undefined, b: null }", "{ __proto__: null, a: 1 }", "{ __proto__: null }",
  "JSON.parse('{\"__proto__\": 1}')", "{ get a() { return 1 } }", "{ set a(v) {} }", "{ get a() { return 1 }, set a(v) {} }",
  "Object.defineProperty({}, 'hidden', { value: 1 })", "{ a: { b: { c: { d: 1 } } } }", "{ a: { b: { c: {} } } }",
  "{ a: { b: { c: [] } } }", "{ a: { b: { c: [1] } } }", "{ a: { b: { c: new Map([[1, 2]]) } } }",
  "{ a: { b: { c: new Set() } } }", "{ a: { b: { c: class A {} } } }", "{ a: { b: { c: new Date(0) } } }",
  "{ a: { b: { c: /x/g } } }", "{ a: { b: { c: new (class Foo { x = 1 })() } } }", "{ a: { b: { c: Object.create(null) } } }",
  "{ f() {}, g: () => {}, h: async () => {}, *i() {}, async *j() {} }",
  "{ type: 'track', event: 'Order Completed', userId: 'u-123', properties: { revenue: 12.5, currency: 'USD', products: [{ sku: 'a', price: 1 }, { sku: 'b', price: 2 }] }, context: { library: { name: 'x', version: '1' } } }",
  "{ name: 'a'.repeat(30), other: 'b'.repeat(30), third: 'c'.repeat(30) }",
  "{ a: 1, b: 2, c: 3, d: 4, e: 5, f: 6, g: 7, h: 8, i: 9, j: 10, k: 11, l: 12, m: 13, n: 14, o: 15, p: 16, q: 17, r: 18, s: 19, t: 20, u: 21, v: 22, w: 23, x: 24, y: 25, z: 26, aa: 27 }",
  "Object.fromEntries(Array.from({ length: 40 }, (_, i) => ['key' + i, i]))",
  "(() => { const a = { name: 'a' }; a.self = a; return a })()",
  "(() => { const a = {}, b = { a }; a.b = b; a.c = { b }; return [a, b] })()",
  "(() => { const a = []; a.push(a, [a]); return a })()", "(() => { const m = new Map(); m.set('m', m); return m })()",
  "(function () { return arguments })(1, 'a')", "(function () { return arguments })()", "globalThis.undefinedName",
  // Classes and instances
  "class A {}", "class A extends Array {}", "class extends Object {}", "class {}",
  "(() => { class A {} ; return new A() })()", "(() => { class A { constructor() { this.x = 1 } } ; return new A() })()",
  "(() => { class A { #p = 1; q = 2 } ; return new A() })()", "(() => { class A { get [Symbol.toStringTag]() { return 'T' } } ; return new A() })()",
  "(() => { class A extends Map {} ; return new A([[1, 2]]) })()", "(() => { class L extends Array {} ; return L.from([1, 2]) })()",
  "(() => { class P extends Promise {} ; return P.resolve(1) })()", "Object.create({})", "Object.create({ a: 1 })",
  "Object.create(Object.create(null))", "Object.create((class Q {}).prototype)", "Object.create(Array.prototype)",
  "(() => { function Foo() { this.a = 1 } ; return new Foo() })()", "Object.assign(() => {}, { a: 1 })",
  "Object.assign(function named() {}, { a: 1, b: [1] })", "Object.assign(class A {}, { x: 1 })", "(class { static s = 1 })",
  "function () {}", "function named() {}", "() => {}", "async () => {}", "function* gen() {}", "async function* agen() {}",
  "Math.max", "Object.setPrototypeOf(() => {}, null)", "parseInt.bind(null)", "Symbol", "{ class: 1 }", "Math", "JSON", "Reflect",
  "Object.defineProperty(function () {}, 'name', { value: 'other' })", "{ [Symbol.toStringTag]: 'Tagged', a: 1 }",
  "Object.defineProperty({ a: 1 }, Symbol.toStringTag, { value: 'Tagged' })",
  // Arrays
  "[]", "[1]", "[1, 2, 3]", "[[]]", "[[[]]]", "[[[[]]]]", "[[[[1]]]]", "[,]", "[1, , 3]", "[, , 1, , ,]", "new Array(5)", "[undefined, null]",
  "[1, 2, 3, 4, 5, 6, 7]", "Array.from({ length: 30 }, (_, i) => i)", "Array.from({ length: 100 }, (_, i) => i * 37)", "Array.from({ length: 101 }, (_, i) => i)",
  "Array.from({ length: 250 }, (_, i) => i % 7)", "Array.from({ length: 27 }, (_, i) => 'item ' + i)", "Array.from({ length: 12 }, (_, i) => 'x'.repeat(i))",
  "Array.from({ length: 8 }, (_, i) => ({ i }))", "Array.from({ length: 8 }, (_, i) => [i, i + 1])", "Object.assign([1, 2], { extra: true })",
  "Object.assign([1, 2], { '-1': true, '01': 2 })", "['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']", "[true, false, true, false, true, false, true]",
  "[1.5, 22.25, 333.125, 4, 5, 6, 7, 8]", "[1n, 2n, 3n, 4n, 5n, 6n, 7n]", "[1, 'a', 2, 'b', 3, 'c', 4, 'd']", "Array(200).fill({ a: 1 })", "['\\u4e2d\\u6587', '\\u{1f600}', 'a', 'b', 'c', 'd', 'e', 'f']",
  "(() => { const a = [1, 2, 3]; a.length = 5; a[7] = 1; return a })()", "(() => { const a = []; a[200] = 1; return a })()", "Array.from({ length: 120 }, (_, i) => 'long entry number ' + i)",
  "[{ a: 1, b: { c: 2 } }, { a: 2, b: { c: 3 } }]", "['a'.repeat(40), 'b'.repeat(40)]", "[function a() {}, class B {}]",
  // Collections
  "new Map()", "new Map([['a', 1], ['b', { c: 2 }]])", "new Map([[{ k: 1 }, new Set([1])]])", "new Set()", "new Set([1, 'a', [2]])", "new Map([['a', new Map([['b', new Map([['c', new Map()]])]])]])",
  "Object.assign(new Set([1]), { extra: 1 })", "new Set(Array.from({ length: 110 }, (_, i) => i))", "new Map(Array.from({ length: 110 }, (_, i) => [i, i]))", "new WeakMap()", "new WeakSet()", "new WeakMap([[{}, 1]])",
  "new Map([[1, 2], [3, 4]]).entries()", "new Map([[1, 2], [3, 4]]).keys()", "new Map([[1, 2]]).values()", "new Set([1, 2]).values()", "new Set([1, 2]).entries()", "new Set(['a', { b: 1 }])[Symbol.iterator]()",
  "(() => { const i = new Map([[1, 2], [3, 4]]).entries(); i.next(); return i })()", "[1, 2][Symbol.iterator]()", "'ab'[Symbol.iterator]()", "(function* () {})()", "(async function* () {})()", "'a'.matchAll(/a/g)",
  "Object.setPrototypeOf(new Map([[1, 2]]), null)", "Object.setPrototypeOf(new Set([1]), null)", "Object.setPrototypeOf([1, 2], null)", "Object.setPrototypeOf(new Date(0), null)", "Object.setPrototypeOf(/a/, null)",
  // Binary
  "new Uint8Array([1, 2, 3])", "new Uint8Array(0)", "new Uint8Array(120)", "new Float64Array([1.5, -0, NaN])", "new BigInt64Array([1n])", "new ArrayBuffer(4)", "new Uint8Array([1, 255, 16]).buffer", "new ArrayBuffer(120)", "new DataView(new ArrayBuffer(2))",
  "Object.assign(new Uint8Array(2), { x: 1 })", "{ b: new Uint8Array(2) }", "Object.setPrototypeOf(new Uint8Array(2), null)", "new SharedArrayBuffer(2)",
  // Boxed, dates, expressions, promises, proxies
  "new Number(3)", "new Number(-0)", "new String('abc')", "new Boolean(false)", "Object(1n)", "Object(Symbol('s'))", "Object.assign(new String('ab'), { x: 1 })", "Object.assign(new Number(1), { x: 1 })", "(() => { class S extends String {} ; return new S('a') })()",
  "new Date(0)", "new Date(NaN)", "Object.assign(new Date(0), { x: 1 })", "/a\\/b/gi", "Object.assign(/a/, { x: 1 })", "(() => { class D extends Date {} ; return new D(0) })()",
  "Promise.resolve(4)", "new Promise(() => {})", "Promise.resolve({ a: { b: { c: 1 } } })", "(() => { const p = Promise.reject(3); p.catch(() => {}); return p })()", "Object.assign(Promise.resolve(1), { x: 2 })", "(async () => {})()",
  "new Proxy({ a: 1 }, {})", "new Proxy([1, 2], { get() { throw 1 } })", "new Proxy(function f() {}, {})", "new Proxy(new Proxy({ b: 1 }, {}), {})", "(() => { const r = Proxy.revocable({}, {}); r.revoke(); return r.proxy })()", "[new Proxy(new Map([[1, 2]]), {})]",
  // Errors
  "new Error('boom')", "new Error('')", "new TypeError('bad')", "[new Error('in array')]", "{ error: new RangeError('nested') }", "new Error('two\\nlines')", "Object.assign(new Error('coded'), { code: 'E_CODE', status: 500 })",
  "(() => { class ValidationError2 extends Error {} ; return new ValidationError2('v') })()", "(() => { class Custom extends Error {} ; return new Custom('v') })()", "(() => { class Named extends Error { constructor(m) { super(m); this.name = 'NamedError' } } ; return new Named('v') })()",
  "(() => { class Proto extends Error {} ; Proto.prototype.name = 'ProtoName'; return new Proto('v') })()", "Object.assign(new Error('a'), { name: 'Renamed' })", "(() => { const e = new Error('no stack'); e.stack = undefined; return e })()", "(() => { const e = new Error('text stack'); e.stack = 'own text'; return e })()",
  "(() => { const e = new Error('x'); delete e.message; e.stack = ''; return e })()", "new Error('outer', { cause: new Error('inner') })", "new Error('outer', { cause: 'text' })", "new AggregateError([new Error('one')], 'many')", "Object.create(Error.prototype)",
  "Object.setPrototypeOf(new Error('bare'), null)", "(() => { const e = new Error('m'); e.stack = undefined; e.extra = { a: 1 }; return { e } })()", "{ message: 'not an error', stack: 'x' }", "(() => { const e = new TypeError('t'); e.stack = 'TypeError: t'; return e })()",
  "(() => { class Foo2 extends TypeError {} ; const e = new Foo2('t'); e.stack = 'TypeError: t'; return e })()", "(() => { const e = new Error('k'); e.stack = undefined; e.message = 'changed'; return e })()",
  // Custom inspection
  "{ [Symbol.for('nodejs.util.inspect.custom')]() { return 'custom text' } }", "{ [Symbol.for('nodejs.util.inspect.custom')]() { return { other: 1 } } }", "[{ [Symbol.for('nodejs.util.inspect.custom')]() { return 'two\\nlines' } }]", "{ [Symbol.for('nodejs.util.inspect.custom')](depth, o) { return [depth, o.depth, typeof o.stylize] } }",
  "{ inspect() { return 'not used' }, toString() { return 'nor this' } }", "{ toJSON() { return 1 } }",
  // Placeholders
  "'%s', 'text'", "'%s %s', 'one'", "'%s', 'a', 'b', { c: 1 }", "'%d %d', 1.5, '42'", "'%i %f', 42.9, '1.25x'", "'%d', 10n", "'%s', -0", "'%s', Symbol('a')", "'%d', Symbol('a')", "'%j', { a: [1] }", "'%j', (() => { const a = {}; a.a = a; return a })()", "'%o', { a: 1 }", "'%O', { a: { b: { c: { d: 1 } } } }", "'%o', [1, 2]",
  "'100%'", "'100%', 1", "'%%', 1", "'%% %s', 'x'", "'%x %s', 'x'", "'%c styled', 'color: red'", "'%s', { a: { b: 1 } }", "'%s', [1, [2]]", "'%s', null, undefined", "'%s', () => 1", "'%s', new Date(0)", "'%s', { toString() { return 'own' } }", "'%s', new (class A { toString() { return 'A!' } })()", "'%s', new (class B { x = 1 })()",
  "'%s', Object.create(null)", "'%s', new Error('e')", "'%s', class Z {}", "'%i', 'abc'", "'%j', undefined", "'%j', 'q'", "'a', '%s', 'b'", "'%s%s', 1", "'%', 1", "'%d', ''", "'%d', {}", "'%s', 'x', '%s'", "'%s', { [Symbol.toPrimitive]() { return 'prim' } }", "'%i', 10n", "'%f', Symbol('x')", "'%s', 12345678901234567890n",
  "'%o', () => 1", "'%o', new Map([[1, 2]])", "'%o', new (class A { x = 1 })()", "'%o', 'str'", "'%o', new Uint8Array(2)", "'%o', { f() {} }", "'%o', [[]]", "'%o', new Proxy({ a: 1 }, {})", "'%o', new Date(0)", "'%o', Object.defineProperty([1], 'h', { value: 2 })", "'%o', Symbol('x')",
];

const CONSOLE = [
  "console.log()", "console.log('a\\nb')", "console.group('G'); console.log('in\\nside'); console.groupEnd(); console.log('out')", "console.group(); console.group(); console.log({ a: 1 }); console.groupEnd(); console.log('one'); console.groupEnd(); console.groupEnd(); console.log('none')",
  "console.count(); console.count(); console.count('x'); console.countReset(); console.count()", "console.assert(true, 'no'); console.assert(false); console.assert(false, 'why %s', 'x'); console.assert(0, { a: 1 })", "console.dir({ a: { b: { c: { d: 1 } } } }, { depth: 0 })", "console.dir({ a: { b: { c: { d: 1 } } } }, { depth: null })", "console.dir('text')", "console.dir([3, 1, 2])", "console.dir({ b: 1, a: 2 }, { sorted: true })", "console.dir({ get a() { return { x: 1 } }, get b() { return 2 } }, { getters: true })", "console.dir([1, 2, 3], { showHidden: true })",
  "console.dir({ a: { b: 1 }, c: 'x'.repeat(70) }, { compact: false })", "console.dir({ a: { b: 1 }, c: 'x'.repeat(70) }, { compact: true })", "console.dir({ a: 1, b: { c: [1, 2] } }, { compact: true, breakLength: 10 })", "console.dir(new Array(300).fill(1), { maxArrayLength: 3 })", "console.dir({ s: 'x'.repeat(50) }, { maxStringLength: 10 })", "console.dir(new Proxy({ a: 1 }, {}), { showProxy: true })", "console.dir({ a: 1, b: 2 }, { breakLength: 5 })", "console.dirxml({ a: 1 }, 'b')", "console.dir({ [Symbol.for('nodejs.util.inspect.custom')]() { return 'no' } })",
  "console.table([{ a: 1, b: 'x' }, { a: 2, c: true }])", "console.table([1, 'two', { three: 3 }])", "console.table({ r1: { a: 1 }, r2: { a: 2 } })", "console.table([{ a: 1, b: 2 }], ['b'])", "console.table(new Map([['k', 1], ['l', { a: 1 }]]))", "console.table(new Set([1, 'x']))", "console.table('text')", "console.table(5)", "console.table([])", "console.table([[1, 2], [3, 4]])", "console.table([{ name: '\\u4e2d\\u6587', n: [1, 2, 3, 4] }])", "console.table(null)", "console.table([{ a: { b: { c: 1 } } }])", "console.info('i %d', 1); console.debug('d'); console.warn('w'); console.error('e')",
  "console.table(new Map([['k', 1]]).entries())", "console.table([1, 2], ['x'])", "console.table([null, undefined])",
];

const withoutFrames = (text) => text.replace(/\n\s+(at |\.\.\. \d+ lines matching cause).*/g, "");

function capture(code) {
  const lines = [];
  const sink = () => new Writable({ decodeStrings: false, write: (text, _, done) => (lines.push(text.slice(0, -1)), done()) });
  const console = new Console({ stdout: sink(), stderr: sink(), colorMode: false });
  new Function("console", code)(console);
  return lines;
}

const vectors = {
  node: process.version,
  format: FORMAT.map((code) => [code, withoutFrames(format(...new Function(`return [${code}]`)()))]),
  console: CONSOLE.map((code) => [code, capture(code)]),
};
writeFileSync(new URL("inspect-vectors.json", import.meta.url), `${JSON.stringify(vectors, null, 1)}\n`);
