// The text of errors: header, stack, and what is left to print as properties.

import {
  ArrayIsArray,
  ArrayPrototypeIncludes,
  ArrayPrototypeIndexOf,
  ArrayPrototypeJoin,
  ArrayPrototypePush,
  ArrayPrototypeSplice,
  ErrorPrototypeToString,
  MathMin,
  RegExpPrototypeExec,
  replaceText,
  splitText,
  String,
  StringPrototypeEndsWith,
  StringPrototypeIncludes,
  StringPrototypeIndexOf,
  StringPrototypeRepeat,
  StringPrototypeSlice,
  StringPrototypeStartsWith,
} from "./primordials.js";
import { prefix } from "./inspect-text.js";

const FRAME = "\n    at";

/** "Name: message" and the frames below it. */
export function stackText(error) {
  const { stack } = error;
  return stack ? String(stack) : ErrorPrototypeToString(error);
}

/** What stands before the braces of an error; takes from `keys` what it shows already. */
export function errorBase(ctx, error, constructor, tag, keys) {
  const name = error.name !== undefined && error.name !== null ? String(error.name) : "Error";
  let stack = stackText(error);
  if (!ctx.showHidden) hideShown(keys, error, stack);
  if ("cause" in error && !ArrayPrototypeIncludes(keys, "cause")) ArrayPrototypePush(keys, "cause");
  if (ArrayIsArray(error.errors) && !ArrayPrototypeIncludes(keys, "errors")) {
    ArrayPrototypePush(keys, "errors");
  }
  stack = withClass(stack, constructor, name, tag);
  const message = typeof error.message === "string" ? error.message : "";
  const at = message === "" ? -1 : StringPrototypeIndexOf(stack, message);
  const start = StringPrototypeIndexOf(stack, FRAME, at === -1 ? 0 : at + message.length);
  if (start === -1) {
    stack = `[${stack}]`;
  } else {
    const frames = withoutCauseFrames(error, StringPrototypeSlice(stack, start + 1));
    stack = `${StringPrototypeSlice(stack, 0, start)}\n${frames}`;
  }
  if (ctx.indentation === 0) return stack;
  return replaceText(stack, "\n", `\n${StringPrototypeRepeat(" ", ctx.indentation)}`);
}

function hideShown(keys, error, stack) {
  const names = ["name", "message", "stack"];
  for (let i = 0; i < names.length; i++) {
    const at = ArrayPrototypeIndexOf(keys, names[i]);
    if (at !== -1 && StringPrototypeIncludes(stack, String(error[names[i]]))) {
      ArrayPrototypeSplice(keys, at, 1);
    }
  }
}

// Puts the class of the error into a header that names only the error it extends.
function withClass(stack, constructor, name, tag) {
  let length = name.length;
  const regular =
    StringPrototypeEndsWith(name, "Error") &&
    StringPrototypeStartsWith(stack, name) &&
    (stack.length === length || stack[length] === ":" || stack[length] === "\n");
  if (constructor !== null && !regular) return stack;
  let fallback = "Error";
  if (constructor === null) {
    const start =
      RegExpPrototypeExec(/^([A-Z][a-z_ A-Z0-9[\]()-]+)(?::|\n {4}at)/, stack) ??
      RegExpPrototypeExec(/^([a-z_A-Z0-9-]*Error)$/, stack);
    fallback = start === null ? "" : start[1];
    length = fallback.length;
    if (fallback === "") fallback = "Error";
  }
  const head = StringPrototypeSlice(prefix(constructor, tag, fallback), 0, -1);
  if (name === head) return stack;
  if (!StringPrototypeIncludes(head, name)) {
    return `${head} [${name}]${StringPrototypeSlice(stack, length)}`;
  }
  return length === 0 ? `${head}: ${stack}` : head + StringPrototypeSlice(stack, length);
}

// Frames that the cause shows again below are replaced by their number.
function withoutCauseFrames(error, frames) {
  let cause;
  try {
    cause = error.cause;
    if (typeof cause !== "object" || cause === null) return frames;
    const text = stackText(cause);
    const start = StringPrototypeIndexOf(text, FRAME);
    if (start === -1) return frames;
    const lines = splitText(frames, "\n");
    const others = splitText(StringPrototypeSlice(text, start + 1), "\n");
    for (let i = 0; i < lines.length - 3; i++) {
      const at = ArrayPrototypeIndexOf(others, lines[i]);
      if (at === -1 || others.length - at <= 3) continue;
      const most = MathMin(lines.length - i, others.length - at);
      let same = 1;
      while (same < most && lines[i + same] === others[at + same]) same++;
      if (same <= 3) continue;
      const note = `    ... ${same - 2} lines matching cause stack trace ...`;
      ArrayPrototypeSplice(lines, i + 1, same - 2, note);
      return ArrayPrototypeJoin(lines, "\n");
    }
  } catch {
    // A cause that cannot be read is shown as a property, where the same exception surfaces.
  }
  return frames;
}
