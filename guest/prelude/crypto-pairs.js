// Signatures and encryption with public and private keys, of Node's crypto. The arithmetic is the host's. What is signed
// is hashed here; only the digest goes out.

import { Error, TypeError, Uint8Array } from "./primordials.js";
import { invalidArgument, requireFunction, requireString } from "./arguments.js";
import { asBuffer } from "./buffer.js";
import { encodingName } from "./buffer-encodings.js";
import { coded, isView, opensslError, requireData } from "./crypto-arguments.js";
import { invalidOption } from "./crypto-forms.js";
import { hashName, hashNumber, isExtendable } from "./crypto-hash.js";
import { heldBy, invalidValue } from "./crypto-keys.js";
import { bytesOf } from "./encoding.js";
import { later } from "./timers.js";

const RSA_PKCS1_PADDING = 1;
const RSA_NO_PADDING = 3;
const RSA_PKCS1_OAEP_PADDING = 4;
const RSA_PKCS1_PSS_PADDING = 6;
const RSA_PSS_SALTLEN_DIGEST = -1;
const RSA_PSS_SALTLEN_MAX_SIGN = -2;

/** Those of Node's crypto.constants that something here reads. */
export const CONSTANTS = {
  __proto__: null,
  DH_CHECK_P_NOT_SAFE_PRIME: 2,
  DH_CHECK_P_NOT_PRIME: 1,
  DH_UNABLE_TO_CHECK_GENERATOR: 4,
  DH_NOT_SUITABLE_GENERATOR: 8,
  RSA_PKCS1_PADDING,
  RSA_NO_PADDING,
  RSA_PKCS1_OAEP_PADDING,
  RSA_X931_PADDING: 5,
  RSA_PKCS1_PSS_PADDING,
  RSA_PSS_SALTLEN_DIGEST,
  RSA_PSS_SALTLEN_MAX_SIGN,
  RSA_PSS_SALTLEN_AUTO: -2,
  POINT_CONVERSION_COMPRESSED: 2,
  POINT_CONVERSION_UNCOMPRESSED: 4,
  POINT_CONVERSION_HYBRID: 6,
};

const BARE_KEY = "of type string or an instance of ArrayBuffer, Buffer, TypedArray, or DataView";
const VIEW = "an instance of Buffer, TypedArray, or DataView";

const isEdwards = (held) => held.type === "ed25519" || held.type === "ed448";

