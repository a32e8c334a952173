// Records what Node 20 makes of the same expressions, for test_buffer.py, test_encoding.py and test_standards.py, and what
// npm's node-fetch 2.6.0 and form-data 2.4.0 make of theirs, for test_headers.py and test_request_response.py:
//
//   npm install --no-save node-fetch@2.6.0 form-data@2.4.0     (anywhere)
//   node --no-deprecation tests/guest/record_web.mjs DIRECTORY_OF_NODE_MODULES
//
// Output: web-vectors.json and standard-vectors.json. "show" is the function, as text, that turns a value into JSON here and in the
// sandbox; each group is a list of [expression, what show made of it].

import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

// A value as text; an error by its name, code and message.
async function show(evaluate) {
  const text = (value) => {
    if (value instanceof Uint8Array) return `${Buffer.isBuffer(value) ? "Buffer" : "Uint8Array"} ${[...value]}`;
    if (value instanceof ArrayBuffer) return `ArrayBuffer ${[...new Uint8Array(value)]}`;
    if (typeof value === "bigint") return `${value}n`;
    if (value === undefined || typeof value === "number") return Object.is(value, -0) ? "-0" : `${value}`;
    return JSON.stringify(value, (key, item) =>
      item === undefined ? "undefined" : typeof item === "bigint" ? `${item}n` : item,
    );
  };
  try {
    return text(await evaluate());
  } catch (error) {
    return `${error.name} ${error.type ?? error.code ?? ""}: ${error.message}`;
  }
}

const quote = (value) => JSON.stringify(value);
const product = (...lists) =>
  lists.reduce((rows, list) => rows.flatMap((row) => list.map((item) => [...row, item])), [[]]);

const ENCODINGS = ["utf8", "UTF-8", "ucs2", "utf-16le", "latin1", "binary", "base64", "base64url", "hex", "ascii"];
const TEXTS = ["", "a", "héé✓𝒳", "aGk=", "48656c6c6f7", "zz", "a-b_c/d+e==", "\ud800x", "ab cd\nef"];
const ALL = "Buffer.from(Array.from({ length: 256 }, (_, i) => i))";
const HELLO = "Buffer.from('hello world, hello')";
const NUMBERS = "Buffer.from([255, 128, 1, 2, 3, 254, 127, 64, 9, 200])";

// Latin-1 truncation of wide characters inside base64 is V8's, and not ours.
const isOdd = (text, encoding) => /base64/.test(encoding) && /[^\0-\xff]/.test(text);

function bufferExpressions() {
  const list = [];
  for (const [encoding, text] of product(ENCODINGS, TEXTS)) {
    if (isOdd(text, encoding)) continue;
    list.push(`[[...Buffer.from(${quote(text)}, '${encoding}')], Buffer.byteLength(${quote(text)}, '${encoding}')]`);
  }
  for (const encoding of ENCODINGS) {
    list.push(`${ALL}.toString('${encoding}')`, `${ALL}.toString('${encoding}', 3, 9)`, `${ALL}.slice(0, 7).toString('${encoding}')`);
  }
  for (const encoding of ["utf8", "hex", "ucs2", "base64", "latin1"]) {
    for (const call of ["write('6162é𝒳', 1, 'E')", "write('€€€', 0, 4, 'E')"]) {
      if (encoding === "base64") continue;
      list.push(`((b) => [b.${call.replace("'E'", `'${encoding}'`)}, [...b]])(Buffer.alloc(6))`);
    }
  }
  for (const [value, offset] of product(
    ["'hello'", "'o'", "''", "104", "360", "Buffer.from('wor')", "'zzz'"],
    ["undefined", "0", "1", "-5", "100", "-100", "NaN", "'2'", "null", "{}", "13"],
  )) {
    list.push(`((b) => [b.indexOf(${value}, ${offset}), b.lastIndexOf(${value}, ${offset}), b.includes(${value}, ${offset})])(${HELLO})`);
  }
  const prototype = Object.getPrototypeOf(Buffer.alloc(0));
  const names = Object.keys(prototype).filter((name) => /^(read|write).*(8|16|32|64|Float|Double|LE|BE)/.test(name));
  const isVariable = (name) => /U?[iI]nt[LB]E$/.test(name);
  for (const name of names.filter((each) => each.startsWith("read"))) {
    for (const offset of ["undefined", "0", "1", "2", "-1", "10", "1.5", "NaN", "Infinity", "'1'", "null"]) {
      list.push(`${NUMBERS}.${name}(${offset}${isVariable(name) ? ", 3" : ""})`);
    }
  }
  const writes = {
    big: ["0n", "1n", "-1n", "2n ** 63n", "2n ** 64n", "-(2n ** 63n)", "-(2n ** 63n) - 1n", "2n ** 64n - 1n"],
    plain: [
      "0", "1", "-1", "127", "128", "255", "256", "-128", "-129", "65535", "65536", "-32768", "-32769", "2 ** 31",
      "2 ** 32 - 1", "2 ** 32", "-(2 ** 31)", "-(2 ** 31) - 1", "1.5", "NaN", "Infinity", "'7'", "'x'", "undefined", "null", "{}",
    ],
  };
  for (const name of names.filter((each) => each.startsWith("write"))) {
    const isBig = name.includes("Big");
    const size = isVariable(name) ? ", 4" : "";
    for (const value of isBig ? writes.big : writes.plain) {
      list.push(`((b) => [b.${name}(${value}, 1${size}), [...b]])(Buffer.alloc(10))`);
    }
    list.push(`Buffer.alloc(10).${name}(${isBig ? "1n" : "1"}, 10${size})`);
  }
  for (const [name, size, value] of product(
    ["UIntLE", "UIntBE", "IntLE", "IntBE"],
    ["1", "2", "3", "4", "5", "6", "0", "7", "undefined", "'2'", "1.5"],
    ["1", "-1", "2 ** 40", "-(2 ** 40)", "2 ** 47", "-(2 ** 47) - 1"],
  )) {
    list.push(`((b) => [b.write${name}(${value}, 1, ${size}), [...b], b.read${name}(1, ${size})])(Buffer.alloc(8))`);
  }
  return [...list, ...readFileSync(new URL("buffer-expressions.txt", import.meta.url), "utf8").trim().split("\n")];
}

