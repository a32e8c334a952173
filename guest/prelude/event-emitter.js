// Node's `EventEmitter`, as the prelude's streams need it and libraries expect it of them. The `events`
// package from npm does the same in three times the memory of every image.

import {
  ArrayPrototypePush,
  ArrayPrototypeSlice,
  ArrayPrototypeSplice,
  ArrayPrototypeUnshift,
  Error,
  ReflectApply,
  ReflectOwnKeys,
  String,
} from "./primordials.js";
import { requireFunction } from "./arguments.js";

export class EventEmitter {
  // event -> [{ listener, isOnce }, ...]
  #events = { __proto__: null };

  #add(name, listener, isOnce, isFirst) {
    requireFunction(listener, "listener");
    if (this.#events.newListener !== undefined) this.emit("newListener", name, listener);
    const entries = (this.#events[name] ??= []);
    (isFirst ? ArrayPrototypeUnshift : ArrayPrototypePush)(entries, { listener, isOnce });
    return this;
  }

  on(name, listener) {
    return this.#add(name, listener, false, false);
  }

  addListener(name, listener) {
    return this.on(name, listener);
  }

  once(name, listener) {
    this.#add(name, listener, true, false);
    return this;
  }

  prependListener(name, listener) {
    return this.#add(name, listener, false, true);
  }

  prependOnceListener(name, listener) {
    return this.#add(name, listener, true, true);
  }

  off(name, listener) {
    const entries = this.#events[name] ?? [];
    // The one added last goes first.
    for (let i = entries.length - 1; i >= 0; i--) {
      if (entries[i].listener !== listener) continue;
      ArrayPrototypeSplice(entries, i, 1);
      if (entries.length === 0) delete this.#events[name];
      if (this.#events.removeListener !== undefined) this.emit("removeListener", name, listener);
      break;
    }
    return this;
  }

  removeListener(name, listener) {
    return this.off(name, listener);
  }

  removeAllListeners(name) {
    if (name === undefined) this.#events = { __proto__: null };
    else delete this.#events[name];
    return this;
  }

  /** Whether there was a listener. An 'error' nobody listens for is thrown. */
  emit(name, ...args) {
    const entries = this.#events[name];
    if (entries === undefined) {
      if (name !== "error") return false;
      if (args[0] instanceof Error) throw args[0];
      const error = new Error(`Unhandled error. (${String(args[0])})`);
      error.code = "ERR_UNHANDLED_ERROR";
      error.context = args[0];
      throw error;
    }
    // Listeners added or removed meanwhile do not change who is called.
    const called = ArrayPrototypeSlice(entries);
    for (let i = 0; i < called.length; i++) {
      const { listener, isOnce } = called[i];
      if (isOnce) this.#drop(name, called[i]);
      ReflectApply(listener, this, args);
    }
    return true;
  }

  #drop(name, entry) {
    const entries = this.#events[name] ?? [];
    for (let i = 0; i < entries.length; i++) {
      if (entries[i] !== entry) continue;
      ArrayPrototypeSplice(entries, i, 1);
      if (entries.length === 0) delete this.#events[name];
      return;
    }
  }

  listeners(name) {
    const entries = this.#events[name] ?? [];
    const list = [];
    for (let i = 0; i < entries.length; i++) ArrayPrototypePush(list, entries[i].listener);
    return list;
  }

  rawListeners(name) {
    return this.listeners(name);
  }

  listenerCount(name) {
    return this.#events[name]?.length ?? 0;
  }

  eventNames() {
    return ReflectOwnKeys(this.#events);
  }

  setMaxListeners() {
    return this;
  }

  getMaxListeners() {
    return Infinity;
  }
}
