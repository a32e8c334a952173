// The shape of the global object: `window`, and nothing that Node's function environment lacks.

import { expose } from "./expose.js";

// What an engine build or an embedding may define and hosted functions do not have (SPEC 2.7):
// published code finds out where it runs by `typeof` checks on these.
const FOREIGN = [
  "print",
  "scriptArgs",
  "navigator",
  "WebAssembly",
  "bjson",
  "std",
  "os",
  "global",
  "process",
  "require",
  "module",
  "exports",
  "__dirname",
  "__filename",
];

/** Exposes `window` and removes foreign names. `queueMicrotask` and `DOMException` are the engine's. */
export function install() {
  for (let i = 0; i < FOREIGN.length; i++) delete globalThis[FOREIGN[i]];
  expose("window", globalThis);
}
