// New pairs of keys, of Node's crypto. RSA keys take the host long to find: it gives out a ticket, and the key when it is
// asked for it later. `generateKeyPair` asks from time to time, `generateKeyPairSync` waits, in slices as any long work.

import { ArrayPrototypeSlice, Error } from "./primordials.js";
import { invalidArgument, requireFunction, requireString } from "./arguments.js";
import { coded, requireInteger, UINT32_MAX } from "./crypto-arguments.js";
import { invalidValue, keyObject } from "./crypto-keys.js";
import { later, startTimer } from "./timers.js";

/** The curves there are, by OpenSSL's names. */
export const CURVES = ["prime192v1", "prime256v1", "secp224r1", "secp256k1", "secp384r1", "secp521r1"];

const CURVE_ALIASES = {
  __proto__: null,
  "P-256": "prime256v1",
  "P-384": "secp384r1",
  "P-521": "secp521r1",
  secp256r1: "prime256v1",
  secp192r1: "prime192v1",
};
const RAW_TYPES = { __proto__: null, ed25519: true, ed448: true, x25519: true, x448: true };
const UNKNOWN_HERE = { __proto__: null, dh: true, dsa: true, "rsa-pss": true };

const DELAY_FIRST_MS = 2;
const DELAY_MAX_MS = 50;

/** What functions have not, although Node does. */
export const unavailable = (message) => coded(Error, "ERR_FEATURE_UNAVAILABLE_ON_PLATFORM", message);

/** `{ makeSync, make, members }`; `host` as of `keyHost`, `forms` as of `keyForms`. */
export function keyGeneration(host, forms) {
  // What to ask the host for a new key; throws what is wrong with the arguments.
  function wanted(type, options) {
    requireString(type, "type");
    if (RAW_TYPES[type]) return { op: "make", type };
    if (UNKNOWN_HERE[type]) throw unavailable(`Keys of type '${type}' are not made in a function`);
    if (type !== "rsa" && type !== "ec") {
      throw invalidValue(`The argument 'type' must be a supported key type. Received '${type}'`);
    }
    if (typeof options !== "object" || options === null) {
      throw invalidArgument("options", "of type object", options);
    }
    if (type === "ec") {
      const { namedCurve } = options;
      requireString(namedCurve, "options.namedCurve");
      return { op: "make", type, namedCurve: CURVE_ALIASES[namedCurve] ?? namedCurve };
    }
    const { modulusLength, publicExponent = 65537 } = options;
    requireInteger(modulusLength, "options.modulusLength", 0, UINT32_MAX);
    requireInteger(publicExponent, "options.publicExponent", 0, UINT32_MAX);
    return { op: "make", type, modulusLength, publicExponent };
  }

  const collect = (ticket, insists) => {
    const made = host.askForJson({ op: "collect", ticket, insists });
    return made.der === null ? undefined : host.received(made);
  };

  /** A new private key, `held`. */
  function makeSync(request) {
    const made = host.askForJson(request);
    if (request.type !== "rsa") return host.received(made);
    let held;
    while (held === undefined) held = collect(made.ticket, true);
    return held;
  }

  /** The same by `done(error, held)`; what takes long goes on outside meanwhile. */
  function make(request, done) {
    let ticket;
    let delay = DELAY_FIRST_MS;
    function look() {
      let held;
      try {
        held = collect(ticket, false);
        if (held === undefined) {
          startTimer(look, delay);
          delay = delay * 2 < DELAY_MAX_MS ? delay * 2 : DELAY_MAX_MS;
          return;
        }
      } catch (error) {
        done(error);
        return;
      }
      done(null, held);
    }
    if (request.type === "rsa") {
      ({ ticket } = host.askForJson(request));
      later(look);
    } else {
      const held = makeSync(request);
      later(() => done(null, held));
    }
  }

  function shaped(held, options) {
    const half = (key, encoding, name) =>
      encoding === undefined ? keyObject(key) : forms.write(key, encoding, `options.${name}`);
    return {
      publicKey: half(forms.publicHalf(held), options?.publicKeyEncoding, "publicKeyEncoding"),
      privateKey: half(held, options?.privateKeyEncoding, "privateKeyEncoding"),
    };
  }

  return {
    makeSync,
    make,
    members: {
      getCurves: () => ArrayPrototypeSlice(CURVES),

      generateKeyPairSync: (type, options) => shaped(makeSync(wanted(type, options)), options),

      generateKeyPair(type, options, callback) {
        if (typeof options === "function") {
          callback = options;
          options = undefined;
        }
        const request = wanted(type, options);
        requireFunction(callback, "callback");
        make(request, (error, held) => {
          let pair;
          try {
            if (error === null) pair = shaped(held, options);
          } catch (caught) {
            error = caught;
          }
          if (error === null) callback(null, pair.publicKey, pair.privateKey);
          else callback(error);
        });
      },
    },
  };
}
