// Public and private keys of web crypto: RSA, ECDSA and ECDH over the standard's curves, Ed25519, X25519 and their like.
// The arithmetic is the host's, as in crypto-pairs.js.

import { JSONStringify, MathCeil, Promise, Uint8Array, uncurryThis } from "./primordials.js";
import { hashName, hashNumber } from "./crypto-hash.js";
import { cryptoKey } from "./crypto-keys.js";
import {
  allows,
  distinct,
  failed,
  invalidAccess,
  job,
  notSupported,
  requireJwk,
  requireJwkUse,
  requireUsages,
  syntax,
  wrongAlg,
  wrongData,
} from "./crypto-web-params.js";

const TypedArrayPrototypeSlice = uncurryThis(Uint8Array.prototype.slice);

const OAEP_PADDING = 4;
const PKCS1_PADDING = 1;
const PSS_PADDING = 6;

const CURVES = { __proto__: null, "P-256": "prime256v1", "P-384": "secp384r1", "P-521": "secp521r1" };
const RAW_SIZES = { __proto__: null, Ed25519: 32, Ed448: 57, X25519: 32, X448: 56 };
const TYPES = { __proto__: null, Ed25519: "ed25519", Ed448: "ed448", X25519: "x25519", X448: "x448" };
const CURVE_ALGS = { __proto__: null, ES256: "P-256", ES384: "P-384", ES512: "P-521" };
const RSA_ALGS = {
  __proto__: null,
  "RSASSA-PKCS1-v1_5": { "SHA-1": "RS1", "SHA-256": "RS256", "SHA-384": "RS384", "SHA-512": "RS512" },
  "RSA-PSS": { "SHA-1": "PS1", "SHA-256": "PS256", "SHA-384": "PS384", "SHA-512": "PS512" },
  "RSA-OAEP": {
    "SHA-1": "RSA-OAEP",
    "SHA-256": "RSA-OAEP-256",
    "SHA-384": "RSA-OAEP-384",
    "SHA-512": "RSA-OAEP-512",
  },
};
// Any name that a hash has in a JSON web key.
const ALG_HASHES = { __proto__: null };
for (const algs of Object.values(RSA_ALGS)) {
  for (const [hash, alg] of Object.entries(algs)) ALG_HASHES[alg] = hash;
}

const SIGNING = { public: ["verify"], private: ["sign"], use: "sig" };
const AGREEING = { public: [], private: ["deriveKey", "deriveBits"], use: "enc" };
const ENCRYPTING = { public: ["encrypt", "wrapKey"], private: ["decrypt", "unwrapKey"], use: "enc" };

/** By algorithm: which usages its two keys have. */
const ROLES = {
  __proto__: null,
  "RSASSA-PKCS1-v1_5": SIGNING,
  "RSA-PSS": SIGNING,
  "RSA-OAEP": ENCRYPTING,
  ECDSA: SIGNING,
  Ed25519: SIGNING,
  Ed448: SIGNING,
  ECDH: AGREEING,
  X25519: AGREEING,
  X448: AGREEING,
};

/** Whether there are pairs of keys for the algorithm of this name. */
export const isPaired = (name) => ROLES[name] !== undefined;

const isRsa = (name) => RSA_ALGS[name] !== undefined;
const isCurve = (name) => name === "ECDSA" || name === "ECDH";
const isAgreeing = (name) => ROLES[name] === AGREEING;

// With the article that Node gives each.
const kindOf = (name) => (isCurve(name) || !isRsa(name) ? `a ${name} key` : `an ${name} key`);
const madeKindOf = (name) => (isRsa(name) ? "a RSA key" : `an ${name} key`);

// A big-endian number of at most 32 bits; undefined for a larger one.
function unsignedOf(bytes) {
  let number = 0;
  for (let i = 0; i < bytes.length; i++) {
    if (number > 0xffffff) return undefined;
    number = number * 256 + bytes[i];
  }
  return number;
}

function bytesOfNumber(number) {
  let size = 0;
  for (let rest = number; rest >= 1; rest /= 256) size++;
  const bytes = new Uint8Array(size);
  for (let i = size - 1; i >= 0; i--, number = (number - (number % 256)) / 256) bytes[i] = number % 256;
  return bytes;
}

