// Globals which load when they are first touched: the bundled libraries (SPEC 4.3), and the parts of the prelude that few
// functions use. When a function is compiled, those that its text names are touched, so that its image holds them loaded;
// this is for the names which that search cannot see.

import { Error, ObjectDefineProperty, ObjectGetOwnPropertyDescriptor } from "./primordials.js";
import { define } from "./expose.js";
// Made by the build from parts.json: which part has which globals, and what the prelude lends to its parts.
import { PARTS, lend } from "./shared.js";

let fetchScript;

/** The value of a script of our own build that is not in the image: `prelude/NAME`. */
export const loadScript = (name) => fetchScript(name);

let defineGlobals;

/** Loads a part as touching one of its globals does, for code of the prelude that needs it. */
export const loadPart = (part) => defineGlobals[part]();

/**
 * Defines an accessor for every library's expression (`moment`, `google.cloud.pubsub`) and every part's globals
 * (`crypto`, `Intl.NumberFormat`).
 */
export function install(native) {
  fetchScript = native.library;
  defineGlobals = { __proto__: null };
  for (const expression of native.libraryNames().split("\n")) {
    const path = expression.split(".");
    const name = path.pop();
    let owner = globalThis;
    for (const step of path) {
      if (owner[step] === undefined) define(owner, step, {});
      owner = owner[step];
    }
    defer(owner, [name], () => native.library(expression), owner !== globalThis);
  }
  for (let i = 0; i < PARTS.length; i++) {
    const { part, globals } = PARTS[i];
    const load = () => native.library(`prelude/${part}`)(lend())(native);
    // All globals of a part have one owner.
    const path = globals[0].split(".");
    const owner = path.length > 1 ? globalThis[path[0]] : globalThis;
    defineGlobals[part] = defer(owner, globals.map((name) => name.split(".").at(-1)), load, false);
  }
}

// Accessors for properties that `load` defines together. Reading one loads; assigning one only replaces it. The function
// that loads whatever became of the properties.
function defer(owner, names, load, enumerable) {
  const getters = { __proto__: null };
  let isLoading = false;

  // What the function put in the place of the others before this one was touched has to stay.
  function loadBesides() {
    const replaced = [];
    for (let i = 0; i < names.length; i++) {
      const own = ObjectGetOwnPropertyDescriptor(owner, names[i]);
      if (own === undefined || own.get !== getters[names[i]]) replaced[replaced.length] = { name: names[i], own };
    }
    isLoading = true;
    try {
      load();
    } finally {
      isLoading = false;
    }
    for (let i = 0; i < replaced.length; i++) {
      const { name, own } = replaced[i];
      if (own === undefined) delete owner[name];
      else ObjectDefineProperty(owner, name, own);
    }
  }

  for (let i = 0; i < names.length; i++) {
    const name = names[i];
    const { get, set } = {
      get() {
        // Libraries look whether there is another of their name already.
        if (isLoading) return undefined;
        const own = ObjectGetOwnPropertyDescriptor(owner, name);
        if (own === undefined || own.get === get) loadBesides();
        const loaded = ObjectGetOwnPropertyDescriptor(owner, name);
        if (loaded === undefined || loaded.get === get) throw new Error(`${name} did not load`);
        return loaded.value;
      },
      set(value) {
        const target = this === undefined || this === null ? owner : this;
        const isSeen = enumerable || target !== owner;
        ObjectDefineProperty(target, name, { __proto__: null, value, writable: true, enumerable: isSeen, configurable: true });
      },
    };
    getters[name] = get;
    ObjectDefineProperty(owner, name, { __proto__: null, get, set, enumerable, configurable: true });
  }
  return loadBesides;
}
