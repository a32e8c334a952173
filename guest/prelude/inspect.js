// `util.inspect` by Node's rules: what console methods print for a value.
//
// Kinds of objects are told apart by the engine's own class names, not by prototypes; proxies are
// looked through, never triggered. Unlike Node, one value may not grow past INSPECT_CHARS_MAX, and
// properties that `showHidden` would collect from user prototypes are left out, as are the named
// properties of very long arrays.

import {
  ArrayBufferPrototypeGetByteLength,
  ArrayIsArray,
  ArrayPrototypeIncludes,
  ArrayPrototypePush,
  ArrayPrototypeSlice,
  ArrayPrototypeSort,
  ArrayPrototypeSplice,
  ArrayPrototypeUnshift,
  BigIntPrototypeValueOf,
  BooleanPrototypeValueOf,
  DatePrototypeGetTime,
  DatePrototypeToISOString,
  Error,
  FunctionPrototype,
  MapPrototypeGetSize,
  MathMax,
  newList,
  NumberPrototypeValueOf,
  Object,
  ObjectGetOwnPropertyDescriptor,
  ObjectGetOwnPropertyNames,
  ObjectGetOwnPropertySymbols,
  ObjectGetPrototypeOf,
  ObjectKeys,
  ObjectPrototype,
  ObjectPrototypeHasOwnProperty,
  ObjectPrototypePropertyIsEnumerable,
  ReflectApply,
  RegExpPrototypeGetFlags,
  RegExpPrototypeGetSource,
  replaceText,
  SafeMap,
  SetPrototypeGetSize,
  String,
  StringPrototypeRepeat,
  StringPrototypeSlice,
  StringPrototypeValueOf,
  SymbolIterator,
  SymbolPrototypeValueOf,
  SymbolToStringTag,
  TypedArrayPrototypeGetLength,
  TypedArrayPrototypeGetSymbolToStringTag,
} from "./primordials.js";
import { contentsOf, createFills, isIndex, moreItems } from "./inspect-entries.js";
import { errorBase } from "./inspect-error.js";
import { functionBase } from "./inspect-function.js";
import { layOut } from "./inspect-layout.js";
import { keyText, prefix, primitiveText, useNative } from "./inspect-text.js";
import { INSPECT_CHARS_MAX } from "./limits.js";

export const INSPECT_CUSTOM = Symbol.for("nodejs.util.inspect.custom");

const DEFAULTS = {
  __proto__: null,
  showHidden: false,
  depth: 2,
  colors: false,
  customInspect: true,
  showProxy: false,
  maxArrayLength: 100,
  maxStringLength: 10000,
  breakLength: 80,
  compact: 3,
  sorted: false,
  getters: false,
  numericSeparator: false,
};
const OPTIONS = ObjectKeys(DEFAULTS);

// The named properties of an array can only be found by listing all its indices: not for long ones.
const NAMED_KEYS_LENGTH_MAX = 10000;

const TYPED_ARRAY_NAME = /^(?:Big)?(?:Int|Uint|Float)[0-9]+(?:Clamped)?Array$/;
const typedArrayNames = new SafeMap();
for (const name of Object.getOwnPropertyNames(globalThis)) {
  if (TYPED_ARRAY_NAME.test(name)) typedArrayNames.set(name, true);
}

// Stands for the descriptor of a property that is like most.
const SHOWN = { __proto__: null, enumerable: true };

const isOverflow = (error) =>
  typeof error === "object" && error !== null && error.message === "Maximum call stack size exceeded";

