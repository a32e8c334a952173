// The text of functions and classes, as Node's util.inspect writes it.

import {
  FunctionPrototypeToString,
  ObjectGetPrototypeOf,
  ObjectPrototypeHasOwnProperty,
  RegExpPrototypeExec,
  String,
  StringPrototypeEndsWith,
} from "./primordials.js";

// `class` and something that cannot be the rest of a method's or a variable's name.
const CLASS_SOURCE = /^class(?=[\s{/])/;

/** "[Function: name]" or "[class Name extends Base]"; `kind` is the engine's class name. */
export function functionBase(value, constructor, tag, kind) {
  const source = FunctionPrototypeToString(value);
  if (RegExpPrototypeExec(CLASS_SOURCE, source) !== null && StringPrototypeEndsWith(source, "}")) {
    return classBase(value, constructor, tag);
  }
  const type = kind === "" || kind === "Proxy" ? "Function" : kind;
  let base = `[${type}`;
  if (constructor === null) base += " (null prototype)";
  base += value.name === "" ? " (anonymous)" : `: ${String(value.name)}`;
  base += "]";
  if (constructor !== type && constructor !== null) base += ` ${constructor}`;
  if (tag !== "" && constructor !== tag) base += ` [${tag}]`;
  return base;
}

function classBase(value, constructor, tag) {
  const name = (ObjectPrototypeHasOwnProperty(value, "name") && value.name) || "(anonymous)";
  let base = `class ${String(name)}`;
  if (constructor !== "Function" && constructor !== null) base += ` [${constructor}]`;
  if (tag !== "" && constructor !== tag) base += ` [${tag}]`;
  if (constructor === null) return `[${base} extends [null prototype]]`;
  const parent = ObjectGetPrototypeOf(value).name;
  return `[${base}${parent ? ` extends ${String(parent)}` : ""}]`;
}
