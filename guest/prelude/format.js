// `util.format` by Node's rules: the text of one console call.

import {
  JSONStringify,
  Number,
  NumberParseFloat,
  NumberParseInt,
  ObjectGetOwnPropertyDescriptor,
  ObjectGetOwnPropertyNames,
  ObjectGetPrototypeOf,
  ObjectPrototypeHasOwnProperty,
  RegExpPrototypeExec,
  SafeMap,
  String,
  StringPrototypeIncludes,
  StringPrototypeIndexOf,
  StringPrototypeSlice,
  SymbolToPrimitive,
} from "./primordials.js";
import { bigintText, numberText } from "./inspect-text.js";

const SHALLOW = { __proto__: null, depth: 0, colors: false, compact: 3 };
const DETAILED = { __proto__: null, showHidden: true, showProxy: true, depth: 4 };

// The language's own classes, taken before anything else becomes a global.
const builtins = new SafeMap();
for (const name of ObjectGetOwnPropertyNames(globalThis)) {
  if (RegExpPrototypeExec(/^[A-Z][a-zA-Z0-9]+$/, name) !== null) builtins.set(name, true);
}

/** Makes `format(args)` over `inspect`. */
export function createFormat(native, inspect) {
  function format(args) {
    const first = args[0];
    if (args.length === 1) return typeof first === "string" ? first : inspect(first);
    let text = "";
    let next = 0;
    if (typeof first === "string") {
      const filled = fill(first, args);
      text = filled.text;
      next = filled.next;
    }
    for (let i = next; i < args.length; i++) {
      if (i > 0) text += " ";
      text += typeof args[i] === "string" ? args[i] : inspect(args[i]);
    }
    return text;
  }

  // Replaces the placeholders of `template`; `next` is the first argument that had none.
  function fill(template, args) {
    let text = "";
    let from = 0;
    let used = 0;
    for (let at = 0; (at = StringPrototypeIndexOf(template, "%", at)) !== -1 && at < template.length - 1; at += 2) {
      const letter = template[at + 1];
      let value;
      if (letter === "%") value = "%";
      else if (used + 1 === args.length) continue;
      else value = placeholder(letter, args[used + 1]);
      if (value === undefined) continue;
      if (letter !== "%") used++;
      text += StringPrototypeSlice(template, from, at) + value;
      from = at + 2;
    }
    return { text: text + StringPrototypeSlice(template, from), next: used + 1 };
  }

  function placeholder(letter, value) {
    switch (letter) {
      case "s":
        return asString(value);
      case "j":
        return asJSON(value);
      case "d":
        return asNumber(value, Number);
      case "i":
        return asNumber(value, NumberParseInt);
      case "f":
        return typeof value === "symbol" ? "NaN" : numberText(NumberParseFloat(value));
      case "O":
        return inspect(value);
      case "o":
        return inspect(value, DETAILED);
      case "c":
        return "";
      default:
        return undefined;
    }
  }

  function asString(value) {
    if (typeof value === "number") return numberText(value);
    if (typeof value === "bigint") return bigintText(value);
    if (typeof value !== "object" || value === null || !usesBuiltinText(value)) return String(value);
    return inspect(value, SHALLOW);
  }

  // Whether the value's conversion to text is the language's own, which says less than inspect.
  function usesBuiltinText(value) {
    for (let proxy = native.proxyDetails(value); proxy !== undefined; ) {
      value = proxy[0];
      if (value === undefined || value === null) return true;
      proxy = native.proxyDetails(value);
    }
    const hasText = typeof value.toString === "function";
    const hasPrimitive = typeof value[SymbolToPrimitive] === "function";
    if (!hasText && !hasPrimitive) return true;
    const owns = (object) =>
      (hasText && ObjectPrototypeHasOwnProperty(object, "toString")) ||
      (hasPrimitive && ObjectPrototypeHasOwnProperty(object, SymbolToPrimitive));
    if (owns(value)) return false;
    let owner = value;
    do {
      owner = ObjectGetPrototypeOf(owner);
    } while (owner !== null && !owns(owner));
    if (owner === null) return true;
    const constructor = ObjectGetOwnPropertyDescriptor(owner, "constructor")?.value;
    return typeof constructor === "function" && builtins.has(constructor.name);
  }

  return format;
}

function asNumber(value, convert) {
  if (typeof value === "bigint") return bigintText(value);
  return typeof value === "symbol" ? "NaN" : numberText(convert(value));
}

function asJSON(value) {
  try {
    return String(JSONStringify(value));
  } catch (error) {
    if (error?.name === "TypeError" && StringPrototypeIncludes(String(error.message), "circular")) {
      return "[Circular]";
    }
    throw error;
  }
}

