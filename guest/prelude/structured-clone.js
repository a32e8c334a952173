// `structuredClone` by the HTML standard's rules for the types a sandbox has.

import {
  ArrayBufferPrototypeGetByteLength,
  ArrayBufferPrototypeSlice,
  ArrayIsArray,
  ArrayPrototypeIncludes,
  BigIntPrototypeValueOf,
  BooleanPrototypeValueOf,
  DataView,
  DataViewPrototypeGetBuffer,
  DataViewPrototypeGetByteLength,
  DataViewPrototypeGetByteOffset,
  Date,
  DatePrototypeGetTime,
  Error,
  Map,
  MapPrototypeSet,
  NumberPrototypeValueOf,
  Object,
  ObjectDefineProperty,
  ObjectGetOwnPropertyDescriptor,
  ObjectKeys,
  ObjectPrototypeHasOwnProperty,
  RegExp,
  RegExpPrototypeGetFlags,
  RegExpPrototypeGetSource,
  SafeMap,
  Set,
  SetPrototypeAdd,
  String,
  StringPrototypeValueOf,
  TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetByteOffset,
  TypedArrayPrototypeGetLength,
  TypedArrayPrototypeGetSymbolToStringTag,
  TypeError,
  uncurryThis,
} from "./primordials.js";
import { expose } from "./expose.js";

const { DOMException } = globalThis;
const ArrayBufferPrototypeTransfer = uncurryThis(ArrayBuffer.prototype.transfer);
const ArrayBufferPrototypeGetDetached = uncurryThis(
  ObjectGetOwnPropertyDescriptor(ArrayBuffer.prototype, "detached").get,
);

const VIEWS = { __proto__: null };
for (const name of [
  "Int8Array",
  "Uint8Array",
  "Uint8ClampedArray",
  "Int16Array",
  "Uint16Array",
  "Int32Array",
  "Uint32Array",
  "Float16Array",
  "Float32Array",
  "Float64Array",
  "BigInt64Array",
  "BigUint64Array",
]) {
  if (globalThis[name] !== undefined) VIEWS[name] = globalThis[name];
}

const ERRORS = { __proto__: null };
for (const name of [
  "EvalError",
  "RangeError",
  "ReferenceError",
  "SyntaxError",
  "TypeError",
  "URIError",
]) {
  ERRORS[name] = globalThis[name];
}

/** A deep copy by the same rules as the global; for prelude code that must copy what it is given. */
export const cloneValue = (native, value) => new Cloner(native).clone(value);

function uncloneable(what) {
  return new DOMException(`${what} could not be cloned.`, "DataCloneError");
}

class Cloner {
  #native;
  #seen = new SafeMap();

  constructor(native) {
    this.#native = native;
  }

  remember(original, copy) {
    this.#seen.set(original, copy);
    return copy;
  }

  clone(value) {
    if (typeof value === "symbol") throw uncloneable(String(value));
    if (typeof value === "function") throw uncloneable(`function ${value.name}`);
    if (typeof value !== "object" || value === null) return value;
    if (this.#seen.has(value)) return this.#seen.get(value);
    if (this.#native.proxyDetails(value) !== undefined) throw uncloneable("#<Object>");
    const kind = this.#native.className(value);
    switch (kind) {
      case "Boolean":
        return this.remember(value, Object(BooleanPrototypeValueOf(value)));
      case "Number":
        return this.remember(value, Object(NumberPrototypeValueOf(value)));
      case "BigInt":
        return this.remember(value, Object(BigIntPrototypeValueOf(value)));
      case "String":
        return this.remember(value, Object(StringPrototypeValueOf(value)));
      case "Date":
        return this.remember(value, new Date(DatePrototypeGetTime(value)));
      case "RegExp":
        return this.remember(
          value,
          new RegExp(RegExpPrototypeGetSource(value), RegExpPrototypeGetFlags(value)),
        );
      case "ArrayBuffer":
        if (ArrayBufferPrototypeGetDetached(value)) throw uncloneable("A detached ArrayBuffer");
        return this.remember(
          value,
          ArrayBufferPrototypeSlice(value, 0, ArrayBufferPrototypeGetByteLength(value)),
        );
      case "DataView":
        return this.#dataView(value);
      case "Map":
        return this.#map(value);
      case "Set":
        return this.#set(value);
      case "Error":
        return this.#error(value);
      case "DOMException":
        return this.remember(value, new DOMException(value.message, value.name));
      case "Array":
      case "Object":
      case "Arguments":
        return this.#properties(value, kind === "Array" ? newArray(value.length) : {});
      default:
        if (VIEWS[kind] !== undefined) return this.#typedArray(value);
        throw uncloneable(`#<${kind}>`);
    }
  }

  #dataView(value) {
    const offset = DataViewPrototypeGetByteOffset(value);
    const length = DataViewPrototypeGetByteLength(value);
    const buffer = this.clone(DataViewPrototypeGetBuffer(value));
    return this.remember(value, new DataView(buffer, offset, length));
  }

  #typedArray(value) {
    const View = VIEWS[TypedArrayPrototypeGetSymbolToStringTag(value)];
    const offset = TypedArrayPrototypeGetByteOffset(value);
    const length = TypedArrayPrototypeGetLength(value);
    const buffer = this.clone(TypedArrayPrototypeGetBuffer(value));
    return this.remember(value, new View(buffer, offset, length));
  }

