// Text of primitives as Node's util.inspect writes it: quoting, escapes, widths on a terminal.

import {
  ArrayPrototypeJoin,
  ArrayPrototypePush,
  newList,
  ObjectIs,
  RegExpPrototypeExec,
  splitText,
  String,
  StringPrototypeCodePointAt,
  StringPrototypeIncludes,
  StringPrototypeRepeat,
  StringPrototypeSlice,
  SymbolPrototypeToString,
} from "./primordials.js";

const IDENTIFIER = /^[a-zA-Z_][a-zA-Z_0-9]*$/;
// Strings shorter than this are never split over lines.
const LINE_LENGTH_MIN = 16;

let escapeText;
let isPlain;

/** Takes the native functions that all of this stands on. */
export function useNative(native) {
  ({ escapeText, isPlain } = native);
}

/** The text between quotes, in the first kind of quotes that it does not contain. */
export function quote(text) {
  const escaped = escapeText(text, true);
  if (escaped.length === text.length || !StringPrototypeIncludes(text, "'")) return `'${escaped}'`;
  if (!StringPrototypeIncludes(text, '"')) return `"${escapeText(text, false)}"`;
  if (!StringPrototypeIncludes(text, "`") && !StringPrototypeIncludes(text, "${")) return `\`${escapeText(text, false)}\``;
  return `'${escaped}'`;
}

/** A property key, as it stands before the colon. */
export function keyText(key, enumerable) {
  if (typeof key === "symbol") return `[${symbolText(key)}]`;
  if (key === "__proto__") return "['__proto__']";
  if (!enumerable) return `[${escapeText(key, true)}]`;
  return RegExpPrototypeExec(IDENTIFIER, key) === null ? quote(key) : key;
}

export const symbolText = (symbol) => escapeText(SymbolPrototypeToString(symbol), true);

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
  if (isPlain(text)) return text.length;
  let width = 0;
  for (let i = 0; i < text.length; i++) {
    const code = StringPrototypeCodePointAt(text, i);
    if (code > 0xffff) i++;
    if (isWide(code)) width += 2;
    else if (!isZeroWidth(code)) width += 1;
  }
  return width;
}
