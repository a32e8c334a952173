// How the array that `onBatch` returns is paired with the events it was given (SPEC 2.4, D7, D8).

import {
  ArrayIsArray,
  ArrayPrototypePush,
  NumberIsInteger,
  SafeMap,
  String,
} from "./primordials.js";
import { cut, describe } from "./errors.js";
import { MESSAGE_CHARS_MAX } from "./limits.js";

const FORWARD = 0;
const FILTERED = 1;
const BAD_REQUEST = 2;
const RETRY = 3;
const UNCHANGED = 4;
const DISCARD = 5;

const isEvent = (value) => typeof value === "object" && value !== null && !ArrayIsArray(value);

const readMessageId = (value) => (typeof value.messageId === "string" ? value.messageId : undefined);

// D8: an integer `status` and neither `type` nor `messageId`.
function statusResult(status, text) {
  if (status >= 200 && status <= 299) return [UNCHANGED, undefined];
  const message =
    text === undefined || text === null ? `status ${status}` : cut(String(text), MESSAGE_CHARS_MAX);
  return [status === 429 || status >= 500 ? RETRY : DISCARD, message];
}

function kindOf(value) {
  if (ArrayIsArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

// One element at its own position. `ids` collects what rule 5 compares.
function positional(element, ids) {
  if (element === undefined || element === null) return [FILTERED, undefined];
  if (!isEvent(element)) {
    return [BAD_REQUEST, `onBatch returned ${kindOf(element)} in place of an event`];
  }
  const { status, messageId } = element;
  if (NumberIsInteger(status) && messageId === undefined && element.type === undefined) {
    return statusResult(status, element.errormessage);
  }
  if (typeof messageId === "string") ArrayPrototypePush(ids, messageId);
  return [FORWARD, element];
}

function sameLength(native, inputs, output, inputIds) {
  const results = [];
  const ids = [];
  for (let i = 0; i < inputs.length; i++) {
    let result;
    try {
      result = positional(output[i], ids);
    } catch (error) {
      result = [BAD_REQUEST, unreadable(error)];
    }
    ArrayPrototypePush(results, result);
  }
  if (isReordered(inputIds, ids)) {
    native.log(
      "warn",
      "onBatch returned the events in another order than it was given; results belong to events by position",
    );
  }
  return results;
}

// Rule 5: the same ids, each as often as before, and not in the same places.
function isReordered(inputIds, ids) {
  if (ids.length !== inputIds.length) return false;
  const counts = new SafeMap();
  let moved = false;
  for (let i = 0; i < ids.length; i++) {
    const id = inputIds[i];
    if (id !== ids[i]) moved = true;
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  if (!moved) return false;
  for (let i = 0; i < ids.length; i++) {
    const left = counts.get(ids[i]);
    if (left === undefined || left === 0) return false;
    counts.set(ids[i], left - 1);
  }
  return true;
}

// The input this output stands for, or -1: by messageId (the very object first, where ids repeat),
// else by identity. Each input is given away once.
function findInput(inputIds, places, positions, used, element) {
  const position = positions.get(element);
  const id = readMessageId(element);
  const candidates = id === undefined ? undefined : places.get(id);
  if (candidates !== undefined) {
    if (position !== undefined && !used[position] && inputIds[position] === id) {
      return position;
    }
    for (let i = 0; i < candidates.length; i++) if (!used[candidates[i]]) return candidates[i];
  }
  return position === undefined || used[position] ? -1 : position;
}

function shorter(inputs, output, length, inputIds) {
  const places = new SafeMap();
  const positions = new SafeMap();
  const results = [];
  const used = [];
  for (let i = 0; i < inputs.length; i++) {
    const id = inputIds[i];
    if (typeof id === "string") {
      if (!places.has(id)) places.set(id, []);
      ArrayPrototypePush(places.get(id), i);
    }
    positions.set(inputs[i], i);
    ArrayPrototypePush(results, [FILTERED, undefined]);
    ArrayPrototypePush(used, false);
  }
  for (let i = 0; i < length; i++) {
    const element = output[i];
    if (element === undefined || element === null) continue;
    if (!isEvent(element)) {
      return `onBatch returned ${kindOf(element)} in place of an event, in an array shorter than its input`;
    }
    const at = findInput(inputIds, places, positions, used, element);
    if (at === -1) {
      return (
        `onBatch returned ${length} events for ${inputs.length}, and the one at index ${i} ` +
        "belongs to none of them: its messageId is missing or unknown, or was returned twice"
      );
    }
    used[at] = true;
    results[at] = [FORWARD, element];
  }
  return results;
}

const unreadable = (error) => `onBatch returned a value that cannot be read: ${describe(error)[2]}`;

/**
 * Results of a batch, one `[kind, value]` per input, or a text: Bad Request for the whole batch.
 *
 * inputs  the event objects given to the handler, in an array that the handler could not reach
 * output  what the handler returned
 * ids     the messageId of each input as it was before the handler ran, undefined where there was none
 * kinds   0 forward value; 1 filtered; 2 Bad Request, message; 3 retry, message; 4 forward the
 *         input unchanged; 5 discard, message
 */
export function pair(native, inputs, output, ids) {
  try {
    if (output === undefined || output === null) {
      const results = [];
      for (let i = 0; i < inputs.length; i++) ArrayPrototypePush(results, [FILTERED, undefined]);
      return results;
    }
    if (!ArrayIsArray(output)) return `onBatch returned ${kindOf(output)} in place of an array`;
    const length = output.length;
    if (!NumberIsInteger(length) || length < 0) {
      return "onBatch returned an array whose length cannot be read";
    }
    if (length > inputs.length) {
      return `onBatch returned ${length} events for ${inputs.length}: at most one for each is allowed`;
    }
    if (length === inputs.length) return sameLength(native, inputs, output, ids);
    return shorter(inputs, output, length, ids);
  } catch (error) {
    return unreadable(error);
  }
}

/** Installs `hooks.pair(inputs, output, ids)`. */
export function install(native, hooks) {
  hooks.pair = (inputs, output, ids) => pair(native, inputs, output, ids);
}
