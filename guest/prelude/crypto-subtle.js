// `crypto.subtle` and `crypto.webcrypto` for secret keys: digest, HMAC, AES-CBC, AES-CTR, AES-GCM, PBKDF2, HKDF.
// Every method answers with a promise, and with a DOMException where the standard wants one.

import {
  ArrayPrototypeIncludes,
  ArrayPrototypePush,
  BigInt,
  JSONParse,
  JSONStringify,
  MathCeil,
  Number,
  NumberIsInteger,
  StringPrototypeSlice,
  StringPrototypeToLowerCase,
  SymbolToStringTag,
  TypeError,
  Uint8Array,
  uncurryThis,
} from "./primordials.js";
import { asBuffer } from "./buffer.js";
import { coded } from "./crypto-arguments.js";
import { hashNumber } from "./crypto-hash.js";
import { CryptoKey, cryptoKey, requireCryptoKey, secret as secretKey } from "./crypto-keys.js";
import { bytesOf } from "./encoding.js";
import { define } from "./expose.js";

const TypedArrayPrototypeSet = uncurryThis(Uint8Array.prototype.set);
const TypedArrayPrototypeSlice = uncurryThis(Uint8Array.prototype.slice);
const { DOMException } = globalThis;

const BLOCK = 16;
const TAG_BITS = [32, 64, 96, 104, 112, 120, 128];

// Numbers of `Mode` in cipher.zig.
const CBC = 1;
const CTR = 2;
const GCM = 6;

const HASH_BLOCK_BITS = { __proto__: null, "SHA-1": 512, "SHA-256": 512, "SHA-384": 1024, "SHA-512": 1024 };
const JWK_HASHES = { __proto__: null, "SHA-1": "HS1", "SHA-256": "HS256", "SHA-384": "HS384", "SHA-512": "HS512" };

const CIPHER_USAGES = ["encrypt", "decrypt", "wrapKey", "unwrapKey"];
const USAGES = {
  __proto__: null,
  HMAC: ["sign", "verify"],
  "AES-CBC": CIPHER_USAGES,
  "AES-CTR": CIPHER_USAGES,
  "AES-GCM": CIPHER_USAGES,
  PBKDF2: ["deriveKey", "deriveBits"],
  HKDF: ["deriveKey", "deriveBits"],
};

const NAMES = { __proto__: null };
for (const name of [...Object.keys(HASH_BLOCK_BITS), ...Object.keys(USAGES)]) NAMES[name.toLowerCase()] = name;

const failed = (message = "The operation failed for an operation-specific reason") =>
  new DOMException(message, "OperationError");
const notSupported = (message = "Unrecognized algorithm name") => new DOMException(message, "NotSupportedError");
const invalidAccess = (message) => new DOMException(message, "InvalidAccessError");
const syntax = (message) => new DOMException(message, "SyntaxError");
const data = (message) => new DOMException(message, "DataError");

const isAes = (name) => name === "AES-CBC" || name === "AES-CTR" || name === "AES-GCM";

/** `{ ...given, name }` with the standard's spelling of the name. */
function normalized(algorithm) {
  const given = typeof algorithm === "string" ? { name: algorithm } : algorithm;
  if (typeof given !== "object" || given === null) throw notSupported();
  if (typeof given.name !== "string") throw missing("name", "Algorithm");
  const name = NAMES[StringPrototypeToLowerCase(given.name)];
  if (name === undefined) throw notSupported();
  return { __proto__: null, ...given, name };
}

function hashOf(algorithm, type) {
  if (algorithm.hash === undefined) throw missing("hash", type);
  const { name } = normalized(algorithm.hash);
  if (HASH_BLOCK_BITS[name] === undefined) throw notSupported();
  return name;
}

const missing = (member, type) =>
  coded(
    TypeError,
    "ERR_MISSING_OPTION",
    `Failed to normalize algorithm: passed algorithm can not be converted to '${type}' because '${member}' is required in '${type}'.`,
  );

function required(algorithm, member, type) {
  if (algorithm[member] === undefined) throw missing(member, type);
  return algorithm[member];
}

function requiredBytes(algorithm, member, type) {
  const bytes = bytesOf(required(algorithm, member, type));
  if (bytes !== undefined) return bytes;
  throw coded(
    TypeError,
    "ERR_INVALID_ARG_TYPE",
    `Failed to normalize algorithm: '${member}' of '${type}' is not instance of ArrayBuffer, Buffer, TypedArray, or DataView.`,
  );
}

