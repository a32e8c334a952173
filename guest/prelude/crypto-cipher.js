// `createCipheriv` and `createDecipheriv` of Node's crypto: AES in the modes of crypto/cipher.zig.

import {
  ArrayBufferPrototypeGetByteLength,
  ArrayPrototypeSlice,
  Error,
  RangeError,
  String,
  StringPrototypeToLowerCase,
  TypeError,
  Uint8Array,
  uncurryThis,
} from "./primordials.js";
import { invalidArgument, requireString } from "./arguments.js";
import { asBuffer } from "./buffer.js";
import { encodingName } from "./buffer-encodings.js";
import {
  coded,
  opensslError,
  requireBytes,
  requireData,
  requireInteger,
  standAlone,
} from "./crypto-arguments.js";
import { TextPieces } from "./crypto-text.js";
import { bytesOf, isArrayBuffer } from "./encoding.js";
import { streamable } from "./transform.js";

const TypedArrayPrototypeSet = uncurryThis(Uint8Array.prototype.set);
const TypedArrayPrototypeSlice = uncurryThis(Uint8Array.prototype.slice);

const BLOCK = 16;
const GCM = "gcm";
const MD5 = 0;
const MD5_LENGTH = 16;
const TAG_LENGTHS = [4, 8, 12, 13, 14, 15, 16];

// The numbers are those of `Mode` in cipher.zig; `nid` those of OpenSSL, for 128, 192 and 256 bits.
const MODES = {
  __proto__: null,
  ecb: { number: 0, ivLength: 0, nid: [418, 422, 426], blockSize: BLOCK },
  cbc: { number: 1, ivLength: BLOCK, nid: [419, 423, 427], blockSize: BLOCK },
  ctr: { number: 2, ivLength: BLOCK, nid: [904, 905, 906] },
  cfb: { number: 3, ivLength: BLOCK, nid: [421, 425, 429] },
  cfb8: { number: 4, ivLength: BLOCK, nid: [653, 654, 655] },
  ofb: { number: 5, ivLength: BLOCK, nid: [420, 424, 428] },
  gcm: { number: 6, ivLength: 12, nid: [895, 898, 901] },
};

const CIPHERS = { __proto__: null };
for (const [index, bits] of [128, 192, 256].entries()) {
  for (const mode in MODES) {
    CIPHERS[`aes-${bits}-${mode}`] = { name: `aes-${bits}-${mode}`, mode, keyLength: bits / 8, index };
  }
  CIPHERS[`aes${bits}`] = CIPHERS[`aes-${bits}-cbc`];
  CIPHERS[`id-aes${bits}-gcm`] = { ...CIPHERS[`aes-${bits}-gcm`], name: `id-aes${bits}-GCM` };
}
const LISTED = Object.keys(CIPHERS)
  .map((name) => (name.startsWith("id-") ? CIPHERS[name].name : name))
  .sort();

const cipherNamed = (name) => CIPHERS[StringPrototypeToLowerCase(name)];

const BYTES = "of type string or an instance of ArrayBuffer, Buffer, TypedArray, or DataView";

const invalidState = (operation) =>
  coded(Error, "ERR_CRYPTO_INVALID_STATE", `Invalid state for operation ${operation}`);
const invalidTag = (length) =>
  coded(TypeError, "ERR_CRYPTO_INVALID_AUTH_TAG", `Invalid authentication tag length: ${length}`);
const unauthentic = () => new Error("Unsupported state or unable to authenticate data");

const FINAL_FAILURES = [
  undefined,
  () => openssl("1C80006B", "wrong final block length", "ERR_OSSL_WRONG_FINAL_BLOCK_LENGTH"),
  () => openssl("1C800064", "bad decrypt", "ERR_OSSL_BAD_DECRYPT"),
];
const openssl = (number, reason, code) => opensslError(number, "Provider routines", reason, code);

