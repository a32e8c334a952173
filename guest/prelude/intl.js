// `Intl`: the object, whose members are parts that load when they are touched (parts.json), and those methods of the
// language's own classes that stand on it. What is here is in every image; it holds no data.

import {
  Array,
  ArrayPrototypeIncludes,
  ArrayPrototypePush,
  BigIntPrototypeValueOf,
  DatePrototypeGetTime,
  MathMin,
  MathTrunc,
  NumberPrototypeValueOf,
  ObjectDefineProperty,
  ObjectKeys,
  String,
  StringPrototypeToLowerCase,
  StringPrototypeToUpperCase,
  SymbolToStringTag,
  TypeError,
  TypedArrayPrototypeGetLength,
  newList,
  replaceText,
} from "./primordials.js";
import { define } from "./expose.js";
import { loadPart } from "./libraries.js";

/** The namespace object. Parts define on it, whatever stands in `globalThis.Intl` by then. */
export const namespace = {};

/**
 * What the parts give each other and this file, by the name of the part: `core`, `numbers`, `dates`, `collation`. A part
 * enters itself here when it is loaded.
 */
export const intl = { __proto__: null };

/** The entry of a part in `intl`, which is loaded if it is not yet. */
export function need(part) {
  if (intl[part] === undefined) loadPart("intl-" + part);
  return intl[part];
}

const numbers = {
  toLocaleString(locales = undefined, options = undefined) {
    return need("numbers").format(NumberPrototypeValueOf(this), locales, options);
  },
};

const bigints = {
  toLocaleString(locales = undefined, options = undefined) {
    return need("numbers").format(BigIntPrototypeValueOf(this), locales, options);
  },
};

const dates = {
  toLocaleString(locales = undefined, options = undefined) {
    return dateText(DatePrototypeGetTime(this), locales, options, "any", "all");
  },
  toLocaleDateString(locales = undefined, options = undefined) {
    return dateText(DatePrototypeGetTime(this), locales, options, "date", "date");
  },
  toLocaleTimeString(locales = undefined, options = undefined) {
    return dateText(DatePrototypeGetTime(this), locales, options, "time", "time");
  },
};

function dateText(ms, locales, options, required, defaults) {
  return ms !== ms ? "Invalid Date" : need("dates").format(ms, locales, options, required, defaults);
}

// What is being joined, so that an array which holds itself is empty there, as in V8.
const joining = newList();

function joined(list, length, locales, options) {
  if (ArrayPrototypeIncludes(joining, list)) return "";
  ArrayPrototypePush(joining, list);
  try {
    let text = "";
    for (let i = 0; i < length; i++) {
      const value = list[i];
      if (i > 0) text += ",";
      if (value !== undefined && value !== null) text += String(value.toLocaleString(locales, options));
    }
    return text;
  } finally {
    joining.length--;
  }
}

const arrays = {
  toLocaleString(locales = undefined, options = undefined) {
    if (this === undefined || this === null) throw new TypeError("Cannot convert undefined or null to object");
    const length = MathTrunc(+this.length);
    return joined(this, length > 0 ? MathMin(length, 2 ** 53 - 1) : 0, locales, options);
  },
};

const typedArrays = {
  toLocaleString(locales = undefined, options = undefined) {
    return joined(this, TypedArrayPrototypeGetLength(this), locales, options);
  },
};

const strings = {
  localeCompare(that, locales = undefined, options = undefined) {
    return need("collation").compare(receiver(this, "localeCompare"), String(that), locales, options);
  },
  toLocaleUpperCase(locales = undefined) {
    const text = receiver(this, "toLocaleUpperCase");
    return StringPrototypeToUpperCase(isTurkic(locales) ? replaceText(text, "i", "\u0130") : text);
  },
  toLocaleLowerCase(locales = undefined) {
    const text = receiver(this, "toLocaleLowerCase");
    return StringPrototypeToLowerCase(
      isTurkic(locales) ? replaceText(replaceText(replaceText(text, "I\u0307", "i"), "\u0130", "i"), "I", "\u0131") : text,
    );
  },
};

function receiver(value, method) {
  if (value === undefined || value === null) {
    throw new TypeError(`String.prototype.${method} called on null or undefined`);
  }
  return String(value);
}

// Of the languages with rules of their own Turkish and Azeri are told apart, Lithuanian is not.
function isTurkic(locales) {
  if (locales === undefined || locales === "en" || locales === "en-US") return false;
  const { language } = need("core").first(locales);
  return language === "tr" || language === "az";
}

/** Defines `Intl`, without members, and the methods. Before libraries.js, which defers the members. */
export function install() {
  ObjectDefineProperty(namespace, SymbolToStringTag, { __proto__: null, value: "Intl", configurable: true });
  define(globalThis, "Intl", namespace);
  const add = (owner, methods) => {
    for (const name of ObjectKeys(methods)) define(owner.prototype, name, methods[name]);
  };
  add(Number, numbers);
  add(BigInt, bigints);
  add(Date, dates);
  add(Array, arrays);
  add(Object.getPrototypeOf(Uint8Array), typedArrays);
  add(String, strings);
  ObjectDefineProperty(strings.localeCompare, "length", { __proto__: null, value: 1, configurable: true });
}
