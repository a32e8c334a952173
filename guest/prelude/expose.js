// How a capability becomes a global: writable, configurable and not enumerable, as the engine's own.

import { ObjectDefineProperty } from "./primordials.js";

/** Defines `globalThis[name]`; user code may reassign or delete it (SPEC 2.7). */
export function expose(name, value) {
  // The bundler calls a class that names itself `_Name`.
  if (typeof value === "function" && value.name === `_${name}`) {
    ObjectDefineProperty(value, "name", { __proto__: null, value: name, configurable: true });
  }
  define(globalThis, name, value);
}

/** A property like the built-in ones: writable, configurable, not enumerable. */
export function define(object, name, value) {
  ObjectDefineProperty(object, name, {
    __proto__: null,
    value,
    writable: true,
    configurable: true,
    enumerable: false,
  });
}

/** Makes WebIDL-style members enumerable, on a prototype and on the class itself, and names the class for `toString`. */
export function defineInterface(constructor, name, members, statics = []) {
  for (let i = 0; i < statics.length; i++) {
    ObjectDefineProperty(constructor, statics[i], { __proto__: null, enumerable: true });
  }
  for (let i = 0; i < members.length; i++) {
    ObjectDefineProperty(constructor.prototype, members[i], { __proto__: null, enumerable: true });
  }
  ObjectDefineProperty(constructor.prototype, Symbol.toStringTag, {
    __proto__: null,
    value: name,
    configurable: true,
  });
}
