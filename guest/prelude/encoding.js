// `TextEncoder` and `TextDecoder` (WHATWG Encoding). Decodes utf-8, utf-16le, utf-16be and windows-1252,
// under every label the standard gives them; any other label is a RangeError, as for an unknown one.

import {
  ArrayBuffer,
  RangeError,
  StringPrototypeToLowerCase,
  TypeError,
  Uint8Array,
  uncurryThis,
} from "./primordials.js";
import { invalidArgument } from "./arguments.js";
import { define, defineInterface, expose } from "./expose.js";

const StringPrototypeToWellFormed = uncurryThis(String.prototype.toWellFormed);
const StringPrototypeTrim = uncurryThis(String.prototype.trim);
const StringPrototypeReplace = uncurryThis(String.prototype.replace);
const ArrayBufferIsView = ArrayBuffer.isView;
const TypedArrayPrototypeSet = uncurryThis(Uint8Array.prototype.set);
const TypedArrayPrototypeSlice = uncurryThis(Uint8Array.prototype.slice);

const LABELS = {
  __proto__: null,
  "utf-8": "unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf-8 utf8 x-unicode20utf8",
  "utf-16le": "csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff utf-16 utf-16le",
  "utf-16be": "unicodefffe utf-16be",
  "windows-1252":
    "ansi_x3.4-1968 ascii cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1 iso88591 " +
    "iso_8859-1 iso_8859-1:1987 l1 latin1 us-ascii windows-1252 x-cp1252",
};

// What windows-1252 has at 0x80 to 0x9f in place of latin1's control characters.
const C1 =
  "\u20ac\x81\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\x8d\u017d\x8f" +
  "\x90\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\x9d\u017e\u0178";

const REPLACEMENT = "\ufffd";

/** A byte view of a BufferSource; undefined for anything else. */
export function bytesOf(source) {
  if (ArrayBufferIsView(source)) {
    return new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
  }
  return isArrayBuffer(source) ? new Uint8Array(source) : undefined;
}

/** Whether `value` is an ArrayBuffer, whatever its prototype says. */
export const isArrayBuffer = (value) => className(value) === "ArrayBuffer";

let className;

/** A string with every lone surrogate replaced. */
export const wellFormed = (text) => StringPrototypeToWellFormed(text);

function encodingOf(label) {
  const wanted = StringPrototypeToLowerCase(StringPrototypeTrim(`${label}`));
  for (const name in LABELS) {
    if (wanted !== "" && ` ${LABELS[name]} `.includes(` ${wanted} `)) return name;
  }
  const error = new RangeError(`The "${label}" encoding is not supported`);
  define(error, "code", "ERR_ENCODING_NOT_SUPPORTED");
  throw error;
}

// Bytes at the end that may be the beginning of a character whose rest is still to come.
function unfinishedUtf8(bytes) {
  const { length } = bytes;
  for (let back = 1; back <= 3 && back <= length; back++) {
    const lead = bytes[length - back];
    if (lead < 0x80) return 0;
    if (lead < 0xc0) continue;
    const size = lead < 0xc2 || lead > 0xf4 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (size <= back) return 0;
    if (back > 1) {
      const next = bytes[length - back + 1];
      const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
      const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
      if (next < low || next > high) return 0;
    }
    return back;
  }
  return 0;
}

function unfinishedUtf16(bytes, isBigEndian) {
  const odd = bytes.length % 2;
  if (bytes.length - odd < 2) return odd;
  const high = bytes[bytes.length - odd - (isBigEndian ? 2 : 1)];
  return high >= 0xd8 && high <= 0xdb ? odd + 2 : odd;
}

function joined(first, second) {
  if (first === undefined) return second;
  const both = new Uint8Array(first.length + second.length);
  TypedArrayPrototypeSet(both, first);
  TypedArrayPrototypeSet(both, second, first.length);
  return both;
}

function startsWithMark(bytes, encoding) {
  if (encoding === "utf-8") return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  return encoding === "utf-16le"
    ? bytes[0] === 0xff && bytes[1] === 0xfe
    : bytes[0] === 0xfe && bytes[1] === 0xff;
}

function invalidData(encoding) {
  const error = new TypeError(`The encoded data was not valid for encoding ${encoding}`);
  define(error, "code", "ERR_ENCODING_INVALID_ENCODED_DATA");
  return error;
}

// Surrogates without a partner, and an odd last byte, are errors.
function decodeUtf16(native, bytes, encoding, isFatal) {
  const raw = native.utf16Decode(bytes.buffer, bytes.byteOffset, bytes.length, encoding === "utf-16be");
  const text = wellFormed(raw) + (bytes.length % 2 === 1 ? REPLACEMENT : "");
  if (isFatal && text !== raw) throw invalidData(encoding);
  return text;
}

