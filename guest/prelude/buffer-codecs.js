// The methods of `Buffer` that go between bytes and text: `toString`, `write`, and Node's `utf8Slice`
// and `utf8Write` families, which published libraries call directly.

import { TypeError, Uint8Array, uncurryThis } from "./primordials.js";
import { invalidArgument } from "./arguments.js";
import { requireEncoding } from "./buffer-encodings.js";
import { outOfRange } from "./buffer-numbers.js";
import { define } from "./expose.js";

const TypedArrayPrototypeSet = uncurryThis(Uint8Array.prototype.set);

const clamp = (index, length, otherwise) => {
  if (index === undefined) return otherwise;
  const whole = Math.trunc(+index) || 0;
  return whole < 0 ? 0 : whole > length ? length : whole;
};

// Only whole characters are written: a UTF-8 sequence or a UTF-16 unit that does not fit is left out.
function fitting(encoded, room, encoding) {
  if (encoded.length <= room) return encoded.length;
  if (encoding === "utf16le") return room - (room % 2);
  let end = room;
  if (encoding === "utf8") while (end > 0 && (encoded[end] & 0xc0) === 0x80) end--;
  return end;
}

function writeText(codecs, buffer, text, offset, length, encoding) {
  if (typeof text !== "string") {
    const error = new TypeError("argument must be a string");
    define(error, "code", "ERR_INVALID_ARG_TYPE");
    throw error;
  }
  const room = buffer.length - offset;
  const encoded = codecs[encoding].encode(text);
  const written = fitting(encoded, length < room ? length : room, encoding);
  TypedArrayPrototypeSet(buffer, written === encoded.length ? encoded : encoded.subarray(0, written), offset);
  return written;
}

function requireIndex(name, index, max) {
  if (typeof index !== "number") throw invalidArgument(name, "of type number", index);
  if (!(index >= 0 && index <= max)) throw outOfRange(name, `>= 0 && <= ${max}`, index);
  return Math.trunc(index);
}

/** Adds the methods to `Buffer.prototype`; `codecs` is what `createEncodings` returns. */
export function addCodecs(prototype, codecs) {
  const methods = {
    toString(encoding, start, end) {
      if (arguments.length === 0) return codecs.utf8.decode(this, 0, this.length);
      const from = clamp(start, this.length, 0);
      const to = clamp(end, this.length, this.length);
      const name = requireEncoding(encoding === null ? "null" : encoding);
      return from < to ? codecs[name].decode(this, from, to) : "";
    },

    // write(text), write(text, encoding), write(text, offset[, length][, encoding])
    write(text, offset, length, encoding) {
      if (offset === undefined) return writeText(codecs, this, text, 0, this.length, "utf8");
      if (typeof offset === "string") {
        return writeText(codecs, this, text, 0, this.length, requireEncoding(offset));
      }
      const at = requireIndex("offset", offset, this.length);
      let room = this.length - at;
      if (typeof length === "string") encoding = length;
      else if (length !== undefined) {
        room = Math.min(room, requireIndex("length", length, this.length));
      }
      return writeText(codecs, this, text, at, room, requireEncoding(encoding));
    },
  };
  prototype.toString = methods.toString;
  prototype.toLocaleString = methods.toString;
  prototype.write = methods.write;

  const families = { ucs2: "utf16le" };
  for (const name in codecs) families[name] = name;
  for (const family in families) {
    const name = families[family];
    prototype[`${family}Slice`] = {
      slice(start, end) {
        const from = clamp(start, this.length, 0);
        const to = clamp(end, this.length, this.length);
        return from < to ? codecs[name].decode(this, from, to) : "";
      },
    }.slice;
    prototype[`${family}Write`] = {
      write(text, offset = 0, length = this.length - offset) {
        return writeText(codecs, this, text, requireIndex("offset", offset, this.length), length, name);
      },
    }.write;
  }
}
