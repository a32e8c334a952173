// `console` (SPEC 4.5). Lines go to `native.log`, which bounds them; nothing is printed here.

import {
  ArrayIsArray,
  ArrayPrototypePush,
  ArrayPrototypeUnshift,
  ErrorCaptureStackTrace,
  MathFloor,
  Number,
  NumberPrototypeToFixed,
  ObjectDefineProperty,
  ObjectKeys,
  replaceText,
  SafeMap,
  StringPrototypePadStart,
  StringPrototypeSlice,
  SymbolToStringTag,
} from "./primordials.js";
import { invalidArgument } from "./arguments.js";
import { tableText } from "./console-table.js";
import { expose } from "./expose.js";
import { createFormat } from "./format.js";
import { contentsOf } from "./inspect-entries.js";
import { createInspect } from "./inspect.js";
import { atSettled } from "./operations.js";
import { requestSettled } from "./timers.js";

const GROUP_INDENT = "  ";

/** Exposes `console`. Groups end with the invocation; counters and timers last, as on Node. */
export function install(native) {
  const inspect = createInspect(native);
  const format = createFormat(native, inspect);
  const counts = new SafeMap();
  const started = new SafeMap();
  let indent = "";

  function write(level, text) {
    if (indent !== "") text = indent + replaceText(text, "\n", `\n${indent}`);
    native.log(level, text);
  }

  const print = (level, args) => write(level, args.length === 0 ? "" : format(args));

  function elapsed(method, label) {
    const start = started.get(label);
    if (start === undefined) {
      write("warn", `Warning: No such label '${label}' for console.${method}()`);
      return undefined;
    }
    return durationText(native.monotonic() - start);
  }

  const console = {
    log(...args) {
      print("log", args);
    },

    info(...args) {
      print("info", args);
    },

    debug(...args) {
      print("debug", args);
    },

    warn(...args) {
      print("warn", args);
    },

    error(...args) {
      print("error", args);
    },

    trace(...args) {
      const holder = { __proto__: null, name: "Trace", message: args.length === 0 ? "" : format(args) };
      ErrorCaptureStackTrace(holder, console.trace);
      write("error", `${holder.stack}`);
    },

    dir(value, options) {
      write("log", inspect(value, { __proto__: null, customInspect: false, ...options }));
    },

    dirxml(...args) {
      print("log", args);
    },

    table(data, properties) {
      if (properties !== undefined && !ArrayIsArray(properties)) {
        throw invalidArgument("properties", "an instance of Array", properties);
      }
      if (typeof data !== "object" || data === null) print("log", [data]);
      else write("log", tableText(data, properties, inspect, (value) => contentsOf(native, value)));
    },

    assert(condition, ...args) {
      if (condition) return;
      if (args.length > 0 && typeof args[0] !== "string") {
        args[0] = `Assertion failed: ${args[0]}`;
      } else {
        args[0] = args.length === 0 ? "Assertion failed" : `Assertion failed: ${args[0]}`;
      }
      print("error", args);
    },

    count(label = "default") {
      const key = `${label}`;
      const count = (counts.get(key) ?? 0) + 1;
      counts.set(key, count);
      write("log", `${key}: ${count}`);
    },

    countReset(label = "default") {
      const key = `${label}`;
      if (!counts.delete(key)) write("warn", `Warning: Count for '${key}' does not exist`);
    },

    time(label = "default") {
      const key = `${label}`;
      if (started.has(key)) {
        write("warn", `Warning: Label '${key}' already exists for console.time()`);
      } else {
        started.set(key, native.monotonic());
      }
    },

    timeEnd(label = "default") {
      const key = `${label}`;
      const duration = elapsed("timeEnd", key);
      if (duration === undefined) return;
      started.delete(key);
      write("log", `${key}: ${duration}`);
    },

    timeLog(label = "default", ...data) {
      const key = `${label}`;
      const duration = elapsed("timeLog", key);
      if (duration === undefined) return;
      ArrayPrototypeUnshift(data, "%s: %s", key, duration);
      print("log", data);
    },

    group(...args) {
      if (args.length > 0) print("log", args);
      indent += GROUP_INDENT;
      requestSettled();
    },

    groupCollapsed(...args) {
      console.group(...args);
    },

    groupEnd() {
      indent = StringPrototypeSlice(indent, 0, -GROUP_INDENT.length);
    },

    clear() {},
  };

  // Own, enumerable methods on an object of its own class name, as in Node.
  const exposed = {};
  const names = ObjectKeys(console);
  for (let i = 0; i < names.length; i++) exposed[names[i]] = console[names[i]];
  ObjectDefineProperty(exposed, SymbolToStringTag, {
    __proto__: null,
    value: "console",
    configurable: true,
  });
  expose("console", exposed);

  ArrayPrototypePush(atSettled, () => {
    indent = "";
  });
}

const twoDigits = (number) => StringPrototypePadStart(`${number}`, 2, "0");

/** Milliseconds as Node's console.timeEnd writes them: "1.5ms", "2.000s", "1:02.500 (m:ss.mmm)". */
function durationText(ms) {
  if (ms < 1000) return `${Number(NumberPrototypeToFixed(ms, 3))}ms`;
  if (ms < 60000) return `${NumberPrototypeToFixed(ms / 1000, 3)}s`;
  const hours = MathFloor(ms / 3600000);
  const minutes = MathFloor((ms % 3600000) / 60000);
  const seconds = StringPrototypePadStart(NumberPrototypeToFixed((ms % 60000) / 1000, 3), 6, "0");
  if (hours === 0) return `${minutes}:${seconds} (m:ss.mmm)`;
  return `${hours}:${twoDigits(minutes)}:${seconds} (h:mm:ss.mmm)`;
}