function encodingExpressions() {
  const list = [
    "new TextEncoder().encode('héé✓𝒳\\ud800x')", "new TextEncoder().encode()", "new TextEncoder().encode(5)",
    "new TextEncoder().encoding", "new TextEncoder().encodeInto(5, new Uint8Array(1))",
    "new TextDecoder().decode(Uint8Array.of(1, 104, 105, 2).subarray(1, 3))",
    "new TextDecoder().decode(Uint16Array.of(104, 105))", "new TextDecoder().decode(Uint8Array.of(104).buffer)",
    "new TextDecoder().decode(new DataView(Uint8Array.of(104, 105).buffer, 1))", "new TextDecoder().decode()",
    "Object.prototype.toString.call(new TextDecoder())", "TextDecoder.name + TextEncoder.name",
  ];
  for (const [text, size] of product(["abc", "é✓", "𝒳𝒳", "\ud800a", "a\udc00"], [0, 1, 2, 3, 4, 5, 7, 9])) {
    list.push(`((d) => [new TextEncoder().encodeInto(${quote(text)}, d), [...d]])(new Uint8Array(${size}))`);
  }
  for (const label of ["utf8", " UTF-8 ", "latin1", "ascii", "ISO-8859-1", "windows-1252", "utf-16", "utf-16be", "unicode", "nope", ""]) {
    list.push(`((d) => [d.encoding, d.fatal, d.ignoreBOM])(new TextDecoder('${label}'))`);
  }
  const samples = [
    [], [104, 105], [0xc3, 0xa9], [0xc3], [0xe2, 0x9c], [0xe2, 0x9c, 0x93], [0xf0, 0x9d, 0x92, 0xb3], [0xf0, 0x9d, 0x92],
    [0xed, 0xa0, 0x80], [0xef, 0xbb, 0xbf, 65], [0xef, 0xbb, 0xbf, 0xef, 0xbb, 0xbf, 65], [0xff, 0xfe, 65, 0],
    [0xfe, 0xff, 0, 65], [0xc0, 0x80], [0xf5, 0x80], [0xe0, 0x80, 0x80], [0xf4, 0x90, 0x80, 0x80], [0x3d, 0xd8, 0, 0xdc],
    [0x3d, 0xd8], [65, 0, 66], [0x80, 0x9f, 0xa0, 0xff], [0, 0xd8, 65, 0],
  ];
  for (const [label, fatal, ignoreBOM, bytes] of product(["utf-8", "utf-16le", "utf-16be"], [false, true], [false, true], samples)) {
    const decoder = `new TextDecoder('${label}', { fatal: ${fatal}, ignoreBOM: ${ignoreBOM} })`;
    list.push(`${decoder}.decode(Uint8Array.of(${bytes}))`);
    list.push(`((d) => [${bytes}].map((b) => d.decode(Uint8Array.of(b), { stream: true })).join('') + d.decode())(${decoder})`);
    list.push(
      `((d, s) => [d.decode(s.subarray(0, 3), { stream: true }), d.decode(s.subarray(3), { stream: true }), ` +
        `d.decode(), d.decode(s)])(${decoder}, Uint8Array.of(${bytes}))`,
    );
  }
  return list;
}

const require = createRequire(join(process.argv[2], "node_modules", "x.js"));
const fetch = require("node-fetch");
Object.assign(globalThis, {
  fetch,
  Headers: fetch.Headers,
  Request: fetch.Request,
  Response: fetch.Response,
  FormData: require("form-data"),
});

async function record(expressions) {
  const vectors = [];
  for (const expression of expressions) {
    vectors.push([expression, await show(new Function(`return (${expression})`))]);
  }
  return vectors;
}

const lines = (name) => readFileSync(new URL(name, import.meta.url), "utf8").trim().split("\n");

// A line that begins with "! " is of what throws: the words of errors are the engine's, so only the name counts.
const attempts = (name) =>
  lines(name).map((line) =>
    line.startsWith("! ") ? `(() => { try { return ${line.slice(2)} } catch (e) { return e.name } })()` : line,
  );

// One vector a line.
function write(name, result) {
  const text = Object.entries({ node: process.version, show: show.toString(), ...result }).map(([key, value]) =>
    Array.isArray(value)
      ? `${quote(key)}: [\n${value.map((vector) => JSON.stringify(vector)).join(",\n")}\n]`
      : `${quote(key)}: ${quote(value)}`,
  );
  writeFileSync(new URL(name, import.meta.url), `{\n${text.join(",\n")}\n}\n`);
}

write("standard-vectors.json", {
  language: await record(attempts("language-expressions.txt")),
  platform: await record(attempts("platform-expressions.txt")),
});
write("web-vectors.json", {
  buffer: await record(bufferExpressions()),
  encoding: await record(encodingExpressions()),
  headers: await record(lines("headers-expressions.txt")),
  fetch: await record(lines("fetch-expressions.txt")),
});
