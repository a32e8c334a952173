// The predefined error classes (SPEC 3.1) and how any thrown value is told to the host (SPEC 3.2).

import {
  Error,
  MathMin,
  ObjectGetPrototypeOf,
  String,
  StringPrototypeCharCodeAt,
  StringPrototypeSlice,
} from "./primordials.js";
import { define, expose } from "./expose.js";
import {
  DETAIL_CHARS_MAX,
  MESSAGE_CHARS_MAX,
  NAME_CHARS_MAX,
  PROTOTYPE_DEPTH_MAX,
  STACK_CHARS_MAX,
} from "./limits.js";

let stackAbove;

// Only the first argument counts: a documented sample passes the original error second.
function predefined(name) {
  const { [name]: Class } = {
    [name]: class extends Error {
      constructor(message) {
        super(message);
        // The frames a user wants to see begin where the error was made, not in here.
        stackAbove(this, new.target);
      }
    },
  };
  define(Class.prototype, "name", name);
  return Class;
}

export const EventNotSupported = predefined("EventNotSupported");
const InvalidEventPayload = predefined("InvalidEventPayload");
const ValidationError = predefined("ValidationError");
const RetryError = predefined("RetryError");
const DropEvent = predefined("DropEvent");

const CLASSES = [EventNotSupported, InvalidEventPayload, ValidationError, RetryError, DropEvent];
const NAMES = [
  "EventNotSupported",
  "InvalidEventPayload",
  "ValidationError",
  "RetryError",
  "DropEvent",
];
const PROTOTYPES = CLASSES.map((Class) => Class.prototype);

const UNREADABLE = "a value was thrown that cannot be converted to text";

/** At most `limit` UTF-16 units, never ending in half a surrogate pair. */
export function cut(text, limit) {
  if (text.length <= limit) return text;
  const last = StringPrototypeCharCodeAt(text, limit - 1);
  return StringPrototypeSlice(text, 0, last >= 0xd800 && last <= 0xdbff ? limit - 1 : limit);
}

function indexOfName(name) {
  for (let i = 0; i < NAMES.length; i++) if (NAMES[i] === name) return i;
  return -1;
}

// Instance-of without Symbol.hasInstance, and with an end for proxies that invent prototypes.
function classByPrototype(value) {
  let prototype = value;
  for (let depth = 0; depth < PROTOTYPE_DEPTH_MAX; depth++) {
    prototype = ObjectGetPrototypeOf(prototype);
    if (prototype === null) return null;
    for (let i = 0; i < PROTOTYPES.length; i++) if (PROTOTYPES[i] === prototype) return NAMES[i];
  }
  return null;
}

// A getter or a trap that throws means "nothing usable here", whatever it throws.
function attempt(read, value, otherwise) {
  try {
    return read(value);
  } catch {
    return otherwise;
  }
}

const isObject = (value) =>
  (typeof value === "object" && value !== null) || typeof value === "function";

function readName(value) {
  const name = value.name;
  return typeof name === "string" ? name : null;
}

function readMessage(value) {
  const message = value.message;
  if (typeof message === "string") return message;
  return message === undefined || message === null ? null : String(message);
}

function readStack(value) {
  const stack = value.stack;
  return typeof stack === "string" && stack !== "" ? stack : null;
}

/**
 * `[class, name, message, stack]` of any thrown value; never throws.
 *
 * class    one of the predefined class names, or null: by prototype chain, else by `name` (D16)
 * name     the value's own or inherited string `name`; null for values that are no objects
 * message  at most MESSAGE_CHARS_MAX units; `String(value)` where there is no message
 * stack    at most STACK_CHARS_MAX units, less after a long message, or null
 */
export function describe(value) {
  try {
    if (!isObject(value)) {
      return [null, null, cut(attempt(String, value, UNREADABLE), MESSAGE_CHARS_MAX), null];
    }
    const rawName = attempt(readName, value, null);
    const name = rawName === null ? null : cut(rawName, NAME_CHARS_MAX);
    const known = attempt(classByPrototype, value, null);
    const byName = indexOfName(name);
    const text = attempt(readMessage, value, null) ?? attempt(String, value, UNREADABLE);
    const message = cut(text, MESSAGE_CHARS_MAX);
    const stack = attempt(readStack, value, null);
    const room = DETAIL_CHARS_MAX - message.length - (name === null ? 0 : name.length);
    return [
      known ?? (byName === -1 ? null : NAMES[byName]),
      name,
      message,
      stack === null ? null : cut(stack, MathMin(STACK_CHARS_MAX, room)),
    ];
  } catch {
    // Only exhaustion (stack, memory) can end up here.
    return [null, null, UNREADABLE, null];
  }
}

/** Exposes the five classes and `hooks.describe`. */
export function install(native, hooks) {
  stackAbove = native.stackAbove;
  for (let i = 0; i < NAMES.length; i++) expose(NAMES[i], CLASSES[i]);
  hooks.describe = describe;
}

