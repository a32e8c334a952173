// `performance`: time since the sandbox was entered, marks and measures (User Timing).

import {
  ArrayPrototypePush,
  ArrayPrototypeShift,
  ObjectDefineProperty,
  Number,
  String,
  TypeError,
} from "./primordials.js";
import { expose } from "./expose.js";
import { PERFORMANCE_ENTRIES_MAX } from "./limits.js";
import { cloneValue } from "./structured-clone.js";

const { DOMException } = globalThis;

class PerformanceEntry {
  #fields;

  constructor(name, entryType, startTime, duration, detail) {
    this.#fields = { name, entryType, startTime, duration, detail };
  }

  get name() {
    return this.#fields.name;
  }

  get entryType() {
    return this.#fields.entryType;
  }

  get startTime() {
    return this.#fields.startTime;
  }

  get duration() {
    return this.#fields.duration;
  }

  get detail() {
    return this.#fields.detail;
  }

  toJSON() {
    return { ...this.#fields };
  }
}

class PerformanceMark extends PerformanceEntry {}
class PerformanceMeasure extends PerformanceEntry {}

const isOptions = (value) => typeof value === "object" && value !== null;

/** Exposes `performance`. Of marks and measures the latest PERFORMANCE_ENTRIES_MAX are kept. */
export function install(native) {
  let entries = [];

  const detailOf = (options) =>
    options.detail === undefined || options.detail === null
      ? null
      : cloneValue(native, options.detail);

  // A time in ms, or the name of a mark: the latest of that name.
  function timeOf(mark) {
    if (typeof mark === "number") {
      if (mark < 0) throw new TypeError("A mark's time cannot be negative");
      return mark;
    }
    const name = String(mark);
    for (let i = entries.length - 1; i >= 0; i--) {
      if (entries[i].name === name && entries[i].entryType === "mark") return entries[i].startTime;
    }
    throw new DOMException(`The "${name}" performance mark has not been set`, "SyntaxError");
  }

  function add(entry) {
    if (entries.length === PERFORMANCE_ENTRIES_MAX) ArrayPrototypeShift(entries);
    ArrayPrototypePush(entries, entry);
    return entry;
  }

  function select(keep) {
    const found = [];
    for (let i = 0; i < entries.length; i++) {
      if (keep(entries[i])) ArrayPrototypePush(found, entries[i]);
    }
    return found;
  }

  function clear(type, name) {
    entries = select(
      (entry) => entry.entryType !== type || (name !== undefined && entry.name !== String(name)),
    );
  }

  // measure(name), measure(name, start, end) and measure(name, {start, end, duration, detail}).
  function measure(name, startOrOptions, endMark) {
    const options = isOptions(startOrOptions) ? startOrOptions : { start: startOrOptions, end: endMark };
    const { start, end, duration } = options;
    if (start !== undefined && end !== undefined && duration !== undefined) {
      throw new TypeError("A measure takes two of start, end and duration");
    }
    let endTime = end === undefined ? undefined : timeOf(end);
    let startTime = start === undefined ? undefined : timeOf(start);
    if (duration !== undefined) {
      if (startTime === undefined && endTime !== undefined) startTime = endTime - Number(duration);
      else if (endTime === undefined) endTime = (startTime ?? 0) + Number(duration);
    }
    endTime ??= native.monotonic();
    startTime ??= 0;
    const detail = detailOf(options);
    return add(
      new PerformanceMeasure(String(name), "measure", startTime, endTime - startTime, detail),
    );
  }

  class Performance {
    now() {
      return native.monotonic();
    }

    get timeOrigin() {
      return native.now() - native.monotonic();
    }

    mark(name, options = {}) {
      const startTime = options.startTime ?? native.monotonic();
      if (typeof startTime !== "number" || startTime < 0) {
        throw new TypeError("startTime must be a number of milliseconds, not negative");
      }
      return add(new PerformanceMark(String(name), "mark", startTime, 0, detailOf(options)));
    }

    measure(name, startOrOptions, endMark) {
      return measure(name, startOrOptions, endMark);
    }

    clearMarks(name) {
      clear("mark", name);
    }

    clearMeasures(name) {
      clear("measure", name);
    }

    getEntries() {
      return select(() => true);
    }

    getEntriesByName(name, type) {
      return select(
        (entry) => entry.name === String(name) && (type === undefined || entry.entryType === type),
      );
    }

    getEntriesByType(type) {
      return select((entry) => entry.entryType === type);
    }

    toJSON() {
      return { timeOrigin: this.timeOrigin };
    }
  }

  ObjectDefineProperty(Performance.prototype, Symbol.toStringTag, {
    __proto__: null,
    value: "Performance",
    configurable: true,
  });
  expose("performance", new Performance());
}
