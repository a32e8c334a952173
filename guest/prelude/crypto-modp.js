// Diffie-Hellman over numbers, of Node's crypto: `createDiffieHellman` and `getDiffieHellman`. Powers are the host's,
// piece by piece, so that no piece takes it long.

import {
  BigInt,
  Error,
  Number,
  NumberIsInteger,
  ObjectDefineProperty,
  RangeError,
  ReflectConstruct,
  StringPrototypeToLowerCase,
  TypeError,
  Uint8Array,
  uncurryThis,
} from "./primordials.js";
import { invalidArgument } from "./arguments.js";
import { encodingName } from "./buffer-encodings.js";
import { outOfRange } from "./buffer-numbers.js";
import { coded, INT32_MAX, opensslError, standAlone } from "./crypto-arguments.js";
import { encoded, keyBytes, trimmed } from "./crypto-exchange.js";
import { unavailable } from "./crypto-generate.js";
import { bytesOf } from "./encoding.js";

const BigIntPrototypeToString = uncurryThis(BigInt.prototype.toString);
const TypedArrayPrototypeSlice = uncurryThis(Uint8Array.prototype.slice);

const PRIME_BITS_MIN = 512;
const PRIME_BITS_MAX = 8192;

// As keys.py bounds a piece of a power.
const POWER_WORK_MAX = 2048 ** 3 / 2;

// Groups of RFC 2409 and RFC 3526: bits, and what is added to so many bits of pi; then bits of a private key, as OpenSSL
// chooses them by the strength of the group, where it knows the group.
const GROUPS = {
  __proto__: null,
  modp1: [768, 149686n],
  modp2: [1024, 129093n],
  modp5: [1536, 741804n, 200],
  modp14: [2048, 124476n, 225],
  modp15: [3072, 1690314n, 275],
  modp16: [4096, 240904n, 325],
  modp17: [6144, 929484n, 375],
  modp18: [8192, 4743158n, 400],
};

const NOT_PRIME = 1;
const NOT_SAFE_PRIME = 2;
const BAD_GENERATOR = 8;
const TOO_SMALL = 128;

/** Rounds of Miller and Rabin's test that tell whether a number is prime. */
const ROUNDS = 8;

const SIZE =
  "one of type number or string or an instance of ArrayBuffer, Buffer, TypedArray, or DataView";

// floor(2 ** bits * pi), by Machin's formula; the last bits of the sums are not exact, so there are some more.
function piBits(bits) {
  const one = 1n << (bits + 64n);
  function arctangent(x) {
    let term = one / x;
    let sum = term;
    for (let n = 3n, sign = -1n; term !== 0n; n += 2n, sign = -sign) {
      term /= x * x;
      sum += (sign * term) / n;
    }
    return sum;
  }
  return (4n * (4n * arctangent(5n) - arctangent(239n))) >> 64n;
}

function groupPrime({ 0: size, 1: added }) {
  const bits = BigInt(size);
  const middle = piBits(bits - 130n) + added;
  return (1n << bits) - (1n << (bits - 64n)) - 1n + (middle << 64n);
}

// Bits of a private key where the group is one of the above; undefined for any other.
function knownBits(prime, generator, bits) {
  for (const name in GROUPS) {
    const group = GROUPS[name];
    if (group[0] === bits && generator === 2n && groupPrime(group) === prime) return group[2];
  }
  return undefined;
}

