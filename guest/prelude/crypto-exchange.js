// Secrets that two parties agree on over curves, of Node's crypto: `diffieHellman` and `createECDH`.

import { Error, RangeError, String, TypeError, Uint8Array, uncurryThis } from "./primordials.js";
import { invalidArgument, requireString } from "./arguments.js";
import { asBuffer } from "./buffer.js";
import { requireEncoding } from "./buffer-encodings.js";
import { coded } from "./crypto-arguments.js";
import { CURVES } from "./crypto-generate.js";
import { heldBy, invalidValue, wrongKind } from "./crypto-keys.js";
import { bytesOf } from "./encoding.js";
import { define } from "./expose.js";

const TypedArrayPrototypeSlice = uncurryThis(Uint8Array.prototype.slice);

const BYTES = "of type string or an instance of ArrayBuffer, Buffer, TypedArray, or DataView";
const AGREEING = { __proto__: null, ec: true, x25519: true, x448: true };

/** A copy of bytes, or the bytes of text, as the argument called `key` gives them. */
export function keyBytes(codecs, key, encoding) {
  if (typeof key === "string") {
    return codecs[requireEncoding(encoding === "buffer" ? "utf8" : encoding)].encode(key);
  }
  const bytes = bytesOf(key);
  if (bytes === undefined) throw invalidArgument("key", BYTES, key);
  return TypedArrayPrototypeSlice(bytes);
}

/** A Buffer, or text where an encoding is named. */
export function encoded(codecs, bytes, encoding) {
  if (!encoding || encoding === "buffer") return asBuffer(bytes);
  return codecs[requireEncoding(encoding)].decode(bytes, 0, bytes.length);
}

/** `bytes` without zeros in front. */
export function trimmed(bytes) {
  let zeros = 0;
  while (zeros < bytes.length && bytes[zeros] === 0) zeros++;
  return TypedArrayPrototypeSlice(bytes, zeros);
}

/** The members of `crypto` about agreement over curves. `host` as of `keyHost`, `generation` as of `keyGeneration`. */
export function exchange(codecs, host, forms, generation) {
  function diffieHellman(options) {
    if (typeof options !== "object" || options === null) {
      throw invalidArgument("options", "of type object", options);
    }
    const half = (name) => {
      const held = heldBy(options[name]);
      if (held !== undefined) return held;
      throw invalidValue(`The property 'options.${name}' is invalid. Received ${String(options[name])}`);
    };
    const privateKey = half("privateKey");
    const publicKey = half("publicKey");
    if (privateKey.kind !== "private") throw wrongKind(privateKey.kind, "private");
    if (publicKey.kind === "secret") throw wrongKind(publicKey.kind, "private or public");
    if (privateKey.type !== publicKey.type || !AGREEING[privateKey.type]) {
      throw coded(
        Error,
        "ERR_CRYPTO_INCOMPATIBLE_KEY",
        `Incompatible key types for Diffie-Hellman: ${privateKey.type} and ${publicKey.type}`,
      );
    }
    return asBuffer(new Uint8Array(host.agree(privateKey, publicKey)));
  }

  function requireCurve(curve) {
    requireString(curve, "curve");
    for (let i = 0; i < CURVES.length; i++) if (CURVES[i] === curve) return;
    throw coded(TypeError, "ERR_CRYPTO_INVALID_CURVE", "Invalid EC curve name");
  }

  // The public key in `bytes`; undefined where there is none.
  function readPoint(bytes, curve) {
    try {
      return host.readRaw(bytes, "ec", curve, "public");
    } catch {
      return undefined;
    }
  }

  const noPoint = () => coded(Error, "ERR_CRYPTO_OPERATION_FAILED", "Failed to convert Buffer to EC_POINT");

  // An uncompressed point in the form that is asked for (SEC 1, 2.3.3).
  function formed(point, format) {
    if (!format || format === "uncompressed") return point;
    const parity = point[point.length - 1] & 1;
    let bytes;
    if (format === "compressed") {
      bytes = TypedArrayPrototypeSlice(point, 0, (point.length + 1) >> 1);
      bytes[0] = 2 | parity;
    } else if (format === "hybrid") {
      bytes = TypedArrayPrototypeSlice(point);
      bytes[0] = 6 | parity;
    } else {
      throw coded(TypeError, "ERR_CRYPTO_ECDH_INVALID_FORMAT", `Invalid ECDH format: ${String(format)}`);
    }
    return bytes;
  }

  const publicPoint = (held) => host.raw(forms.publicHalf(held));

  const isSame = (first, second) => {
    if (first.length !== second.length) return false;
    for (let i = 0; i < first.length; i++) if (first[i] !== second[i]) return false;
    return true;
  };

  class ECDH {
    #curve;
    #held;
    #point;

    constructor(curve) {
      requireCurve(curve);
      this.#curve = curve;
    }

    computeSecret(key, inputEncoding, outputEncoding) {
      const bytes = keyBytes(codecs, key, inputEncoding);
      // Somebody may have set a public key that does not belong to the private one.
      if (this.#held === undefined || !isSame(this.#point, publicPoint(this.#held))) {
        throw coded(RangeError, "ERR_CRYPTO_INVALID_KEYPAIR", "Invalid key pair");
      }
      const theirs = readPoint(bytes, this.#curve);
      if (theirs === undefined) {
        throw coded(
          Error,
          "ERR_CRYPTO_ECDH_INVALID_PUBLIC_KEY",
          "Public key is not valid for specified curve",
        );
      }
      return encoded(codecs, new Uint8Array(host.agree(this.#held, theirs)), outputEncoding);
    }

    setPrivateKey(key, encoding) {
      const bytes = keyBytes(codecs, key, encoding);
      let held;
      try {
        held = host.readRaw(bytes, "ec", this.#curve, "private");
      } catch {
        throw coded(
          RangeError,
          "ERR_CRYPTO_INVALID_KEYTYPE",
          "Private key is not valid for specified curve.",
        );
      }
      this.#held = held;
      this.#point = publicPoint(held);
      return this;
    }

    setPublicKey(key, encoding) {
      const held = readPoint(keyBytes(codecs, key, encoding), this.#curve);
      if (held === undefined) throw noPoint();
      this.#point = host.raw(held);
      return this;
    }

    getPrivateKey(encoding) {
      if (this.#held === undefined) {
        throw coded(Error, "ERR_CRYPTO_OPERATION_FAILED", "Failed to get ECDH private key");
      }
      return encoded(codecs, trimmed(host.raw(this.#held)), encoding);
    }

    generateKeys(encoding, format) {
      this.#held = generation.makeSync({ op: "make", type: "ec", namedCurve: this.#curve });
      this.#point = publicPoint(this.#held);
      return encoded(codecs, TypedArrayPrototypeSlice(formed(this.#point, format)), encoding);
    }

    getPublicKey(encoding, format) {
      if (this.#point === undefined) {
        throw coded(Error, "ERR_CRYPTO_OPERATION_FAILED", "Failed to get ECDH public key");
      }
      return encoded(codecs, TypedArrayPrototypeSlice(formed(this.#point, format)), encoding);
    }
  }
  define(ECDH, "convertKey", (key, curve, inputEncoding, outputEncoding, format) => {
    requireString(curve, "curve");
    const bytes = keyBytes(codecs, key, inputEncoding);
    requireCurve(curve);
    const held = readPoint(bytes, curve);
    if (held === undefined) throw noPoint();
    return encoded(codecs, formed(host.raw(held), format), outputEncoding);
  });

  return { ECDH, createECDH: (curve) => new ECDH(curve), diffieHellman };
}
