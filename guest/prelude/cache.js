// `cache.load` and `cache.delete` (SPEC 4.6). Warm sandboxes keep values by reference in their own
// memory. Hermetic ones are rewound after every event, so there the host keeps values, as JSON.

import {
  ArrayIsArray,
  ArrayPrototypePush,
  JSONParse,
  JSONStringify,
  ObjectGetOwnPropertyDescriptor,
  ObjectGetPrototypeOf,
  ObjectPrototype,
  ReflectOwnKeys,
  SafeMap,
} from "./primordials.js";
import { invalidArgument, requireFunction, requireString } from "./arguments.js";
import { define, expose } from "./expose.js";
import { CACHE_ENTRIES_MAX } from "./limits.js";
import { atSettled, file, KIND_CACHE } from "./operations.js";
import { requestSettled } from "./timers.js";

let native;

// key -> { value, expires }, in order of last use.
const entries = new SafeMap();

// key -> the promise of a run of the loader that is under way.
const runs = new SafeMap();

const local = {
  get(key) {
    const entry = entries.get(key);
    if (entry === undefined) return undefined;
    entries.delete(key);
    if (entry.expires <= native.now()) return undefined;
    entries.set(key, entry);
    return entry;
  },

  put(key, ttl, value) {
    entries.delete(key);
    entries.set(key, { value, expires: native.now() + (ttl === -1 ? Infinity : ttl) });
    if (entries.size > CACHE_ENTRIES_MAX) entries.delete(entries.firstKey());
  },

  delete(key) {
    entries.delete(key);
  },
};

// Messages to the host: {op, key, ttl?, value?}. The answer to "get" is {"hit", "value"}. A host
// that fails to answer is a cache that forgot, which it may do at any time.
const remote = {
  async get(key) {
    const { status, payload } = await ask({ __proto__: null, op: "get", key });
    if (status !== 0) return undefined;
    const found = JSONParse(payload);
    return found.hit ? { value: found.value } : undefined;
  },

  async put(key, ttl, value) {
    if (isPlainJSON(value, 0)) await ask({ __proto__: null, op: "put", key, ttl, value });
  },

  delete(key) {
    ask({ __proto__: null, op: "delete", key });
  },
};

const ask = (message) => file(native, KIND_CACHE, JSONStringify(message)).answer;

const store = () => (native.isolation() === "hermetic" ? remote : local);

// Whether JSON gives back the same value. A class instance, a Date or a Map would come back as
// something else, so such values are not stored at all. Accessors are not run.
function isPlainJSON(value, depth) {
  switch (typeof value) {
    case "string":
    case "boolean":
      return true;
    case "number":
      return value - value === 0;
    case "object":
      break;
    default:
      return false;
  }
  if (value === null) return true;
  if (depth > 200 || native.proxyDetails(value) !== undefined) return false;
  const isArray = ArrayIsArray(value);
  const prototype = ObjectGetPrototypeOf(value);
  if (!isArray && prototype !== ObjectPrototype && prototype !== null) return false;
  if (!isArray && native.className(value) !== "Object") return false;
  const keys = ReflectOwnKeys(value);
  if (isArray && keys.length !== value.length + 1) return false;
  const count = isArray ? value.length : keys.length;
  for (let i = 0; i < count; i++) {
    const key = isArray ? i : keys[i];
    if (typeof key === "symbol" || key === "toJSON") return false;
    const property = ObjectGetOwnPropertyDescriptor(value, key);
    // No such index (so one of the keys was something else), an accessor, or hidden from JSON.
    if (property === undefined || property.get !== undefined || property.set !== undefined) return false;
    if (!property.enumerable || !isPlainJSON(property.value, depth + 1)) return false;
  }
  return true;
}

function readTtl(ttl) {
  if (ttl === undefined || ttl === null) return -1;
  if (typeof ttl !== "number" || ttl !== ttl) {
    throw invalidArgument("ttl", "a number of milliseconds, or -1 for no expiry", ttl);
  }
  return ttl < 0 || ttl === Infinity ? -1 : ttl;
}

async function run(where, key, ttl, load, isCurrent) {
  const found = await where.get(key);
  if (found !== undefined) return found.value;
  const value = await load();
  // Not stored when the key was deleted meanwhile, or the invocation it belonged to has ended.
  if (value !== undefined && isCurrent()) await where.put(key, ttl, value);
  return value;
}

const cache = {
  /**
   * The value stored under `key`, else what `load()` resolves to, stored for `ttl` milliseconds
   * (-1 or omitted: until evicted). Loads of one key at the same time share one run. What `load`
   * throws is passed on unchanged and nothing is stored; nor is `undefined`.
   */
  async load(key, ttl, load) {
    if (typeof ttl === "function" && load === undefined) return cache.load(key, -1, ttl);
    requireString(key, "key");
    requireFunction(load, "fn");
    const milliseconds = readTtl(ttl);
    const shared = runs.get(key);
    if (shared !== undefined) return shared.promise;
    const entry = { promise: undefined };
    runs.set(key, entry);
    requestSettled();
    const isCurrent = () => runs.get(key) === entry;
    entry.promise = run(store(), key, milliseconds, load, isCurrent);
    try {
      return await entry.promise;
    } finally {
      if (isCurrent()) runs.delete(key);
    }
  },

  /** Forgets `key` at once; a run under way no longer stores its result. */
  delete(key) {
    requireString(key, "key");
    runs.delete(key);
    store().delete(key);
  },
};

/** Exposes `cache`. */
export function install(nativeFunctions, hooks) {
  native = nativeFunctions;
  const exposed = {};
  define(exposed, "load", (key, ttl, fn) => cache.load(key, ttl, fn));
  define(exposed, "delete", (key) => cache.delete(key));
  expose("cache", exposed);
  ArrayPrototypePush(atSettled, () => runs.clear());
}
