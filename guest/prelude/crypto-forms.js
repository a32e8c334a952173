// Public and private keys as callers hand them in and take them out: PEM, DER, JSON web keys and key objects.

import { Error, JSONStringify, String, Uint8Array } from "./primordials.js";
import { invalidArgument, requireString } from "./arguments.js";
import { asBuffer } from "./buffer.js";
import { encodingName } from "./buffer-encodings.js";
import { coded, isView, requireBytes } from "./crypto-arguments.js";
import { heldBy, invalidValue, keyObject, writeKeysWith, wrongKind } from "./crypto-keys.js";
import { bytesOf } from "./encoding.js";

const KEY =
  "of type string or an instance of ArrayBuffer, Buffer, TypedArray, DataView, KeyObject, or CryptoKey";
const BARE_KEY = "of type string or an instance of ArrayBuffer, Buffer, TypedArray, or DataView";

const JWK_TYPES = { __proto__: null, RSA: true, EC: true, OKP: true };
const PUBLIC_TYPES = ["pkcs1", "spki"];
const PRIVATE_TYPES = ["pkcs1", "pkcs8", "sec1"];

const includes = (list, value) => {
  for (let i = 0; i < list.length; i++) if (list[i] === value) return true;
  return false;
};

const shown = (value) => (typeof value === "string" ? `'${value}'` : String(value));

/** Node's TypeError for an option that makes no sense. */
export const invalidOption = (name, value, prefix = "options") =>
  invalidValue(`The property '${prefix}.${name}' is invalid. Received ${shown(value)}`);

/** `{ prepare, publicHalf, write, toBytes, createPrivateKey, createPublicKey }`; `host` as of `keyHost`. */
export function keyForms(host, codecs) {
  /** The bytes of text or of any view; text in `encoding`. */
  const toBytes = (value, encoding) =>
    typeof value === "string" ? codecs[encodingName(encoding) ?? "utf8"].encode(value) : bytesOf(value);

  // ---- reading

  function passphraseOf(options) {
    const { passphrase } = options;
    if (passphrase === undefined || passphrase === null) return null;
    if (typeof passphrase !== "string" && !isView(passphrase)) {
      throw invalidOption("passphrase", passphrase);
    }
    return host.base64(toBytes(passphrase, options.encoding));
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
    return host.read(JSONStringify(jwk), "jwk", null, want);
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
    return host.read(toBytes(key, options.encoding), format, passphraseOf(options), want);
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
      return host.read(toBytes(key), "pem", null, want);
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
    return host.read(codecs.base64.encode(held.der), "der", null, "public");
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
      return host.askForJson({ op: "write", key: host.sent(held), format });
    }
    if (format !== "pem" && format !== "der") throw invalidOption("format", format, prefix);
    if (!includes(held.kind === "public" ? PUBLIC_TYPES : PRIVATE_TYPES, type)) {
      throw invalidOption("type", type, prefix);
    }
    if (type === "pkcs1" && held.type !== "rsa") throw incompatible("pkcs1", "RSA");
    if (type === "sec1" && held.type !== "ec") throw incompatible("sec1", "EC");
    let passphrase = null;
    if (held.kind === "private" && cipher !== undefined && cipher !== null) {
      requireString(cipher, `${prefix}.cipher`);
      passphrase = passphraseOf(options);
      if (passphrase === null) throw invalidOption("passphrase", options.passphrase, prefix);
    }
    const request = { op: "write", key: host.sent(held), format, type, passphrase };
    return format === "pem" ? host.askForText(request) : asBuffer(new Uint8Array(host.ask(request)));
  }

  const incompatible = (encoding, kind) =>
    coded(
      Error,
      "ERR_CRYPTO_INCOMPATIBLE_KEY_OPTIONS",
      `The selected key encoding ${encoding} can only be used for ${kind} keys.`,
    );

  writeKeysWith(write);

  return { prepare, publicHalf, write, toBytes, createPrivateKey, createPublicKey };
}
