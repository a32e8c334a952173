// Requests filed with the host, and the promises that wait for their answers.

import { Promise, SafeMap } from "./primordials.js";

export const KIND_FETCH = 1;
export const KIND_CACHE = 2;

const waiting = new SafeMap();

/**
 * Files a request. Throws what `native.file` throws (RangeError past the limit of outstanding
 * operations), else returns `{ id, answer }`: `answer` resolves with `{ status, payload, body }`,
 * status 0 for ok and 1 for failed, and never rejects.
 */
export function file(native, kind, payload, body) {
  const id = native.file(kind, payload, body);
  const answer = new Promise((resolve) => waiting.set(id, resolve));
  return { id, answer };
}

/** Stops waiting for an answer; its promise stays pending. */
export function forget(id) {
  return waiting.delete(id);
}

/** Runs when the invocation has its outcome; each capability drops what belongs to it. */
export const atSettled = [];

/** Installs `hooks.answer`, and `hooks.settled`, which runs everything put into `atSettled`. */
export function install(native, hooks) {
  hooks.answer = (id, status, payload, body) => {
    const resolve = waiting.get(id);
    if (resolve === undefined) return;
    waiting.delete(id);
    resolve({ __proto__: null, status, payload, body });
  };
  hooks.settled = () => {
    waiting.clear();
    for (let i = 0; i < atSettled.length; i++) atSettled[i]();
  };
}

