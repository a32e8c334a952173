// Key objects of Node's crypto, and the CryptoKey of web crypto. The bytes lie in private fields; the functions
// below this module's classes are the only way to them.

import { SymbolToStringTag, TypeError, Uint8Array, uncurryThis } from "./primordials.js";
import { invalidArgument, requireFunction, requireString } from "./arguments.js";
import { asBuffer } from "./buffer.js";
import { requireEncoding } from "./buffer-encodings.js";
import { coded, INT32_MAX, requireInteger } from "./crypto-arguments.js";
import { bytesOf } from "./encoding.js";
import { define } from "./expose.js";
import { later } from "./timers.js";

const TypedArrayPrototypeSlice = uncurryThis(Uint8Array.prototype.slice);

const BYTES = "an instance of ArrayBuffer, Buffer, TypedArray, or DataView";

/** Only the prelude makes keys: what their constructors want to see. */
const OURS = {};

let secretOfKeyObject;
let secretOfCryptoKey;

/** A copy of the bytes of any accepted value, so that nobody changes a key from outside. */
const copied = (bytes) => TypedArrayPrototypeSlice(bytes);

export class KeyObject {
  #secret;

  constructor(access, secret) {
    if (access !== OURS) {
      throw coded(TypeError, "ERR_INVALID_ARG_VALUE", "The argument 'type' is invalid. Received " + String(access));
    }
    this.#secret = secret;
  }

  static {
    secretOfKeyObject = (key) => (#secret in key ? key.#secret : undefined);
  }

  /** The KeyObject of a CryptoKey. */
  static from(key) {
    const secret = typeof key === "object" && key !== null ? secretOfCryptoKey(key) : undefined;
    if (secret === undefined) throw invalidArgument("key", "an instance of CryptoKey", key);
    return new KeyObject(OURS, secret);
  }

  get type() {
    return this.#secret && "secret";
  }

  get symmetricKeySize() {
    return this.#secret.length;
  }

  export(options) {
    const format = options?.format;
    if (options !== undefined && (typeof options !== "object" || options === null)) {
      throw invalidArgument("options", "of type object", options);
    }
    if (format === "jwk") return { kty: "oct", k: asBuffer(this.#secret).toString("base64url") };
    if (format === undefined || format === "buffer") return asBuffer(copied(this.#secret));
    throw coded(
      TypeError,
      "ERR_INVALID_ARG_VALUE",
      `The property 'options.format' must be one of: undefined, 'buffer', 'jwk'. Received '${format}'`,
    );
  }

  equals(other) {
    const secret = typeof other === "object" && other !== null ? secretOfKeyObject(other) : undefined;
    if (secret === undefined) throw invalidArgument("otherKeyObject", "an instance of KeyObject", other);
    if (secret.length !== this.#secret.length) return false;
    let difference = 0;
    for (let i = 0; i < secret.length; i++) difference |= secret[i] ^ this.#secret[i];
    return difference === 0;
  }
}
define(KeyObject.prototype, SymbolToStringTag, "KeyObject");

export class CryptoKey {
  #secret;
  #algorithm;
  #isExtractable;
  #usages;

  constructor(access, secret, algorithm, isExtractable, usages) {
    if (access !== OURS) throw coded(TypeError, "ERR_ILLEGAL_CONSTRUCTOR", "Illegal constructor");
    this.#secret = secret;
    this.#algorithm = algorithm;
    this.#isExtractable = isExtractable;
    this.#usages = usages;
  }

  static {
    secretOfCryptoKey = (key) => (#secret in key ? key.#secret : undefined);
  }

  get type() {
    return this.#secret && "secret";
  }

  get extractable() {
    return this.#isExtractable;
  }

  get algorithm() {
    return this.#algorithm;
  }

  get usages() {
    return this.#usages;
  }
}
define(CryptoKey.prototype, SymbolToStringTag, "CryptoKey");

/** The bytes of a secret KeyObject or CryptoKey; undefined for anything else. */
export function secretOf(key) {
  if (typeof key !== "object" || key === null) return undefined;
  return secretOfKeyObject(key) ?? secretOfCryptoKey(key);
}

/** The bytes of a CryptoKey; throws for anything else. */
export function requireCryptoKey(key, name) {
  const secret = typeof key === "object" && key !== null ? secretOfCryptoKey(key) : undefined;
  if (secret === undefined) throw invalidArgument(name, "an instance of CryptoKey", key);
  return secret;
}

/** A CryptoKey of a copy of `bytes`. */
export const cryptoKey = (bytes, algorithm, isExtractable, usages) =>
  new CryptoKey(OURS, copied(bytes), algorithm, isExtractable, usages);

/** The members of `crypto` about secret keys. */
export function keys(native, codecs) {
  function createSecretKey(key, encoding) {
    const bytes = typeof key === "string" ? codecs[requireEncoding(encoding)].encode(key) : bytesOf(key);
    if (bytes === undefined) throw invalidArgument("key", BYTES, key);
    return new KeyObject(OURS, copied(bytes));
  }

  function generateKeySync(type, options) {
    requireString(type, "type");
    if (typeof options !== "object" || options === null) {
      throw invalidArgument("options", "of type object", options);
    }
    const { length } = options;
    if (type === "hmac") {
      requireInteger(length, "options.length", 8, INT32_MAX);
    } else if (type !== "aes") {
      throw coded(
        TypeError,
        "ERR_INVALID_ARG_VALUE",
        `The argument 'type' must be a supported key type. Received '${type}'`,
      );
    } else if (length !== 128 && length !== 192 && length !== 256) {
      throw coded(
        TypeError,
        "ERR_INVALID_ARG_VALUE",
        `The property 'options.length' must be one of: 128, 192, 256. Received ${String(length)}`,
      );
    }
    return new KeyObject(OURS, new Uint8Array(native.random(length >>> 3)));
  }

  return {
    KeyObject,
    createSecretKey,
    generateKeySync,
    generateKey(type, options, callback) {
      requireFunction(callback, "callback");
      const key = generateKeySync(type, options);
      later(() => callback(undefined, key));
    },
  };
}
