// `Event`, `CustomEvent` and `EventTarget` by the DOM standard, for targets without a tree.

import {
  ArrayPrototypePush,
  ArrayPrototypeSplice,
  ObjectDefineProperty,
  ReflectApply,
  String,
  TypeError,
  WeakMap,
  WeakMapPrototypeGet,
  WeakMapPrototypeSet,
} from "./primordials.js";
import { invalidArgument, missingArguments } from "./arguments.js";
import { defineInterface, expose } from "./expose.js";
import { later } from "./timers.js";

const { DOMException } = globalThis;

const NONE = 0;
const AT_TARGET = 2;

let clock = () => 0;

export class Event {
  #type;
  #bubbles;
  #cancelable;
  #composed;
  #timeStamp = clock();
  #target = null;
  #phase = NONE;
  #canceled = false;
  #propagationStopped = false;
  #immediateStopped = false;
  #passive = false;
  #dispatching = false;

  constructor(type, options = {}) {
    if (arguments.length === 0) throw missingArguments('The "type" argument');
    const init = options ?? {};
    if (typeof init !== "object") throw invalidArgument("options", "of type object", options);
    this.#type = String(type);
    this.#bubbles = !!init.bubbles;
    this.#cancelable = !!init.cancelable;
    this.#composed = !!init.composed;
  }

  get type() {
    return this.#type;
  }

  get target() {
    return this.#target;
  }

  get srcElement() {
    return this.#target;
  }

  get currentTarget() {
    return this.#dispatching ? this.#target : null;
  }

  get eventPhase() {
    return this.#phase;
  }

  get bubbles() {
    return this.#bubbles;
  }

  get cancelable() {
    return this.#cancelable;
  }

  get composed() {
    return this.#composed;
  }

  get defaultPrevented() {
    return this.#canceled;
  }

  get returnValue() {
    return !this.#canceled;
  }

  set returnValue(value) {
    if (!value) this.preventDefault();
  }

  get cancelBubble() {
    return this.#propagationStopped;
  }

  set cancelBubble(value) {
    if (value) this.#propagationStopped = true;
  }

  get timeStamp() {
    return this.#timeStamp;
  }

  get isTrusted() {
    // Of an Event only.
    void this.#type;
    return false;
  }

