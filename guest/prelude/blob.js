// `Blob` and `File`. A blob's `stream()` is a Node stream, as node-fetch's is.

import {
  ArrayBufferPrototypeSlice,
  ArrayPrototypePush,
  ObjectDefineProperty,
  PromiseResolve,
  StringPrototypeToLowerCase,
  Symbol,
  SymbolIterator,
  TypeError,
  Uint8Array,
} from "./primordials.js";
import { bufferText, joinBuffers, textBuffer } from "./buffer.js";
import { bytesOf } from "./encoding.js";
import { defineInterface, expose } from "./expose.js";
import { Readable } from "./streams.js";

const INSPECT = Symbol.for("nodejs.util.inspect.custom");

const isPrintable = (type) => !/[^\x20-\x7e]/.test(type);

function partBytes(part, endings) {
  if (isBlob(part)) return blobBytes(part);
  const bytes = bytesOf(part);
  if (bytes !== undefined) return new Uint8Array(bytes);
  const text = `${part}`;
  return textBuffer(endings === "native" ? text.replace(/\r\n?/g, "\n") : text);
}

function clamp(index, size, otherwise) {
  if (index === undefined) return otherwise;
  const whole = Math.trunc(+index) || 0;
  return whole < 0 ? Math.max(size + whole, 0) : Math.min(whole, size);
}

export class Blob {
  #bytes;
  #type = "";

  constructor(parts = [], options = {}) {
    const given = parts ?? [];
    if (typeof given !== "object" || (typeof given[SymbolIterator] !== "function" && !(given.length >= 0))) {
      throw new TypeError("The blobParts argument must be a sequence");
    }
    const list = [];
    for (const part of typeof given[SymbolIterator] === "function" ? given : Array.from(given)) {
      ArrayPrototypePush(list, partBytes(part, options?.endings));
    }
    this.#bytes = list.length === 0 ? new Uint8Array(0) : joinBuffers(list);
    const type = options?.type === undefined ? "" : `${options.type}`;
    if (isPrintable(type)) this.#type = StringPrototypeToLowerCase(type);
  }

  static is(value) {
    return typeof value === "object" && value !== null && #bytes in value;
  }

  static bytes(blob) {
    return blob.#bytes;
  }

  get size() {
    return this.#bytes.length;
  }

  get type() {
    return this.#type;
  }

  slice(start = undefined, end = undefined, type = "") {
    const { length } = this.#bytes;
    const from = clamp(start, length, 0);
    const to = Math.max(clamp(end, length, length), from);
    const part = new Blob([], { type });
    // The bytes of a blob never change, so they can be shared.
    part.#bytes = this.#bytes.subarray(from, to);
    return part;
  }

  async arrayBuffer() {
    const { buffer, byteOffset, byteLength } = this.#bytes;
    return ArrayBufferPrototypeSlice(buffer, byteOffset, byteOffset + byteLength);
  }

  text() {
    return PromiseResolve(bufferText(this.#bytes));
  }

  async bytes() {
    return new Uint8Array(this.#bytes);
  }

  stream() {
    return Readable.of(this.#bytes);
  }

  [INSPECT](depth, options, inspect) {
    const shown = { size: this.size, type: this.type };
    return typeof inspect === "function" ? `Blob ${inspect(shown, options)}` : shown;
  }
}

const { bytes: blobBytes, is: isBlob } = Blob;

class File extends Blob {
  #name;
  #lastModified;

  constructor(parts, name, options = {}) {
    if (arguments.length < 2) throw new TypeError('The "fileBits" and "fileName" arguments must be specified');
    super(parts, options);
    this.#name = `${name}`;
    this.#lastModified = options?.lastModified === undefined ? now() : Math.trunc(+options.lastModified) || 0;
  }

  get name() {
    return this.#name;
  }

  get lastModified() {
    return this.#lastModified;
  }
}

let now;

/** The bytes of a Blob, or undefined if `value` is none. */
export const bytesOfBlob = (value) => (isBlob(value) ? blobBytes(value) : undefined);

/** Exposes `Blob` and `File`. */
export function install(native) {
  now = () => native.now();
  // Module-internal functions, defined as statics for their access to private fields.
  delete Blob.is;
  delete Blob.bytes;
  defineInterface(Blob, "Blob", ["size", "type", "slice", "arrayBuffer", "text", "bytes", "stream"]);
  defineInterface(File, "File", ["name", "lastModified"]);
  ObjectDefineProperty(Blob, "name", { __proto__: null, value: "Blob", configurable: true });
  ObjectDefineProperty(File, "name", { __proto__: null, value: "File", configurable: true });
  expose("Blob", Blob);
  expose("File", File);
}
