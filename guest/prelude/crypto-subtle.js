// `crypto.subtle` and `crypto.webcrypto`. Every method answers with a promise, and with a DOMException where the
// standard wants one. Which algorithms there are, and what they take, is in crypto-web-params.js; what they do in
// crypto-web-secret.js and crypto-web-pairs.js.

import {
  JSONParse,
  JSONStringify,
  StringPrototypeRepeat,
  SymbolToStringTag,
  TypeError,
  TypedArrayPrototypeGetBuffer,
  Uint8Array,
  uncurryThis,
} from "./primordials.js";
import { coded } from "./crypto-arguments.js";
import { CryptoKey, cryptoKeyFacts } from "./crypto-keys.js";
import {
  allows,
  bitLength,
  converted,
  convertedJwk,
  invalidAccess,
  normalized,
  notExtractable,
  notSupported,
  syntax,
  wrongData,
} from "./crypto-web-params.js";
import { isPaired, pairedAlgorithms } from "./crypto-web-pairs.js";
import { secretAlgorithms } from "./crypto-web-secret.js";
import { define } from "./expose.js";

const TypedArrayPrototypeSlice = uncurryThis(Uint8Array.prototype.slice);

/** `{ webcrypto, subtle }` for `crypto`. `random` as of `randomness`, `host`, `forms` and `generation` as in crypto.js. */
export function webCrypto(native, random, host, forms, generation) {
  const secrets = secretAlgorithms(native, random);
  const pairs = pairedAlgorithms(native, host, forms, generation);
  const algorithms = (name) => (isPaired(name) ? pairs : secrets);

  function requireUse(facts, { name }, usage) {
    if (facts.algorithm.name !== name || !allows(facts.usages, usage)) {
      throw invalidAccess("The requested operation is not valid for the provided key");
    }
  }

  // As above, for a signature.
  function requireSigner(facts, { name }, usage) {
    if (facts.algorithm.name !== name || !allows(facts.usages, usage)) {
      throw invalidAccess(`Unable to use this key to ${usage}`);
    }
  }

  function requireBase(facts, { name }, usage) {
    if (!allows(facts.usages, usage)) throw invalidAccess(`baseKey does not have ${usage} usage`);
    if (facts.algorithm.name !== name) throw invalidAccess("Key algorithm mismatch");
  }

  function imported(format, keyData, algorithm, isExtractable, usages) {
    const key = algorithms(algorithm.name).importKey(format, keyData, algorithm, isExtractable, usages);
    const { kind } = cryptoKeyFacts(key).held;
    if (kind !== "public" && usages.length === 0) {
      throw syntax(`Usages cannot be empty when importing a ${kind} key.`);
    }
    return key;
  }

  function exported(format, facts) {
    const { held, algorithm, isExtractable, usages } = facts;
    if (!isExtractable) throw notExtractable();
    const { name } = algorithm;
    if (format === "jwk") {
      return { key_ops: usages, ext: isExtractable, ...algorithms(name).exportJwk(facts) };
    }
    if (isPaired(name)) return pairs.exportKey(format, facts);
    if (format === "raw") return TypedArrayPrototypeGetBuffer(TypedArrayPrototypeSlice(held.bytes));
    throw invalidAccess(`Unable to export a ${format === "spki" ? "raw" : format} ${name} secret key`);
  }

  // AES-KW only wraps; what else encrypts wraps too.
  function wrapping(algorithm) {
    try {
      return normalized(algorithm, "wrapKey");
    } catch {
      return normalized(algorithm, "encrypt");
    }
  }

  class SubtleCrypto {
    constructor(access) {
      if (access !== native) throw coded(TypeError, "ERR_ILLEGAL_CONSTRUCTOR", "Illegal constructor");
    }

    async digest(algorithm, data) {
      const { 0: wanted, 1: bytes } = converted("digest", arguments, ["algorithm", "bytes"]);
      return secrets.digest(normalized(wanted, "digest").name, bytes);
    }

    async sign(algorithm, key, data) {
      const { 0: given, 1: facts, 2: bytes } = converted("sign", arguments, ["algorithm", "key", "bytes"]);
      const wanted = normalized(given, "sign");
      requireSigner(facts, wanted, "sign");
      return isPaired(wanted.name) ? pairs.sign(wanted, facts, bytes) : secrets.sign(facts, bytes);
    }

    async verify(algorithm, key, signature, data) {
      const kinds = ["algorithm", "key", "bytes", "bytes"];
      const { 0: given, 1: facts, 2: proof, 3: bytes } = converted("verify", arguments, kinds);
      const wanted = normalized(given, "sign");
      requireSigner(facts, wanted, "verify");
      if (isPaired(wanted.name)) return pairs.verify(wanted, facts, proof, bytes);
      return secrets.verify(facts, proof, bytes);
    }

    async encrypt(algorithm, key, data) {
      const { 0: given, 1: facts, 2: bytes } = converted("encrypt", arguments, ["algorithm", "key", "bytes"]);
      const wanted = normalized(given, "encrypt");
      requireUse(facts, wanted, "encrypt");
      return algorithms(wanted.name).crypt(false, wanted, facts, bytes);
    }

    async decrypt(algorithm, key, data) {
      const { 0: given, 1: facts, 2: bytes } = converted("decrypt", arguments, ["algorithm", "key", "bytes"]);
      const wanted = normalized(given, "encrypt");
      requireUse(facts, wanted, "decrypt");
      return algorithms(wanted.name).crypt(true, wanted, facts, bytes);
    }

    async deriveBits(algorithm, baseKey, length = null) {
      const { 0: given, 1: facts } = converted("deriveBits", arguments, ["algorithm", "key"]);
      const bits = bitLength(length);
      const wanted = normalized(given, "deriveBits");
      requireBase(facts, wanted, "deriveBits");
      return algorithms(wanted.name).deriveBits(wanted, facts, bits);
    }

    async deriveKey(algorithm, baseKey, derivedKeyAlgorithm, extractable, keyUsages) {
      const kinds = ["algorithm", "key", "algorithm", "boolean", "usages"];
      const { 0: given, 1: facts, 2: derived, 3: isExtractable, 4: usages } = converted("deriveKey", arguments, kinds);
      const wanted = normalized(given, "deriveBits");
      const target = normalized(derived, "importKey");
      requireBase(facts, wanted, "deriveKey");
      const bits = secrets.keyLength(normalized(derived, "get key length"));
      const bytes = algorithms(wanted.name).deriveBits(wanted, facts, bits);
      return imported("raw", new Uint8Array(bytes), target, isExtractable, usages);
    }

    async generateKey(algorithm, extractable, keyUsages) {
      const kinds = ["algorithm", "boolean", "usages"];
      const { 0: given, 1: isExtractable, 2: usages } = converted("generateKey", arguments, kinds);
      const wanted = normalized(given, "generateKey");
      return algorithms(wanted.name).generateKey(wanted, isExtractable, usages);
    }

    async importKey(format, keyData, algorithm, extractable, keyUsages) {
      const data = format === "jwk" ? "jwk" : "bytes";
      const kinds = ["format", data, "algorithm", "boolean", "usages"];
      const { 0: as, 1: content, 2: given, 3: isExtractable, 4: usages } = converted("importKey", arguments, kinds, 4);
      return imported(as, content, normalized(given, "importKey"), isExtractable, usages);
    }

    async exportKey(format, key) {
      const { 0: as, 1: facts } = converted("exportKey", arguments, ["format", "key"]);
      return exported(as, facts);
    }

    async wrapKey(format, key, wrappingKey, wrapAlgorithm) {
      const kinds = ["format", "key", "key", "algorithm"];
      const { 0: as, 1: facts, 2: wrappingFacts, 3: given } = converted("wrapKey", arguments, kinds);
      const wanted = wrapping(given);
      let content = exported(as, facts);
      if (as === "jwk") {
        const text = JSONStringify(content);
        const isBlocks = wanted.name === "AES-KW" && text.length % 8 !== 0;
        content = native.utf8Encode(isBlocks ? text + StringPrototypeRepeat(" ", 8 - (text.length % 8)) : text);
      }
      requireUse(wrappingFacts, wanted, "wrapKey");
      return algorithms(wanted.name).crypt(false, wanted, wrappingFacts, new Uint8Array(content));
    }

    async unwrapKey(format, wrappedKey, unwrappingKey, unwrapAlgorithm, keyAlgorithm, extractable, keyUsages) {
      const kinds = ["format", "bytes", "key", "algorithm", "algorithm", "boolean", "usages"];
      const list = converted("unwrapKey", arguments, kinds);
      const { 0: as, 1: wrapped, 2: unwrappingFacts, 3: given, 4: target, 5: isExtractable, 6: usages } = list;
      const wanted = wrapping(given);
      requireUse(unwrappingFacts, wanted, "unwrapKey");
      const bytes = algorithms(wanted.name).crypt(true, wanted, unwrappingFacts, wrapped);
      let content = new Uint8Array(bytes);
      if (as === "jwk") content = parsedJwk(bytes);
      return imported(as, content, normalized(target, "importKey"), isExtractable, usages);
    }
  }
  define(SubtleCrypto.prototype, SymbolToStringTag, "SubtleCrypto");

  function parsedJwk(bytes) {
    let value;
    try {
      value = JSONParse(native.utf8Decode(bytes, 0, bytes.byteLength, true));
    } catch {
      throw wrongData("Invalid wrapped JWK key");
    }
    return convertedJwk(value);
  }

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