/** The members of `crypto` about signing and encrypting. `host` as of `keyHost`, `forms` as of `keyForms`. */
export function keyPairs(native, codecs, host, forms) {
  const { crypto } = native;
  const { prepare, toBytes } = forms;

  // ---- signing

  function signatureOptions(key) {
    const options =
      typeof key === "object" && key !== null && heldBy(key) === undefined && !isView(key) ? key : {};
    const { padding = RSA_PKCS1_PADDING, saltLength = RSA_PSS_SALTLEN_MAX_SIGN, dsaEncoding = "der" } = options;
    if (typeof padding !== "number" || padding !== (padding | 0)) throw invalidOption("padding", padding);
    if (typeof saltLength !== "number" || saltLength !== (saltLength | 0)) {
      throw invalidOption("saltLength", saltLength);
    }
    if (dsaEncoding !== "der" && dsaEncoding !== "ieee-p1363") throw invalidOption("dsaEncoding", dsaEncoding);
    return { padding, saltLength, dsaEncoding };
  }

  function digested(number, data) {
    const handle = crypto.digest(number);
    crypto.update(handle, data);
    return crypto.final(handle, crypto.digestLength(number));
  }

  const DEFAULT_DIGEST = "sha256";

  // What the host has to be told of a signature over `data`, and what it works on.
  function signed(algorithm, data, held) {
    if (isEdwards(held)) {
      if (algorithm !== null && algorithm !== undefined) {
        throw opensslError("1C80007A", "Provider routines", "invalid digest", "ERR_OSSL_INVALID_DIGEST");
      }
      return { digest: null, data };
    }
    const number = digestNumber(algorithm ?? DEFAULT_DIGEST);
    return { digest: hashName(number), data: digested(number, data) };
  }

  function digestNumber(name) {
    requireString(name, "algorithm");
    const number = hashNumber(name);
    if (number !== undefined) return number;
    throw coded(TypeError, "ERR_CRYPTO_INVALID_DIGEST", `Invalid digest: ${name}`);
  }

  function signatureOf(held, digest, options, data) {
    return asBuffer(new Uint8Array(host.ask({ op: "sign", key: host.sent(held), digest, ...options }, data)));
  }

  function isSignatureOf(held, digest, options, data, signature) {
    const request = { op: "verify", key: host.sent(held), digest, ...options, signature: host.base64(signature) };
    return new Uint8Array(host.ask(request, data))[0] === 1;
  }

  function sign(algorithm, data, key, callback) {
    if (callback !== undefined) requireFunction(callback, "callback");
    if (algorithm !== null && algorithm !== undefined) requireString(algorithm, "algorithm");
    const options = signatureOptions(key);
    const held = prepare(key, "private");
    const work = signed(algorithm, requireData(codecs, data), held);
    const signature = signatureOf(held, work.digest, options, work.data);
    if (callback === undefined) return signature;
    later(() => callback(null, signature));
  }

  function verify(algorithm, data, key, signature, callback) {
    if (callback !== undefined) requireFunction(callback, "callback");
    if (algorithm !== null && algorithm !== undefined) requireString(algorithm, "algorithm");
    requireData(codecs, data);
    const given = bytesOf(signature);
    if (given === undefined) throw invalidArgument("signature", VIEW, signature);
    const options = signatureOptions(key);
    const held = prepare(key, "public");
    const work = signed(algorithm, data, held);
    const isGenuine = isSignatureOf(held, work.digest, options, work.data, given);
    if (callback === undefined) return isGenuine;
    later(() => callback(null, isGenuine));
  }

  // A hash that ends in a signature, or in the proof of one.
  class Signing {
    #number;
    #handle;

    constructor(algorithm) {
      requireString(algorithm, "algorithm");
      this.#number = hashNumber(algorithm);
      if (this.#number === undefined) throw coded(TypeError, "ERR_CRYPTO_INVALID_DIGEST", "Invalid digest");
      this.#handle = crypto.digest(this.#number);
    }

    update(data, encoding) {
      crypto.update(this.#live(), requireData(codecs, data, encoding));
      return this;
    }

    write(chunk, encoding, callback) {
      this.update(chunk, typeof encoding === "string" ? encoding : undefined);
      const called = typeof encoding === "function" ? encoding : callback;
      if (typeof called === "function") later(called);
      return true;
    }

    end(chunk, encoding, callback) {
      if (chunk !== undefined && chunk !== null && typeof chunk !== "function") {
        this.update(chunk, typeof encoding === "string" ? encoding : undefined);
      }
      if (typeof chunk === "function") later(chunk);
      else if (typeof encoding === "function") later(encoding);
      else if (typeof callback === "function") later(callback);
      return this;
    }

    #live() {
      if (this.#handle === undefined) throw coded(Error, "ERR_CRYPTO_INVALID_STATE", "Not initialised");
      return this.#handle;
    }

    /** The digest, once. */
    static finish(signing, held) {
      const handle = signing.#live();
      signing.#handle = undefined;
      if (isEdwards(held)) {
        throw coded(Error, "ERR_CRYPTO_UNSUPPORTED_OPERATION", "Unsupported crypto operation");
      }
      const number = signing.#number;
      const length = crypto.digestLength(number);
      return { digest: isExtendable(number) ? "" : hashName(number), data: crypto.final(handle, length) };
    }
  }
  const { finish } = Signing;
  delete Signing.finish;

  class Sign extends Signing {
    sign(key, encoding) {
      if (!key) throw coded(Error, "ERR_CRYPTO_SIGN_KEY_REQUIRED", "No key provided to sign");
      const options = signatureOptions(key);
      const held = prepare(key, "private");
      const { digest, data } = finish(this, held);
      const signature = signatureOf(held, digest, options, data);
      return encoding === undefined || encoding === null || encoding === "buffer"
        ? signature
        : codecs[encodingName(encoding) ?? "utf8"].decode(signature, 0, signature.length);
    }
  }

  class Verify extends Signing {
    verify(key, signature, encoding) {
      const options = signatureOptions(key);
      const held = prepare(key, "public");
      const given = toBytes(signature, encoding);
      if (given === undefined) {
        throw invalidArgument(
          "signature",
          "of type string or an instance of ArrayBuffer, Buffer, TypedArray, or DataView",
          signature,
        );
      }
      const { digest, data } = finish(this, held);
      return isSignatureOf(held, digest, options, data, given);
    }
  }

  // ---- encryption

  function encryption(op, key, data, want, padding) {
    const options =
      typeof key === "object" && key !== null && heldBy(key) === undefined && !isView(key) ? key : {};
    const held = prepare(key, want);
    const bytes = toBytes(data, options.encoding);
    if (bytes === undefined) throw invalidArgument("buffer", BARE_KEY, data);
    const chosen = options.padding ?? padding;
    if (op === "decrypt" && want === "private" && chosen === RSA_PKCS1_PADDING) {
      throw invalidValue(
        "RSA_PKCS1_PADDING is no longer supported for private decryption, this can be reverted with --security-revert=CVE-2023-46809",
      );
    }
    const { oaepHash = "sha1", oaepLabel } = options;
    requireString(oaepHash, "key.oaepHash");
    const number = hashNumber(oaepHash);
    const request = {
      op,
      key: host.sent(held),
      padding: chosen,
      oaepHash: number === undefined ? "" : hashName(number),
      oaepLabel: oaepLabel === undefined ? null : host.base64(toBytes(oaepLabel)),
      private: op === "encrypt" && want === "private",
      public: op === "decrypt" && want === "public",
    };
    return asBuffer(new Uint8Array(host.ask(request, bytes)));
  }

  return {
    Sign,
    Verify,
    createSign: (algorithm) => new Sign(algorithm),
    createVerify: (algorithm) => new Verify(algorithm),
    privateDecrypt: (key, data) => encryption("decrypt", key, data, "private", RSA_PKCS1_OAEP_PADDING),
    privateEncrypt: (key, data) => encryption("encrypt", key, data, "private", RSA_PKCS1_PADDING),
    publicDecrypt: (key, data) => encryption("decrypt", key, data, "public", RSA_PKCS1_PADDING),
    publicEncrypt: (key, data) => encryption("encrypt", key, data, "public", RSA_PKCS1_OAEP_PADDING),
    sign,
    verify,
  };
}
