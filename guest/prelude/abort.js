// `AbortController` and `AbortSignal` by the DOM standard.

import {
  ArrayIsArray,
  ArrayPrototypePush,
  NumberIsInteger,
  ObjectAssign,
  ReflectApply,
  TypeError,
} from "./primordials.js";
import { invalidArgument } from "./arguments.js";
import { outOfRange } from "./buffer-numbers.js";
import { Event, EventTarget, defineHandler } from "./event-target.js";
import { define, defineInterface, expose } from "./expose.js";
import { INSPECT_CUSTOM } from "./inspect.js";
import { startTimer } from "./timers.js";

const { DOMException } = globalThis;
const { dispatchEvent } = EventTarget.prototype;

// The one way to make a signal is through this module.
const KEY = Symbol("AbortSignal");

const abortError = () => new DOMException("This operation was aborted", "AbortError");

export class AbortSignal extends EventTarget {
  #aborted = false;
  #reason = undefined;
  #algorithms = [];
  // What an any() signal waits for; only plain signals, as the standard flattens them.
  #sources = [];

  constructor(key = undefined) {
    if (key !== KEY) throw new TypeError("Illegal constructor");
    super();
  }

  get aborted() {
    return this.#aborted;
  }

  get reason() {
    return this.#reason;
  }

  throwIfAborted() {
    if (this.#aborted) throw this.#reason;
  }

  static abort(reason = undefined) {
    const signal = new AbortSignal(KEY);
    signal.#aborted = true;
    signal.#reason = reason === undefined ? abortError() : reason;
    return signal;
  }

  static timeout(milliseconds) {
    if (typeof milliseconds !== "number") throw invalidArgument("delay", "of type number", milliseconds);
    if (!NumberIsInteger(milliseconds)) throw outOfRange("delay", "an integer", milliseconds);
    if (milliseconds < 0 || milliseconds > 0xffffffff) {
      throw outOfRange("delay", ">= 0 && <= 4294967295", milliseconds);
    }
    const signal = new AbortSignal(KEY);
    startTimer(() => {
      abort(signal, new DOMException("The operation was aborted due to timeout", "TimeoutError"));
    }, milliseconds);
    return signal;
  }

  static any(signals) {
    const list = ArrayIsArray(signals) ? signals : [...signals];
    const result = new AbortSignal(KEY);
    for (let i = 0; i < list.length; i++) {
      if (!isSignal(list[i])) throw invalidArgument(`signals[${i}]`, "an AbortSignal", list[i]);
      if (list[i].#aborted) {
        result.#aborted = true;
        result.#reason = list[i].#reason;
        return result;
      }
    }
    for (let i = 0; i < list.length; i++) {
      const sources = list[i].#sources.length > 0 ? list[i].#sources : [list[i]];
      for (let j = 0; j < sources.length; j++) {
        ArrayPrototypePush(result.#sources, sources[j]);
        onAbort(sources[j], () => abort(result, sources[j].#reason));
      }
    }
    return result;
  }

  static isSignal(value) {
    return typeof value === "object" && value !== null && #aborted in value;
  }

  static begin(signal, reason) {
    if (signal.#aborted) return;
    signal.#aborted = true;
    signal.#reason = reason === undefined ? abortError() : reason;
    const algorithms = signal.#algorithms;
    signal.#algorithms = [];
    for (let i = 0; i < algorithms.length; i++) algorithms[i](signal.#reason);
    ReflectApply(dispatchEvent, signal, [new Event("abort")]);
  }

  static observe(signal, algorithm) {
    if (signal.#aborted) algorithm(signal.#reason);
    else ArrayPrototypePush(signal.#algorithms, algorithm);
  }
}

// Statics of this module's own are not part of the class that user code sees.
const { isSignal, begin: abort, observe: onAbort } = AbortSignal;
delete AbortSignal.isSignal;
delete AbortSignal.begin;
delete AbortSignal.observe;
defineInterface(AbortSignal, "AbortSignal", ["aborted", "reason", "throwIfAborted"]);
defineHandler(AbortSignal, "abort");
define(AbortSignal.prototype, INSPECT_CUSTOM, function () {
  return shownAs("AbortSignal", { aborted: this.aborted });
});

// An object that prints with the given class name.
function shownAs(name, properties) {
  const { [name]: Class } = { [name]: class {} };
  return ObjectAssign(new Class(), properties);
}

// isSignal: whether a value is one of ours. onAbort: runs `algorithm(reason)` when the signal aborts,
// before its listeners; at once if it has.
export { isSignal, onAbort };

export class AbortController {
  #signal = new AbortSignal(KEY);

  get signal() {
    return this.#signal;
  }

  abort(reason = undefined) {
    abort(this.#signal, reason);
  }
}
defineInterface(AbortController, "AbortController", ["signal", "abort"]);
define(AbortController.prototype, INSPECT_CUSTOM, function () {
  return shownAs("AbortController", { signal: this.signal });
});

/** Exposes `AbortController` and `AbortSignal`. */
export function install() {
  expose("AbortController", AbortController);
  expose("AbortSignal", AbortSignal);
}