/** A new TextDecoder, for the prelude's own use. */
export let createDecoder;

/** Exposes `TextEncoder` and `TextDecoder`. */
export function install(native) {
  ({ className } = native);
  const decoders = {
    __proto__: null,
    "utf-8"(bytes, isFatal) {
      try {
        return native.utf8Decode(bytes.buffer, bytes.byteOffset, bytes.length, isFatal);
      } catch (error) {
        throw isFatal ? invalidData("utf-8") : error;
      }
    },
    "utf-16le": (bytes, isFatal) => decodeUtf16(native, bytes, "utf-16le", isFatal),
    "utf-16be": (bytes, isFatal) => decodeUtf16(native, bytes, "utf-16be", isFatal),
    "windows-1252": (bytes) =>
      StringPrototypeReplace(
        native.latin1(bytes.buffer, bytes.byteOffset, bytes.length),
        /[\x80-\x9f]/g,
        (unit) => C1[unit.charCodeAt(0) - 0x80],
      ),
  };

  class TextEncoder {
    #encoding = "utf-8";

    get encoding() {
      return this.#encoding;
    }

    encode(input = "") {
      // Of a TextEncoder only.
      void this.#encoding;
      return new Uint8Array(native.utf8Encode(`${input}`));
    }

    encodeInto(source, destination) {
      void this.#encoding;
      if (typeof source !== "string") throw invalidArgument("src", "of type string", source);
      if (!ArrayBufferIsView(destination) || !(destination instanceof Uint8Array)) {
        throw invalidArgument("dest", "an instance of Uint8Array", destination);
      }
      const encoded = new Uint8Array(native.utf8Encode(source));
      let written = encoded.length;
      if (written <= destination.length) {
        TypedArrayPrototypeSet(destination, encoded);
        return { read: source.length, written };
      }
      // Only whole characters: step back from the first byte that does not fit to a leading one.
      written = destination.length;
      while (written > 0 && (encoded[written] & 0xc0) === 0x80) written--;
      TypedArrayPrototypeSet(destination, encoded.subarray(0, written));
      return { read: native.utf8Decode(encoded.buffer, 0, written, false).length, written };
    }
  }

  class TextDecoder {
    #encoding;
    #fatal;
    #ignoreBOM;
    #pending;
    #isStarted = false;

    constructor(label = "utf-8", options = {}) {
      this.#encoding = encodingOf(label);
      this.#fatal = Boolean(options?.fatal);
      this.#ignoreBOM = Boolean(options?.ignoreBOM);
    }

    get encoding() {
      return this.#encoding;
    }

    get fatal() {
      return this.#fatal;
    }

    get ignoreBOM() {
      return this.#ignoreBOM;
    }

    decode(input = undefined, options = undefined) {
      const more = input === undefined ? new Uint8Array(0) : bytesOf(input);
      if (more === undefined) {
        throw invalidArgument(
          "list",
          "an instance of SharedArrayBuffer, ArrayBuffer or ArrayBufferView",
          input,
        );
      }
      let bytes = joined(this.#pending, more);
      this.#pending = undefined;
      const isFinal = !options?.stream;
      if (!isFinal) bytes = this.#keepUnfinished(bytes);
      bytes = this.#withoutMark(bytes);
      if (isFinal) this.#isStarted = false;
      return decoders[this.#encoding](bytes, this.#fatal);
    }

    #keepUnfinished(bytes) {
      if (this.#encoding === "windows-1252") return bytes;
      const kept =
        this.#encoding === "utf-8"
          ? unfinishedUtf8(bytes)
          : unfinishedUtf16(bytes, this.#encoding === "utf-16be");
      if (kept === 0) return bytes;
      const end = bytes.length - kept;
      // A copy: the caller may fill its buffer anew before the next chunk.
      this.#pending = TypedArrayPrototypeSlice(bytes, end);
      return bytes.subarray(0, end);
    }

    #withoutMark(bytes) {
      if (this.#isStarted || bytes.length === 0) return bytes;
      this.#isStarted = true;
      if (this.#ignoreBOM || this.#encoding === "windows-1252") return bytes;
      if (!startsWithMark(bytes, this.#encoding)) return bytes;
      return bytes.subarray(this.#encoding === "utf-8" ? 3 : 2);
    }
  }

  createDecoder = (label) => new TextDecoder(label);
  defineInterface(TextEncoder, "TextEncoder", ["encoding", "encode", "encodeInto"]);
  defineInterface(TextDecoder, "TextDecoder", ["encoding", "fatal", "ignoreBOM", "decode"]);
  expose("TextEncoder", TextEncoder);
  expose("TextDecoder", TextDecoder);
}
