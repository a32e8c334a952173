// How Node's crypto and zlib word the mistakes of a caller, and what they accept as bytes.

import {
  ArrayBuffer,
  Error,
  NumberIsInteger,
  ObjectPrototype,
  ObjectSetPrototypeOf,
  ReflectConstruct,
  ReflectOwnKeys,
} from "./primordials.js";
import { invalidArgument } from "./arguments.js";
import { encodingName } from "./buffer-encodings.js";
import { outOfRange } from "./buffer-numbers.js";
import { isArrayBuffer } from "./encoding.js";
import { define } from "./expose.js";

const ArrayBufferIsView = ArrayBuffer.isView;

export const INT32_MAX = 2 ** 31 - 1;
export const UINT32_MAX = 2 ** 32 - 1;

const DATA = "of type string or an instance of Buffer, TypedArray, or DataView";
const SECRET =
  "of type string or an instance of ArrayBuffer, Buffer, TypedArray, DataView, KeyObject, or CryptoKey";

/** An error of `Class` with Node's `code`. */
export function coded(Class, code, message) {
  const error = ReflectConstruct(Class, [message]);
  error.code = code;
  return error;
}

/** An error with the text and the fields that Node takes from OpenSSL's queue. */
export function opensslError(number, library, reason, code) {
  const error = new Error(`error:${number}:${library}::${reason}`);
  error.library = library;
  error.reason = reason;
  error.code = code;
  return error;
}

/** Whether `value` is a TypedArray or a DataView. */
export const isView = (value) => ArrayBufferIsView(value);

/** A string of text or a view of bytes, as `update` takes it. Text in an encoding other than UTF-8 becomes bytes. */
export function requireData(codecs, value, encoding, name = "data") {
  if (typeof value === "string") {
    if (encoding === undefined) return value;
    const known = encodingName(encoding) ?? "utf8";
    return known === "utf8" ? value : codecs[known].encode(value);
  }
  if (ArrayBufferIsView(value)) return value;
  throw invalidArgument(name, DATA, value);
}

/** A string, an ArrayBuffer or a view of bytes. */
export function requireBytes(value, name, expected = SECRET) {
  if (typeof value === "string" || ArrayBufferIsView(value) || isArrayBuffer(value)) return value;
  throw invalidArgument(name, expected, value);
}

/** Throws unless `value` is an integer from `min` to `max`. */
export function requireInteger(value, name, min = 0, max = INT32_MAX) {
  if (typeof value !== "number") throw invalidArgument(name, "of type number", value);
  if (!NumberIsInteger(value)) throw outOfRange(name, "an integer", value);
  if (value < min || value > max) throw outOfRange(name, `>= ${min} && <= ${max}`, value);
}

/** Gives a class the methods of its base as its own, as Node's classes have them, and takes the base out of sight. */
export function standAlone(Class, Base) {
  const names = ReflectOwnKeys(Base.prototype);
  for (let i = 0; i < names.length; i++) {
    if (names[i] !== "constructor") define(Class.prototype, names[i], Base.prototype[names[i]]);
  }
  ObjectSetPrototypeOf(Class.prototype, ObjectPrototype);
}
