// `createHash` and `createHmac` of Node's crypto, over native.crypto.

import {
  ArrayPrototypeSlice,
  Error,
  String,
  StringPrototypeToLowerCase,
  TypeError,
  Uint8Array,
} from "./primordials.js";
import { requireString } from "./arguments.js";
import { asBuffer } from "./buffer.js";
import { encodingName } from "./buffer-encodings.js";
import {
  coded,
  opensslError,
  requireBytes,
  requireData,
  requireInteger,
  UINT32_MAX,
} from "./crypto-arguments.js";
import { streamable } from "./transform.js";

// The numbers are those of `Algorithm` in crypto/hash.zig. The first name is the usual one.
const NAMES = [
  ["md5", "RSA-MD5", "md5WithRSAEncryption", "ssl3-md5"],
  ["sha1", "RSA-SHA1", "RSA-SHA1-2", "sha1WithRSAEncryption", "ssl3-sha1", "sha-1"],
  ["sha224", "RSA-SHA224", "sha224WithRSAEncryption", "sha-224", "sha2-224"],
  ["sha256", "RSA-SHA256", "sha256WithRSAEncryption", "sha-256", "sha2-256"],
  ["sha384", "RSA-SHA384", "sha384WithRSAEncryption", "sha-384", "sha2-384"],
  ["sha512", "RSA-SHA512", "sha512WithRSAEncryption", "sha-512", "sha2-512"],
  ["sha512-224", "RSA-SHA512/224", "sha512-224WithRSAEncryption", "sha-512/224"],
  ["sha512-256", "RSA-SHA512/256", "sha512-256WithRSAEncryption", "sha-512/256"],
  ["sha3-224", "RSA-SHA3-224", "id-rsassa-pkcs1-v1_5-with-sha3-224"],
  ["sha3-256", "RSA-SHA3-256", "id-rsassa-pkcs1-v1_5-with-sha3-256"],
  ["sha3-384", "RSA-SHA3-384", "id-rsassa-pkcs1-v1_5-with-sha3-384"],
  ["sha3-512", "RSA-SHA3-512", "id-rsassa-pkcs1-v1_5-with-sha3-512"],
  ["ripemd160", "RSA-RIPEMD160", "ripemd", "ripemd160WithRSA", "rmd160"],
  ["blake2b512"],
  ["blake2s256"],
  ["shake128"],
  ["shake256"],
];
const SHAKE128 = 15;

// What OpenSSL resolves but `getHashes` does not list.
const UNLISTED = /^sha2?-/;

const NUMBERS = { __proto__: null };
for (let i = 0; i < NAMES.length; i++) {
  for (const name of NAMES[i]) NUMBERS[name.toLowerCase()] = i;
}
const LISTED = NAMES.flat().filter((name) => !UNLISTED.test(name)).sort();

/** The number of a hash by any of its names, in any case; undefined for an unknown one. */
export const hashNumber = (name) => NUMBERS[StringPrototypeToLowerCase(name)];

/** The usual name of the hash with this number. */
export const hashName = (number) => NAMES[number][0];

/** As `hashNumber`, where a secret is involved: throws Node's TypeError for an unknown one. */
export function requireDigest(name, argument = "digest") {
  requireString(name, argument);
  const number = hashNumber(name);
  if (number === undefined) throw coded(TypeError, "ERR_CRYPTO_INVALID_DIGEST", `Invalid digest: ${name}`);
  return number;
}

/** Whether the hash gives any number of bytes; HMAC is not defined on those. */
export const isExtendable = (number) => number >= SHAKE128;

const finalized = () => coded(Error, "ERR_CRYPTO_HASH_FINALIZED", "Digest already called");

const invalidLength = () =>
  opensslError(
    "030000B2",
    "digital envelope routines",
    "not XOF or invalid length",
    "ERR_OSSL_EVP_NOT_XOF_OR_INVALID_LENGTH",
  );

/**
 * The members `createHash`, `createHmac`, `getHashes`, `hash`, `Hash` and `Hmac` of `crypto`. `codecs` as of
 * createEncodings; `secretOf(key)` gives the bytes of a KeyObject, undefined for anything else.
 */
