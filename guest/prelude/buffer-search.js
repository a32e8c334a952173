// `indexOf`, `lastIndexOf` and `includes` of `Buffer`.

import { Uint8Array, uncurryThis } from "./primordials.js";
import { invalidArgument } from "./arguments.js";
import { requireEncoding } from "./buffer-encodings.js";

const TypedArrayPrototypeIndexOf = uncurryThis(Uint8Array.prototype.indexOf);

function matches(buffer, bytes, at) {
  for (let i = 0; i < bytes.length; i++) if (buffer[at + i] !== bytes[i]) return false;
  return true;
}

function firstIndex(buffer, bytes, from, step) {
  const last = buffer.length - bytes.length;
  for (let at = from; at <= last; at += step) {
    at = TypedArrayPrototypeIndexOf(buffer, bytes[0], at);
    if (at === -1 || at > last) return -1;
    if ((at - from) % step === 0 && matches(buffer, bytes, at)) return at;
    if (step > 1) at -= (at - from) % step;
  }
  return -1;
}

function lastIndex(buffer, bytes, from, step) {
  const last = buffer.length - bytes.length;
  for (let at = from < last ? from : last; at >= 0; at--) {
    if (at % step === 0 && matches(buffer, bytes, at)) return at;
  }
  return -1;
}

function search(codecs, buffer, value, byteOffset, encoding, isForward) {
  if (typeof byteOffset === "string") [byteOffset, encoding] = [undefined, byteOffset];
  let from = +byteOffset;
  // Not a number: the whole buffer, in either direction.
  if (from !== from) from = isForward ? 0 : buffer.length;
  from = Math.trunc(from);
  if (from < 0) from += buffer.length;
  const isBefore = from < 0;
  if (isBefore) from = 0;
  let bytes;
  let step = 1;
  if (typeof value === "string") {
    const name = requireEncoding(encoding);
    bytes = codecs[name].encode(value);
    if (name === "utf16le") step = 2;
  } else if (typeof value === "number") {
    bytes = [value & 255];
  } else if (value instanceof Uint8Array) {
    bytes = value;
  } else {
    throw invalidArgument(
      "value",
      "one of type number or string or an instance of Buffer or Uint8Array",
      value,
    );
  }
  if (isBefore && !isForward && bytes.length > 0) return -1;
  if (bytes.length === 0) return from < buffer.length ? from : buffer.length;
  return (isForward ? firstIndex : lastIndex)(buffer, bytes, from, step);
}

/** Adds the methods to `Buffer.prototype`; `codecs` is what `createEncodings` returns. */
export function addSearch(prototype, codecs) {
  Object.assign(prototype, {
    indexOf(value, byteOffset, encoding) {
      return search(codecs, this, value, byteOffset, encoding, true);
    },

    lastIndexOf(value, byteOffset, encoding) {
      return search(codecs, this, value, byteOffset, encoding, false);
    },

    includes(value, byteOffset, encoding) {
      return search(codecs, this, value, byteOffset, encoding, true) !== -1;
    },
  });
}
