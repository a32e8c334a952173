// What web crypto takes: algorithms as dictionaries by operation, key formats, usages, JSON web keys (Web IDL, and the
// standard's "normalizing an algorithm"), in Node's words.

import {
  ArrayPrototypePush,
  Boolean,
  MathTrunc,
  newList,
  Number,
  ObjectKeys,
  String,
  StringPrototypeToLowerCase,
  SymbolIterator,
  TypedArrayPrototypeGetSymbolToStringTag,
  TypeError,
  Uint8Array,
  uncurryThis,
} from "./primordials.js";
import { coded, isView, UINT32_MAX } from "./crypto-arguments.js";
import { cryptoKeyFacts } from "./crypto-keys.js";
import { bytesOf } from "./encoding.js";
import { define } from "./expose.js";

const TypedArrayPrototypeSlice = uncurryThis(Uint8Array.prototype.slice);
const { DOMException } = globalThis;

// ---- errors

const domError = (message, name, cause) => {
  const error = new DOMException(message, name);
  if (cause !== undefined) define(error, "cause", cause);
  return error;
};
export const failed = (message = "The operation failed for an operation-specific reason", cause = undefined) =>
  domError(message, "OperationError", cause);
export const notSupported = (message = "Unrecognized algorithm name") => domError(message, "NotSupportedError");
export const invalidAccess = (message) => domError(message, "InvalidAccessError");
export const syntax = (message) => domError(message, "SyntaxError");
export const wrongData = (message = "Invalid keyData", cause = undefined) => domError(message, "DataError", cause);
export const notExtractable = () => domError("key is not extractable", "InvalidAccessException");

/** Runs work whose errors nobody is told but as an OperationError. */
export function job(run) {
  try {
    return run();
  } catch (error) {
    throw failed(undefined, error);
  }
}

// ---- values

const exception = (where, message, code = "ERR_INVALID_ARG_TYPE") => coded(TypeError, code, `${where} ${message}`);

const isObject = (value) => (typeof value === "object" && value !== null) || typeof value === "function";

function text(value, where) {
  if (typeof value === "symbol") throw exception(where, "is a Symbol and cannot be converted to a string.");
  return String(value);
}

const integer = (max) => (value, where) => {
  if (typeof value === "bigint") throw exception(where, "is a BigInt and cannot be converted to a number.");
  if (typeof value === "symbol") throw exception(where, "is a Symbol and cannot be converted to a number.");
  const number = Number(value);
  if (!(number - number === 0)) throw exception(where, "is not a finite number.");
  const whole = MathTrunc(number);
  if (whole < 0 || whole > max) {
    throw exception(where, `is outside the expected range of 0 to ${max}.`, "ERR_OUT_OF_RANGE");
  }
  return whole;
};
const octet = integer(255);
const unsignedShort = integer(65535);
const unsignedLong = integer(UINT32_MAX);

function bytes(value, where) {
  const found = bytesOf(value);
  if (found !== undefined) return TypedArrayPrototypeSlice(found);
  throw exception(where, "is not instance of ArrayBuffer, Buffer, TypedArray, or DataView.");
}

function bigInteger(value, where) {
  if (!isView(value) || TypedArrayPrototypeGetSymbolToStringTag(value) !== "Uint8Array") {
    throw exception(where, "is not an Uint8Array object.");
  }
  return TypedArrayPrototypeSlice(value);
}

function key(value, where) {
  const facts = cryptoKeyFacts(value);
  if (facts === undefined) throw exception(where, "is not of type CryptoKey.");
  return facts;
}

const hash = (value) => ({ name: normalized(value, "digest").name });

function sequence(value, where, convert) {
  if (!isObject(value)) throw exception(where, "can not be converted to sequence.");
  const iterator = value[SymbolIterator]?.();
  if (iterator === undefined) throw exception(where, "can not be converted to sequence.");
  const list = [];
  for (;;) {
    const step = iterator.next?.();
    if (step === undefined) throw exception(where, "can not be converted to sequence.");
    if (step.done === true) return list;
    ArrayPrototypePush(list, convert(step.value, `${where}, index ${list.length}`));
  }
}

// ---- algorithms

// Members in the order in which they are read, that of their names. `!` marks those that must be there.
const DICTIONARIES = {
  __proto__: null,
  RsaHashedKeyGenParams: { "hash!": hash, "modulusLength!": unsignedLong, "publicExponent!": bigInteger },
  RsaHashedImportParams: { "hash!": hash },
  RsaPssParams: { "saltLength!": unsignedLong },
  RsaOaepParams: { label: bytes },
  EcKeyGenParams: { "namedCurve!": text },
  EcKeyImportParams: { "namedCurve!": text },
  EcdsaParams: { "hash!": hash },
  EcdhKeyDeriveParams: { "public!": key },
  Ed448Params: { context: bytes },
  AesKeyGenParams: { "length!": unsignedShort },
  AesDerivedKeyParams: { "length!": unsignedShort },
  AesCbcParams: { "iv!": bytes },
  AesGcmParams: { additionalData: bytes, "iv!": bytes, tagLength: octet },
  AesCtrParams: { "counter!": bytes, "length!": octet },
  HmacKeyGenParams: { "hash!": hash, length: unsignedLong },
  HmacImportParams: { "hash!": hash, length: unsignedLong },
  HkdfParams: { "hash!": hash, "info!": bytes, "salt!": bytes },
  Pbkdf2Params: { "hash!": hash, "iterations!": unsignedLong, "salt!": bytes },
};