export function hashing(native, codecs, secretOf) {
  const { crypto } = native;
  const lengths = NAMES.map((_, number) => crypto.digestLength(number));

  // A Buffer where no encoding is named, where it is "buffer", and where nobody knows it.
  function encoded(buffer, length, encoding) {
    if (encoding === "hex") return native.hexEncode(buffer, 0, length);
    const bytes = new Uint8Array(buffer);
    if (encoding === undefined || encoding === null || encoding === "buffer") return asBuffer(bytes);
    const name = encodingName(String(encoding));
    return name === undefined ? asBuffer(bytes) : codecs[name].decode(bytes, 0, length);
  }

  // Bytes asked for by `options.outputLength`, which only the extendable hashes let vary.
  function lengthFor(number, options, otherwise) {
    const wanted = options?.outputLength;
    if (wanted === undefined) return otherwise;
    requireInteger(wanted, "options.outputLength", 0, UINT32_MAX);
    if (wanted !== lengths[number] && !isExtendable(number)) throw invalidLength();
    return wanted;
  }

  class Hash {
    #handle;
    #number;
    #length;
    #isFinal = false;

    constructor(algorithm, options) {
      // The prelude's own way in: a copy of a state.
      if (algorithm instanceof Hash) {
        if (algorithm.#isFinal) throw finalized();
        this.#number = algorithm.#number;
        this.#length = lengthFor(this.#number, options, algorithm.#length);
        this.#handle = crypto.copy(algorithm.#handle);
        return;
      }
      requireString(algorithm, "algorithm");
      this.#number = hashNumber(algorithm);
      if (this.#number === undefined) throw new Error("Digest method not supported");
      this.#length = lengthFor(this.#number, options, lengths[this.#number]);
      this.#handle = crypto.digest(this.#number);
    }

    update(data, encoding) {
      if (this.#isFinal) throw finalized();
      crypto.update(this.#handle, requireData(codecs, data, encoding));
      return this;
    }

    digest(encoding) {
      if (this.#isFinal) throw finalized();
      this.#isFinal = true;
      return encoded(crypto.final(this.#handle, this.#length), this.#length, encoding);
    }

    copy(options) {
      return new Hash(this, options);
    }
  }

  class Hmac {
    #handle;
    #length;
    #isFinal = false;

    constructor(algorithm, key) {
      requireString(algorithm, "hmac");
      const secret = secretOf(key) ?? requireBytes(key, "key");
      const number = requireDigest(algorithm);
      if (isExtendable(number)) throw new Error("error:00000000:lib(0)::reason(0)");
      this.#length = lengths[number];
      this.#handle = crypto.digest(number, secret);
    }

    update(data, encoding) {
      if (this.#isFinal) throw finalized();
      crypto.update(this.#handle, requireData(codecs, data, encoding));
      return this;
    }

    digest(encoding) {
      // A second time gives nothing, without an error, as Node keeps it for compatibility.
      const length = this.#isFinal ? 0 : this.#length;
      const buffer = this.#isFinal ? new Uint8Array(0).buffer : crypto.final(this.#handle, length);
      this.#isFinal = true;
      return encoded(buffer, length, encoding);
    }
  }

  const work = (digest) => ({
    write(bytes) {
      digest.update(bytes);
    },
    end: () => digest.digest(),
  });
  streamable(Hash.prototype, work);
  streamable(Hmac.prototype, work);

  return {
    Hash,
    Hmac,
    createHash: (algorithm, options) => new Hash(algorithm, options),
    createHmac: (algorithm, key) => new Hmac(algorithm, key),
    getHashes: () => ArrayPrototypeSlice(LISTED),

    /** crypto.hash(algorithm, data, encoding = "hex"), in one go. */
    hash(algorithm, input, encoding = "hex") {
      requireString(algorithm, "algorithm");
      requireString(encoding, "outputEncoding");
      return new Hash(algorithm).update(requireData(codecs, input, undefined, "input")).digest(encoding);
    },
  };
}
