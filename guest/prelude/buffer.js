// `Buffer`, complete as of Node 20, over Uint8Array and the native codecs. Written here and not taken from
// npm: the `buffer` package holds 145 KB of an image and has other errors, no base64url and slow codecs.

import {
  ArrayIsArray,
  Number,
  NumberIsInteger,
  ObjectDefineProperty,
  ObjectSetPrototypeOf,
  RangeError,
  String,
  Symbol,
  SymbolToPrimitive,
  TypeError,
  Uint8Array,
  uncurryThis,
} from "./primordials.js";
import { invalidArgument } from "./arguments.js";
import { addCodecs } from "./buffer-codecs.js";
import { createEncodings, encodedLength, encodingName, requireEncoding } from "./buffer-encodings.js";
import { addNumbers, outOfRange } from "./buffer-numbers.js";
import { addSearch } from "./buffer-search.js";
import { isArrayBuffer } from "./encoding.js";
import { define, expose } from "./expose.js";

// What Node says; the sandbox ends long before it.
const LENGTH_MAX = 2 ** 32;
const INSPECT_BYTES_MAX = 50;
const INSPECT = Symbol.for("nodejs.util.inspect.custom");

const TypedArrayPrototypeSet = uncurryThis(Uint8Array.prototype.set);
const TypedArrayPrototypeCopyWithin = uncurryThis(Uint8Array.prototype.copyWithin);
const TypedArrayPrototypeFill = uncurryThis(Uint8Array.prototype.fill);

// What methods of Uint8Array that make a new one (map, filter) call: `new FastBuffer(length)`.
class FastBuffer extends Uint8Array {}

const isBytes = (value) => value instanceof Uint8Array;

function requireSize(size) {
  if (typeof size !== "number") throw invalidArgument("size", "of type number", size);
  if (!(size >= 0 && size <= LENGTH_MAX)) {
    throw outOfRange("size", `>= 0 && <= ${LENGTH_MAX}`, size);
  }
}