const RSA = ["RSASSA-PKCS1-v1_5", "RSA-PSS", "RSA-OAEP"];
const CURVES = ["ECDSA", "ECDH"];
const BARE = ["Ed25519", "Ed448", "X25519", "X448"];
const AES = ["AES-CTR", "AES-CBC", "AES-GCM", "AES-KW"];
const KDF = ["HKDF", "PBKDF2"];
const PLAIN = "";

// By operation: the dictionary of each algorithm, PLAIN where the name is all there is to it.
const OPERATIONS = {
  __proto__: null,
  digest: [[["SHA-1", "SHA-256", "SHA-384", "SHA-512"], PLAIN]],
  generateKey: [
    [RSA, "RsaHashedKeyGenParams"],
    [CURVES, "EcKeyGenParams"],
    [AES, "AesKeyGenParams"],
    [["HMAC"], "HmacKeyGenParams"],
    [BARE, PLAIN],
  ],
  importKey: [
    [RSA, "RsaHashedImportParams"],
    [CURVES, "EcKeyImportParams"],
    [["HMAC"], "HmacImportParams"],
    [[...AES, ...BARE, ...KDF], PLAIN],
  ],
  sign: [
    [["RSA-PSS"], "RsaPssParams"],
    [["ECDSA"], "EcdsaParams"],
    [["Ed448"], "Ed448Params"],
    [["RSASSA-PKCS1-v1_5", "HMAC", "Ed25519"], PLAIN],
  ],
  deriveBits: [
    [["HKDF"], "HkdfParams"],
    [["PBKDF2"], "Pbkdf2Params"],
    [["ECDH", "X25519", "X448"], "EcdhKeyDeriveParams"],
  ],
  encrypt: [
    [["RSA-OAEP"], "RsaOaepParams"],
    [["AES-CBC"], "AesCbcParams"],
    [["AES-GCM"], "AesGcmParams"],
    [["AES-CTR"], "AesCtrParams"],
  ],
  "get key length": [
    [AES, "AesDerivedKeyParams"],
    [["HMAC"], "HmacImportParams"],
    [KDF, PLAIN],
  ],
  wrapKey: [[["AES-KW"], PLAIN]],
};
for (const operation in OPERATIONS) {
  const named = { __proto__: null };
  for (const [names, type] of OPERATIONS[operation]) {
    for (const name of names) named[name.toLowerCase()] = { name, type };
  }
  OPERATIONS[operation] = named;
}
for (const type in DICTIONARIES) {
  DICTIONARIES[type] = Object.entries(DICTIONARIES[type]).map(([member, convert]) => ({
    member: member.replace("!", ""),
    isRequired: member.endsWith("!"),
    convert,
  }));
}

const PASSED = "Failed to normalize algorithm: passed algorithm";

function missing(member, type) {
  const message = `can not be converted to '${type}' because '${member}' is required in '${type}'.`;
  return exception(PASSED, message, "ERR_MISSING_OPTION");
}

/** An algorithm for `operation` with its dictionary's members, without a prototype. */
export function normalized(algorithm, operation) {
  const given = isObject(algorithm) ? algorithm : { __proto__: null, name: text(algorithm, "algorithm") };
  const named = given.name;
  if (named === undefined) throw missing("name", "Algorithm");
  const lower = StringPrototypeToLowerCase(
    text(named, "Failed to normalize algorithm: 'name' of 'Algorithm' (passed algorithm)"),
  );
  const known = OPERATIONS[operation][lower];
  if (known === undefined) throw notSupported();
  const { name, type } = known;
  const result = { __proto__: null, name };
  const members = type === PLAIN ? [] : DICTIONARIES[type];
  for (let i = 0; i < members.length; i++) {
    const { member, isRequired, convert } = members[i];
    const value = given[member];
    if (value !== undefined) {
      const where = `Failed to normalize algorithm: '${member}' of '${type}' (passed algorithm)`;
      result[member] = convert(value, where);
    } else if (isRequired) {
      throw missing(member, type);
    }
  }
  return result;
}

// ---- arguments

const FORMATS = { __proto__: null, raw: true, pkcs8: true, spki: true, jwk: true };
const KEY_USAGES = {
  __proto__: null,
  encrypt: true,
  decrypt: true,
  sign: true,
  verify: true,
  deriveKey: true,
  deriveBits: true,
  wrapKey: true,
  unwrapKey: true,
};