  initEvent(type, bubbles = false, cancelable = false) {
    if (arguments.length === 0) throw missingArguments('The "type" argument');
    if (this.#dispatching) return;
    this.#type = String(type);
    this.#bubbles = !!bubbles;
    this.#cancelable = !!cancelable;
    this.#canceled = false;
    this.#propagationStopped = false;
    this.#immediateStopped = false;
    this.#target = null;
  }

  composedPath() {
    return this.#dispatching ? [this.#target] : [];
  }

  preventDefault() {
    if (this.#cancelable && !this.#passive) this.#canceled = true;
  }

  stopPropagation() {
    this.#propagationStopped = true;
  }

  stopImmediatePropagation() {
    this.#propagationStopped = true;
    this.#immediateStopped = true;
  }

  static isEvent(value) {
    return typeof value === "object" && value !== null && #type in value;
  }

  // Runs the listeners of one target; what a listener throws is reported, not passed on.
  static dispatch(event, target, listenersOf) {
    if (event.#dispatching) {
      throw new DOMException("The event is already being dispatched", "InvalidStateError");
    }
    event.#dispatching = true;
    event.#target = target;
    event.#phase = AT_TARGET;
    const listeners = event.#propagationStopped ? [] : listenersOf(event.#type);
    for (let i = 0; i < listeners.length && !event.#immediateStopped; i++) {
      const listener = listeners[i];
      if (listener.removed) continue;
      if (listener.once) listener.remove();
      event.#passive = listener.passive;
      try {
        call(listener.callback, target, event);
      } catch (error) {
        later(() => {
          throw error;
        });
      }
      event.#passive = false;
    }
    event.#phase = NONE;
    event.#dispatching = false;
    event.#propagationStopped = false;
    event.#immediateStopped = false;
    return !event.#canceled;
  }
}

// Statics that only this module uses must not be visible to user code.
const { isEvent, dispatch } = Event;
delete Event.isEvent;
delete Event.dispatch;

defineInterface(Event, "Event", [
  "type",
  "target",
  "srcElement",
  "currentTarget",
  "composedPath",
  "eventPhase",
  "stopPropagation",
  "cancelBubble",
  "stopImmediatePropagation",
  "initEvent",
  "bubbles",
  "cancelable",
  "returnValue",
  "preventDefault",
  "defaultPrevented",
  "composed",
  "isTrusted",
  "timeStamp",
]);

for (const holder of [Event, Event.prototype]) {
  const phases = ["NONE", "CAPTURING_PHASE", "AT_TARGET", "BUBBLING_PHASE"];
  phases.forEach((name, value) =>
    ObjectDefineProperty(holder, name, { __proto__: null, value, enumerable: true }),
  );
}

class CustomEvent extends Event {
  #detail;

  constructor(type, options = {}) {
    if (arguments.length === 0) throw missingArguments('The "type" argument');
    super(type, options);
    this.#detail = options?.detail ?? null;
  }

  get detail() {
    return this.#detail;
  }
}
defineInterface(CustomEvent, "CustomEvent", ["detail"]);

function call(callback, target, event) {
  if (typeof callback === "function") {
    ReflectApply(callback, target, [event]);
    return;
  }
  const { handleEvent } = callback;
  if (typeof handleEvent !== "function") throw new TypeError("handleEvent is not a function");
  ReflectApply(handleEvent, callback, [event]);
}

export class EventTarget {
  // In order of registration. `capture` tells listeners apart; without a tree it orders nothing.
  #listeners = [];

  addEventListener(type, callback, options = undefined) {
    if (arguments.length < 2) throw missingArguments('The "type" and "listener" arguments');
    if (callback === null || callback === undefined) return;
    if (typeof callback !== "function" && typeof callback !== "object") {
      throw invalidArgument("listener", "a function or an object with handleEvent", callback);
    }
    const init = typeof options === "object" && options !== null ? options : { capture: options };
    const { signal } = init;
    if (signal !== undefined && signal.aborted) return;
    const key = String(type);
    const capture = !!init.capture;
    if (this.#indexOf(key, callback, capture) !== -1) return;
    const listener = {
      type: key,
      callback,
      capture,
      once: !!init.once,
      passive: !!init.passive,
      removed: false,
      remove: () => {
        const at = this.#indexOf(key, callback, capture);
        if (at !== -1) ArrayPrototypeSplice(this.#listeners, at, 1);
        listener.removed = true;
      },
    };
    ArrayPrototypePush(this.#listeners, listener);
    if (signal !== undefined) signal.addEventListener("abort", listener.remove, { once: true });
  }

  removeEventListener(type, callback, options = undefined) {
    if (arguments.length < 2) throw missingArguments('The "type" and "listener" arguments');
    const capture = !!(typeof options === "object" && options !== null ? options.capture : options);
    const at = this.#indexOf(String(type), callback, capture);
    if (at !== -1) this.#listeners[at].remove();
  }

  dispatchEvent(event) {
    if (!isEvent(event)) throw invalidArgument("event", "an instance of Event", event);
    return dispatch(event, this, (type) => this.#listenersOf(type));
  }

  static isTarget(value) {
    return typeof value === "object" && value !== null && #listeners in value;
  }

  #indexOf(type, callback, capture) {
    for (let i = 0; i < this.#listeners.length; i++) {
      const listener = this.#listeners[i];
      if (
        listener.type === type &&
        listener.callback === callback &&
        listener.capture === capture
      ) {
        return i;
      }
    }
    return -1;
  }

  #listenersOf(type) {
    const found = [];
    for (let i = 0; i < this.#listeners.length; i++) {
      if (this.#listeners[i].type === type) ArrayPrototypePush(found, this.#listeners[i]);
    }
    return found;
  }
}
defineInterface(EventTarget, "EventTarget", [
  "addEventListener",
  "removeEventListener",
  "dispatchEvent",
]);

const { isTarget } = EventTarget;
delete EventTarget.isTarget;
const { addEventListener } = EventTarget.prototype;

/** Adds `on<type>` to a class: a settable handler that takes its place among the listeners. */
export function defineHandler(Class, type) {
  const handlers = new WeakMap();
  const name = `on${type}`;
  const requireTarget = (value) => {
    if (!isTarget(value)) throw new TypeError('Value of "this" must be of type EventTarget');
  };
  const { get, set } = Object.getOwnPropertyDescriptor({
    get [name]() {
      requireTarget(this);
      return WeakMapPrototypeGet(handlers, this)?.value ?? null;
    },
    set [name](value) {
      requireTarget(this);
      let handler = WeakMapPrototypeGet(handlers, this);
      if (handler === undefined) {
        const slot = { value: null };
        handler = slot;
        WeakMapPrototypeSet(handlers, this, slot);
        const forward = (event) => {
          if (slot.value !== null) ReflectApply(slot.value, this, [event]);
        };
        ReflectApply(addEventListener, this, [type, forward]);
      }
      handler.value = typeof value === "function" ? value : null;
    },
  }, name);
  ObjectDefineProperty(Class.prototype, name, {
    __proto__: null,
    enumerable: true,
    configurable: true,
    get,
    set,
  });
}

/** Exposes `Event`, `CustomEvent` and `EventTarget`. */
export function install(native) {
  clock = native.monotonic;
  expose("Event", Event);
  expose("CustomEvent", CustomEvent);
  expose("EventTarget", EventTarget);
}