  #map(value) {
    const copy = this.remember(value, new Map());
    const entries = this.#native.iteratorEntries(value)[0];
    for (let i = 0; i < entries.length; i += 2) {
      MapPrototypeSet(copy, this.clone(entries[i]), this.clone(entries[i + 1]));
    }
    return copy;
  }

  #set(value) {
    const copy = this.remember(value, new Set());
    const entries = this.#native.iteratorEntries(value)[0];
    for (let i = 0; i < entries.length; i++) SetPrototypeAdd(copy, this.clone(entries[i]));
    return copy;
  }

  #error(value) {
    const name = value.name;
    const Class = (typeof name === "string" && ERRORS[name]) || Error;
    const message = ObjectGetOwnPropertyDescriptor(value, "message");
    const copy = this.remember(value, new Class());
    hide(copy, "message", message !== undefined && "value" in message ? String(message.value) : undefined);
    hide(copy, "stack", String(value.stack));
    if (ObjectGetOwnPropertyDescriptor(value, "cause") !== undefined) {
      hide(copy, "cause", this.clone(value.cause));
    }
    return copy;
  }

  #properties(value, copy) {
    this.remember(value, copy);
    const keys = ObjectKeys(value);
    for (let i = 0; i < keys.length; i++) {
      // A getter run on the way may have removed what comes after it.
      if (!ObjectPrototypeHasOwnProperty(value, keys[i])) continue;
      this.#native.setOwn(copy, keys[i], this.clone(value[keys[i]]));
    }
    return copy;
  }
}

function newArray(length) {
  const copy = [];
  copy.length = length;
  return copy;
}

function hide(object, name, value) {
  if (value === undefined && name === "message") return;
  ObjectDefineProperty(object, name, {
    __proto__: null,
    value,
    writable: true,
    configurable: true,
    enumerable: false,
  });
}

function readTransfer(native, options) {
  if (options === undefined || options === null) return [];
  if (typeof options !== "object") throw new TypeError("The options argument must be an object");
  const { transfer } = options;
  if (transfer === undefined) return [];
  if (!ArrayIsArray(transfer)) throw new TypeError("options.transfer must be an array");
  const buffers = [];
  for (let i = 0; i < transfer.length; i++) {
    const buffer = transfer[i];
    if ((typeof buffer !== "object" && typeof buffer !== "function") || buffer === null) {
      throw new TypeError(`options.transfer[${i}] is not an object`);
    }
    if (native.className(buffer) !== "ArrayBuffer") {
      throw new DOMException("Value not transferable", "DataCloneError");
    }
    if (ArrayBufferPrototypeGetDetached(buffer) || ArrayPrototypeIncludes(buffers, buffer)) {
      throw new DOMException("An ArrayBuffer is detached or listed twice", "DataCloneError");
    }
    buffers[i] = buffer;
  }
  return buffers;
}

/** Exposes `structuredClone(value, { transfer })`; only ArrayBuffers can be transferred. */
export function install(native) {
  const { structuredClone } = {
    structuredClone(value, options) {
      if (arguments.length === 0) {
        throw new TypeError("The value argument must be specified");
      }
      const transfer = readTransfer(native, options);
      const cloner = new Cloner(native);
      // Copied while cloning may still fail, taken from their owners once it has not.
      const copy = cloner.clone(value);
      for (let i = 0; i < transfer.length; i++) ArrayBufferPrototypeTransfer(transfer[i]);
      return copy;
    },
  };
  expose("structuredClone", structuredClone);
}