/** The members of `crypto` about groups of numbers; `host` as of `keyHost`. */
export function numberGroups(native, codecs, host) {
  const numberOf = (bytes) =>
    bytes.length === 0 ? 0n : BigInt(`0x${native.hexEncode(bytes.buffer, bytes.byteOffset, bytes.length)}`);

  function bytesOfNumber(number) {
    const digits = BigIntPrototypeToString(number, 16);
    return new Uint8Array(native.hexDecode(digits.length % 2 === 0 ? digits : `0${digits}`));
  }

  const sizeOf = (number) => BigIntPrototypeToString(number, 2).length;

  // base ** exponent % modulus, as long as the modulus.
  function power(base, exponent, modulus) {
    const size = sizeOf(modulus);
    const most = size < PRIME_BITS_MIN ? PRIME_BITS_MIN : size;
    const step = Number(BigInt(POWER_WORK_MAX) / BigInt(most * most)) >> 3;
    const numbers = {
      base: host.base64(bytesOfNumber(base % modulus)),
      modulus: host.base64(bytesOfNumber(modulus)),
    };
    const bytes = bytesOfNumber(exponent);
    let result;
    for (let at = 0; at < bytes.length; at += step) {
      const piece = TypedArrayPrototypeSlice(bytes, at, at + step);
      const before = result === undefined ? null : host.base64(result);
      const request = { op: "power", ...numbers, exponent: host.base64(piece), bits: piece.length * 8, before };
      result = new Uint8Array(host.ask(request));
    }
    return result;
  }

  const random = (bytes) => new Uint8Array(native.random(bytes));

  function isPrime(number) {
    if (number < 4n) return number > 1n;
    if ((number & 1n) === 0n) return false;
    let odd = number - 1n;
    let halvings = 0;
    for (; (odd & 1n) === 0n; halvings++) odd >>= 1n;
    const bytes = (sizeOf(number) + 7) >> 3;
    for (let round = 0; round < ROUNDS; round++) {
      const witness = 2n + (numberOf(random(bytes)) % (number - 3n));
      let value = numberOf(power(witness, odd, number));
      for (let i = 1; value !== 1n && value !== number - 1n && i < halvings; i++) {
        value = (value * value) % number;
        if (value === 1n) return false;
      }
      if (value !== 1n && value !== number - 1n) return false;
    }
    return true;
  }

  // What OpenSSL finds wrong with a group, as bits of `verifyError`.
  function faults(prime, generator) {
    let found = sizeOf(prime) < PRIME_BITS_MIN ? TOO_SMALL : 0;
    if (generator <= 1n || generator >= prime - 1n) found |= BAD_GENERATOR;
    if (!isPrime(prime)) found |= NOT_PRIME;
    else if (!isPrime(prime >> 1n)) found |= NOT_SAFE_PRIME;
    return found;
  }

  const missing = (kind) =>
    coded(
      Error,
      "ERR_CRYPTO_INVALID_STATE",
      `No ${kind} key - did you forget to generate one?`,
    );
  const wrongLength = (size) =>
    coded(RangeError, "ERR_CRYPTO_INVALID_KEYLEN", `Supplied key is too ${size}`);
  const tooSmall = () =>
    opensslError(
      "0280007E",
      "Diffie-Hellman routines",
      "modulus too small",
      "ERR_OSSL_DH_MODULUS_TOO_SMALL",
    );

  /** A group, and this side's keys in it. Only the classes below are seen. */
  class Group {
    #prime;
    #generator;
    #privateBits;
    #private;
    #public;

    constructor(prime, generator, privateBits) {
      this.#prime = prime;
      this.#generator = generator;
      this.#privateBits = privateBits ?? sizeOf(prime) - 1;
    }

    generateKeys(encoding) {
      if (sizeOf(this.#prime) < PRIME_BITS_MIN) throw tooSmall();
      if (this.#private === undefined) {
        const bits = this.#privateBits;
        const bytes = random((bits + 7) >> 3);
        bytes[0] &= 0xff >> (bytes.length * 8 - bits);
        bytes[0] |= 1 << ((bits - 1) & 7);
        this.#private = bytes;
      }
      this.#public = trimmed(power(this.#generator, numberOf(this.#private), this.#prime));
      return this.getPublicKey(encoding);
    }

    computeSecret(key, inputEncoding, outputEncoding) {
      const theirs = numberOf(keyBytes(codecs, key, inputEncoding));
      if (this.#private === undefined) {
        throw coded(RangeError, "ERR_CRYPTO_INVALID_KEYTYPE", "Invalid key type");
      }
      if (theirs < 2n) throw wrongLength("small");
      if (theirs >= this.#prime - 1n) throw wrongLength("large");
      return encoded(codecs, power(theirs, numberOf(this.#private), this.#prime), outputEncoding);
    }

    getPrime(encoding) {
      return encoded(codecs, bytesOfNumber(this.#prime), encoding);
    }

    getGenerator(encoding) {
      return encoded(codecs, bytesOfNumber(this.#generator), encoding);
    }

    getPublicKey(encoding) {
      if (this.#public === undefined) throw missing("public");
      return encoded(codecs, TypedArrayPrototypeSlice(this.#public), encoding);
    }

    getPrivateKey(encoding) {
      if (this.#private === undefined) throw missing("private");
      return encoded(codecs, trimmed(this.#private), encoding);
    }

    static setPublic(group, bytes) {
      group.#public = bytes;
    }

    static setPrivate(group, bytes) {
      group.#private = bytes;
    }
  }
  const { setPrivate, setPublic } = Group;
  delete Group.setPrivate;
  delete Group.setPublic;

  const showFaults = (object, find) =>
    ObjectDefineProperty(object, "verifyError", { __proto__: null, enumerable: true, get: find });

  function numberArgument(value, name, encoding) {
    if (typeof value === "number") {
      if (!NumberIsInteger(value)) throw outOfRange(name, "an integer", value);
      if (value < -INT32_MAX - 1 || value > INT32_MAX) {
        throw outOfRange(name, ">= -2147483648 && <= 2147483647", value);
      }
      return BigInt(value);
    }
    if (typeof value !== "string" && bytesOf(value) === undefined) throw invalidArgument(name, SIZE, value);
    const bytes = keyBytes(codecs, value, encoding);
    if (bytes.length * 8 > PRIME_BITS_MAX) {
      throw outOfRange(name, `<= ${PRIME_BITS_MAX} bits`, bytes.length * 8);
    }
    return numberOf(bytes);
  }

  const isEncoding = (value) => value === "buffer" || (typeof value === "string" && encodingName(value) !== undefined);

  class DiffieHellman extends Group {
    constructor(prime, primeEncoding, generator, generatorEncoding) {
      if (primeEncoding && !isEncoding(primeEncoding)) {
        generatorEncoding = generator;
        generator = primeEncoding;
        primeEncoding = undefined;
      }
      const modulus = numberArgument(prime, "sizeOrKey", primeEncoding || undefined);
      if (typeof prime === "number") {
        throw unavailable(
          "Primes for Diffie-Hellman are not searched for in a function: use getDiffieHellman(), or hand a prime in",
        );
      }
      const base = generator ? numberArgument(generator, "generator", generatorEncoding) : 2n;
      if (modulus < 2n) {
        throw opensslError("01800076", "bignum routines", "bits too small", "ERR_OSSL_BN_BITS_TOO_SMALL");
      }
      if (base < 2n) {
        throw opensslError(
          "02800065",
          "Diffie-Hellman routines",
          "bad generator",
          "ERR_OSSL_DH_BAD_GENERATOR",
        );
      }
      super(modulus, base, knownBits(modulus, base, sizeOf(modulus)));
      let known;
      // Whether it is a good prime takes long to find out, and hardly anybody asks.
      showFaults(this, () => (known ??= faults(modulus, base)));
    }

    setPublicKey(key, encoding) {
      setPublic(this, keyBytes(codecs, key, encoding));
      return this;
    }

    setPrivateKey(key, encoding) {
      const bytes = keyBytes(codecs, key, encoding);
      const bits = bytes.length * 8;
      if (bits > PRIME_BITS_MAX) throw outOfRange("key", `<= ${PRIME_BITS_MAX} bits`, bits);
      setPrivate(this, bytes);
      return this;
    }
  }

  class DiffieHellmanGroup extends Group {
    constructor(name) {
      if (typeof name !== "string") {
        throw coded(TypeError, "ERR_INVALID_ARG_TYPE", "Group name must be a string");
      }
      const group = GROUPS[StringPrototypeToLowerCase(name)];
      if (group === undefined) throw coded(Error, "ERR_CRYPTO_UNKNOWN_DH_GROUP", "Unknown DH group");
      super(groupPrime(group), 2n, group[2]);
      showFaults(this, () => 0);
    }
  }
  standAlone(DiffieHellman, Group);
  standAlone(DiffieHellmanGroup, Group);

  const getDiffieHellman = (name) => new DiffieHellmanGroup(name);
  return {
    DiffieHellman,
    DiffieHellmanGroup,
    createDiffieHellman: (...given) => ReflectConstruct(DiffieHellman, given),
    createDiffieHellmanGroup: getDiffieHellman,
    getDiffieHellman,
  };
}
