// Secret keys of web crypto: AES, HMAC, and what PBKDF2 and HKDF derive from. All of it is done in the guest.

import {
  BigInt,
  MathCeil,
  Number,
  StringPrototypeSlice,
  Uint8Array,
  uncurryThis,
} from "./primordials.js";
import { hashNumber } from "./crypto-hash.js";
import { cryptoKey, secret as secretKey } from "./crypto-keys.js";
import {
  distinct,
  failed,
  job,
  notSupported,
  requireJwk,
  requireJwkUse,
  requireUsages,
  syntax,
  wrongAlg,
  wrongData,
} from "./crypto-web-params.js";

const TypedArrayPrototypeSet = uncurryThis(Uint8Array.prototype.set);
const TypedArrayPrototypeSlice = uncurryThis(Uint8Array.prototype.slice);

const BLOCK = 16;
const TAG_BITS = { __proto__: null, 32: 1, 64: 1, 96: 1, 104: 1, 112: 1, 120: 1, 128: 1 };

// Numbers of `Mode` in cipher.zig.
const ECB = 0;
const CBC = 1;
const CTR = 2;
const GCM = 6;

/** What RFC 3394 starts from, and finds again in what is not damaged. */
const WRAP_START = 0xa6;
const WRAP_ROUNDS = 6;

const HASH_BLOCK_BITS = { __proto__: null, "SHA-1": 512, "SHA-256": 512, "SHA-384": 1024, "SHA-512": 1024 };
const JWK_HASHES = { __proto__: null, "SHA-1": "HS1", "SHA-256": "HS256", "SHA-384": "HS384", "SHA-512": "HS512" };

const MAC_USAGES = ["sign", "verify"];
const CIPHER_USAGES = ["encrypt", "decrypt", "wrapKey", "unwrapKey"];
const WRAP_USAGES = ["wrapKey", "unwrapKey"];
const DERIVE_USAGES = ["deriveKey", "deriveBits"];

const usagesOf = (name) => (name === "HMAC" ? MAC_USAGES : name === "AES-KW" ? WRAP_USAGES : CIPHER_USAGES);
const kindOf = (name) => (name === "HMAC" ? "an HMAC key" : "an AES key");
const isAesLength = (bits) => bits === 128 || bits === 192 || bits === 256;

