// Timers and immediates with Node's semantics. The guest never waits: the time of the next timer is
// told to the host (`native.due`), which comes back through `hooks.wake`.

import {
  ArrayPrototypePush,
  ArrayPrototypeShift,
  ArrayPrototypeSplice,
  MathMax,
  newList,
  RangeError,
  ReflectApply,
  SafeMap,
  SymbolDispose,
  SymbolToPrimitive,
} from "./primordials.js";
import { requireFunction } from "./arguments.js";
import { expose } from "./expose.js";
import { atSettled } from "./operations.js";

const DELAY_MAX = 2 ** 31 - 1;

let native;
let nextId = 1;
let toldDue = Infinity;

// Ordered by due time, then by the order of arming. Immediates run before timers that are due.
const timers = newList();
const immediates = newList();
const byId = new SafeMap();

const IDLE = 0;
const ARMED = 1;
const CLEARED = 2;

class Timeout {
  #callback;
  #args;
  #delay;
  #repeat;
  #referenced = true;
  #state = IDLE;
  #id = nextId++;
  #due = 0;

  constructor(callback, delay, repeat, args) {
    this.#callback = callback;
    this.#args = args;
    this.#delay = coerceDelay(delay);
    this.#repeat = repeat;
    reserve();
    this.#arm();
  }

  #arm() {
    this.#state = ARMED;
    this.#due = native.now() + this.#delay;
    let low = 0;
    let high = timers.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (timers[middle].#due <= this.#due) low = middle + 1;
      else high = middle;
    }
    ArrayPrototypeSplice(timers, low, 0, this);
    byId.set(this.#id, this);
    announce();
  }

  #disarm(state) {
    if (this.#state === ARMED) {
      remove(timers, this);
      byId.delete(this.#id);
      announce();
    }
    this.#state = state;
  }

  static nextDue() {
    return timers.length === 0 ? Infinity : timers[0].#due;
  }

  static runFirst() {
    const timer = timers[0];
    timer.#disarm(IDLE);
    try {
      ReflectApply(timer.#callback, timer, timer.#args);
    } finally {
      // Neither cleared nor refreshed by its own callback. An exception does not end an interval.
      if (timer.#repeat && timer.#state === IDLE) timer.#arm();
    }
  }

  static clear(timer) {
    timer.#disarm(CLEARED);
  }

  static is(value) {
    return typeof value === "object" && value !== null && #callback in value;
  }

  static dropAll() {
    for (let i = 0; i < timers.length; i++) timers[i].#state = CLEARED;
    timers.length = 0;
  }

  ref() {
    this.#referenced = true;
    return this;
  }

  unref() {
    this.#referenced = false;
    return this;
  }

  hasRef() {
    return this.#referenced;
  }

  refresh() {
    if (this.#state === CLEARED) return this;
    if (this.#state === IDLE) reserve();
    this.#disarm(IDLE);
    this.#arm();
    return this;
  }

  close() {
    this.#disarm(CLEARED);
    return this;
  }

  [SymbolToPrimitive]() {
    return this.#id;
  }

  [SymbolDispose]() {
    this.#disarm(CLEARED);
  }
}

class Immediate {
  #callback;
  #args;
  #referenced = true;

  constructor(callback, args) {
    this.#callback = callback;
    this.#args = args;
    reserve();
    ArrayPrototypePush(immediates, this);
    announce();
  }

  static runFirst() {
    const immediate = ArrayPrototypeShift(immediates);
    announce();
    ReflectApply(immediate.#callback, immediate, immediate.#args);
  }

  static clear(value) {
    if (typeof value !== "object" || value === null || !(#callback in value)) return;
    remove(immediates, value);
    announce();
  }

  ref() {
    this.#referenced = true;
    return this;
  }

  unref() {
    this.#referenced = false;
    return this;
  }

  hasRef() {
    return this.#referenced;
  }

  [SymbolDispose]() {
    globals.clearImmediate(this);
  }
}

function coerceDelay(delay) {
  const ms = +delay;
  return ms >= 1 && ms <= DELAY_MAX ? ms : 1;
}

function reserve() {
  const most = native.timersMax();
  if (timers.length + immediates.length >= most) {
    throw new RangeError("Too many timers: at most " + most + " may be outstanding at once");
  }
}

function remove(list, item) {
  for (let i = 0; i < list.length; i++) {
    if (list[i] === item) {
      ArrayPrototypeSplice(list, i, 1);
      return;
    }
  }
}

// Between wakes the host hears of the earliest time only when it changes.
function announce() {
  if (earliest() !== toldDue) tell();
}

// An immediate is due now; 1 stands for a time long past, because 0 would mean "no timer".
function earliest() {
  return immediates.length > 0 ? 1 : MathMax(Timeout.nextDue(), 1);
}

function tell() {
  toldDue = earliest();
  native.due(toldDue);
}

// One callback a call, so that the caller drains the microtask queue between callbacks as Node
// does. True when another one is due already. An exception passes through; nothing is lost by it.
function wake() {
  try {
    if (immediates.length > 0) Immediate.runFirst();
    else if (Timeout.nextDue() <= native.now()) Timeout.runFirst();
  } finally {
    tell();
  }
  return immediates.length > 0 || Timeout.nextDue() <= native.now();
}

/**
 * Has the engine call `hooks.settled` when this invocation ends, which it does only after one that
 * used timers or the host. For state that must not outlive its invocation.
 */
export function requestSettled() {
  if (native.isolation() !== "compile") tell();
}

/** Runs `callback` in a turn of its own; for prelude code that must report an exception. */
export function later(callback) {
  return new Immediate(callback, []);
}

/** A timer of the prelude's own; `cancelTimer` ends it. */
export const startTimer = (callback, delay) => new Timeout(callback, delay, false, []);
export const cancelTimer = (timer) => Timeout.clear(timer);

const globals = {
  setTimeout(callback, delay, ...args) {
    requireFunction(callback, "callback");
    return new Timeout(callback, delay, false, args);
  },

  setInterval(callback, delay, ...args) {
    requireFunction(callback, "callback");
    return new Timeout(callback, delay, true, args);
  },

  setImmediate(callback, ...args) {
    requireFunction(callback, "callback");
    return new Immediate(callback, args);
  },

  clearTimeout(timer) {
    if (Timeout.is(timer)) Timeout.clear(timer);
    else if (typeof timer === "number" || typeof timer === "string") {
      const found = byId.get(+timer);
      if (found !== undefined) Timeout.clear(found);
    }
  },

  clearInterval(timer) {
    globals.clearTimeout(timer);
  },

  clearImmediate(immediate) {
    Immediate.clear(immediate);
  },
};

/** Exposes the six timer functions; installs `hooks.wake`. */
export function install(nativeFunctions, hooks) {
  native = nativeFunctions;
  expose("setTimeout", globals.setTimeout);
  expose("setInterval", globals.setInterval);
  expose("setImmediate", globals.setImmediate);
  expose("clearTimeout", globals.clearTimeout);
  expose("clearInterval", globals.clearInterval);
  expose("clearImmediate", globals.clearImmediate);
  hooks.wake = wake;
  ArrayPrototypePush(atSettled, () => {
    Timeout.dropAll();
    immediates.length = 0;
    byId.clear();
    announce();
  });
}
