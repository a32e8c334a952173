// Public and private keys of Node's crypto. The arithmetic is the host's (`native.crypto.keys`): it keeps nothing but
// keys it has read, so every request brings its key along. What is signed is hashed here; only the digest goes out.

import {
  ArrayPrototypeSlice,
  Error,
  JSONParse,
  JSONStringify,
  RangeError,
  String,
  TypeError,
  Uint8Array,
} from "./primordials.js";
import { invalidArgument, requireFunction, requireString } from "./arguments.js";
import { asBuffer } from "./buffer.js";
import { encodingName } from "./buffer-encodings.js";
import { coded, isView, requireBytes, requireData, requireInteger } from "./crypto-arguments.js";
import { hashName, hashNumber, isExtendable } from "./crypto-hash.js";
import { heldBy, invalidValue, keyObject, writeKeysWith, wrongKind } from "./crypto-keys.js";
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
  RSA_PKCS1_PADDING,
  RSA_NO_PADDING,
  RSA_PKCS1_OAEP_PADDING,
  RSA_X931_PADDING: 5,
  RSA_PKCS1_PSS_PADDING,
  RSA_PSS_SALTLEN_DIGEST,
  RSA_PSS_SALTLEN_MAX_SIGN,
  RSA_PSS_SALTLEN_AUTO: -2,
};

const KEY =
  "of type string or an instance of ArrayBuffer, Buffer, TypedArray, DataView, KeyObject, or CryptoKey";
const BARE_KEY = "of type string or an instance of ArrayBuffer, Buffer, TypedArray, or DataView";
const VIEW = "an instance of Buffer, TypedArray, or DataView";

const ERRORS = { __proto__: null, Error, RangeError, TypeError };
const CURVES = ["prime192v1", "prime256v1", "secp224r1", "secp256k1", "secp384r1", "secp521r1"];
const JWK_TYPES = { __proto__: null, RSA: true, EC: true, OKP: true };
const RAW_TYPES = { __proto__: null, ed25519: true, ed448: true, x25519: true, x448: true };

const PUBLIC_TYPES = ["pkcs1", "spki"];
const PRIVATE_TYPES = ["pkcs1", "pkcs8", "sec1"];
const includes = (list, value) => {
  for (let i = 0; i < list.length; i++) if (list[i] === value) return true;
  return false;
};

const isEdwards = (held) => held.type === "ed25519" || held.type === "ed448";
const shown = (value) => (typeof value === "string" ? `'${value}'` : String(value));
const invalidOption = (name, value) =>
  invalidValue(`The property 'options.${name}' is invalid. Received ${shown(value)}`);

// What the host said went wrong.
function refusal(text) {
  const detail = JSONParse(text);
  const error = coded(ERRORS[detail.name], detail.code, detail.message);
  if (detail.reason !== undefined) {
    error.library = detail.library;
    error.reason = detail.reason;
  }
  return error;
}