/** What web crypto does with pairs of keys. `host` as of `keyHost`, `forms` as of `keyForms`, `generation` likewise. */
export function pairedAlgorithms(native, host, forms, generation) {
  const { crypto } = native;

  // ---- in

  // The key in DER, as the very structure that `format` names.
  function fromDer(format, bytes) {
    try {
      return host.read(bytes, format, null, format === "spki" ? "public" : "private");
    } catch (error) {
      throw wrongData(undefined, error);
    }
  }

  function fromRaw(bytes, { name, namedCurve }, want) {
    const size = RAW_SIZES[name];
    if (size !== undefined && bytes.length !== size) {
      throw wrongData(`${name} raw keys must be exactly ${size}-bytes`);
    }
    try {
      return size === undefined
        ? host.readRaw(bytes, "ec", CURVES[namedCurve], want)
        : host.readRaw(bytes, TYPES[name], undefined, want);
    } catch (error) {
      throw wrongData(undefined, error);
    }
  }

  function requireAlg({ name, hash, namedCurve }, alg) {
    if (alg === undefined) return;
    const isRight = isRsa(name)
      ? ALG_HASHES[alg] === hash.name
      : name === "ECDSA"
        ? CURVE_ALGS[alg] === namedCurve
        : isAgreeing(name) || alg === name || alg === "EdDSA";
    if (!isRight) throw wrongAlg();
  }

  function fromJwk(jwk, algorithm, isExtractable, usages) {
    const { name, namedCurve } = algorithm;
    const want = jwk.d === undefined ? "public" : "private";
    const size = RAW_SIZES[name];
    requireJwk(jwk, isRsa(name) ? "RSA" : isCurve(name) ? "EC" : "OKP");
    if (isCurve(name) && jwk.crv !== namedCurve) {
      throw wrongData('JWK "crv" does not match the requested algorithm');
    }
    if (size !== undefined && jwk.crv !== name) {
      throw wrongData('JWK "crv" Parameter and algorithm name mismatch');
    }
    if (size === undefined) requireUsages(usages, ROLES[name][want], kindOf(name));
    requireJwkUse(jwk, ROLES[name].use, usages, isExtractable);
    requireAlg(algorithm, jwk.alg);
    if (size === undefined) {
      try {
        return host.read(JSONStringify(jwk), "jwk", null, want);
      } catch (error) {
        throw wrongData(undefined, error);
      }
    }
    if (want === "private" && jwk.x === undefined) throw wrongData("Invalid JWK");
    requireUsages(usages, ROLES[name][want], kindOf(name));
    try {
      const publicKey = fromRaw(decoded(jwk.x), algorithm, "public");
      if (want === "public") return publicKey;
      const held = fromRaw(decoded(jwk.d), algorithm, "private");
      if (forms.publicHalf(held).der === publicKey.der) return held;
    } catch (error) {
      throw wrongData(undefined, error);
    }
    throw wrongData();
  }

  const decoded = (text) => new Uint8Array(native.base64Decode(text ?? ""));

  function importKey(format, keyData, algorithm, isExtractable, usages) {
    const { name, namedCurve, hash } = algorithm;
    if (isCurve(name) && CURVES[namedCurve] === undefined) throw notSupported("Unrecognized namedCurve");
    let held;
    if (format === "jwk") {
      held = fromJwk(keyData, algorithm, isExtractable, usages);
    } else {
      if (format === "raw" && isRsa(name)) {
        throw notSupported(`Unable to import RSA key with format ${format}`);
      }
      const want = format === "pkcs8" ? "private" : "public";
      requireUsages(usages, ROLES[name][want], kindOf(name));
      held = format === "raw" ? fromRaw(keyData, algorithm, want) : fromDer(format, keyData);
    }
    const wanted = isRsa(name) ? "rsa" : isCurve(name) ? "ec" : TYPES[name];
    if (held.type !== wanted) throw wrongData("Invalid key type");
    if (isCurve(name)) {
      if (held.details.namedCurve !== CURVES[namedCurve]) throw wrongData("Named curve mismatch");
      return cryptoKey(held, { name, namedCurve }, isExtractable, usages);
    }
    if (!isRsa(name)) return cryptoKey(held, { name }, isExtractable, usages);
    const { modulusLength, publicExponent } = held.details;
    const described = { name, modulusLength, publicExponent: bytesOfNumber(publicExponent), hash };
    return cryptoKey(held, described, isExtractable, usages);
  }

  // ---- out

  function exportKey(format, { held, algorithm }) {
    const isFitting = format === "pkcs8" ? held.kind === "private" : held.kind === "public";
    if (!isFitting || (format === "raw" && isRsa(algorithm.name))) {
      const kind = format === "pkcs8" ? format : "raw";
      throw invalidAccess(`Unable to export a ${kind} ${algorithm.name} ${held.kind} key`);
    }
    if (format === "raw") return host.raw(held).buffer;
    return host.ask({ op: "write", key: host.sent(held), format: "der", type: format, passphrase: null });
  }

  function exportJwk({ held, algorithm }) {
    const jwk = host.askForJson({ op: "write", key: host.sent(held), format: "jwk" });
    const { name, hash } = algorithm;
    if (isRsa(name)) jwk.alg = RSA_ALGS[name][hash.name];
    else if (name === "Ed25519" || name === "Ed448") jwk.alg = name;
    return jwk;
  }

  // ---- new ones

  function request({ name, namedCurve, modulusLength, publicExponent }) {
    if (isRsa(name)) {
      const exponent = unsignedOf(publicExponent);
      if (exponent === undefined) {
        throw failed("The publicExponent must be equivalent to an unsigned 32-bit value");
      }
      return { op: "make", type: "rsa", modulusLength, publicExponent: exponent };
    }
    if (!isCurve(name)) return { op: "make", type: TYPES[name] };
    if (CURVES[namedCurve] === undefined) throw notSupported("Unrecognized namedCurve");
    return { op: "make", type: "ec", namedCurve: CURVES[namedCurve] };
  }

  function generateKey(algorithm, isExtractable, usages) {
    const { name, namedCurve, modulusLength, publicExponent, hash } = algorithm;
    const role = ROLES[name];
    const wanted = request(algorithm);
    for (let i = 0; i < usages.length; i++) {
      if (!allows(role.public, usages[i])) requireUsages([usages[i]], role.private, madeKindOf(name));
    }
    const privateUsages = distinct(usages, role.private);
    if (privateUsages.length === 0) throw syntax("Usages cannot be empty when creating a key.");
    const described = isRsa(name)
      ? { name, modulusLength, publicExponent, hash }
      : isCurve(name)
        ? { name, namedCurve }
        : { name };
    // Promises would show a key to patched methods: they hold none but a CryptoKey.
    return new Promise((resolve, reject) => {
      function done(error, held) {
        if (error !== null) {
          reject(failed(undefined, error));
          return;
        }
        const publicKey = cryptoKey(forms.publicHalf(held), described, true, distinct(usages, role.public));
        const privateKey = cryptoKey(held, described, isExtractable, privateUsages);
        resolve({ __proto__: null, publicKey, privateKey });
      }
      job(() => generation.make(wanted, done));
    });
  }

  // ---- work

  function digested(name, bytes) {
    const number = hashNumber(name);
    const handle = crypto.digest(number);
    crypto.update(handle, bytes);
    return crypto.final(handle, crypto.digestLength(number));
  }

  const nodeName = (name) => hashName(hashNumber(name));

  // What the host is told of a signature, and what it works on.
  function signing(wanted, { held, algorithm }, bytes, kind) {
    if (held.kind !== kind) throw invalidAccess(`Key must be a ${kind} key`);
    const { name, hash: keyHash, modulusLength } = algorithm;
    if (wanted.context !== undefined && wanted.context.length > 0) {
      throw notSupported("Non zero-length context is not yet supported.");
    }
    const asked = { key: host.sent(held), digest: null, padding: 0, saltLength: 0, dsaEncoding: "ieee-p1363" };
    const hash = name === "ECDSA" ? wanted.hash.name : keyHash?.name;
    if (hash === undefined) return { asked, data: bytes };
    if (isRsa(name)) asked.padding = name === "RSA-PSS" ? PSS_PADDING : PKCS1_PADDING;
    if (name === "RSA-PSS") {
      asked.saltLength = wanted.saltLength;
      const room = MathCeil((modulusLength - 1) / 8) - crypto.digestLength(hashNumber(hash)) - 2;
      if (wanted.saltLength > room) throw failed();
    }
    asked.digest = nodeName(hash);
    return { asked, data: digested(hash, bytes) };
  }

  function sign(wanted, facts, bytes) {
    const { asked, data } = signing(wanted, facts, bytes, "private");
    return job(() => host.ask({ op: "sign", ...asked }, data));
  }

  function verify(wanted, facts, signature, bytes) {
    const { asked, data } = signing(wanted, facts, bytes, "public");
    const request = { op: "verify", ...asked, signature: host.base64(signature) };
    return job(() => new Uint8Array(host.ask(request, data))[0] === 1);
  }

  function crypt(isDecrypting, { label }, { held, algorithm }, bytes) {
    if (held.kind !== (isDecrypting ? "private" : "public")) {
      throw invalidAccess("The requested operation is not valid for the provided key");
    }
    const asked = {
      op: isDecrypting ? "decrypt" : "encrypt",
      key: host.sent(held),
      padding: OAEP_PADDING,
      oaepHash: nodeName(algorithm.hash.name),
      oaepLabel: label === undefined ? null : host.base64(label),
      private: false,
      public: false,
    };
    return job(() => host.ask(asked, bytes));
  }

  function deriveBits(wanted, { held, algorithm }, bits) {
    const theirs = wanted.public;
    if (theirs.held.kind !== "public") throw invalidAccess("algorithm.public must be a public key");
    if (held.kind !== "private") throw invalidAccess("baseKey must be a private key");
    if (!isAgreeing(theirs.algorithm.name)) throw invalidAccess("Keys must be ECDH, X25519, or X448 keys");
    if (theirs.algorithm.name !== algorithm.name) {
      throw invalidAccess("The public and private keys must be of the same type");
    }
    if (theirs.algorithm.namedCurve !== algorithm.namedCurve) throw invalidAccess("Named curve mismatch");
    const secret = new Uint8Array(job(() => host.agree(held, theirs.held)));
    if (bits === null) return secret.buffer;
    const size = MathCeil(bits / 8);
    if (secret.length < size) throw failed("derived bit length is too small");
    const part = TypedArrayPrototypeSlice(secret, 0, size);
    if (bits % 8 !== 0) part[size - 1] &= 0xff << (8 - (bits % 8));
    return part.buffer;
  }

  return { crypt, deriveBits, exportJwk, exportKey, generateKey, importKey, sign, verify };
}
