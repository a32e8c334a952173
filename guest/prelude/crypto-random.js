// Random bytes and numbers of Node's crypto. The bytes come from native.random, whose seed the host hands
// in with every invocation.

import { Number, RangeError, RegExpPrototypeExec, TypeError, Uint8Array, uncurryThis } from "./primordials.js";
import { invalidArgument, requireFunction } from "./arguments.js";
import { asBuffer } from "./buffer.js";
import { outOfRange } from "./buffer-numbers.js";
import { coded, INT32_MAX, isView } from "./crypto-arguments.js";
import { bytesOf, isArrayBuffer } from "./encoding.js";
import { later } from "./timers.js";

const NumberIsSafeInteger = Number.isSafeInteger;
const TypedArrayPrototypeSet = uncurryThis(Uint8Array.prototype.set);
const TypedArrayPrototypeSubarray = uncurryThis(Uint8Array.prototype.subarray);
const DOMException = globalThis.DOMException;

/** Bytes that native.random gives at a time, and web crypto's `getRandomValues` altogether. */
const QUOTA = 65536;
const RANGE_MAX = 2 ** 48 - 1;
const INTEGERS = /^(Big)?(Ui|I)nt\d+(Clamped)?Array$/;
const HEX = "0123456789abcdef";

/** The members of `crypto` about randomness, and `timingSafeEqual`. */
export function randomness(native) {
  function fill(bytes) {
    for (let from = 0; from < bytes.length; from += QUOTA) {
      const count = bytes.length - from < QUOTA ? bytes.length - from : QUOTA;
      TypedArrayPrototypeSet(bytes, new Uint8Array(native.random(count)), from);
    }
    return bytes;
  }

  // The bytes of a fill's target from `offset`, in elements of the target, on; `size` elements or the rest.
  function target(buffer, offset, size) {
    const isBuffer = isArrayBuffer(buffer);
    if (!isBuffer && !isView(buffer)) {
      throw invalidArgument("buf", "an instance of ArrayBuffer or ArrayBufferView", buffer);
    }
    const bytes = bytesOf(buffer);
    const scale = isBuffer ? 1 : (buffer.BYTES_PER_ELEMENT ?? 1);
    const from = requireSize(offset ?? 0, "offset", bytes.length / scale) * scale;
    const count =
      size === undefined ? bytes.length - from : requireSize(size, "size", bytes.length / scale) * scale;
    if (from + count > bytes.length) {
      throw outOfRange("size + offset", `<= ${bytes.length}`, from + count);
    }
    return TypedArrayPrototypeSubarray(bytes, from, from + count);
  }

  function requireSize(value, name, max) {
    if (typeof value !== "number") throw invalidArgument(name, "of type number", value);
    if (!(value >= 0 && value <= max)) throw outOfRange(name, `>= 0 && <= ${max}`, value);
    return value >>> 0;
  }

  // Six random bytes: the 48 bits that Node draws from.
  function draw() {
    const bytes = new Uint8Array(native.random(6));
    let number = 0;
    for (let i = 0; i < 6; i++) number = number * 256 + bytes[i];
    return number;
  }

  return {
    randomBytes(size, callback) {
      if (typeof size !== "number") throw invalidArgument("size", "of type number", size);
      if (!(size >= 0 && size <= INT32_MAX)) throw outOfRange("size", `>= 0 && <= ${INT32_MAX}`, size);
      if (callback !== undefined) requireFunction(callback, "callback");
      const bytes = asBuffer(fill(new Uint8Array(size)));
      if (callback === undefined) return bytes;
      later(() => callback(null, bytes));
    },

    randomFillSync(buffer, offset, size) {
      fill(target(buffer, offset, size));
      return buffer;
    },

    randomFill(buffer, offset, size, callback) {
      if (typeof offset === "function") {
        callback = offset;
        offset = 0;
      } else if (typeof size === "function") {
        callback = size;
        size = undefined;
      }
      requireFunction(callback, "callback");
      fill(target(buffer, offset, size));
      later(() => callback(null, buffer));
    },

    randomInt(min, max, callback) {
      const hasOneBound = max === undefined || typeof max === "function";
      if (hasOneBound) {
        callback = max;
        max = min;
        min = 0;
      }
      if (callback !== undefined) requireFunction(callback, "callback");
      if (!NumberIsSafeInteger(min)) throw invalidArgument("min", "a safe integer", min);
      if (!NumberIsSafeInteger(max)) throw invalidArgument("max", "a safe integer", max);
      if (max <= min) throw outOfRange("max", `greater than the value of "min" (${min})`, max);
      const range = max - min;
      if (range > RANGE_MAX) throw outOfRange(hasOneBound ? "max" : "max - min", `<= ${RANGE_MAX}`, range);
      // Draws past the last whole multiple of the range would make small numbers likelier.
      const limit = RANGE_MAX - (RANGE_MAX % range);
      let drawn = draw();
      while (drawn >= limit) drawn = draw();
      const number = (drawn % range) + min;
      if (callback === undefined) return number;
      later(() => callback(undefined, number));
    },

    randomUUID(options) {
      if (options !== undefined && (typeof options !== "object" || options === null)) {
        throw invalidArgument("options", "of type object", options);
      }
      const bytes = new Uint8Array(native.random(16));
      bytes[6] = (bytes[6] & 0x0f) | 0x40;
      bytes[8] = (bytes[8] & 0x3f) | 0x80;
      let text = "";
      for (let i = 0; i < 16; i++) {
        if (i === 4 || i === 6 || i === 8 || i === 10) text += "-";
        text += HEX[bytes[i] >> 4] + HEX[bytes[i] & 15];
      }
      return text;
    },

    getRandomValues(array) {
      const bytes = isView(array) ? bytesOf(array) : undefined;
      if (bytes === undefined || RegExpPrototypeExec(INTEGERS, native.className(array)) === null) {
        throw new DOMException(
          "The data argument must be an integer-type TypedArray",
          "TypeMismatchError",
        );
      }
      if (bytes.length > QUOTA) {
        throw new DOMException(
          "The requested length exceeds 65,536 bytes",
          "QuotaExceededError",
        );
      }
      fill(bytes);
      return array;
    },

    timingSafeEqual(first, second) {
      const expected = "an instance of ArrayBuffer, Buffer, TypedArray, or DataView.";
      const sizeOf = (value, name) => {
        const bytes = bytesOf(value);
        if (bytes !== undefined) return bytes.length;
        throw coded(TypeError, "ERR_INVALID_ARG_TYPE", `The "${name}" argument must be ${expected}`);
      };
      if (sizeOf(first, "buf1") !== sizeOf(second, "buf2")) {
        throw coded(
          RangeError,
          "ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH",
          "Input buffers must have the same byte length",
        );
      }
      return native.crypto.equal(first, second);
    },
  };
}