const oneOf = (known, type) => (value, where) => {
  const chosen = text(value, where);
  if (known[chosen]) return chosen;
  throw exception(
    where,
    `value '${chosen}' is not a valid enum value of type ${type}.`,
    "ERR_INVALID_ARG_VALUE",
  );
};
const usage = oneOf(KEY_USAGES, "KeyUsage");

const JWK_MEMBERS = {
  __proto__: null,
  alg: text,
  crv: text,
  d: text,
  dp: text,
  dq: text,
  e: text,
  ext: Boolean,
  k: text,
  key_ops: (value, where) => sequence(value, where, text),
  kty: text,
  n: text,
  p: text,
  q: text,
  qi: text,
  use: text,
  x: text,
  y: text,
};
const JWK_NAMES = ObjectKeys(JWK_MEMBERS);

function jsonWebKey(value, where) {
  if (!isObject(value)) {
    if (value !== undefined && value !== null) throw exception(where, "can not be converted to a dictionary");
    return { __proto__: null };
  }
  const jwk = { __proto__: null };
  for (let i = 0; i < JWK_NAMES.length; i++) {
    const member = JWK_NAMES[i];
    const found = value[member];
    if (found !== undefined) jwk[member] = JWK_MEMBERS[member](found, `'${member}' of 'JsonWebKey' (${where})`);
  }
  return jwk;
}

const ORDINALS = ["1st", "2nd", "3rd", "4th", "5th", "6th", "7th"];

const KINDS = {
  __proto__: null,
  algorithm: (value, where) => (isObject(value) ? value : text(value, where)),
  boolean: Boolean,
  bytes,
  format: oneOf(FORMATS, "KeyFormat"),
  jwk: jsonWebKey,
  key,
  usages: (value, where) => sequence(value, where, usage),
};

/**
 * The arguments of a method, each as one of KINDS has it; the first `required` ones have to be there. A list whose items
 * are taken by number: patterns of arrays would show them to a patched iterator.
 */
export function converted(method, values, kinds, required = kinds.length) {
  const prefix = `Failed to execute '${method}' on 'SubtleCrypto':`;
  if (values.length < required) {
    const message = `${required} arguments required, but only ${values.length} present.`;
    throw exception(prefix, message, "ERR_MISSING_ARGS");
  }
  const list = newList();
  for (let i = 0; i < kinds.length; i++) {
    list[i] = KINDS[kinds[i]](values[i], `${prefix} ${ORDINALS[i]} argument`);
  }
  return list;
}

/** Bits to derive, as Web IDL makes an unsigned long of what it is given; null for all there are. */
export function bitLength(value) {
  if (value === null || value === undefined) return null;
  return Number(value) >>> 0;
}

/** A key in JSON, wrapped or not. */
export const convertedJwk = (value) => jsonWebKey(value, "Failed to execute 'importKey' on 'SubtleCrypto': 2nd argument");

// ---- usages

const includes = (list, value) => {
  for (let i = 0; i < list.length; i++) if (list[i] === value) return true;
  return false;
};

/** Whether `usages` has this one. */
export const allows = (usages, wanted) => includes(usages, wanted);

/** Throws unless all of `usages` are among `known`; `kind` with its article. */
export function requireUsages(usages, known, kind) {
  for (let i = 0; i < usages.length; i++) {
    if (!includes(known, usages[i])) throw syntax(`Unsupported key usage for ${kind}`);
  }
}

/** Those of `known` that `usages` has, in the order of `known`; or all of `usages`, each once. */
export function distinct(usages, known = usages) {
  const list = [];
  for (let i = 0; i < known.length; i++) {
    if (includes(usages, known[i]) && !includes(list, known[i])) ArrayPrototypePush(list, known[i]);
  }
  return list;
}

/** Throws unless the JSON web key `jwk` is of the type `kty` and may be used so; `use` is "sig" or "enc". */
export function requireJwk(jwk, kty) {
  if (!jwk.kty) throw wrongData();
  if (jwk.kty !== kty) throw wrongData('Invalid JWK "kty" Parameter');
}

export function requireJwkUse(jwk, use, usages, isExtractable) {
  if (usages.length > 0 && jwk.use !== undefined && jwk.use !== use) {
    throw wrongData('Invalid JWK "use" Parameter');
  }
  if (jwk.key_ops !== undefined) {
    for (let i = 0; i < jwk.key_ops.length; i++) {
      const operation = jwk.key_ops[i];
      for (let j = 0; j < i; j++) {
        if (KEY_USAGES[operation] && jwk.key_ops[j] === operation) throw wrongData("Duplicate key operation");
      }
    }
    for (let i = 0; i < usages.length; i++) {
      if (!includes(jwk.key_ops, usages[i])) throw wrongData("Key operations and usage mismatch");
    }
  }
  if (jwk.ext === false && isExtractable) throw wrongData('JWK "ext" Parameter and extractable mismatch');
}

export const wrongAlg = () => wrongData('JWK "alg" does not match the requested algorithm');
