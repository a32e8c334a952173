// Text of primitives as Node's util.inspect writes it: quoting, escapes, widths on a terminal.

import {
  ArrayPrototypeJoin,
  ArrayPrototypePush,
  newList,
  NumberPrototypeToString,
  ObjectIs,
  RegExpPrototypeExec,
  splitText,
  String,
  StringPrototypeCharCodeAt,
  StringPrototypeCodePointAt,
  StringPrototypeIncludes,
  StringPrototypePadStart,
  StringPrototypeRepeat,
  StringPrototypeSlice,
  SymbolPrototypeToString,
} from "./primordials.js";

const NEEDS_CARE = /[\x00-\x1f\x27\x5c\x7f-\x9f\ud800-\udfff]/;
const IDENTIFIER = /^[a-zA-Z_][a-zA-Z_0-9]*$/;
const NOT_ASCII = /[^\x20-\x7e]/;

const NAMED_ESCAPES = {
  __proto__: null,
  8: "\\b",
  9: "\\t",
  10: "\\n",
  12: "\\f",
  13: "\\r",
  39: "\\'",
  92: "\\\\",
};

// Strings shorter than this are never split over lines.
const LINE_LENGTH_MIN = 16;

const hex = (code) => StringPrototypePadStart(NumberPrototypeToString(code, 16), 2, "0");

function escapeCode(code) {
  return NAMED_ESCAPES[code] ?? `\\x${code < 16 ? "0" : ""}${upperHex(code)}`;
}

function upperHex(code) {
  const digits = "0123456789ABCDEF";
  return code < 16 ? digits[code] : digits[code >> 4] + digits[code & 15];
}

function escape(text, quote) {
  let result = "";
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const code = StringPrototypeCharCodeAt(text, i);
    let replacement;
    if (code < 32 || code === 92 || (code > 126 && code < 160) || (code === 39 && quote === "'")) {
      replacement = escapeCode(code);
    } else if (code >= 0xd800 && code <= 0xdfff) {
      const next = i + 1 < text.length ? StringPrototypeCharCodeAt(text, i + 1) : 0;
      if (code <= 0xdbff && next >= 0xdc00 && next <= 0xdfff) {
        i++;
        continue;
      }
      replacement = `\\u${hex(code)}`;
    } else {
      continue;
    }
    result += StringPrototypeSlice(text, from, i) + replacement;
    from = i + 1;
  }
  return result + StringPrototypeSlice(text, from);
}

/** The text between quotes, in the first kind of quotes that it does not contain. */
export function quote(text) {
  if (RegExpPrototypeExec(NEEDS_CARE, text) === null) return `'${text}'`;
  let mark = "'";
  if (StringPrototypeIncludes(text, "'")) {
    if (!StringPrototypeIncludes(text, '"')) mark = '"';
    else if (!StringPrototypeIncludes(text, "`") && !StringPrototypeIncludes(text, "${")) mark = "`";
  }
  return mark + escape(text, mark) + mark;
}

/** A property key, as it stands before the colon. */
export function keyText(key, enumerable) {
  if (typeof key === "symbol") return `[${symbolText(key)}]`;
  if (key === "__proto__") return "['__proto__']";
  if (!enumerable) return `[${escape(key, "'")}]`;
  return RegExpPrototypeExec(IDENTIFIER, key) === null ? quote(key) : key;
}

export const symbolText = (symbol) => escape(SymbolPrototypeToString(symbol), "'");

export const numberText = (number) => (ObjectIs(number, -0) ? "-0" : String(number));

export const bigintText = (bigint) => `${String(bigint)}n`;

/** "Name(size) [tag] ", as it stands before a brace. */
export function prefix(constructor, tag, fallback, size = "") {
  if (constructor === null) {
    const extra = tag !== "" && fallback !== tag ? `[${tag}] ` : "";
    return `[${fallback}${size}: null prototype] ${extra}`;
  }
  return `${constructor}${size} ${tag !== "" && constructor !== tag ? `[${tag}] ` : ""}`;
}

/** A primitive value within `ctx` ({ maxStringLength, breakLength, indentation, compact }). */
export function primitiveText(value, ctx) {
  switch (typeof value) {
    case "string":
      return stringText(value, ctx);
    case "number":
      return numberText(value);
    case "bigint":
      return bigintText(value);
    case "symbol":
      return SymbolPrototypeToString(value);
    default:
      return String(value);
  }
}

function stringText(text, ctx) {
  let trailer = "";
  if (text.length > ctx.maxStringLength) {
    const left = text.length - ctx.maxStringLength;
    text = StringPrototypeSlice(text, 0, ctx.maxStringLength);
    trailer = `... ${left} more character${left > 1 ? "s" : ""}`;
  }
  const room = ctx.breakLength - ctx.indentation - 4;
  if (ctx.compact === true || text.length <= LINE_LENGTH_MIN || text.length <= room) {
    return quote(text) + trailer;
  }
  const lines = splitText(text, "\n");
  const quoted = newList();
  for (let i = 0; i < lines.length; i++) {
    const last = i === lines.length - 1;
    if (last && lines[i] === "" && i > 0) break;
    ArrayPrototypePush(quoted, quote(last ? lines[i] : `${lines[i]}\n`));
  }
  const indent = StringPrototypeRepeat(" ", ctx.indentation + 2);
  return ArrayPrototypeJoin(quoted, ` +\n${indent}`) + trailer;
}

// East Asian wide and fullwidth forms, and the pictographs that terminals draw two columns wide.
const isWide = (code) =>
  code >= 0x1100 &&
  (code <= 0x115f ||
    code === 0x2329 ||
    code === 0x232a ||
    (code >= 0x2e80 && code <= 0x3247 && code !== 0x303f) ||
    (code >= 0x3250 && code <= 0x4dbf) ||
    (code >= 0x4e00 && code <= 0xa4c6) ||
    (code >= 0xa960 && code <= 0xa97c) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe10 && code <= 0xfe19) ||
    (code >= 0xfe30 && code <= 0xfe6b) ||
    (code >= 0xff01 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6) ||
    (code >= 0x1b000 && code <= 0x1b001) ||
    (code >= 0x1f200 && code <= 0x1f251) ||
    (code >= 0x1f300 && code <= 0x1f64f) ||
    (code >= 0x1f900 && code <= 0x1f9ff) ||
    (code >= 0x20000 && code <= 0x3fffd));

const isZeroWidth = (code) =>
  code <= 0x1f ||
  (code >= 0x7f && code <= 0x9f) ||
  (code >= 0x300 && code <= 0x36f) ||
  (code >= 0x200b && code <= 0x200f) ||
  (code >= 0x20d0 && code <= 0x20ff) ||
  (code >= 0xfe00 && code <= 0xfe0f) ||
  (code >= 0xfe20 && code <= 0xfe2f) ||
  (code >= 0xe0100 && code <= 0xe01ef);

/** Columns that `text` takes on a terminal. */
export function textWidth(text) {
  if (RegExpPrototypeExec(NOT_ASCII, text) === null) return text.length;
  let width = 0;
  for (let i = 0; i < text.length; i++) {
    const code = StringPrototypeCodePointAt(text, i);
    if (code > 0xffff) i++;
    if (isWide(code)) width += 2;
    else if (!isZeroWidth(code)) width += 1;
  }
  return width;
}
