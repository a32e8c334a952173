// How the formatted parts of one object are put on lines, by the rules of Node's util.inspect.

import {
  ArrayPrototypeJoin,
  ArrayPrototypePush,
  MathFloor,
  MathMax,
  MathMin,
  MathRound,
  MathSqrt,
  newList,
  StringPrototypeIncludes,
  StringPrototypePadEnd,
  StringPrototypePadStart,
  StringPrototypeRepeat,
} from "./primordials.js";
import { textWidth } from "./inspect-text.js";

/**
 * Joins the entries of one object between its braces: on one line if they fit, are few and are not
 * nested too deep, else one to a line; long arrays in columns.
 *
 * ctx      { compact, breakLength, indentation, deepest, maxArrayLength }
 * entries  texts, in order; `value` is the array they came from if they are its elements
 * level    nesting depth of this object; ctx.deepest is that of the innermost one formatted so far
 */
export function layOut(ctx, entries, base, open, close, isArray, level, value) {
  const head = base === "" ? open : `${base} ${open}`;
  if (ctx.compact === true) return layOutCompact(ctx, entries, base, open, close);
  if (ctx.compact >= 1) {
    const grouped = isArray && entries.length > 6 ? inColumns(ctx, entries, value) : entries;
    if (ctx.deepest - level < ctx.compact && grouped === entries) {
      const start = entries.length + ctx.indentation + open.length + base.length + 10;
      if (fits(ctx, entries, start, base)) {
        const joined = ArrayPrototypeJoin(entries, ", ");
        if (!StringPrototypeIncludes(joined, "\n")) return `${head} ${joined} ${close}`;
      }
    }
    entries = grouped;
  }
  const newline = `\n${StringPrototypeRepeat(" ", ctx.indentation)}`;
  const joined = ArrayPrototypeJoin(entries, `,${newline}  `);
  return `${head}${newline}  ${joined}${newline}${close}`;
}

function layOutCompact(ctx, entries, base, open, close) {
  if (fits(ctx, entries, 0, base)) {
    return `${open}${base === "" ? "" : ` ${base}`} ${ArrayPrototypeJoin(entries, ", ")} ${close}`;
  }
  const indent = StringPrototypeRepeat(" ", ctx.indentation);
  const gap = base === "" && open.length === 1 ? " " : `${base === "" ? "" : ` ${base}`}\n${indent}  `;
  return `${open}${gap}${ArrayPrototypeJoin(entries, `,\n${indent}  `)} ${close}`;
}

function fits(ctx, entries, start, base) {
  let total = entries.length + start;
  if (total + entries.length > ctx.breakLength) return false;
  for (let i = 0; i < entries.length; i++) {
    total += entries[i].length;
    if (total > ctx.breakLength) return false;
  }
  return base === "" || !StringPrototypeIncludes(base, "\n");
}

// More than six short elements are aligned in columns, roughly as a square on the screen.
function inColumns(ctx, entries, value) {
  const extra = ctx.maxArrayLength < entries.length ? 1 : 0; // "... n more items" stays by itself
  const count = entries.length - extra;
  const separator = 2;
  const widths = newList();
  let total = 0;
  let widest = 0;
  for (let i = 0; i < count; i++) {
    const width = textWidth(entries[i]);
    ArrayPrototypePush(widths, width);
    total += width + separator;
    if (width > widest) widest = width;
  }
  const cell = widest + separator;
  if (cell * 3 + ctx.indentation >= ctx.breakLength) return entries;
  if (total / cell <= 5 && widest > 6) return entries;

  const bias = MathSqrt(cell - total / entries.length);
  const biased = MathMax(cell - 3 - bias, 1);
  const columns = MathMin(
    MathRound(MathSqrt(2.5 * biased * count) / biased),
    MathFloor((ctx.breakLength - ctx.indentation) / cell),
    ctx.compact * 4,
    15,
  );
  if (columns <= 1) return entries;

  const columnWidths = newList();
  for (let column = 0; column < columns; column++) {
    let width = 0;
    for (let i = column; i < count; i += columns) width = MathMax(width, widths[i]);
    ArrayPrototypePush(columnWidths, width + separator);
  }
  const numeric = isNumeric(value, entries.length);
  const lines = newList();
  for (let from = 0; from < count; from += columns) {
    const to = MathMin(from + columns, count);
    let line = "";
    for (let i = from; i < to; i++) {
      const last = i === to - 1;
      const text = last ? entries[i] : `${entries[i]}, `;
      const width = columnWidths[i - from] + entries[i].length - widths[i];
      if (numeric) line += StringPrototypePadStart(text, last ? width - separator : width, " ");
      else line += last ? text : StringPrototypePadEnd(text, width, " ");
    }
    ArrayPrototypePush(lines, line);
  }
  if (extra === 1) ArrayPrototypePush(lines, entries[count]);
  return lines;
}

// Numbers are aligned to the right. Like Node, an array cut short counts its missing entries too.
function isNumeric(value, length) {
  if (value === undefined) return true;
  for (let i = 0; i < length; i++) {
    if (typeof value[i] !== "number" && typeof value[i] !== "bigint") return false;
  }
  return true;
}
