// The methods of `Buffer` that read and write numbers, with Node's names, ranges and errors.

import {
  BigInt,
  DataView,
  NumberIsInteger,
  RangeError,
  String,
  uncurryThis,
} from "./primordials.js";
import { invalidArgument } from "./arguments.js";
import { define } from "./expose.js";

const DataViewPrototype = DataView.prototype;

/** Node's RangeError for an argument outside of its range. */
export function outOfRange(name, range, value) {
  const error = new RangeError(
    `The value of "${name}" is out of range. It must be ${range}. Received ${received(value)}`,
  );
  define(error, "code", "ERR_OUT_OF_RANGE");
  return error;
}

function received(value) {
  if (typeof value === "bigint") {
    const limit = 2n ** 32n;
    return `${value > limit || value < -limit ? grouped(String(value)) : value}n`;
  }
  if (NumberIsInteger(value) && (value > 2 ** 32 || value < -(2 ** 32))) return grouped(String(value));
  return typeof value === "string" ? `'${value}'` : String(value);
}

const grouped = (digits) => digits.replace(/\B(?=(\d{3})+$)/g, "_");

/** Throws unless `offset` is an index at which `size` bytes of a buffer of `length` bytes begin. */
export function requireOffset(offset, size, length) {
  if (typeof offset !== "number") throw invalidArgument("offset", "of type number", offset);
  if (NumberIsInteger(offset) && offset >= 0 && offset + size <= length) return;
  if (Math.floor(offset) !== offset) throw outOfRange("offset", "an integer", offset);
  if (length < size) {
    const error = new RangeError("Attempt to access memory outside buffer bounds");
    define(error, "code", "ERR_BUFFER_OUT_OF_BOUNDS");
    throw error;
  }
  throw outOfRange("offset", `>= 0 and <= ${length - size}`, offset);
}

function requireValue(value, min, max, size) {
  if (value >= min && value <= max) return;
  // NaN is written as zero, as by the typed arrays.
  if (value !== value) return;
  const n = typeof min === "bigint" ? "n" : "";
  let range = `>= ${min}${n} and <= ${max}${n}`;
  if (size > 4) {
    const bits = size * 8;
    range =
      min == 0
        ? `>= 0${n} and < 2${n} ** ${bits}${n}`
        : `>= -(2${n} ** ${bits - 1}${n}) and < 2${n} ** ${bits - 1}${n}`;
  }
  throw outOfRange("value", range, value);
}

const viewOf = (buffer) => new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);

// Numbers of a fixed width, in both byte orders, through DataView.
function addFixed(prototype, name, aliases, type, size, min, max) {
  const get = uncurryThis(DataViewPrototype[`get${type}`]);
  const set = uncurryThis(DataViewPrototype[`set${type}`]);
  for (const order of size === 1 ? [""] : ["LE", "BE"]) {
    const isLittle = order === "LE";
    const read = {
      read(offset = 0) {
        requireOffset(offset, size, this.length);
        return get(viewOf(this), offset, isLittle);
      },
    }.read;
    const write = {
      write(value, offset = 0) {
        if (typeof min === "bigint") {
          if (typeof value !== "bigint") throw invalidArgument("value", "of type bigint", value);
        } else {
          value = +value;
        }
        if (min !== undefined) requireValue(value, min, max, size);
        requireOffset(offset, size, this.length);
        set(viewOf(this), offset, value, isLittle);
        return offset + size;
      },
    }.write;
    for (const alias of [name, ...aliases]) {
      addMethod(prototype, `read${alias}${order}`, read);
      addMethod(prototype, `write${alias}${order}`, write);
    }
  }
}

function requireByteLength(byteLength) {
  if (byteLength === undefined || typeof byteLength !== "number") {
    throw invalidArgument("byteLength", "of type number", byteLength);
  }
  if (!NumberIsInteger(byteLength)) throw outOfRange("byteLength", "an integer", byteLength);
  if (byteLength < 1 || byteLength > 6) throw outOfRange("byteLength", ">= 1 and <= 6", byteLength);
}

// Integers of one to six bytes. The sum stays below 2 ** 48, which a double holds exactly.
function addVariable(prototype, names, isSigned, isLittle) {
  const read = {
    read(offset, byteLength) {
      if (offset === undefined) throw invalidArgument("offset", "of type number", offset);
      requireByteLength(byteLength);
      requireOffset(offset, byteLength, this.length);
      let value = 0;
      for (let i = 0; i < byteLength; i++) {
        value = value * 256 + this[isLittle ? offset + byteLength - 1 - i : offset + i];
      }
      const half = 2 ** (8 * byteLength - 1);
      return isSigned && value >= half ? value - 2 * half : value;
    },
  }.read;
  const write = {
    write(value, offset, byteLength) {
      requireByteLength(byteLength);
      value = +value;
      const span = 2 ** (8 * byteLength);
      if (isSigned) requireValue(value, -span / 2, span / 2 - 1, byteLength);
      else requireValue(value, 0, span - 1, byteLength);
      requireOffset(offset, byteLength, this.length);
      let rest = Math.trunc(value) || 0;
      if (rest < 0) rest += span;
      for (let i = 0; i < byteLength; i++) {
        this[isLittle ? offset + i : offset + byteLength - 1 - i] = rest % 256;
        rest = Math.floor(rest / 256);
      }
      return offset + byteLength;
    },
  }.write;
  for (const name of names) {
    addMethod(prototype, `read${name}`, read);
    addMethod(prototype, `write${name}`, write);
  }
}

// Methods are enumerable, as those of Node's Buffer.prototype are.
const addMethod = (prototype, name, method) => {
  prototype[name] = method;
};

/** Adds the numeric methods to `Buffer.prototype`. */
export function addNumbers(prototype) {
  addFixed(prototype, "UInt8", ["Uint8"], "Uint8", 1, 0, 0xff);
  addFixed(prototype, "UInt16", ["Uint16"], "Uint16", 2, 0, 0xffff);
  addFixed(prototype, "UInt32", ["Uint32"], "Uint32", 4, 0, 0xffffffff);
  addFixed(prototype, "Int8", [], "Int8", 1, -0x80, 0x7f);
  addFixed(prototype, "Int16", [], "Int16", 2, -0x8000, 0x7fff);
  addFixed(prototype, "Int32", [], "Int32", 4, -0x80000000, 0x7fffffff);
  addFixed(prototype, "Float", [], "Float32", 4);
  addFixed(prototype, "Double", [], "Float64", 8);
  addFixed(prototype, "BigUInt64", ["BigUint64"], "BigUint64", 8, 0n, BigInt(2) ** 64n - 1n);
  addFixed(prototype, "BigInt64", [], "BigInt64", 8, -(2n ** 63n), 2n ** 63n - 1n);
  for (const [order, isLittle] of [["LE", true], ["BE", false]]) {
    addVariable(prototype, [`UInt${order}`, `Uint${order}`], false, isLittle);
    addVariable(prototype, [`Int${order}`], true, isLittle);
  }
}
