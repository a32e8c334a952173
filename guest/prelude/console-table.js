// `console.table` as Node draws it.

import {
  ArrayIsArray,
  ArrayPrototypeJoin,
  ArrayPrototypePush,
  MathMax,
  newList,
  ObjectKeys,
  ObjectPrototypeHasOwnProperty,
  SafeMap,
  StringPrototypeRepeat,
} from "./primordials.js";
import { textWidth } from "./inspect-text.js";

const INDEX = "(index)";
const ITERATION = "(iteration index)";
const KEY = "Key";
const VALUES = "Values";

const isPrimitive = (value) =>
  value === null || (typeof value !== "object" && typeof value !== "function");

/**
 * The drawing of `data` (an object), or of only the columns named in `properties`.
 *
 * entriesOf  gives [entries, isKeyValue] for Map, Set and their iterators
 */
export function tableText(data, properties, inspect, entriesOf) {
  const cell = (value) => {
    const wide = !isPrimitive(value) && !ArrayIsArray(value) && ObjectKeys(value).length > 2;
    return inspect(value, { depth: wide ? -1 : 0, maxArrayLength: 3, breakLength: Infinity });
  };
  const details = entriesOf(data);
  if (details !== undefined) return collectionTable(details[0], details[1], cell);

  const rowKeys = ObjectKeys(data);
  const columns = new SafeMap(); // name -> { name, cells }
  const order = newList();
  const values = { name: VALUES, cells: newList() };
  let hasValues = false;
  for (let row = 0; row < rowKeys.length; row++) {
    const item = data[rowKeys[row]];
    if (properties === undefined && isPrimitive(item)) {
      hasValues = true;
      values.cells[row] = cell(item);
      continue;
    }
    const names = properties ?? ObjectKeys(item);
    for (let i = 0; i < names.length; i++) {
      const name = `${names[i]}`;
      if (!columns.has(name)) {
        const column = { name, cells: newList() };
        columns.set(name, column);
        ArrayPrototypePush(order, column);
      }
      const has = !isPrimitive(item) && ObjectPrototypeHasOwnProperty(item, name);
      columns.get(name).cells[row] = has ? cell(item[name]) : "";
    }
  }
  const table = newList();
  ArrayPrototypePush(table, { name: INDEX, cells: rowKeys });
  for (let i = 0; i < order.length; i++) ArrayPrototypePush(table, order[i]);
  if (hasValues) ArrayPrototypePush(table, values);
  return draw(table, rowKeys.length);
}

function collectionTable(entries, isKeyValue, cell) {
  const step = isKeyValue ? 2 : 1;
  const indices = newList();
  const keys = newList();
  const values = newList();
  for (let i = 0; i < entries.length; i += step) {
    ArrayPrototypePush(indices, cell(i / step));
    if (isKeyValue) ArrayPrototypePush(keys, cell(entries[i]));
    ArrayPrototypePush(values, cell(entries[i + step - 1]));
  }
  const table = newList();
  ArrayPrototypePush(table, { name: ITERATION, cells: indices });
  if (isKeyValue) ArrayPrototypePush(table, { name: KEY, cells: keys });
  ArrayPrototypePush(table, { name: VALUES, cells: values });
  return draw(table, indices.length);
}

function draw(columns, rowCount) {
  const widths = newList();
  const rules = newList();
  for (let i = 0; i < columns.length; i++) {
    let width = textWidth(columns[i].name);
    for (let row = 0; row < rowCount; row++) {
      width = MathMax(width, textWidth(columns[i].cells[row] ?? ""));
    }
    ArrayPrototypePush(widths, width);
    ArrayPrototypePush(rules, StringPrototypeRepeat("─", width + 2));
  }
  const line = (textOf) => {
    const cells = newList();
    for (let i = 0; i < columns.length; i++) {
      const text = textOf(columns[i]);
      ArrayPrototypePush(cells, text + StringPrototypeRepeat(" ", widths[i] - textWidth(text)));
    }
    return `│ ${ArrayPrototypeJoin(cells, " │ ")} │\n`;
  };
  const rule = (left, middle, right) => left + ArrayPrototypeJoin(rules, middle) + right;
  let text = `${rule("┌", "┬", "┐")}\n${line((column) => column.name)}${rule("├", "┼", "┤")}\n`;
  for (let row = 0; row < rowCount; row++) text += line((column) => column.cells[row] ?? "");
  return text + rule("└", "┴", "┘");
}