/** The members of `crypto` about public and private keys. */
export function keyPairs(native, codecs) {
  const { crypto } = native;

  function ask(request, data) {
    const answer = crypto.keys(JSONStringify({ __proto__: null, ...request }), data);
    if (typeof answer === "string") throw refusal(answer);
    return answer;
  }

  function askForText(request, data) {
    const answer = ask(request, data);
    return native.utf8Decode(answer, 0, answer.byteLength, false);
  }

  const base64 = (bytes) => native.base64Encode(bytes.buffer, bytes.byteOffset, bytes.length, false);

  // The bytes of text or of any view; text in `encoding`.
  const toBytes = (value, encoding) =>
    typeof value === "string" ? codecs[encodingName(encoding) ?? "utf8"].encode(value) : bytesOf(value);

  const received = ({ kind, type, details, der }) => ({ __proto__: null, kind, type, details, der });
  const sent = ({ kind, der }) => ({ __proto__: null, kind, der });

  // ---- reading

  function passphraseOf(options) {
    const { passphrase } = options;
    if (passphrase === undefined || passphrase === null) return null;
    if (typeof passphrase !== "string" && !isView(passphrase)) {
      throw invalidOption("passphrase", passphrase);
    }
    return base64(toBytes(passphrase, options.encoding));
  }

  function read(data, format, type, passphrase, want) {
    return received(JSONParse(askForText({ op: "read", format, type, passphrase, want }, data)));
  }

  function readJwk(jwk, want) {
    if (typeof jwk !== "object" || jwk === null) {
      throw invalidArgument("key.key", "of type object", jwk);
    }
    if (JWK_TYPES[jwk.kty] === undefined) {
      throw invalidValue(
        `The property 'key.kty' must be one of: 'RSA', 'EC', 'OKP'. Received ${shown(jwk.kty)}`,
      );
    }
    return read(JSONStringify(jwk), "jwk", null, null, want);
  }

  function readOptions(options, want) {
    const { key, format = "pem", type } = options;
    if (format === "jwk") return readJwk(key, want);
    if (format !== "pem" && format !== "der") throw invalidOption("format", format);
    requireBytes(key, "key.key", KEY);
    const types = want === "private" ? PRIVATE_TYPES : PUBLIC_TYPES;
    if (format === "der" && !includes(types, type) && !includes(PRIVATE_TYPES, type)) {
      throw invalidOption("type", type);
    }
    return read(toBytes(key, options.encoding), format, type ?? null, passphraseOf(options), want);
  }

  // A key argument in any of its forms. Where a public key is wanted, a private one stands for it.
  function prepare(key, want) {
    const options =
      typeof key === "object" && key !== null && heldBy(key) === undefined && bytesOf(key) === undefined
        ? key
        : { key };
    const held = heldBy(options.key);
    if (held === undefined) {
      if (options === key) return readOptions(options, want);
      requireBytes(key, "key", KEY);
      return read(toBytes(key), "pem", null, null, want);
    }
    if (held.kind === "secret" || (want === "private" && held.kind !== "private")) {
      throw wrongKind(held.kind, want === "private" ? "private" : "private or public");
    }
    return held;
  }

  function createPrivateKey(key) {
    const isBare = typeof key !== "object" || key === null || heldBy(key) !== undefined;
    if (isBare && typeof key !== "string") throw invalidArgument("key", BARE_KEY, key);
    return keyObject(prepare(key, "private"));
  }

  function publicHalf(held) {
    return read(codecs.base64.encode(held.der), "der", "pkcs8", null, "public");
  }

  function createPublicKey(key) {
    const held = heldBy(key);
    if (held !== undefined && held.kind !== "private") throw wrongKind(held.kind, "private");
    const prepared = prepare(key, "public");
    return keyObject(prepared.kind === "private" ? publicHalf(prepared) : prepared);
  }

  // ---- writing

  function write(held, options, prefix = "options") {
    if (typeof options !== "object" || options === null) {
      throw invalidArgument(prefix, "of type object", options);
    }
    const { format, type, cipher } = options;
    if (format === "jwk") {
      return JSONParse(askForText({ op: "write", key: sent(held), format }, ""));
    }
    if (format !== "pem" && format !== "der") throw invalidOption("format", format);
    if (!includes(held.kind === "public" ? PUBLIC_TYPES : PRIVATE_TYPES, type)) {
      throw invalidOption("type", type);
    }
    if (type === "pkcs1" && held.type !== "rsa") throw incompatible("pkcs1", "RSA");
    if (type === "sec1" && held.type !== "ec") throw incompatible("sec1", "EC");
    let passphrase = null;
    if (held.kind === "private" && cipher !== undefined && cipher !== null) {
      requireString(cipher, `${prefix}.cipher`);
      passphrase = passphraseOf(options);
      if (passphrase === null) throw invalidOption("passphrase", options.passphrase);
    }
    const request = { op: "write", key: sent(held), format, type, passphrase };
    return format === "pem" ? askForText(request, "") : asBuffer(new Uint8Array(ask(request, "")));
  }

  const incompatible = (encoding, kind) =>
    coded(
      Error,
      "ERR_CRYPTO_INCOMPATIBLE_KEY_OPTIONS",
      `The selected key encoding ${encoding} can only be used for ${kind} keys.`,
    );

  writeKeysWith(write);

  // ---- making

  function make(type, options) {
    requireString(type, "type");
    if (RAW_TYPES[type]) return ask({ op: "make", type }, "");
    if (type !== "rsa" && type !== "ec") {
      throw invalidValue(`The argument 'type' must be a supported key type. Received '${type}'`);
    }
    if (typeof options !== "object" || options === null) {
      throw invalidArgument("options", "of type object", options);
    }
    if (type === "ec") {
      requireString(options.namedCurve, "options.namedCurve");
      return ask({ op: "make", type, namedCurve: CURVE_ALIASES[options.namedCurve] ?? options.namedCurve }, "");
    }
    const { modulusLength, publicExponent = 65537 } = options;
    requireInteger(modulusLength, "options.modulusLength", 0, 2 ** 32 - 1);
    requireInteger(publicExponent, "options.publicExponent", 0, 2 ** 32 - 1);
    return ask({ op: "make", type, modulusLength, publicExponent }, "");
  }

  function generateKeyPairSync(type, options) {
    const made = make(type, options);
    const held = received(JSONParse(native.utf8Decode(made, 0, made.byteLength, false)));
    const shaped = (half, encoding, name) => {
      if (encoding === undefined) return keyObject(half);
      return write(half, encoding, `options.${name}`);
    };
    return {
      publicKey: shaped(publicHalf(held), options?.publicKeyEncoding, "publicKeyEncoding"),
      privateKey: shaped(held, options?.privateKeyEncoding, "privateKeyEncoding"),
    };
  }

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
        throw refusal(
          '{"name":"Error","code":"ERR_OSSL_INVALID_DIGEST","message":"error:1C80007A:Provider routines::invalid digest","library":"Provider routines","reason":"invalid digest"}',
        );
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
    return asBuffer(new Uint8Array(ask({ op: "sign", key: sent(held), digest, ...options }, data)));
  }

  function isSignatureOf(held, digest, options, data, signature) {
    const request = { op: "verify", key: sent(held), digest, ...options, signature: base64(signature) };
    return new Uint8Array(ask(request, data))[0] === 1;
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
      key: sent(held),
      padding: chosen,
      oaepHash: number === undefined ? "" : hashName(number),
      oaepLabel: oaepLabel === undefined ? null : base64(toBytes(oaepLabel)),
      private: op === "encrypt" && want === "private",
      public: op === "decrypt" && want === "public",
    };
    return asBuffer(new Uint8Array(ask(request, bytes)));
  }

  function diffieHellman(options) {
    if (typeof options !== "object" || options === null) {
      throw invalidArgument("options", "of type object", options);
    }
    const half = (name, expected) => {
      const held = heldBy(options[name]);
      if (held === undefined) {
        throw invalidArgument(`options.${name}`, "an instance of KeyObject", options[name]);
      }
      if (held.kind === "secret" || (name === "privateKey" && held.kind !== "private")) {
        throw wrongKind(held.kind, expected);
      }
      return sent(held);
    };
    const privateKey = half("privateKey", "private");
    const publicKey = half("publicKey", "private or public");
    return asBuffer(new Uint8Array(ask({ op: "agree", privateKey, publicKey }, "")));
  }

  return {
    Sign,
    Verify,
    createPrivateKey,
    createPublicKey,
    createSign: (algorithm) => new Sign(algorithm),
    createVerify: (algorithm) => new Verify(algorithm),
    diffieHellman,
    generateKeyPairSync,

    generateKeyPair(type, options, callback) {
      if (typeof options === "function") {
        callback = options;
        options = undefined;
      }
      requireFunction(callback, "callback");
      const { publicKey, privateKey } = generateKeyPairSync(type, options);
      later(() => callback(null, publicKey, privateKey));
    },

    getCurves: () => ArrayPrototypeSlice(CURVES),
    privateDecrypt: (key, data) => encryption("decrypt", key, data, "private", RSA_PKCS1_OAEP_PADDING),
    privateEncrypt: (key, data) => encryption("encrypt", key, data, "private", RSA_PKCS1_PADDING),
    publicDecrypt: (key, data) => encryption("decrypt", key, data, "public", RSA_PKCS1_PADDING),
    publicEncrypt: (key, data) => encryption("encrypt", key, data, "public", RSA_PKCS1_OAEP_PADDING),
    sign,
    verify,
  };
}

const CURVE_ALIASES = {
  __proto__: null,
  "P-256": "prime256v1",
  "P-384": "secp384r1",
  "P-521": "secp521r1",
  secp256r1: "prime256v1",
  secp192r1: "prime192v1",
};