/** `{ digest, sign, verify, crypt, deriveBits, keyLength, importKey, exportJwk, generateKey }` of secret keys. */
export function secretAlgorithms(native, random) {
  const { crypto } = native;

  function digest(name, bytes) {
    const number = hashNumber(name);
    const handle = crypto.digest(number);
    crypto.update(handle, bytes);
    return crypto.final(handle, crypto.digestLength(number));
  }

  function sign(facts, bytes) {
    const number = hashNumber(facts.algorithm.hash.name);
    const handle = crypto.digest(number, facts.held.bytes);
    crypto.update(handle, bytes);
    return crypto.final(handle, crypto.digestLength(number));
  }

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
  function counterMode(secret, { counter, length }, bytes) {
    if (counter.length !== BLOCK) throw failed("algorithm.counter must contain exactly 16 bytes");
    if (length < 1 || length > 128) throw failed("AES-CTR algorithm.length must be between 1 and 128");
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
    const { iv, tagLength: tagBits = 128, additionalData } = algorithm;
    if (!TAG_BITS[tagBits]) throw failed(`${tagBits} is not a valid AES-GCM tag length`);
    const tagLength = tagBits / 8;
    if (isDecrypting && bytes.length < tagLength) throw failed("The provided data is too small.");
    if (iv.length === 0) throw failed();
    const end = isDecrypting ? bytes.length - tagLength : bytes.length;
    const text = TypedArrayPrototypeSlice(bytes, 0, end);
    const result = cipher(GCM, isDecrypting, secret, iv, text, additionalData);
    const tag = TypedArrayPrototypeSlice(new Uint8Array(crypto.cipherTag(result.handle)), 0, tagLength);
    if (!isDecrypting) return joined(result.bytes, tag);
    if (!crypto.equal(tag, TypedArrayPrototypeSlice(bytes, end))) throw failed();
    return result.bytes;
  }

  function chained(isDecrypting, secret, { iv }, bytes) {
    if (iv.length !== BLOCK) throw failed("algorithm.iv must contain exactly 16 bytes");
    const result = cipher(CBC, isDecrypting, secret, iv, bytes);
    if (result === undefined) throw failed();
    return result.bytes;
  }

  // RFC 3394: the blocks of 8 bytes go around six times, each with the first one through the cipher.
  function wrapped(isDecrypting, secret, bytes) {
    const start = isDecrypting ? 8 : 0;
    const count = (bytes.length - start) / 8;
    if (bytes.length % 8 !== 0 || count < 2) throw failed();
    const handle = crypto.cipher(ECB, isDecrypting, secret, "");
    crypto.cipherPadding(handle, false);
    const all = new Uint8Array(8 * (count + 1));
    const block = new Uint8Array(BLOCK);
    TypedArrayPrototypeSet(all, bytes, 8 - start);
    for (let i = 0; i < 8; i++) block[i] = isDecrypting ? bytes[i] : WRAP_START;
    const steps = WRAP_ROUNDS * count;
    for (let step = 0; step < steps; step++) {
      const turn = isDecrypting ? steps - step : step + 1;
      const at = 8 * (1 + ((turn - 1) % count));
      if (isDecrypting) mix(block, turn);
      for (let i = 0; i < 8; i++) block[8 + i] = all[at + i];
      TypedArrayPrototypeSet(block, new Uint8Array(crypto.cipherUpdate(handle, block)));
      if (!isDecrypting) mix(block, turn);
      for (let i = 0; i < 8; i++) all[at + i] = block[8 + i];
    }
    if (!isDecrypting) {
      for (let i = 0; i < 8; i++) all[i] = block[i];
      return all;
    }
    let difference = 0;
    for (let i = 0; i < 8; i++) difference |= block[i] ^ WRAP_START;
    if (difference !== 0) throw failed();
    return TypedArrayPrototypeSlice(all, 8);
  }

  function mix(block, turn) {
    for (let i = 7, rest = turn; rest > 0; i--, rest >>>= 8) block[i] ^= rest & 255;
  }

  function crypt(isDecrypting, algorithm, { held }, bytes) {
    const secret = held.bytes;
    if (algorithm.name === "AES-GCM") return galois(isDecrypting, secret, algorithm, bytes).buffer;
    if (algorithm.name === "AES-CBC") return chained(isDecrypting, secret, algorithm, bytes).buffer;
    if (algorithm.name === "AES-KW") return wrapped(isDecrypting, secret, bytes).buffer;
    return counterMode(secret, algorithm, bytes).buffer;
  }

  function deriveBits(algorithm, { held }, bits) {
    const { name, hash, salt, info, iterations } = algorithm;
    if (name === "PBKDF2" && iterations === 0) throw failed("iterations cannot be zero");
    if (bits === 0) return new Uint8Array(0).buffer;
    if (bits === null) throw failed("length cannot be null");
    if (bits % 8 !== 0) throw failed("length must be a multiple of 8");
    const number = hashNumber(hash.name);
    if (name === "PBKDF2") return crypto.pbkdf2(number, held.bytes, salt, iterations, bits / 8);
    if (bits / 8 > 255 * crypto.digestLength(number)) throw failed();
    return crypto.hkdf(number, held.bytes, salt, info, bits / 8);
  }

  /** Bits of a key of `algorithm` that is derived; null for as many as there are. */
  function keyLength({ name, length, hash }) {
    if (name === "HKDF" || name === "PBKDF2") return null;
    if (name === "HMAC") {
      if (length === undefined) return HASH_BLOCK_BITS[hash.name];
      if (length !== 0) return length;
    } else if (isAesLength(length)) {
      return length;
    }
    throw failed("Invalid key length");
  }

  function jwkName({ name, hash, length }) {
    return name === "HMAC" ? JWK_HASHES[hash.name] : `A${length}${StringPrototypeSlice(name, 4)}`;
  }

  // The public description of a secret key of `bytes` bytes.
  function described({ name, hash, length }, bytes) {
    const bits = bytes * 8;
    if (name !== "HMAC") {
      if (!isAesLength(bits)) throw wrongData("Invalid key length");
      return { name, length: bits };
    }
    if (bits === 0 || length === 0) throw wrongData("Zero-length key is not supported");
    if (length !== undefined && length !== bits) throw wrongData("Invalid key length");
    return { name, hash, length: bits };
  }

  function fromJwk(jwk, algorithm, isExtractable, usages) {
    const isMac = algorithm.name === "HMAC";
    requireJwk(jwk, "oct");
    requireJwkUse(jwk, isMac ? "sig" : "enc", usages, isExtractable);
    if (jwk.k === undefined) throw wrongData();
    const bytes = new Uint8Array(native.base64Decode(jwk.k));
    const { alg } = jwk;
    const known = isMac ? described({ ...algorithm, length: undefined }, bytes.length) : described(algorithm, bytes.length);
    if (alg !== undefined && alg !== jwkName(known)) throw wrongAlg();
    return cryptoKey(secretKey(bytes), known, isExtractable, usages);
  }

  function importBase(format, keyData, { name }, isExtractable, usages) {
    if (isExtractable) throw syntax(`${name} keys are not extractable`);
    requireUsages(usages, DERIVE_USAGES, `a ${name} key`);
    if (format !== "raw") throw notSupported(`Unable to import ${name} key with format ${format}`);
    return cryptoKey(secretKey(keyData), { name }, false, usages);
  }

  return {
    digest,
    sign,
    crypt,
    deriveBits,
    keyLength,

    verify: (facts, signature, bytes) => crypto.equal(sign(facts, bytes), signature),

    importKey(format, keyData, algorithm, isExtractable, usages) {
      const { name } = algorithm;
      if (name === "HKDF" || name === "PBKDF2") {
        return importBase(format, keyData, algorithm, isExtractable, usages);
      }
      requireUsages(usages, usagesOf(name), kindOf(name));
      if (format === "jwk") return fromJwk(keyData, algorithm, isExtractable, usages);
      if (format !== "raw") {
        throw notSupported(`Unable to import ${name === "HMAC" ? name : "AES"} key with format ${format}`);
      }
      return cryptoKey(secretKey(keyData), described(algorithm, keyData.length), isExtractable, usages);
    },

    exportJwk: ({ held, algorithm }) => ({
      kty: "oct",
      k: native.base64Encode(held.bytes.buffer, held.bytes.byteOffset, held.bytes.length, true),
      alg: jwkName(algorithm),
    }),

    generateKey(algorithm, isExtractable, usages) {
      const { name, hash } = algorithm;
      let { length } = algorithm;
      if (name === "HMAC") {
        length ??= HASH_BLOCK_BITS[hash.name];
        if (length === 0 || length % 8 !== 0) throw failed("Invalid key length");
      } else if (!isAesLength(length)) {
        throw failed("AES key length must be 128, 192, or 256 bits");
      }
      requireUsages(usages, usagesOf(name), kindOf(name));
      if (usages.length === 0) throw syntax("Usages cannot be empty when creating a key.");
      const bytes = job(() => random.randomBytes(length / 8));
      return cryptoKey(secretKey(bytes), described(algorithm, bytes.length), isExtractable, distinct(usages));
    },
  };
}
