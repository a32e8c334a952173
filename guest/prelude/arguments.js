// Caller mistakes, worded as Node words them: a TypeError with a `code`.

import { String, StringPrototypeIncludes, StringPrototypeSlice, TypeError } from "./primordials.js";
import { define } from "./expose.js";

/** The TypeError Node throws for an argument of the wrong type. */
export function invalidArgument(name, expected, value) {
  const kind = StringPrototypeIncludes(name, ".") ? "property" : "argument";
  const error = new TypeError(
    `The "${name}" ${kind} must be ${expected}. Received ${received(value)}`,
  );
  define(error, "code", "ERR_INVALID_ARG_TYPE");
  return error;
}

/** The TypeError Node throws for arguments that were left out; `names` as in 'The "url" argument'. */
export function missingArguments(names) {
  const error = new TypeError(`${names} must be specified`);
  define(error, "code", "ERR_MISSING_ARGS");
  return error;
}

/** Throws unless `value` is callable. */
export function requireFunction(value, name) {
  if (typeof value !== "function") throw invalidArgument(name, "of type function", value);
}

/** Throws unless `value` is a string. */
export function requireString(value, name) {
  if (typeof value !== "string") throw invalidArgument(name, "of type string", value);
}

function received(value) {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "function") return `function ${String(value.name)}`;
  if (typeof value === "object") {
    const name = value.constructor?.name;
    return typeof name === "string" && name !== "" ? `an instance of ${name}` : "an object";
  }
  const text = String(value);
  return `type ${typeof value} (${typeof value === "string" ? `'${StringPrototypeSlice(text, 0, 25)}'` : text})`;
}