/** The members of `crypto` about ciphers. `codecs` and `secretOf` as for `hashing`. */
export function ciphering(native, codecs, secretOf) {
  const { crypto } = native;

  const byteLength = (value) =>
    typeof value === "string"
      ? ArrayBufferPrototypeGetByteLength(native.utf8Encode(value))
      : bytesOf(value).length;

  // Both directions; only the classes below are seen.
  class Machine {
    #handle;
    #isGcm;
    #isDecrypting;
    #tagLength;
    #tag;
    #pieces;
    #encoding;
    #isStarted = false;
    #isFinal = false;

    constructor(isDecrypting, algorithm, key, iv, options) {
      requireString(algorithm, "cipher");
      const secret = secretOf(key) ?? requireBytes(key, "key");
      if (iv !== null) requireBytes(iv, "iv", BYTES);
      const cipher = cipherNamed(algorithm);
      if (cipher === undefined) throw coded(Error, "ERR_CRYPTO_UNKNOWN_CIPHER", "Unknown cipher");
      const { number, ivLength } = MODES[cipher.mode];
      this.#isGcm = cipher.mode === GCM;
      this.#isDecrypting = isDecrypting;
      const given = iv === null ? 0 : byteLength(iv);
      if ((iv === null && ivLength > 0) || (this.#isGcm ? given === 0 : given !== ivLength)) {
        throw coded(TypeError, "ERR_CRYPTO_INVALID_IV", "Invalid initialization vector");
      }
      this.#setTagLength(options?.authTagLength);
      if (byteLength(secret) !== cipher.keyLength) {
        throw coded(RangeError, "ERR_CRYPTO_INVALID_KEYLEN", "Invalid key length");
      }
      this.#handle = crypto.cipher(number, isDecrypting, secret, iv === null ? "" : iv);
    }

    #setTagLength(length) {
      if (length === undefined || length === null) return;
      requireInteger(length, "options.authTagLength");
      if (!this.#isGcm) return;
      if (!isTagLength(length)) throw invalidTag(length);
      this.#tagLength = length;
    }

    // A Buffer, or text whose characters may go on in the next piece.
    #encoded(result, encoding, isLast) {
      const bytes = new Uint8Array(result);
      if (encoding === undefined || encoding === null || encoding === "buffer") return asBuffer(bytes);
      const name = encodingName(String(encoding));
      if (name === undefined) {
        throw coded(TypeError, "ERR_UNKNOWN_ENCODING", `Unknown encoding: ${String(encoding)}`);
      }
      if (this.#pieces === undefined) {
        this.#pieces = new TextPieces(codecs, name);
        this.#encoding = name;
      } else if (this.#encoding !== name) {
        throw coded(
          Error,
          "ERR_INTERNAL_ASSERTION",
          "Cannot change encoding\nThis is caused by either a bug in Node.js or incorrect usage of Node.js internals.\n",
        );
      }
      return isLast ? this.#pieces.end(bytes) : this.#pieces.write(bytes);
    }

    update(data, inputEncoding, outputEncoding) {
      const bytes = requireData(codecs, data, inputEncoding);
      if (this.#isFinal) throw new Error("Trying to add data in unsupported state");
      this.#isStarted = true;
      return this.#encoded(crypto.cipherUpdate(this.#handle, bytes), outputEncoding, false);
    }

    final(outputEncoding) {
      if (this.#isFinal) throw coded(Error, "ERR_CRYPTO_INVALID_STATE", "Invalid state");
      this.#isFinal = true;
      const rest = crypto.cipherFinal(this.#handle);
      if (typeof rest === "number") throw FINAL_FAILURES[-rest]();
      if (this.#isGcm) this.#seal();
      return this.#encoded(rest, outputEncoding, true);
    }

    // Makes the tag, or holds it against the one that was given.
    #seal() {
      const made = new Uint8Array(crypto.cipherTag(this.#handle));
      if (!this.#isDecrypting) {
        this.#tag = TypedArrayPrototypeSlice(made, 0, this.#tagLength ?? BLOCK);
        return;
      }
      if (this.#tag === undefined) throw unauthentic();
      if (!crypto.equal(TypedArrayPrototypeSlice(made, 0, this.#tag.length), this.#tag)) {
        throw unauthentic();
      }
    }

    setAutoPadding(isOn = true) {
      if (this.#isFinal) throw invalidState("setAutoPadding");
      crypto.cipherPadding(this.#handle, Boolean(isOn));
      return this;
    }

    setAAD(data, options) {
      const bytes = requireAssociated(data, options?.encoding);
      if (!this.#isGcm || this.#isStarted || this.#isFinal) throw invalidState("setAAD");
      crypto.cipherAssociate(this.#handle, bytes);
      return this;
    }

    static tagOf(machine) {
      if (machine.#tag === undefined) throw invalidState("getAuthTag");
      return asBuffer(TypedArrayPrototypeSlice(machine.#tag));
    }

    static setTag(machine, bytes) {
      if (!machine.#isGcm || machine.#isFinal || machine.#tag !== undefined) throw invalidState("setAuthTag");
      const wanted = machine.#tagLength;
      const isAllowed = wanted === undefined ? isTagLength(bytes.length) : bytes.length === wanted;
      if (!isAllowed) throw invalidTag(bytes.length);
      machine.#tag = TypedArrayPrototypeSlice(bytes);
    }
  }
  const { setTag, tagOf } = Machine;
  delete Machine.setTag;
  delete Machine.tagOf;

  function isTagLength(length) {
    for (let i = 0; i < TAG_LENGTHS.length; i++) if (TAG_LENGTHS[i] === length) return true;
    return false;
  }

  function requireTag(tag, encoding) {
    if (typeof tag === "string") return codecs[encodingName(encoding) ?? "utf8"].encode(tag);
    const bytes = bytesOf(tag);
    if (bytes === undefined) throw invalidArgument("buffer", BYTES, tag);
    return bytes;
  }

  function requireAssociated(data, encoding) {
    if (typeof data === "string") return codecs[encodingName(encoding) ?? "utf8"].encode(data);
    if (isArrayBuffer(data) || bytesOf(data) !== undefined) return data;
    throw invalidArgument("buffer", BYTES, data);
  }

  class Cipheriv extends Machine {
    constructor(algorithm, key, iv, options) {
      super(false, algorithm, key, iv, options);
    }

    getAuthTag() {
      return tagOf(this);
    }
  }

  class Decipheriv extends Machine {
    constructor(algorithm, key, iv, options) {
      super(true, algorithm, key, iv, options);
    }

    setAuthTag(tag, encoding) {
      setTag(this, requireTag(tag, encoding));
      return this;
    }
  }
  standAlone(Cipheriv, Machine);
  standAlone(Decipheriv, Machine);

  const work = (cipher) => ({ write: (bytes) => cipher.update(bytes), end: () => cipher.final() });
  streamable(Cipheriv.prototype, work);
  streamable(Decipheriv.prototype, work);

  // Key and vector as OpenSSL made them of a password, long ago: one round of MD5, no salt.
  function fromPassword(algorithm, password) {
    requireString(algorithm, "cipher");
    requireBytes(password, "password", BYTES);
    const cipher = cipherNamed(algorithm);
    if (cipher === undefined) throw coded(Error, "ERR_CRYPTO_UNKNOWN_CIPHER", "Unknown cipher");
    const { ivLength } = MODES[cipher.mode];
    const made = new Uint8Array(cipher.keyLength + ivLength + MD5_LENGTH);
    let last = "";
    for (let at = 0; at < cipher.keyLength + ivLength; at += MD5_LENGTH) {
      const handle = crypto.digest(MD5);
      crypto.update(handle, last);
      crypto.update(handle, password);
      last = crypto.final(handle, MD5_LENGTH);
      TypedArrayPrototypeSet(made, new Uint8Array(last), at);
    }
    return {
      key: TypedArrayPrototypeSlice(made, 0, cipher.keyLength),
      iv: TypedArrayPrototypeSlice(made, cipher.keyLength, cipher.keyLength + ivLength),
    };
  }

  return {
    Cipheriv,
    Decipheriv,
    createCipheriv: (algorithm, key, iv, options) => new Cipheriv(algorithm, key, iv, options),
    createDecipheriv: (algorithm, key, iv, options) => new Decipheriv(algorithm, key, iv, options),

    createCipher(algorithm, password, options) {
      const { key, iv } = fromPassword(algorithm, password);
      return new Cipheriv(algorithm, key, iv, options);
    },

    createDecipher(algorithm, password, options) {
      const { key, iv } = fromPassword(algorithm, password);
      return new Decipheriv(algorithm, key, iv, options);
    },

    getCiphers: () => ArrayPrototypeSlice(LISTED),

    getCipherInfo(name, options) {
      if (typeof name !== "string") throw invalidArgument("nameOrNid", "of type string or number", name);
      const cipher = cipherNamed(name);
      if (cipher === undefined) return undefined;
      const { nid, ivLength, blockSize } = MODES[cipher.mode];
      const keyLength = options?.keyLength ?? cipher.keyLength;
      const ivWanted = options?.ivLength ?? ivLength;
      if (keyLength !== cipher.keyLength) return undefined;
      if (cipher.mode === GCM ? ivWanted < 1 : ivWanted !== ivLength) return undefined;
      const info = {
        mode: cipher.mode === "cfb8" ? "cfb" : cipher.mode,
        name: cipher.mode === GCM ? `id-aes${keyLength * 8}-gcm` : cipher.name,
        nid: nid[cipher.index],
        blockSize: blockSize ?? 1,
      };
      if (ivWanted > 0) info.ivLength = ivWanted;
      info.keyLength = keyLength;
      return info;
    },
  };
}