/** Makes `inspect(value, options)` over the engine's native functions. */
export function createInspect(native) {
  const { className } = native;
  useNative(native);
  const fills = createFills(native, formatValue, formatProperty);

  function inspect(value, options) {
    const ctx = {
      __proto__: null,
      indentation: 0,
      deepest: 0,
      written: 0,
      seen: newList(),
      circular: undefined,
      extraOptions: undefined,
      className,
      inspect,
    };
    for (let i = 0; i < OPTIONS.length; i++) ctx[OPTIONS[i]] = DEFAULTS[OPTIONS[i]];
    if (typeof options === "boolean") ctx.showHidden = options;
    else if (typeof options === "object" && options !== null) readOptions(ctx, options);
    if (ctx.depth === null) ctx.depth = Infinity;
    ctx.maxArrayLength = MathMax(0, ctx.maxArrayLength ?? Infinity);
    ctx.maxStringLength = MathMax(0, ctx.maxStringLength ?? Infinity);
    if (ctx.compact === false) ctx.compact = 0;
    return formatValue(ctx, value, 0);
  }

  function readOptions(ctx, options) {
    const keys = ObjectKeys(options);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      if (ArrayPrototypeIncludes(OPTIONS, key)) ctx[key] = options[key];
      else if (key !== "stylize") (ctx.extraOptions ??= { __proto__: null })[key] = options[key];
    }
  }

  // What a custom inspection function gets: the options, one level less deep, and `stylize`.
  function optionsFor(ctx, depth) {
    const options = { ...ctx.extraOptions };
    for (let i = 0; i < OPTIONS.length; i++) options[OPTIONS[i]] = ctx[OPTIONS[i]];
    options.depth = depth;
    options.stylize = (text) => String(text);
    return options;
  }

  function formatValue(ctx, value, level, inTypedArray) {
    if ((typeof value !== "object" && typeof value !== "function") || value === null) {
      const text = primitiveText(value, ctx);
      ctx.written += text.length;
      return text;
    }
    const subject = value;
    let proxy = native.proxyDetails(value);
    if (proxy !== undefined && ctx.showProxy) return formatProxy(ctx, proxy, level);
    for (; proxy !== undefined; proxy = native.proxyDetails(value)) {
      value = proxy[0];
      if (value === undefined || value === null) return "<Revoked Proxy>";
    }
    if (ctx.customInspect) {
      const text = customText(ctx, value, subject, level);
      if (text !== undefined) return text;
    }
    if (ArrayPrototypeIncludes(ctx.seen, value)) return circularText(ctx, value);
    return formatObject(ctx, value, level, inTypedArray);
  }

  function customText(ctx, value, subject, level) {
    const custom = value[INSPECT_CUSTOM];
    if (typeof custom !== "function" || custom === inspect) return undefined;
    if (value.constructor && value.constructor.prototype === value) return undefined;
    const depth = ctx.depth - level;
    const result = ReflectApply(custom, subject, [depth, optionsFor(ctx, depth), inspect]);
    if (result === subject) return undefined;
    if (typeof result !== "string") return formatValue(ctx, result, level);
    return replaceText(result, "\n", `\n${StringPrototypeRepeat(" ", ctx.indentation)}`);
  }

  function circularText(ctx, value) {
    ctx.circular ??= new SafeMap();
    let index = ctx.circular.get(value);
    if (index === undefined) {
      index = ctx.circular.size + 1;
      ctx.circular.set(value, index);
    }
    return `[Circular *${index}]`;
  }

  function formatProxy(ctx, details, level) {
    if (details[0] === undefined || details[0] === null) return "<Revoked Proxy>";
    if (level > ctx.depth) return "Proxy [Array]";
    ctx.indentation += 2;
    const parts = [
      formatValue(ctx, details[0], level + 1),
      formatValue(ctx, details[1], level + 1),
    ];
    ctx.indentation -= 2;
    return layOut(ctx, parts, "", "Proxy [", "]", true, level + 1);
  }

  function formatObject(ctx, value, level, inTypedArray) {
    const constructor = constructorName(ctx, value, level);
    const tag = tagOf(ctx, value);
    const form = formOf(ctx, value, constructor, tag, level, inTypedArray);
    if (form.whole !== undefined) {
      ctx.written += form.whole.length;
      return form.whole;
    }
    if (level > ctx.depth) {
      const name = StringPrototypeSlice(prefix(constructor, tag, fallbackName(value, tag)), 0, -1);
      return constructor === null ? name : `[${name}]`;
    }
    return formatParts(ctx, value, form, level + 1, constructor, tag);
  }

  function formatParts(ctx, value, form, level, constructor, tag) {
    ArrayPrototypePush(ctx.seen, value);
    ctx.deepest = level;
    const { indentation } = ctx;
    const entries = newList();
    try {
      form.fill?.(ctx, value, level, entries);
      for (let i = 0; i < form.keys.length; i++) {
        if (ctx.written > INSPECT_CHARS_MAX) {
          ArrayPrototypePush(entries, moreItems(form.keys.length - i));
          break;
        }
        ArrayPrototypePush(entries, formatProperty(ctx, value, level, form.keys[i], true));
      }
    } catch (error) {
      if (!isOverflow(error)) throw error;
      ctx.seen.length--;
      ctx.indentation = indentation;
      const name = StringPrototypeSlice(prefix(constructor, tag, fallbackName(value, tag)), 0, -1);
      return `[${name}: Inspection interrupted prematurely. Maximum call stack size exceeded.]`;
    }
    let { base, open } = form;
    const index = ctx.circular?.get(value);
    if (index !== undefined) {
      const reference = `<ref *${index}>`;
      if (ctx.compact === true) open = `${reference} ${open}`;
      else base = base === "" ? reference : `${reference} ${base}`;
    }
    ctx.seen.length--;
    if (ctx.sorted) sortEntries(ctx, entries, form);
    if (ctx.written > INSPECT_CHARS_MAX) ctx.depth = -1;
    const elements = form.isArray ? value : undefined;
    return layOut(ctx, entries, base, open, form.close, form.isArray, level, elements);
  }

  function sortEntries(ctx, entries, form) {
    const comparator = ctx.sorted === true ? undefined : ctx.sorted;
    const from = form.isArray ? entries.length - form.keys.length : 0;
    const sorted = ArrayPrototypeSort(ArrayPrototypeSlice(entries, from), comparator);
    for (let i = 0; i < sorted.length; i++) entries[from + i] = sorted[i];
  }

  // Keys, braces and the function that adds entries which are not properties; or the whole text.
  function formOf(ctx, value, constructor, tag, level, inTypedArray) {
    const kind = className(value);
    const braces = (fallback, size = "") => `${prefix(constructor, tag, fallback, size)}{`;
    const form = { base: "", open: "{", close: "}", isArray: false, keys: undefined, fill: undefined };
    const whole = (text) => ({ whole: text });

    if (SymbolIterator in value || constructor === null) {
      if (ArrayIsArray(value)) {
        const size = `(${value.length})`;
        const plain = constructor === "Array" && tag === "";
        form.open = `${plain ? "" : prefix(constructor, tag, "Array", size)}[`;
        form.close = "]";
        form.keys = keysOf(ctx, value, true);
        form.isArray = true;
        form.fill = fills.array;
        return value.length === 0 && form.keys.length === 0 ? whole(`${form.open}]`) : form;
      }
      if (kind === "Set" || kind === "Map") {
        const size = kind === "Set" ? SetPrototypeGetSize(value) : MapPrototypeGetSize(value);
        form.open = braces(kind, `(${size})`);
        form.keys = keysOf(ctx, value, false);
        form.fill = kind === "Set" ? fills.set : fills.map;
        return size === 0 && form.keys.length === 0 ? whole(`${form.open}}`) : form;
      }
      if (typedArrayNames.has(kind)) {
        const size = TypedArrayPrototypeGetLength(value);
        const fallback = constructor === null ? TypedArrayPrototypeGetSymbolToStringTag(value) : "";
        form.open = `${prefix(constructor, tag, fallback, `(${size})`)}[`;
        form.close = "]";
        form.keys = keysOf(ctx, value, true);
        form.isArray = true;
        form.fill = fills.typedArray;
        const empty = size === 0 && form.keys.length === 0 && !ctx.showHidden;
        return empty ? whole(`${form.open}]`) : form;
      }
      if (kind === "Map Iterator" || kind === "Set Iterator") {
        form.keys = keysOf(ctx, value, false);
        const { 0: entries, 1: isKeyValue } = contentsOf(native, value);
        const name = isKeyValue ? `${StringPrototypeSlice(kind, 0, 3)} Entries` : kind;
        const other = tag === kind || tag === "" ? "" : `${tag}] [`;
        form.open = `[${other}${name}] {`;
        form.fill = isKeyValue
          ? (c, v, l, out) => fills.pairs(c, entries, l, out)
          : (c, v, l, out) => fills.values(c, entries, l, out);
        return form;
      }
    }

    form.keys = keysOf(ctx, value, false);
    const bare = form.keys.length === 0;
    if (typeof value === "function") {
      form.base = functionBase(value, constructor, tag, kind);
      return bare ? whole(form.base) : form;
    }
    if (constructor === "Object" && (kind === "Object" || kind === "Arguments")) {
      if (kind === "Arguments") form.open = "[Arguments] {";
      else if (tag !== "") form.open = braces("Object");
      return bare ? whole(`${form.open}}`) : form;
    }
    switch (kind) {
      case "RegExp": {
        form.base = `/${RegExpPrototypeGetSource(value)}/${RegExpPrototypeGetFlags(value)}`;
        const before = prefix(constructor, tag, "RegExp");
        if (before !== "RegExp ") form.base = before + form.base;
        return bare || level > ctx.depth ? whole(form.base) : form;
      }
      case "Date": {
        const time = DatePrototypeGetTime(value);
        form.base = time !== time ? "Invalid Date" : DatePrototypeToISOString(value);
        const before = prefix(constructor, tag, "Date");
        if (before !== "Date ") form.base = before + form.base;
        return bare ? whole(form.base) : form;
      }
      case "ArrayBuffer":
      case "SharedArrayBuffer":
        form.open = braces(kind);
        if (inTypedArray && bare) {
          const size = ArrayBufferPrototypeGetByteLength(value);
          return whole(`${form.open} byteLength: ${size} }`);
        }
        if (!inTypedArray) form.fill = fills.bytes;
        ArrayPrototypeUnshift(form.keys, "byteLength");
        return form;
      case "DataView":
        form.open = braces(kind);
        ArrayPrototypeUnshift(form.keys, "byteLength", "byteOffset", "buffer");
        return form;
      case "Promise":
        form.open = braces(kind);
        form.fill = fills.promise;
        return form;
      case "WeakSet":
      case "WeakMap":
        form.open = braces(kind);
        form.fill = (c, v, l, out) => ArrayPrototypePush(out, "<items unknown>");
        return form;
      case "Number":
      case "String":
      case "Boolean":
      case "BigInt":
      case "Symbol":
        form.base = boxedBase(ctx, value, kind, constructor, tag, form.keys);
        return form.keys.length === 0 ? whole(form.base) : form;
    }
    if (kind === "Error" || isError(value)) {
      form.base = errorBase(ctx, value, constructor, tag, form.keys);
      return form.keys.length === 0 ? whole(form.base) : form;
    }
    form.open = `${prefix(constructor, tag, fallbackName(value, tag))}{`;
    return bare ? whole(`${form.open}}`) : form;
  }

  // The engine's name for an object without a constructor, unless the tag says the same.
  function fallbackName(value, tag) {
    const name = className(value);
    return name === tag || name === "" ? "Object" : name;
  }

  function constructorName(ctx, value, level) {
    let first;
    for (let object = value; object !== null; ) {
      const name = namedConstructor(object, value);
      if (name !== undefined) return name;
      object = ObjectGetPrototypeOf(object);
      if (first === undefined) first = object;
    }
    if (first === null) return null;
    const own = className(value);
    if (level > ctx.depth) return `${own} <Complex prototype>`;
    const inherited = constructorName(ctx, first, level + 1);
    if (inherited !== null) return `${own} <${inherited}>`;
    return `${own} <${inspect(first, { customInspect: false, depth: -1 })}>`;
  }

  function namedConstructor(object, value) {
    // Known even where user code has replaced `constructor`.
    if (object === ObjectPrototype && object !== value) return "Object";
    if (object === FunctionPrototype && typeof value === "function" && object !== value) {
      return "Function";
    }
    const property = ObjectGetOwnPropertyDescriptor(object, "constructor");
    if (property === undefined || typeof property.value !== "function") return undefined;
    if (property.value.name === "" || !isInstance(value, property.value)) return undefined;
    return String(property.value.name);
  }

  function keysOf(ctx, value, withoutIndices) {
    if (withoutIndices && value.length > NAMED_KEYS_LENGTH_MAX) return [];
    const names = ctx.showHidden ? ObjectGetOwnPropertyNames(value) : ObjectKeys(value);
    let keys = names;
    if (withoutIndices) {
      // Indices come first, in order: whatever follows the last of them is a named property.
      const { length } = value;
      let from = length > 0 && names[length - 1] === `${length - 1}` ? length : 0;
      while (from < names.length && isIndex(names[from])) from++;
      keys = from === 0 ? names : ArrayPrototypeSlice(names, from);
    }
    const symbols = ObjectGetOwnPropertySymbols(value);
    for (let i = 0; i < symbols.length; i++) {
      if (ctx.showHidden || ObjectPrototypePropertyIsEnumerable(value, symbols[i])) {
        ArrayPrototypePush(keys, symbols[i]);
      }
    }
    return keys;
  }

  function formatProperty(ctx, value, level, key, withName) {
    const shown = native.shownValue(value, key);
    const property =
      shown === undefined ? (ObjectGetOwnPropertyDescriptor(value, key) ?? { value: value[key], enumerable: true }) : SHOWN;
    let text;
    let gap = " ";
    const own = shown === undefined ? property.value : shown;
    if (own !== undefined) {
      const indent = ctx.compact !== true || !withName ? 2 : 3;
      ctx.indentation += indent;
      text = formatValue(ctx, own, level);
      if (indent === 3 && ctx.breakLength < text.length) {
        gap = `\n${StringPrototypeRepeat(" ", ctx.indentation)}`;
      }
      ctx.indentation -= indent;
    } else if (property.get !== undefined) {
      text = getterText(ctx, value, property, level);
    } else {
      text = property.set !== undefined ? "[Setter]" : "undefined";
    }
    if (!withName) return text;
    const name = keyText(key, property.enumerable);
    ctx.written += name.length;
    return `${name}:${gap}${text}`;
  }

  function getterText(ctx, value, property, level) {
    const label = property.set !== undefined ? "Getter/Setter" : "Getter";
    const wanted =
      ctx.getters === true ||
      (ctx.getters === "get" && property.set === undefined) ||
      (ctx.getters === "set" && property.set !== undefined);
    if (!wanted) return `[${label}]`;
    try {
      const got = ReflectApply(property.get, value, []);
      ctx.indentation += 2;
      const text = formatValue(ctx, got, level);
      ctx.indentation -= 2;
      return typeof got === "object" && got !== null ? `[${label}] ${text}` : `[${label}: ${text}]`;
    } catch (error) {
      return `[${label}: <Inspection threw (${error?.message})>]`;
    }
  }

  return inspect;
}