/** The bytes of a Uint8Array, shared, as a Buffer. */
export const asBuffer = (bytes) =>
  new FastBuffer(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function fromArrayLike(list) {
  const { length } = list;
  if (!(length > 0)) return new FastBuffer(0);
  const buffer = new FastBuffer(length > LENGTH_MAX ? tooLong(length) : length);
  if (ArrayIsArray(list) || isBytes(list)) TypedArrayPrototypeSet(buffer, list);
  else for (let i = 0; i < buffer.length; i++) buffer[i] = list[i];
  return buffer;
}

function tooLong(length) {
  throw outOfRange("size", `>= 0 && <= ${LENGTH_MAX}`, length);
}

function fromArrayBuffer(source, byteOffset, length) {
  const offset = byteOffset === undefined ? 0 : +byteOffset || 0;
  const room = source.byteLength - offset;
  if (room < 0) throw outOfBounds("offset");
  if (length === undefined) return new FastBuffer(source, offset, room);
  const wanted = +length > 0 ? +length : 0;
  if (wanted > room) throw outOfBounds("length");
  return new FastBuffer(source, offset, wanted);
}

function outOfBounds(name) {
  const error = new RangeError(`"${name}" is outside of buffer bounds`);
  define(error, "code", "ERR_BUFFER_OUT_OF_BOUNDS");
  return error;
}

// An object that holds bytes in one of the ways Node accepts; undefined if it does not.
function fromObject(value) {
  if (value.length !== undefined || isArrayBuffer(value.buffer)) {
    return typeof value.length === "number" ? fromArrayLike(value) : new FastBuffer(0);
  }
  if (value.type === "Buffer" && ArrayIsArray(value.data)) return fromArrayLike(value.data);
  return undefined;
}

function from(codecs, value, encodingOrOffset, length) {
  if (typeof value === "string") {
    return asBuffer(codecs[requireEncoding(textEncoding(encodingOrOffset))].encode(value));
  }
  if (typeof value === "object" && value !== null) {
    if (isArrayBuffer(value)) return fromArrayBuffer(value, encodingOrOffset, length);
    const primitive = value.valueOf?.();
    if (
      primitive !== undefined &&
      primitive !== null &&
      primitive !== value &&
      (typeof primitive === "string" || typeof primitive === "object")
    ) {
      return from(codecs, primitive, encodingOrOffset, length);
    }
    const buffer = fromObject(value);
    if (buffer !== undefined) return buffer;
    if (typeof value[SymbolToPrimitive] === "function") {
      const text = value[SymbolToPrimitive]("string");
      if (typeof text === "string") return from(codecs, text, encodingOrOffset, length);
    }
  }
  const error = invalidArgument(
    "first",
    "of type string or an instance of Buffer, ArrayBuffer, or Array or an Array-like Object",
    value,
  );
  define(error, "message", error.message.replace('The "first"', "The first"));
  throw error;
}

const textEncoding = (encoding) => (typeof encoding === "string" ? encoding : undefined);

function statics(native, codecs, Buffer) {
  return {
    from: function from_(value, encodingOrOffset, length) {
      return from(codecs, value, encodingOrOffset, length);
    },

    of: function of(...items) {
      return fromArrayLike(items);
    },

    alloc: function alloc(size, fill, encoding) {
      requireSize(size);
      const buffer = new FastBuffer(size);
      return fill === undefined || fill === 0 || size === 0 ? buffer : buffer.fill(fill, encoding);
    },

    allocUnsafe: function allocUnsafe(size) {
      requireSize(size);
      return new FastBuffer(size);
    },

    allocUnsafeSlow: function allocUnsafeSlow(size) {
      requireSize(size);
      return new FastBuffer(size);
    },

    copyBytesFrom: function copyBytesFrom(view, offset = 0, length) {
      if (!isBytes(view) && !(view?.BYTES_PER_ELEMENT > 0)) {
        throw invalidArgument("view", "an instance of TypedArray", view);
      }
      const part = view.slice(offset, length === undefined ? undefined : offset + length);
      return asBuffer(new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
    },

    concat: function concat(list, length) {
      if (!ArrayIsArray(list)) throw invalidArgument("list", "an instance of Array", list);
      let total = 0;
      for (let i = 0; i < list.length; i++) {
        if (!isBytes(list[i])) {
          throw invalidArgument(`list[${i}]`, "an instance of Buffer or Uint8Array", list[i]);
        }
        total += list[i].length;
      }
      if (length !== undefined) requireSize(length);
      const buffer = new FastBuffer(length ?? total);
      let at = 0;
      for (let i = 0; i < list.length && at < buffer.length; i++) {
        const part = list[i].length > buffer.length - at ? list[i].subarray(0, buffer.length - at) : list[i];
        TypedArrayPrototypeSet(buffer, part, at);
        at += part.length;
      }
      return buffer;
    },

    compare: function compare(first, second) {
      if (!isBytes(first)) throw invalidArgument("buf1", "an instance of Buffer or Uint8Array", first);
      if (!isBytes(second)) throw invalidArgument("buf2", "an instance of Buffer or Uint8Array", second);
      return compareBytes(native, first, second);
    },

    isBuffer: function isBuffer(value) {
      return value instanceof Buffer;
    },

    isEncoding: function isEncoding(name) {
      return typeof name === "string" && name !== "" && encodingName(name) !== undefined;
    },

    byteLength: function byteLength(value, encoding) {
      if (typeof value === "string") return encodedLength(native, value, encodingName(encoding) ?? "utf8");
      if (isArrayBuffer(value) || isArrayBuffer(value?.buffer)) return value.byteLength;
      throw invalidArgument("string", "of type string or an instance of Buffer or ArrayBuffer", value);
    },
  };
}

// -1, 0 or 1, byte by byte, the shorter one first.
const compareBytes = (native, first, second) =>
  native.compare(first.buffer, first.byteOffset, first.length, second.buffer, second.byteOffset, second.length);

// An index counted from the end when negative, kept inside of 0 to `length`.
function clampIndex(index, length, otherwise) {
  if (index === undefined) return otherwise;
  const whole = Math.trunc(+index) || 0;
  if (whole < 0) return whole + length < 0 ? 0 : whole + length;
  return whole > length ? length : whole;
}

function requireRange(value, name, min, max, otherwise) {
  if (value === undefined) return otherwise;
  if (typeof value !== "number") throw invalidArgument(name, "of type number", value);
  if (!NumberIsInteger(value)) throw outOfRange(name, "an integer", value);
  if (value < min || value > max) throw outOfRange(name, `>= ${min} && <= ${max}`, value);
  return value;
}

function swap(native, buffer, size) {
  if (buffer.length % size !== 0) {
    const error = new RangeError(`Buffer size must be a multiple of ${size * 8}-bits`);
    define(error, "code", "ERR_INVALID_BUFFER_SIZE");
    throw error;
  }
  native.swap(buffer.buffer, buffer.byteOffset, buffer.length, size);
  return buffer;
}

const createMethods = (native) => ({
  toJSON() {
    return { type: "Buffer", data: native.byteList(this.buffer, this.byteOffset, this.length) };
  },

  equals(other) {
    if (!isBytes(other)) {
      throw invalidArgument("otherBuffer", "an instance of Buffer or Uint8Array", other);
    }
    return this === other || (this.length === other.length && compareBytes(native, this, other) === 0);
  },

  compare(target, targetStart, targetEnd, sourceStart, sourceEnd) {
    if (!isBytes(target)) throw invalidArgument("target", "an instance of Buffer or Uint8Array", target);
    const fromTarget = requireRange(targetStart, "targetStart", 0, LENGTH_MAX, 0);
    const toTarget = requireRange(targetEnd, "targetEnd", 0, target.length, target.length);
    const fromSource = requireRange(sourceStart, "sourceStart", 0, LENGTH_MAX, 0);
    const toSource = requireRange(sourceEnd, "sourceEnd", 0, this.length, this.length);
    if (fromSource >= toSource) return fromTarget >= toTarget ? 0 : -1;
    if (fromTarget >= toTarget) return 1;
    return compareBytes(native, this.subarray(fromSource, toSource), target.subarray(fromTarget, toTarget));
  },

  copy(target, targetStart, sourceStart, sourceEnd) {
    if (!isBytes(target)) throw invalidArgument("target", "an instance of Buffer or Uint8Array", target);
    const to = Math.trunc(+targetStart) || 0;
    const start = Math.trunc(+sourceStart) || 0;
    let end = sourceEnd === undefined ? this.length : Math.trunc(+sourceEnd) || 0;
    if (to < 0) throw outOfRange("targetStart", ">= 0", to);
    if (start < 0 || start > this.length) {
      throw outOfRange("sourceStart", `>= 0 && <= ${this.length}`, start);
    }
    if (end < 0) throw outOfRange("sourceEnd", ">= 0", end);
    if (to >= target.length || start >= end) return 0;
    end = Math.min(end, this.length, start + target.length - to);
    TypedArrayPrototypeSet(target, new Uint8Array(this.buffer, this.byteOffset + start, end - start), to);
    return end - start;
  },

  // Shares memory, unlike Uint8Array's method of that name.
  slice(start, end) {
    return this.subarray(start, end);
  },

  subarray(start, end) {
    const from = clampIndex(start, this.length, 0);
    const to = clampIndex(end, this.length, this.length);
    return new FastBuffer(this.buffer, this.byteOffset + from, to > from ? to - from : 0);
  },

  swap16() {
    return swap(native, this, 2);
  },

  swap32() {
    return swap(native, this, 4);
  },

  swap64() {
    return swap(native, this, 8);
  },

  [INSPECT](depth, options) {
    let text = "";
    const shown = Math.min(this.length, INSPECT_BYTES_MAX);
    for (let i = 0; i < shown; i++) text += ` ${this[i] < 16 ? "0" : ""}${this[i].toString(16)}`;
    const more = this.length - shown;
    if (more > 0) text += ` ... ${more} more byte${more > 1 ? "s" : ""}`;
    return `<${this.constructor?.name ?? "Buffer"}${text}>`;
  },
});

function addFill(prototype, codecs) {
  prototype.fill = {
    fill(value, start, end, encoding) {
      if (typeof start === "string") [start, end, encoding] = [undefined, undefined, start];
      else if (typeof end === "string") [end, encoding] = [undefined, end];
      const from = requireRange(start, "offset", 0, LENGTH_MAX, 0);
      const to = requireRange(end, "end", 0, this.length, this.length);
      if (typeof value !== "string" && !isBytes(value)) {
        if (from < to) TypedArrayPrototypeFill(this, Number(value) & 255, from, to);
        return this;
      }
      const pattern = typeof value === "string" ? codecs[requireEncoding(encoding)].encode(value) : value;
      if (pattern.length === 0) {
        if (value.length > 0) throw invalidFill(value);
        if (from < to) TypedArrayPrototypeFill(this, 0, from, to);
        return this;
      }
      let filled = Math.min(from + pattern.length, to);
      for (let i = from; i < filled; i++) this[i] = pattern[i - from];
      // What is there is copied behind itself, twice as much each time.
      for (let size = filled - from; filled < to; filled += size, size *= 2) {
        TypedArrayPrototypeCopyWithin(this, filled, from, Math.min(from + size, from + to - filled));
      }
      return this;
    },
  }.fill;
}

function invalidFill(value) {
  const error = new TypeError(`The argument 'value' is invalid. Received '${String(value)}'`);
  define(error, "code", "ERR_INVALID_ARG_VALUE");
  return error;
}

let codecs;

/** The UTF-8 bytes of `text` as a Buffer. */
export const textBuffer = (text) => asBuffer(codecs.utf8.encode(text));

/** `parts` (Buffers or Uint8Arrays) as one Buffer. */
export function joinBuffers(parts) {
  if (parts.length === 1) return asBuffer(parts[0]);
  let length = 0;
  for (let i = 0; i < parts.length; i++) length += parts[i].length;
  const whole = new FastBuffer(length);
  for (let i = 0, at = 0; i < parts.length; at += parts[i++].length) TypedArrayPrototypeSet(whole, parts[i], at);
  return whole;
}

/** What Node's streams take for a chunk, as a Buffer: text in `encoding`, or any view. */
export const chunkBuffer = (chunk, encoding) =>
  typeof chunk === "string"
    ? from(codecs, chunk, encoding)
    : asBuffer(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));

/** The text of `bytes` in an encoding of Buffer. */
export const bufferText = (bytes, encoding = "utf8") =>
  codecs[requireEncoding(encoding)].decode(bytes, 0, bytes.length);

/** Exposes `Buffer`. */
export function install(native) {
  codecs = createEncodings(native);

  // A plain function: it works with and without `new`.
  function Buffer(value, encodingOrOffset, length) {
    if (typeof value !== "number") return from(codecs, value, encodingOrOffset, length);
    if (typeof encodingOrOffset === "string") throw invalidArgument("string", "of type string", value);
    return Buffer.alloc(value);
  }

  const prototype = FastBuffer.prototype;
  ObjectSetPrototypeOf(Buffer, Uint8Array);
  ObjectDefineProperty(Buffer, "prototype", { __proto__: null, value: prototype, writable: false });
  ObjectDefineProperty(Buffer, Symbol.species, { __proto__: null, get: () => FastBuffer });
  define(prototype, "constructor", Buffer);
  Object.assign(prototype, createMethods(native));
  addFill(prototype, codecs);
  addCodecs(prototype, codecs);
  addSearch(native, prototype, codecs);
  addNumbers(prototype);
  prototype.inspect = prototype[INSPECT];
  for (const [name, source] of [["parent", "buffer"], ["offset", "byteOffset"]]) {
    ObjectDefineProperty(prototype, name, {
      __proto__: null,
      configurable: true,
      enumerable: true,
      get() {
        return this instanceof Buffer ? this[source] : undefined;
      },
    });
  }
  Object.assign(Buffer, statics(native, codecs, Buffer));
  define(Buffer.from, "name", "from");
  Buffer.poolSize = 8192;
  // Bundling may have renamed the function.
  define(Buffer, "name", "Buffer");
  expose("Buffer", Buffer);
}
