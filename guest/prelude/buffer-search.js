// `indexOf`, `lastIndexOf` and `includes` of `Buffer`.

import { Uint8Array } from "./primordials.js";
import { invalidArgument } from "./arguments.js";
import { requireEncoding } from "./buffer-encodings.js";

function search(native, codecs, buffer, value, byteOffset, encoding, isForward) {
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
    bytes = new Uint8Array(1);
    bytes[0] = value;
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
  if (isForward && from > buffer.length) return -1;
  return native.search(
    buffer.buffer, buffer.byteOffset, buffer.length, bytes.buffer, bytes.byteOffset, bytes.length,
    from < buffer.length ? from : buffer.length, step, !isForward,
  );
}

/** Adds the methods to `Buffer.prototype`; `codecs` is what `createEncodings` returns. */
export function addSearch(native, prototype, codecs) {
  Object.assign(prototype, {
    indexOf(value, byteOffset, encoding) {
      return search(native, codecs, this, value, byteOffset, encoding, true);
    },

    lastIndexOf(value, byteOffset, encoding) {
      return search(native, codecs, this, value, byteOffset, encoding, false);
    },

    includes(value, byteOffset, encoding) {
      return search(native, codecs, this, value, byteOffset, encoding, true) !== -1;
    },
  });
}
