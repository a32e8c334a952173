// The entries of an object that are not named properties: elements, contents of collections, bytes.

import {
  ArrayPrototypePush,
  MapIteratorNext,
  MapPrototypeEntries,
  MapPrototypeGetSize,
  MathMin,
  ObjectKeys,
  ObjectPrototypeHasOwnProperty,
  SetIteratorNext,
  SetPrototypeGetSize,
  SetPrototypeValues,
  String,
  TypedArrayPrototypeGetLength,
  Uint8Array,
} from "./primordials.js";
import { layOut } from "./inspect-layout.js";
import { primitiveText } from "./inspect-text.js";
import { INSPECT_CHARS_MAX } from "./limits.js";

export const moreItems = (left) => `... ${left} more item${left > 1 ? "s" : ""}`;

export function isIndex(key) {
  const number = +key;
  return number >= 0 && number < 2 ** 32 - 1 && String(number) === key;
}

/**
 * `[entries, isKeyValue]` of a Map, a Set or an iterator over one, which is not advanced; undefined
 * for anything else. Keys and values alternate.
 */
export function contentsOf(native, value) {
  const details = native.iteratorEntries(value);
  if (details !== undefined && details[1] && native.className(value) === "Set Iterator") {
    // The engine keeps no values for a Set: its entries have the key twice.
    const entries = details[0];
    for (let i = 0; i < entries.length; i += 2) entries[i + 1] = entries[i];
  }
  return details;
}

/**
 * The functions `(ctx, value, level, entries)` that append the texts of one kind of content.
 *
 * formatValue     (ctx, value, level, inTypedArray) -> text
 * formatProperty  (ctx, object, level, key, withName) -> text
 */
export function createFills(native, formatValue, formatProperty) {
  function fillArray(ctx, value, level, entries) {
    const { length } = value;
    const shown = MathMin(ctx.maxArrayLength, length);
    for (let i = 0; i < shown; i++) {
      if (!ObjectPrototypeHasOwnProperty(value, i)) {
        fillSparse(ctx, value, level, shown, entries, i);
        return;
      }
      if (ctx.written > INSPECT_CHARS_MAX) {
        ArrayPrototypePush(entries, moreItems(length - i));
        return;
      }
      ArrayPrototypePush(entries, formatProperty(ctx, value, level, i, false));
    }
    if (length > shown) ArrayPrototypePush(entries, moreItems(length - shown));
  }

  // Runs of holes count as one entry each.
  function fillSparse(ctx, value, level, shown, entries, index) {
    const keys = ObjectKeys(value);
    const holes = (count) => `<${count} empty item${count > 1 ? "s" : ""}>`;
    for (let i = index; i < keys.length && entries.length < shown; i++) {
      if (!isIndex(keys[i])) break;
      const at = +keys[i];
      if (at !== index) {
        ArrayPrototypePush(entries, holes(at - index));
        index = at;
        if (entries.length === shown) break;
      }
      ArrayPrototypePush(entries, formatProperty(ctx, value, level, keys[i], false));
      index++;
    }
    const left = value.length - index;
    if (left <= 0) return;
    ArrayPrototypePush(entries, entries.length === shown ? moreItems(left) : holes(left));
  }

  function fillTypedArray(ctx, value, level, entries) {
    const length = TypedArrayPrototypeGetLength(value);
    const shown = MathMin(ctx.maxArrayLength, length);
    for (let i = 0; i < shown; i++) ArrayPrototypePush(entries, primitiveText(value[i], ctx));
    if (length > shown) ArrayPrototypePush(entries, moreItems(length - shown));
    if (!ctx.showHidden) return;
    const names = ["BYTES_PER_ELEMENT", "length", "byteLength", "byteOffset", "buffer"];
    ctx.indentation += 2;
    for (let i = 0; i < names.length; i++) {
      const text = formatValue(ctx, value[names[i]], level, true);
      ArrayPrototypePush(entries, `[${names[i]}]: ${text}`);
    }
    ctx.indentation -= 2;
  }

  function fillBytes(ctx, value, level, entries) {
    let bytes;
    try {
      bytes = new Uint8Array(value);
    } catch {
      ArrayPrototypePush(entries, "(detached)");
      return;
    }
    const length = TypedArrayPrototypeGetLength(bytes);
    const shown = MathMin(ctx.maxArrayLength, length);
    let text = "";
    for (let i = 0; i < shown; i++) {
      const digits = "0123456789abcdef";
      text += `${i === 0 ? "" : " "}${digits[bytes[i] >> 4]}${digits[bytes[i] & 15]}`;
    }
    const left = length - shown;
    if (left > 0) text += ` ... ${left} more byte${left > 1 ? "s" : ""}`;
    ArrayPrototypePush(entries, `[Uint8Contents]: <${text}>`);
  }

  function fillSet(ctx, value, level, entries) {
    const iterator = SetPrototypeValues(value);
    fillFrom(ctx, SetPrototypeGetSize(value), entries, () =>
      formatValue(ctx, SetIteratorNext(iterator).value, level),
    );
  }

  function fillMap(ctx, value, level, entries) {
    const iterator = MapPrototypeEntries(value);
    fillFrom(ctx, MapPrototypeGetSize(value), entries, () => {
      const pair = MapIteratorNext(iterator).value ?? [];
      return `${formatValue(ctx, pair[0], level)} => ${formatValue(ctx, pair[1], level)}`;
    });
  }

  function fillFrom(ctx, size, entries, format) {
    const shown = MathMin(ctx.maxArrayLength, size);
    ctx.indentation += 2;
    let i = 0;
    while (i < shown && ctx.written <= INSPECT_CHARS_MAX) {
      ArrayPrototypePush(entries, format());
      i++;
    }
    ctx.indentation -= 2;
    if (size > i) ArrayPrototypePush(entries, moreItems(size - i));
  }

  function fillValues(ctx, values, level, entries) {
    let i = 0;
    fillFrom(ctx, values.length, entries, () => formatValue(ctx, values[i++], level));
  }

  function fillPairs(ctx, values, level, entries) {
    let i = 0;
    fillFrom(ctx, values.length / 2, entries, () => {
      const pair = [formatValue(ctx, values[i], level), formatValue(ctx, values[i + 1], level)];
      i += 2;
      return layOut(ctx, pair, "", "[", "]", true, level);
    });
  }

  function fillPromise(ctx, value, level, entries) {
    const details = native.promiseState(value);
    if (details[0] === 0) {
      ArrayPrototypePush(entries, "<pending>");
      return;
    }
    ctx.indentation += 2;
    const text = formatValue(ctx, details[1], level);
    ctx.indentation -= 2;
    ArrayPrototypePush(entries, details[0] === 2 ? `<rejected> ${text}` : text);
  }

  return {
    array: fillArray,
    typedArray: fillTypedArray,
    bytes: fillBytes,
    set: fillSet,
    map: fillMap,
    values: fillValues,
    pairs: fillPairs,
    promise: fillPromise,
  };
}