// An argument that must be bytes; `number` counts from 1.
function source(value, method, number) {
  const bytes = bytesOf(value);
  if (bytes !== undefined) return bytes;
  throw coded(
    TypeError,
    "ERR_INVALID_ARG_TYPE",
    `Failed to execute '${method}' on 'SubtleCrypto': ${number} argument is not instance of ArrayBuffer, Buffer, TypedArray, or DataView.`,
  );
}

function requireArguments(method, wanted, given) {
  if (given >= wanted) return;
  throw coded(
    TypeError,
    "ERR_MISSING_ARGS",
    `Failed to execute '${method}' on 'SubtleCrypto': ${wanted} arguments required, but only ${given} present.`,
  );
}

// The usages asked for, each once, if the algorithm knows them all.
function usagesFor(name, usages, kind) {
  const known = [];
  for (let i = 0; i < usages.length; i++) {
    if (!ArrayPrototypeIncludes(USAGES[name], usages[i])) throw syntax(`Unsupported key usage for ${kind}`);
    if (!ArrayPrototypeIncludes(known, usages[i])) ArrayPrototypePush(known, usages[i]);
  }
  return known;
}

const article = (name) => (name === "HMAC" ? "an HMAC key" : isAes(name) ? "an AES key" : `a ${name} key`);

function requireUse(key, name, usage, verb) {
  if (key.algorithm.name !== name) {
    throw invalidAccess("The requested operation is not valid for the provided key");
  }
  if (!ArrayPrototypeIncludes(key.usages, usage)) throw invalidAccess(`Unable to use this key to ${verb}`);
}

