// `URLSearchParams` by the URL standard. Parsing and serializing are the engine's (native.url).

import {
  ArrayIsArray,
  ArrayPrototypePush,
  ArrayPrototypeSplice,
  ObjectDefineProperty,
  ObjectGetOwnPropertyDescriptor,
  ReflectApply,
  ReflectOwnKeys,
  String,
  Symbol,
  SymbolIterator,
  TypeError,
} from "./primordials.js";
import { missingArguments, requireFunction } from "./arguments.js";
import { wellFormed } from "./encoding.js";
import { define, defineInterface, expose } from "./expose.js";
import { ENTRY, KEY, VALUE, iteratorsOf } from "./live-iterator.js";

const INSPECT = Symbol.for("nodejs.util.inspect.custom");
const isEnumerable = (object, key) =>
  ObjectGetOwnPropertyDescriptor(object, key)?.enumerable === true;

/** A USVString: what WebIDL makes of any argument. */
export const toText = (value) => wellFormed(typeof value === "symbol" ? refuseSymbol() : `${value}`);

function refuseSymbol() {
  throw new TypeError("Cannot convert a Symbol value to a string");
}

function coded(code, message) {
  const error = new TypeError(message);
  define(error, "code", code);
  return error;
}

function requireArguments(count, wanted, names) {
  if (count < wanted) throw missingArguments(`The ${names}`);
}

const NAME = '"name" argument';
const NAME_AND_VALUE = '"name" and "value" arguments';

function fromPairs(pairs) {
  const list = [];
  for (const pair of pairs) {
    if ((typeof pair !== "object" && typeof pair !== "function") || pair === null || typeof pair[SymbolIterator] !== "function") {
      throw coded("ERR_INVALID_TUPLE", "Each query pair must be an iterable [name, value] tuple");
    }
    const items = ArrayIsArray(pair) ? pair : [...pair];
    if (items.length !== 2) {
      throw coded("ERR_INVALID_TUPLE", "Each query pair must be an iterable [name, value] tuple");
    }
    ArrayPrototypePush(list, toText(items[0]), toText(items[1]));
  }
  return list;
}

function fromRecord(record) {
  const list = [];
  const places = new Map();
  const keys = ReflectOwnKeys(record);
  for (let i = 0; i < keys.length; i++) {
    if (!isEnumerable(record, keys[i])) continue;
    const key = toText(keys[i]);
    const value = toText(record[keys[i]]);
    // Keys that differ only in lone surrogates are one key.
    if (places.has(key)) list[places.get(key)] = value;
    else places.set(key, ArrayPrototypePush(list, key, value) - 1);
  }
  return list;
}

let formParse;
let formSerialize;

export class URLSearchParams {
  // [name, value, name, value, ...]
  #list = [];
  #changed = undefined;

  constructor(init = undefined) {
    if (init === undefined || init === null) return;
    if (typeof init === "object" || typeof init === "function") {
      const method = init[SymbolIterator];
      if (method === undefined || method === null) {
        this.#list = fromRecord(init);
      } else {
        if (typeof method !== "function") throw coded("ERR_ARG_NOT_ITERABLE", "Query pairs must be iterable");
        this.#list = fromPairs(init);
      }
    } else {
      // The parser drops one leading "?".
      this.#list = formParse(toText(init));
    }
  }

  /** The parameters of a URL: `changed(query)` is told every new serialization. */
  static attached(query, changed) {
    const params = new URLSearchParams(query);
    params.#changed = changed;
    return params;
  }

  /** Takes over the query of a URL that was changed by its own setters; `query` is "" or begins with "?". */
  static refresh(params, query) {
    params.#list = formParse(query);
  }

  static pairAt(params, index) {
    const list = params.#list;
    return 2 * index < list.length ? [list[2 * index], list[2 * index + 1]] : undefined;
  }

  get size() {
    return this.#list.length / 2;
  }

