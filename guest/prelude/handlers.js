// The handlers every function has from the start: throwers, which user code replaces (SPEC 2.7).

import { WeakSet, WeakSetPrototypeAdd, WeakSetPrototypeHas } from "./primordials.js";
import { EventNotSupported } from "./errors.js";
import { expose } from "./expose.js";

const HANDLERS = [
  ["onIdentify", "identify"],
  ["onTrack", "track"],
  ["onPage", "page"],
  ["onScreen", "screen"],
  ["onGroup", "group"],
  ["onAlias", "alias"],
  ["onDelete", "delete"],
];

const defaults = new WeakSet();

function missing(name, type) {
  const { [name]: handler } = {
    [name]() {
      throw new EventNotSupported(`${type} not supported`);
    },
  };
  WeakSetPrototypeAdd(defaults, handler);
  return handler;
}

/** Exposes the default handlers and `hooks.isDefaultHandler(value)`, true only for these. */
export function install(native, hooks) {
  for (let i = 0; i < HANDLERS.length; i++) {
    const name = HANDLERS[i][0];
    expose(name, missing(name, HANDLERS[i][1]));
  }
  hooks.isDefaultHandler = (value) =>
    typeof value === "function" && WeakSetPrototypeHas(defaults, value);
}
