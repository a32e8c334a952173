// Key objects of Node's crypto, and the CryptoKey of web crypto. What a key is lies in private fields; the functions
// exported here are the only way to it, and user code never sees them.
//
// A key that is `held`: `{ kind: "secret", bytes }`, or `{ kind: "public" | "private", type, details, der }` with SPKI
// or PKCS #8 in base64, as the host reads it.

import { BigInt, SymbolToStringTag, TypeError, Uint8Array, uncurryThis } from "./primordials.js";
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

let heldByKeyObject;
let heldByCryptoKey;
let factsOf;

// Writes public and private keys; set by whoever can ask the host.
let write;

/** A copy of the bytes of any accepted value, so that nobody changes a key from outside. */
const copied = (bytes) => TypedArrayPrototypeSlice(bytes);

export const invalidValue = (message) => coded(TypeError, "ERR_INVALID_ARG_VALUE", message);

export class KeyObject {
  #held;

  constructor(access, held) {
    if (access !== OURS) throw invalidValue(`The argument 'type' is invalid. Received ${String(access)}`);
    this.#held = held;
  }

  static {
    heldByKeyObject = (key) => (#held in key ? key.#held : undefined);
  }

  /** The KeyObject of a CryptoKey. */
  static from(key) {
    const held = typeof key === "object" && key !== null ? heldByCryptoKey(key) : undefined;
    if (held === undefined) throw invalidArgument("key", "an instance of CryptoKey", key);
    return keyObject(held);
  }

  get type() {
    return this.#held.kind;
  }

  equals(other) {
    const theirs = typeof other === "object" && other !== null ? heldByKeyObject(other) : undefined;
    if (theirs === undefined) throw invalidArgument("otherKeyObject", "an instance of KeyObject", other);
    const ours = this.#held;
    if (theirs.kind !== ours.kind) return false;
    if (ours.kind !== "secret") return theirs.der === ours.der;
    if (theirs.bytes.length !== ours.bytes.length) return false;
    let difference = 0;
    for (let i = 0; i < ours.bytes.length; i++) difference |= theirs.bytes[i] ^ ours.bytes[i];
    return difference === 0;
  }
}
define(KeyObject.prototype, SymbolToStringTag, "KeyObject");

class SecretKeyObject extends KeyObject {
  get symmetricKeySize() {
    return heldByKeyObject(this).bytes.length;
  }

  export(options) {
    if (options !== undefined && (typeof options !== "object" || options === null)) {
      throw invalidArgument("options", "of type object", options);
    }
    const { bytes } = heldByKeyObject(this);
    const format = options?.format;
    if (format === "jwk") return { kty: "oct", k: asBuffer(bytes).toString("base64url") };
    if (format === undefined || format === "buffer") return asBuffer(copied(bytes));
    throw invalidValue(
      `The property 'options.format' must be one of: undefined, 'buffer', 'jwk'. Received '${format}'`,
    );
  }
}

class AsymmetricKeyObject extends KeyObject {
  get asymmetricKeyType() {
    return heldByKeyObject(this).type;
  }

  get asymmetricKeyDetails() {
    const { details } = heldByKeyObject(this);
    const { publicExponent } = details;
    return publicExponent === undefined
      ? { ...details }
      : { ...details, publicExponent: BigInt(publicExponent) };
  }

  export(options) {
    return write(heldByKeyObject(this), options);
  }
}

class PublicKeyObject extends AsymmetricKeyObject {}
class PrivateKeyObject extends AsymmetricKeyObject {}

export class CryptoKey {
  #held;
  #algorithm;
  #isExtractable;
  #usages;

  constructor(access, held, algorithm, isExtractable, usages) {
    if (access !== OURS) throw coded(TypeError, "ERR_ILLEGAL_CONSTRUCTOR", "Illegal constructor");
    this.#held = held;
    this.#algorithm = algorithm;
    this.#isExtractable = isExtractable;
    this.#usages = usages;
  }

  static {
    heldByCryptoKey = (key) => (#held in key ? key.#held : undefined);
    factsOf = (key) =>
      #held in key
        ? {
            __proto__: null,
            held: key.#held,
            algorithm: key.#algorithm,
            isExtractable: key.#isExtractable,
            usages: key.#usages,
          }
        : undefined;
  }

  get type() {
    return this.#held.kind;
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

/** What a KeyObject or CryptoKey is; undefined for anything else. */
export function heldBy(key) {
  if (typeof key !== "object" || key === null) return undefined;
  return heldByKeyObject(key) ?? heldByCryptoKey(key);
}

export const wrongKind = (kind, expected) =>
  coded(
    TypeError,
    "ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE",
    `Invalid key object type ${kind}, expected ${expected}.`,
  );

/** The bytes of a secret KeyObject or CryptoKey; undefined for what is no key at all. */
export function secretOf(key) {
  const held = heldBy(key);
  if (held !== undefined && held.kind !== "secret") throw wrongKind(held.kind, "secret");
  return held?.bytes;
}

/** `{ held, algorithm, isExtractable, usages }` of a CryptoKey; undefined for anything else. */
export const cryptoKeyFacts = (key) => (typeof key === "object" && key !== null ? factsOf(key) : undefined);

/** A CryptoKey of `held`. */
export const cryptoKey = (held, algorithm, isExtractable, usages) =>
  new CryptoKey(OURS, held, algorithm, isExtractable, usages);

/** A secret of a copy of `bytes`. */
export const secret = (bytes) => ({ kind: "secret", bytes: copied(bytes) });

/** A KeyObject of `held`. */
export function keyObject(held) {
  const Class =
    held.kind === "secret" ? SecretKeyObject : held.kind === "public" ? PublicKeyObject : PrivateKeyObject;
  return new Class(OURS, held);
}

/** Tells how `export` of public and private keys is done: `writeKey(held, options)`. */
export function writeKeysWith(writeKey) {
  write = writeKey;
}

/** The members of `crypto` about secret keys. */
export function secretKeys(native, codecs) {
  function generateKeySync(type, options) {
    requireString(type, "type");
    if (typeof options !== "object" || options === null) {
      throw invalidArgument("options", "of type object", options);
    }
    const { length } = options;
    if (type === "hmac") {
      requireInteger(length, "options.length", 8, INT32_MAX);
    } else if (type !== "aes") {
      throw invalidValue(`The argument 'type' must be a supported key type. Received '${type}'`);
    } else if (length !== 128 && length !== 192 && length !== 256) {
      throw invalidValue(
        `The property 'options.length' must be one of: 128, 192, 256. Received ${String(length)}`,
      );
    }
    return keyObject(secret(new Uint8Array(native.random(length >>> 3))));
  }

  return {
    KeyObject,

    createSecretKey(key, encoding) {
      const bytes = typeof key === "string" ? codecs[requireEncoding(encoding)].encode(key) : bytesOf(key);
      if (bytes === undefined) throw invalidArgument("key", BYTES, key);
      return keyObject(secret(bytes));
    },

    generateKeySync,
    generateKey(type, options, callback) {
      requireFunction(callback, "callback");
      const key = generateKeySync(type, options);
      later(() => callback(undefined, key));
    },
  };
}
