// `atob` and `btoa` as the npm packages of those names behave on Node (SPEC 4.3): Latin-1 code units,
// no error for wide characters, for bad padding or for foreign characters.

import {
  ArrayBufferPrototypeGetByteLength,
  ObjectGetPrototypeOf,
  String,
  TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetByteLength,
  TypedArrayPrototypeGetByteOffset,
  Uint8Array,
} from "./primordials.js";
import { expose } from "./expose.js";

const Uint8ArrayPrototype = Uint8Array.prototype;

/** Exposes `atob` and `btoa`. */
export function install(native) {
  // The packages take a Buffer as bytes and anything else as text. A Buffer is the one subclass of
  // Uint8Array that user code meets.
  const isBuffer = (value) =>
    native.className(value) === "Uint8Array" && ObjectGetPrototypeOf(value) !== Uint8ArrayPrototype;

  const view = (bytes, read) =>
    read(
      TypedArrayPrototypeGetBuffer(bytes),
      TypedArrayPrototypeGetByteOffset(bytes),
      TypedArrayPrototypeGetByteLength(bytes),
    );

  const globals = {
    btoa(value) {
      if (isBuffer(value)) return view(value, (buffer, offset, length) => native.base64Encode(buffer, offset, length, false));
      const bytes = native.latin1Encode(String(value));
      return native.base64Encode(bytes, 0, ArrayBufferPrototypeGetByteLength(bytes), false);
    },

    atob(value) {
      if (isBuffer(value)) return view(value, native.latin1);
      const decoded = native.base64Decode(String(value));
      return native.latin1(decoded, 0, ArrayBufferPrototypeGetByteLength(decoded));
    },
  };
  expose("btoa", globals.btoa);
  expose("atob", globals.atob);
}