  append(name, value) {
    requireArguments(arguments.length, 2, NAME_AND_VALUE);
    ArrayPrototypePush(this.#list, toText(name), toText(value));
    this.#tell();
  }

  delete(name, value = undefined) {
    requireArguments(arguments.length, 1, NAME);
    const list = this.#list;
    const wanted = toText(name);
    const only = value === undefined ? undefined : toText(value);
    for (let i = 0; i < list.length; ) {
      if (list[i] === wanted && (only === undefined || list[i + 1] === only)) ArrayPrototypeSplice(list, i, 2);
      else i += 2;
    }
    this.#tell();
  }

  get(name) {
    requireArguments(arguments.length, 1, NAME);
    const at = this.#find(toText(name));
    return at === -1 ? null : this.#list[at + 1];
  }

  getAll(name) {
    requireArguments(arguments.length, 1, NAME);
    const list = this.#list;
    const wanted = toText(name);
    const values = [];
    for (let i = 0; i < list.length; i += 2) {
      if (list[i] === wanted) ArrayPrototypePush(values, list[i + 1]);
    }
    return values;
  }

  has(name, value = undefined) {
    requireArguments(arguments.length, 1, NAME);
    return this.#find(toText(name), value === undefined ? undefined : toText(value)) !== -1;
  }

  set(name, value) {
    requireArguments(arguments.length, 2, NAME_AND_VALUE);
    const list = this.#list;
    const wanted = toText(name);
    const text = toText(value);
    const first = this.#find(wanted);
    if (first === -1) {
      ArrayPrototypePush(list, wanted, text);
    } else {
      list[first + 1] = text;
      for (let i = first + 2; i < list.length; ) {
        if (list[i] === wanted) ArrayPrototypeSplice(list, i, 2);
        else i += 2;
      }
    }
    this.#tell();
  }

  sort() {
    const pairs = [];
    for (let i = 0; i < this.#list.length; i += 2) ArrayPrototypePush(pairs, [this.#list[i], this.#list[i + 1]]);
    // By UTF-16 code units, pairs of one name in their order.
    pairs.sort((one, other) => (one[0] < other[0] ? -1 : one[0] > other[0] ? 1 : 0));
    this.#list = pairs.flat();
    this.#tell();
  }

  forEach(callback, thisArg = undefined) {
    requireFunction(callback, "callback");
    for (let i = 0; i < this.#list.length; i += 2) {
      ReflectApply(callback, thisArg, [this.#list[i + 1], this.#list[i], this]);
    }
  }

  entries() {
    void this.#list;
    return iterate(this, ENTRY);
  }

  keys() {
    void this.#list;
    return iterate(this, KEY);
  }

  values() {
    void this.#list;
    return iterate(this, VALUE);
  }

  toString() {
    return formSerialize(this.#list);
  }

  [INSPECT](depth, options, inspect) {
    const quote = (text) => (inspect === undefined ? JSON.stringify(text) : inspect(text, options));
    const shown = [];
    for (let i = 0; i < this.#list.length; i += 2) {
      ArrayPrototypePush(shown, `${quote(this.#list[i])} => ${quote(this.#list[i + 1])}`);
    }
    return shown.length === 0 ? "URLSearchParams {}" : `URLSearchParams { ${shown.join(", ")} }`;
  }

  #find(name, value) {
    const list = this.#list;
    for (let i = 0; i < list.length; i += 2) {
      if (list[i] === name && (value === undefined || list[i + 1] === value)) return i;
    }
    return -1;
  }

  #tell() {
    this.#changed?.(this.toString());
  }
}

export const { attached, refresh } = URLSearchParams;
const { pairAt } = URLSearchParams;
const iterate = iteratorsOf("URLSearchParams Iterator", pairAt);

/** Exposes `URLSearchParams`. */
export function install(native) {
  ({ formParse, formSerialize } = native.url);
  // Module-internal functions, defined as statics for their access to private fields.
  delete URLSearchParams.attached;
  delete URLSearchParams.refresh;
  delete URLSearchParams.pairAt;
  defineInterface(URLSearchParams, "URLSearchParams", [
    "append", "delete", "entries", "forEach", "get", "getAll", "has", "keys", "set", "size", "sort",
    "toString", "values",
  ]);
  define(URLSearchParams.prototype, SymbolIterator, URLSearchParams.prototype.entries);
  ObjectDefineProperty(URLSearchParams, "name", { __proto__: null, value: "URLSearchParams" });
  expose("URLSearchParams", URLSearchParams);
}
