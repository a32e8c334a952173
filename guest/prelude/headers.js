// `Headers` as of node-fetch 2.6.0, with the `getSetCookie` of the Fetch standard (SPEC 4.4).

import {
  Array,
  ArrayIsArray,
  ArrayPrototypePush,
  ArrayPrototypeSort,
  ObjectCreate,
  ObjectDefineProperty,
  ObjectKeys,
  ObjectPrototypeHasOwnProperty,
  ReflectApply,
  RegExpPrototypeExec,
  StringPrototypeToLowerCase,
  Symbol,
  SymbolIterator,
  TypeError,
} from "./primordials.js";
import { defineInterface, expose, define } from "./expose.js";
import { ENTRY, KEY, VALUE, iteratorsOf } from "./live-iterator.js";

const MAP = Symbol("map");
const NOT_TOKEN = /[^\^_`a-zA-Z\-0-9!#$%&'*+.|~]/;
const NOT_VALUE = /[^\t\x20-\x7e\x80-\xff]/;

// Not `test`, which calls the `exec` that user code may have put in place of the engine's.
function matches(pattern, text) {
  return RegExpPrototypeExec(pattern, text) !== null;
}

function toName(value) {
  const name = `${value}`;
  if (name === "" || matches(NOT_TOKEN, name)) throw new TypeError(`${name} is not a legal HTTP header name`);
  return name;
}

function toValue(value) {
  const text = `${value}`;
  if (matches(NOT_VALUE, text)) throw new TypeError(`${text} is not a legal HTTP header value`);
  return text;
}

// The name as it was first written, which is how it is sent.
function find(map, name) {
  const wanted = StringPrototypeToLowerCase(name);
  for (const key in map) if (StringPrototypeToLowerCase(key) === wanted) return key;
  return undefined;
}

function readPairs(init) {
  const pairs = [];
  for (const pair of init) {
    if (typeof pair !== "object" || pair === null || typeof pair[SymbolIterator] !== "function") {
      throw new TypeError("Each header pair must be iterable");
    }
    ArrayPrototypePush(pairs, ArrayIsArray(pair) ? pair : Array.from(pair));
  }
  return pairs;
}

function sortedPairs(map) {
  const names = ArrayPrototypeSort(ObjectKeys(map));
  const pairs = [];
  for (let i = 0; i < names.length; i++) {
    ArrayPrototypePush(pairs, [StringPrototypeToLowerCase(names[i]), map[names[i]].join(", ")]);
  }
  return pairs;
}

const iterate = iteratorsOf("HeadersIterator", (headers, index) => sortedPairs(headers[MAP])[index]);

export class Headers {
  constructor(init = undefined) {
    this[MAP] = ObjectCreate(null);
    if (init === undefined || init === null) return;
    if (typeof init !== "object") throw new TypeError("Provided initializer must be an object");
    if (init instanceof Headers) {
      const map = init[MAP];
      for (const name in map) for (let i = 0; i < map[name].length; i++) this.append(name, map[name][i]);
      return;
    }
    const method = init[SymbolIterator];
    if (method === undefined || method === null) {
      const names = ObjectKeys(init);
      for (let i = 0; i < names.length; i++) this.append(names[i], init[names[i]]);
      return;
    }
    if (typeof method !== "function") throw new TypeError("Header pairs must be iterable");
    const pairs = readPairs(init);
    for (let i = 0; i < pairs.length; i++) {
      if (pairs[i].length !== 2) throw new TypeError("Each header pair must be a name/value tuple");
      this.append(pairs[i][0], pairs[i][1]);
    }
  }

  get(name) {
    const key = find(this[MAP], toName(name));
    return key === undefined ? null : this[MAP][key].join(", ");
  }

  getSetCookie() {
    const key = find(this[MAP], "set-cookie");
    return key === undefined ? [] : [...this[MAP][key]];
  }

  has(name) {
    return find(this[MAP], toName(name)) !== undefined;
  }

  set(name, value) {
    const wanted = toName(name);
    const text = toValue(value);
    this[MAP][find(this[MAP], wanted) ?? wanted] = [text];
  }

  append(name, value) {
    const wanted = toName(name);
    const text = toValue(value);
    const key = find(this[MAP], wanted);
    if (key === undefined) this[MAP][wanted] = [text];
    else ArrayPrototypePush(this[MAP][key], text);
  }

  delete(name) {
    const key = find(this[MAP], toName(name));
    if (key !== undefined) delete this[MAP][key];
  }

  raw() {
    return this[MAP];
  }

  forEach(callback, thisArg = undefined) {
    // Read anew each time: the callback may change the headers.
    for (let i = 0; ; i++) {
      const pairs = sortedPairs(this[MAP]);
      if (i >= pairs.length) return;
      ReflectApply(callback, thisArg, [pairs[i][1], pairs[i][0], this]);
    }
  }

  keys() {
    return iterate(this, KEY);
  }

  values() {
    return iterate(this, VALUE);
  }

  entries() {
    return iterate(this, ENTRY);
  }
}

// Of these a second one is dropped, as Node's parser does; of others all are kept.
const SINGLE =
  " age authorization content-length content-type etag expires from host if-modified-since " +
  "if-unmodified-since last-modified location max-forwards proxy-authorization referer retry-after server user-agent ";

/** `[name, value]` pairs from the network as `http.IncomingMessage.headers` has them. */
export function incomingHeaders(pairs) {
  const headers = {};
  for (let i = 0; i < pairs.length; i++) {
    const name = StringPrototypeToLowerCase(pairs[i][0]);
    const value = pairs[i][1];
    const known = ObjectPrototypeHasOwnProperty(headers, name) ? headers[name] : undefined;
    if (name === "set-cookie") {
      if (known === undefined) headers[name] = [value];
      else ArrayPrototypePush(known, value);
    } else if (known === undefined) {
      // Not by assignment: "__proto__" is a name like any other.
      ObjectDefineProperty(headers, name, {
        __proto__: null,
        value,
        writable: true,
        enumerable: true,
        configurable: true,
      });
    } else if (!SINGLE.includes(` ${name} `)) {
      headers[name] = `${known}${name === "cookie" ? "; " : ", "}${value}`;
    }
  }
  return headers;
}

/** Headers as received: pairs that HTTP's grammar does not allow are left out. */
export function lenientHeaders(object) {
  const headers = new Headers();
  for (const name in object) {
    if (matches(NOT_TOKEN, name)) continue;
    const values = ArrayIsArray(object[name]) ? object[name] : [object[name]];
    for (let i = 0; i < values.length; i++) {
      if (matches(NOT_VALUE, values[i])) continue;
      if (headers[MAP][name] === undefined) headers[MAP][name] = [values[i]];
      else ArrayPrototypePush(headers[MAP][name], values[i]);
    }
  }
  return headers;
}

/** `[name, value]` for each value to be sent, in the order they were set. */
export function headerPairs(headers) {
  const map = headers[MAP];
  const pairs = [];
  for (const name in map) {
    // A second Host would be an error of the protocol.
    const count = StringPrototypeToLowerCase(name) === "host" ? 1 : map[name].length;
    for (let i = 0; i < count; i++) ArrayPrototypePush(pairs, [name, map[name][i]]);
  }
  return pairs;
}

/** Exposes `Headers`. */
export function install() {
  defineInterface(Headers, "Headers", [
    "get", "forEach", "set", "append", "has", "delete", "keys", "values", "entries",
  ]);
  define(Headers.prototype, SymbolIterator, Headers.prototype.entries);
  ObjectDefineProperty(Headers, "name", { __proto__: null, value: "Headers", configurable: true });
  expose("Headers", Headers);
}
