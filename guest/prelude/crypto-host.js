// What public and private keys need of the host (guest/ABI.md, Keys). It keeps nothing but keys it has read, so every
// request brings its key along: `held` as crypto-keys.js has it.

import { Error, JSONParse, JSONStringify, RangeError, TypeError, Uint8Array } from "./primordials.js";
import { coded } from "./crypto-arguments.js";

const ERRORS = { __proto__: null, Error, RangeError, TypeError };

// What the host said went wrong.
function refusal(text) {
  const detail = JSONParse(text);
  const error = coded(ERRORS[detail.name], detail.code, detail.message);
  if (detail.reason !== undefined) {
    error.library = detail.library;
    error.reason = detail.reason;
  }
  return error;
}

const sent = ({ kind, der }) => ({ __proto__: null, kind, der });
const received = ({ kind, type, details, der }) => ({ __proto__: null, kind, type, details, der });

/** How the members of `crypto` ask the host. Each throws what it refuses. */
export function keyHost(native) {
  const { crypto } = native;

  /** The answer to `request`, an ArrayBuffer. Keys in it are `sent(held)`. */
  function ask(request, data = "") {
    const answer = crypto.keys(JSONStringify({ __proto__: null, ...request }), data);
    if (typeof answer === "string") throw refusal(answer);
    return answer;
  }

  function askForText(request, data) {
    const answer = ask(request, data);
    return native.utf8Decode(answer, 0, answer.byteLength, false);
  }

  /** The JSON in an answer; its members are the host's, not those of a patched prototype. */
  const askForJson = (request, data) => JSONParse(askForText(request, data));

  return {
    ask,
    askForText,
    askForJson,
    received,
    sent,

    base64: (bytes) => native.base64Encode(bytes.buffer, bytes.byteOffset, bytes.length, false),

    /** The key in `data`; `want` is "public" or "private", `passphrase` base64 or null. */
    read: (data, format, passphrase, want) =>
      received(askForJson({ op: "read", format, passphrase, want }, data)),

    /** The key that `bytes` are by themselves: a point or a scalar of `namedCurve` for the type "ec". */
    readRaw: (bytes, type, namedCurve, want) =>
      received(askForJson({ op: "read", format: "raw", type, namedCurve, want }, bytes)),

    /** The same bytes again, a point uncompressed. */
    raw: (held) => new Uint8Array(ask({ op: "write", key: sent(held), format: "raw" })),

    /** What two keys of one kind agree on, an ArrayBuffer. */
    agree: (privateKey, publicKey) =>
      ask({ op: "agree", privateKey: sent(privateKey), publicKey: sent(publicKey) }),
  };
}