/** `{ webcrypto, subtle }` for `crypto`. `random` as of `randomness`. */
export function webCrypto(native, random) {
  const { crypto } = native;

  // The number of a hash by its name in the standard.
  const numberOf = (name) => hashNumber(name);

  function joined(first, second) {
    const both = new Uint8Array(first.length + second.length);
    TypedArrayPrototypeSet(both, first);
    TypedArrayPrototypeSet(both, second, first.length);
    return both;
  }

  // Whole input through a cipher; undefined where it does not decrypt.
  function cipher(mode, isDecrypting, secret, iv, bytes, associated) {
    const handle = crypto.cipher(mode, isDecrypting, secret, iv);
    if (associated !== undefined) crypto.cipherAssociate(handle, associated);
    const body = new Uint8Array(crypto.cipherUpdate(handle, bytes));
    const rest = crypto.cipherFinal(handle);
    if (typeof rest === "number") return undefined;
    return { handle, bytes: joined(body, new Uint8Array(rest)) };
  }

  // The standard's counter is the last `length` bits of the block; the cipher's is all of it. They differ only
  // once the small one wraps around: the rest is then done in a second pass.
  function counterMode(secret, algorithm, bytes) {
    const counter = TypedArrayPrototypeSlice(requiredBytes(algorithm, "counter", "AesCtrParams"));
    const length = required(algorithm, "length", "AesCtrParams");
    if (counter.length !== BLOCK) throw failed("AES-CTR algorithm.counter must be 16 bytes");
    if (!NumberIsInteger(length) || length < 1 || length > 128) {
      throw failed("AES-CTR algorithm.length must be between 1 and 128");
    }
    let value = 0n;
    for (let i = 0; i < BLOCK; i++) value = (value << 8n) | BigInt(counter[i]);
    const size = 1n << BigInt(length);
    const blocks = BigInt(MathCeil(bytes.length / BLOCK));
    if (blocks > size) throw failed();
    const untilWrap = size - (value % size);
    const first = cipher(CTR, false, secret, counter, bytes).bytes;
    if (blocks <= untilWrap) return first;
    const at = Number(untilWrap) * BLOCK;
    let wrapped = value - (value % size);
    for (let i = BLOCK - 1; i >= 0; i--) {
      counter[i] = Number(wrapped & 255n);
      wrapped >>= 8n;
    }
    const second = cipher(CTR, false, secret, counter, TypedArrayPrototypeSlice(bytes, at)).bytes;
    return joined(TypedArrayPrototypeSlice(first, 0, at), second);
  }

  function galois(isDecrypting, secret, algorithm, bytes) {
    const iv = requiredBytes(algorithm, "iv", "AesGcmParams");
    const tagBits = algorithm.tagLength ?? 128;
    const associated = algorithm.additionalData;
    if (!ArrayPrototypeIncludes(TAG_BITS, tagBits)) {
      throw failed(`${tagBits} is not a valid AES-GCM tag length`);
    }
    if (iv.length === 0) throw failed();
    const tagLength = tagBits / 8;
    if (isDecrypting && bytes.length < tagLength) throw failed("The provided data is too small.");
    const end = isDecrypting ? bytes.length - tagLength : bytes.length;
    const text = TypedArrayPrototypeSlice(bytes, 0, end);
    const result = cipher(GCM, isDecrypting, secret, iv, text, associated);
    const tag = TypedArrayPrototypeSlice(new Uint8Array(crypto.cipherTag(result.handle)), 0, tagLength);
    if (!isDecrypting) return joined(result.bytes, tag);
    if (!crypto.equal(tag, TypedArrayPrototypeSlice(bytes, end))) throw failed();
    return result.bytes;
  }

  function chained(isDecrypting, secret, algorithm, bytes) {
    const iv = requiredBytes(algorithm, "iv", "AesCbcParams");
    if (iv.length !== BLOCK) throw failed("algorithm.iv must contain exactly 16 bytes");
    const result = cipher(CBC, isDecrypting, secret, iv, bytes);
    if (result === undefined) throw failed();
    return result.bytes;
  }

  function crypt(isDecrypting, algorithm, secret, bytes) {
    if (algorithm.name === "AES-GCM") return galois(isDecrypting, secret, algorithm, bytes).buffer;
    if (algorithm.name === "AES-CBC") return chained(isDecrypting, secret, algorithm, bytes).buffer;
    if (algorithm.name === "AES-CTR") return counterMode(secret, algorithm, bytes).buffer;
    throw notSupported();
  }

  function hmac(key, secret, bytes) {
    const number = numberOf(key.algorithm.hash.name);
    const handle = crypto.digest(number, secret);
    crypto.update(handle, bytes);
    return crypto.final(handle, crypto.digestLength(number));
  }

  function deriveBytes(algorithm, secret, bits) {
    if (bits === null || bits === 0) throw failed("length cannot be zero");
    if (!NumberIsInteger(bits) || bits % 8 !== 0) throw failed("length must be a multiple of 8");
    const type = algorithm.name === "HKDF" ? "HkdfParams" : "Pbkdf2Params";
    const number = numberOf(hashOf(algorithm, type));
    const salt = requiredBytes(algorithm, "salt", type);
    if (algorithm.name === "HKDF") {
      const info = requiredBytes(algorithm, "info", type);
      if (bits / 8 > 255 * crypto.digestLength(number)) throw failed();
      return crypto.hkdf(number, secret, salt, info, bits / 8);
    }
    if (algorithm.name !== "PBKDF2") throw notSupported();
    const rounds = required(algorithm, "iterations", type);
    if (rounds === 0) throw failed("iterations cannot be zero");
    return crypto.pbkdf2(number, secret, salt, rounds, bits / 8);
  }

  // The public description of a secret key of `bytes` bytes.
  function describe(algorithm, bytes) {
    const { name } = algorithm;
    if (isAes(name)) {
      if (bytes !== 16 && bytes !== 24 && bytes !== 32) throw data("Invalid key length");
      return { name, length: bytes * 8 };
    }
    if (name !== "HMAC") return { name };
    if (bytes === 0) throw data("Zero-length key is not supported");
    const described = { name, hash: { name: hashOf(algorithm, "HmacImportParams") }, length: bytes * 8 };
    if (algorithm.length !== undefined && algorithm.length !== bytes * 8) throw data("Invalid key length");
    return described;
  }

  function fromJwk(jwk, algorithm) {
    if (typeof jwk !== "object" || jwk === null || jwk.kty !== "oct" || typeof jwk.k !== "string") {
      throw data("Invalid keyData");
    }
    if (jwk.alg !== undefined && jwk.alg !== jwkName(algorithm, jwk.k)) {
      throw data('JWK "alg" does not match the requested algorithm');
    }
    return new Uint8Array(native.base64Decode(jwk.k));
  }

  function jwkName(algorithm, text) {
    if (algorithm.name === "HMAC") return JWK_HASHES[normalized(algorithm.hash).name];
    const bits = algorithm.length ?? native.base64Decode(text).byteLength * 8;
    return `A${bits}${StringPrototypeSlice(algorithm.name, 4)}`;
  }

  function toImported(format, keyData, algorithm, isExtractable, usages) {
    const { name } = algorithm;
    if (USAGES[name] === undefined) throw notSupported();
    const known = usagesFor(name, usages, article(name));
    if ((name === "PBKDF2" || name === "HKDF") && isExtractable) throw syntax(`${name} keys are not extractable`);
    let bytes;
    if (format === "raw") bytes = source(keyData, "importKey", "2nd");
    else if (format === "jwk" && (isAes(name) || name === "HMAC")) bytes = fromJwk(keyData, algorithm);
    else if (format === "jwk" || format === "pkcs8" || format === "spki") {
      throw notSupported(`Unable to import ${name} using ${format} format`);
    } else {
      throw coded(
        TypeError,
        "ERR_INVALID_ARG_VALUE",
        `Failed to execute 'importKey' on 'SubtleCrypto': 1st argument value '${format}' is not a valid enum value of type KeyFormat.`,
      );
    }
    const key = cryptoKey(secretKey(bytes), describe(algorithm, bytes.length), Boolean(isExtractable), known);
    if (known.length === 0) throw syntax("Usages cannot be empty when importing a secret key.");
    return key;
  }

  function toExported(format, key) {
    const secret = requireCryptoKey(key, "key").bytes;
    if (!key.extractable) throw new DOMException("key is not extractable", "InvalidAccessException");
    if (format === "raw") return TypedArrayPrototypeSlice(secret).buffer;
    if (format !== "jwk") throw notSupported(`Unable to export a raw ${key.algorithm.name} key using ${format} format`);
    const jwk = { key_ops: key.usages, ext: true, kty: "oct", k: asBuffer(secret).toString("base64url") };
    jwk.alg = jwkName(key.algorithm, jwk.k);
    return jwk;
  }

  // Bits of a key that `deriveKey` and `generateKey` make.
  function keyBits(algorithm, kind) {
    if (isAes(algorithm.name)) {
      const { length } = algorithm;
      if (length === 128 || length === 192 || length === 256) return length;
      throw failed("AES key length must be 128, 192, or 256 bits");
    }
    if (algorithm.name !== "HMAC") throw notSupported();
    const bits = algorithm.length ?? HASH_BLOCK_BITS[hashOf(algorithm, kind)];
    if (!NumberIsInteger(bits) || bits <= 0 || bits % 8 !== 0) throw failed("Invalid key length");
    return bits;
  }

  class SubtleCrypto {
    constructor(access) {
      if (access !== native) throw coded(TypeError, "ERR_ILLEGAL_CONSTRUCTOR", "Illegal constructor");
    }

    async digest(algorithm, bytes) {
      requireArguments("digest", 2, arguments.length);
      const { name } = normalized(algorithm);
      const input = source(bytes, "digest", "2nd");
      if (HASH_BLOCK_BITS[name] === undefined) throw notSupported();
      const number = numberOf(name);
      const handle = crypto.digest(number);
      crypto.update(handle, input);
      return crypto.final(handle, crypto.digestLength(number));
    }

    async sign(algorithm, key, bytes) {
      requireArguments("sign", 3, arguments.length);
      const { name } = normalized(algorithm);
      const secret = requireCryptoKey(key, "key").bytes;
      const input = source(bytes, "sign", "3rd");
      if (!ArrayPrototypeIncludes(key.usages, "sign") || key.algorithm.name !== name) {
        throw invalidAccess("Unable to use this key to sign");
      }
      return hmac(key, secret, input);
    }

    async verify(algorithm, key, signature, bytes) {
      requireArguments("verify", 4, arguments.length);
      const { name } = normalized(algorithm);
      const secret = requireCryptoKey(key, "key").bytes;
      const given = source(signature, "verify", "3rd");
      const input = source(bytes, "verify", "4th");
      if (!ArrayPrototypeIncludes(key.usages, "verify") || key.algorithm.name !== name) {
        throw invalidAccess("Unable to use this key to verify");
      }
      return crypto.equal(hmac(key, secret, input), given);
    }

    async encrypt(algorithm, key, bytes) {
      requireArguments("encrypt", 3, arguments.length);
      const wanted = normalized(algorithm);
      const secret = requireCryptoKey(key, "key").bytes;
      const input = source(bytes, "encrypt", "3rd");
      requireUse(key, wanted.name, "encrypt", "encrypt");
      return crypt(false, wanted, secret, input);
    }

    async decrypt(algorithm, key, bytes) {
      requireArguments("decrypt", 3, arguments.length);
      const wanted = normalized(algorithm);
      const secret = requireCryptoKey(key, "key").bytes;
      const input = source(bytes, "decrypt", "3rd");
      requireUse(key, wanted.name, "decrypt", "decrypt");
      return crypt(true, wanted, secret, input);
    }

    async deriveBits(algorithm, key, length = null) {
      requireArguments("deriveBits", 2, arguments.length);
      const wanted = normalized(algorithm);
      const secret = requireCryptoKey(key, "baseKey").bytes;
      requireUse(key, wanted.name, "deriveBits", "derive bits");
      return deriveBytes(wanted, secret, length);
    }

    async deriveKey(algorithm, key, derived, isExtractable, usages) {
      requireArguments("deriveKey", 5, arguments.length);
      const wanted = normalized(algorithm);
      const target = normalized(derived);
      const secret = requireCryptoKey(key, "baseKey").bytes;
      requireUse(key, wanted.name, "deriveKey", "derive a key");
      const bytes = deriveBytes(wanted, secret, keyBits(target, "HmacImportParams"));
      return toImported("raw", bytes, { __proto__: null, ...target, length: undefined }, isExtractable, usages);
    }

    async generateKey(algorithm, isExtractable, usages) {
      requireArguments("generateKey", 3, arguments.length);
      const wanted = normalized(algorithm);
      if (!isAes(wanted.name) && wanted.name !== "HMAC") throw notSupported();
      const known = usagesFor(wanted.name, usages, article(wanted.name));
      const bits = keyBits(wanted, "HmacKeyGenParams");
      if (known.length === 0) throw syntax("Usages cannot be empty when creating a key.");
      const bytes = random.randomBytes(bits / 8);
      return cryptoKey(secretKey(bytes), describe({ ...wanted, length: undefined }, bytes.length), Boolean(isExtractable), known);
    }

    async importKey(format, keyData, algorithm, isExtractable, usages) {
      requireArguments("importKey", 4, arguments.length);
      return toImported(format, keyData, normalized(algorithm), isExtractable, usages);
    }

    async exportKey(format, key) {
      requireArguments("exportKey", 2, arguments.length);
      return toExported(format, key);
    }

    async wrapKey(format, key, wrappingKey, algorithm) {
      requireArguments("wrapKey", 4, arguments.length);
      const wanted = normalized(algorithm);
      const secret = requireCryptoKey(wrappingKey, "wrappingKey").bytes;
      requireUse(wrappingKey, wanted.name, "wrapKey", "wrapKey");
      const exported = toExported(format, key);
      const bytes = format === "jwk" ? native.utf8Encode(JSONStringify(exported)) : exported;
      return crypt(false, wanted, secret, new Uint8Array(bytes));
    }

    async unwrapKey(format, wrapped, unwrappingKey, unwrapAlgorithm, keyAlgorithm, isExtractable, usages) {
      requireArguments("unwrapKey", 7, arguments.length);
      const wanted = normalized(unwrapAlgorithm);
      const input = source(wrapped, "unwrapKey", "2nd");
      const secret = requireCryptoKey(unwrappingKey, "unwrappingKey").bytes;
      requireUse(unwrappingKey, wanted.name, "unwrapKey", "unwrapKey");
      let keyData = crypt(true, wanted, secret, input);
      if (format === "jwk") keyData = JSONParse(native.utf8Decode(keyData, 0, keyData.byteLength, false));
      return toImported(format, keyData, normalized(keyAlgorithm), isExtractable, usages);
    }
  }
  define(SubtleCrypto.prototype, SymbolToStringTag, "SubtleCrypto");

  class Crypto {
    constructor(access) {
      if (access !== native) throw coded(TypeError, "ERR_ILLEGAL_CONSTRUCTOR", "Illegal constructor");
    }

    get subtle() {
      return subtle;
    }

    getRandomValues(array) {
      return random.getRandomValues(array);
    }

    randomUUID(options) {
      return random.randomUUID(options);
    }
  }
  define(Crypto.prototype, SymbolToStringTag, "Crypto");

  const subtle = new SubtleCrypto(native);
  const webcrypto = new Crypto(native);
  define(webcrypto, "CryptoKey", CryptoKey);
  return { subtle, webcrypto };
}