function isInstance(value, constructor) {
  try {
    return value instanceof constructor;
  } catch {
    return false;
  }
}

export const isError = (value) => isInstance(value, Error);

function tagOf(ctx, value) {
  const tag = value[SymbolToStringTag];
  if (typeof tag !== "string" || tag === "") return "";
  // Shown as a property already.
  const shown = ctx.showHidden
    ? ObjectPrototypeHasOwnProperty(value, SymbolToStringTag)
    : ObjectPrototypePropertyIsEnumerable(value, SymbolToStringTag);
  return shown ? "" : tag;
}

const UNBOX = {
  __proto__: null,
  Number: NumberPrototypeValueOf,
  String: StringPrototypeValueOf,
  Boolean: BooleanPrototypeValueOf,
  BigInt: BigIntPrototypeValueOf,
  Symbol: SymbolPrototypeValueOf,
};

function boxedBase(ctx, value, kind, constructor, tag, keys) {
  const primitive = UNBOX[kind](value);
  // The characters of a boxed string are its first properties.
  if (kind === "String") ArrayPrototypeSplice(keys, 0, primitive.length);
  let base = `[${kind}`;
  if (kind !== constructor) base += constructor === null ? " (null prototype)" : ` (${constructor})`;
  base += `: ${primitiveText(primitive, ctx)}]`;
  return tag !== "" && tag !== constructor ? `${base} [${tag}]` : base;
}
