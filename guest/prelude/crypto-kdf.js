// Keys derived from passwords and from other keys: `pbkdf2`, `scrypt`, `hkdf`. The work costs Wasm fuel, so the
// only bounds here are Node's own.

import { Error, RangeError, TypeError, Uint8Array } from "./primordials.js";
import { invalidArgument, requireFunction } from "./arguments.js";
import { asBuffer } from "./buffer.js";
import { outOfRange } from "./buffer-numbers.js";
import { coded, requireBytes, requireInteger, UINT32_MAX } from "./crypto-arguments.js";
import { isExtendable, requireDigest } from "./crypto-hash.js";
import { bytesOf } from "./encoding.js";
import { later } from "./timers.js";

const BYTES = "of type string or an instance of ArrayBuffer, Buffer, TypedArray, or DataView";
const KEY =
  "of type string or an instance of SecretKeyObject, ArrayBuffer, TypedArray, DataView, or Buffer";
const INFO_BYTES_MAX = 1024;
const SCRYPT_MEMORY_DEFAULT = 32 * 1024 * 1024;
const SCRYPT_PRODUCT_MAX = 2 ** 30 - 1;
const SAFE_MAX = Number.MAX_SAFE_INTEGER;

function requirePrf(name) {
  const number = requireDigest(name);
  if (isExtendable(number)) throw coded(TypeError, "ERR_CRYPTO_INVALID_DIGEST", `Invalid digest: ${name}`);
  return number;
}

const invalidScrypt = (detail) =>
  coded(RangeError, "ERR_CRYPTO_INVALID_SCRYPT_PARAMS", `Invalid scrypt params${detail}`);
const MEMORY_EXCEEDED = ": error:030000AC:digital envelope routines::memory limit exceeded";

// One of two names of a parameter of scrypt; 0 stands for the default, as in Node.
function scryptOption(options, name, alias, otherwise) {
  const value = options[name];
  const byAlias = options[alias];
  if (value !== undefined) requireInteger(value, name, 0, UINT32_MAX);
  if (byAlias === undefined) return value || otherwise;
  if (value !== undefined) {
    throw coded(Error, "ERR_CRYPTO_SCRYPT_INVALID_PARAMETER", "Invalid scrypt parameter");
  }
  requireInteger(byAlias, alias, 0, UINT32_MAX);
  return byAlias || otherwise;
}

function scryptOptions(options) {
  if (typeof options !== "object" || options === null) {
    if (options === undefined) options = {};
    else throw invalidArgument("options", "of type object", options);
  }
  const n = scryptOption(options, "N", "cost", 16384);
  const r = scryptOption(options, "r", "blockSize", 8);
  const p = scryptOption(options, "p", "parallelization", 1);
  let maxmem = SCRYPT_MEMORY_DEFAULT;
  if (options.maxmem !== undefined) {
    requireInteger(options.maxmem, "maxmem", 0, SAFE_MAX);
    maxmem = options.maxmem || SCRYPT_MEMORY_DEFAULT;
  }
  // In OpenSSL's order: what is no parameter at all, then what needs too much.
  if (n < 2 || (n & (n - 1)) !== 0) throw invalidScrypt("");
  const isTooMuch =
    p * r > SCRYPT_PRODUCT_MAX ||
    (16 * r < 64 && n >= 2 ** (16 * r)) ||
    128 * r * (n + 2 + p) > maxmem;
  if (isTooMuch) throw invalidScrypt(MEMORY_EXCEEDED);
  return { n, r, p };
}

/** The members of `crypto` that derive keys. `secretOf(key)` as for `hashing`. */
export function derivation(native, secretOf) {
  const { crypto } = native;

  const buffer = (result) => asBuffer(new Uint8Array(result));

  function pbkdf2(password, salt, iterations, keylen, digest) {
    if (typeof digest !== "string") throw invalidArgument("digest", "of type string", digest);
    requireBytes(password, "password", BYTES);
    requireBytes(salt, "salt", BYTES);
    requireInteger(iterations, "iterations", 1);
    requireInteger(keylen, "keylen");
    return buffer(crypto.pbkdf2(requirePrf(digest), password, salt, iterations, keylen));
  }

  function scrypt(password, salt, keylen, options) {
    requireBytes(password, "password", BYTES);
    requireBytes(salt, "salt", BYTES);
    requireInteger(keylen, "keylen");
    const { n, r, p } = scryptOptions(options);
    if (keylen === 0) return asBuffer(new Uint8Array(0));
    const result = crypto.scrypt(password, salt, n, r, p, keylen);
    if (result === null) throw invalidScrypt(MEMORY_EXCEEDED);
    return buffer(result);
  }

  function hkdf(digest, key, salt, info, length) {
    if (typeof digest !== "string") throw invalidArgument("digest", "of type string", digest);
    const secret = secretOf(key) ?? requireBytes(key, "ikm", KEY);
    requireBytes(salt, "salt", BYTES);
    requireBytes(info, "info", BYTES);
    requireInteger(length, "length", 0, 2 ** 32);
    const infoLength = typeof info === "string" ? native.utf8Encode(info).byteLength : bytesOf(info).length;
    if (infoLength > INFO_BYTES_MAX) {
      throw outOfRange("info", `must not contain more than ${INFO_BYTES_MAX} bytes`, infoLength);
    }
    const number = requirePrf(digest);
    if (length > 255 * crypto.digestLength(number)) {
      throw coded(RangeError, "ERR_CRYPTO_INVALID_KEYLEN", "Invalid key length");
    }
    return crypto.hkdf(number, secret, salt, info, length);
  }

  // The arguments are held to the rules, and the work is done, at once; only the answer comes later.
  function answer(callback, run) {
    requireFunction(callback, "callback");
    const result = run();
    later(() => callback(null, result));
  }

  return {
    pbkdf2Sync: pbkdf2,
    pbkdf2(password, salt, iterations, keylen, digest, callback) {
      if (typeof digest === "function") {
        callback = digest;
        digest = undefined;
      }
      answer(callback, () => pbkdf2(password, salt, iterations, keylen, digest));
    },

    scryptSync: scrypt,
    scrypt(password, salt, keylen, options, callback) {
      if (callback === undefined) {
        callback = options;
        options = undefined;
      }
      answer(callback, () => scrypt(password, salt, keylen, options));
    },

    hkdfSync: hkdf,
    hkdf(digest, key, salt, info, length, callback) {
      answer(callback, () => hkdf(digest, key, salt, info, length));
    },
  };
}

