// The string encodings of `Buffer`, each as two functions: text to bytes and bytes to text.

import {
  ArrayBufferPrototypeGetByteLength,
  String,
  StringPrototypeToLowerCase,
  TypeError,
  Uint8Array,
} from "./primordials.js";
import { define } from "./expose.js";

const NAMES = {
  __proto__: null,
  utf8: "utf8",
  "utf-8": "utf8",
  ucs2: "utf16le",
  "ucs-2": "utf16le",
  utf16le: "utf16le",
  "utf-16le": "utf16le",
  latin1: "latin1",
  binary: "latin1",
  base64: "base64",
  base64url: "base64url",
  hex: "hex",
  ascii: "ascii",
};

/** The one name of an encoding, by any of its names in any case; undefined for an unknown one. */
export function encodingName(name) {
  if (name === undefined || name === null || name === "") return "utf8";
  return NAMES[name] ?? NAMES[StringPrototypeToLowerCase(`${name}`)];
}

/** As `encodingName`, but throws Node's TypeError for an unknown one. */
export function requireEncoding(name) {
  const known = encodingName(name);
  if (known !== undefined) return known;
  const error = new TypeError(`Unknown encoding: ${String(name)}`);
  define(error, "code", "ERR_UNKNOWN_ENCODING");
  throw error;
}

/** `{ name: { encode(text) -> Uint8Array, decode(bytes, start, end) -> text } }` over the native codecs. */
export function createEncodings(native) {
  const latin1Bytes = (text) => new Uint8Array(native.latin1Encode(text));
  const read = (decode, ...rest) => (bytes, start, end) =>
    decode(bytes.buffer, bytes.byteOffset + start, end - start, ...rest);
  const base64Bytes = (text) => new Uint8Array(native.base64Decode(text));

  return {
    __proto__: null,
    utf8: { encode: (text) => new Uint8Array(native.utf8Encode(text)), decode: read(native.utf8Decode, false) },
    latin1: { encode: latin1Bytes, decode: read(native.latin1) },
    ascii: { encode: latin1Bytes, decode: read(native.latin1, true) },
    utf16le: { encode: (text) => new Uint8Array(native.utf16Encode(text)), decode: read(native.utf16Decode, false) },
    hex: { encode: (text) => new Uint8Array(native.hexDecode(text)), decode: read(native.hexEncode) },
    base64: { encode: base64Bytes, decode: read(native.base64Encode, false) },
    base64url: { encode: base64Bytes, decode: read(native.base64Encode, true) },
  };
}

/** Bytes that `text` takes in the encoding named `name` (one of `createEncodings`). */
export function encodedLength(native, text, name) {
  switch (name) {
    case "utf8":
      return ArrayBufferPrototypeGetByteLength(native.utf8Encode(text));
    case "utf16le":
      return text.length * 2;
    case "hex":
      return text.length >>> 1;
    case "base64":
    case "base64url":
      return base64Length(text);
    default:
      return text.length;
  }
}

// As Node has it: from the length alone, without looking for characters that do not count.
function base64Length(text) {
  let { length } = text;
  if (length > 0 && text[length - 1] === "=") length--;
  if (length > 1 && text[length - 1] === "=") length--;
  return (length * 3) >>> 2;
}
