// `fetch` with the semantics of node-fetch 2.6.0 (SPEC 4.4).
//
// The contract with the host, which performs every exchange:
//
//   filed     native.file(1, payload, body)
//     payload {"method", "url", "headers": [[name, value], ...], "redirect": "follow" | "manual" | "error",
//             "follow": redirects allowed, "timeout": ms or 0, "compress": bool, "size": bytes or 0}
//     body    ArrayBuffer, or undefined for none
//     The URL is absolute, http or https, without credentials and fragment. The headers are all there are to
//     send but Host; their values hold Latin-1. "compress": the host decodes gzip, deflate and br. "size": the
//     host need not read more than size + 1 bytes. Redirects are the host's, by SPEC 4.4; a "manual" one is
//     answered like any response.
//   answered  status 0, payload {"status", "statusText", "headers": [[name, value], ...], "url", "redirected",
//             "bodyError"?}, body ArrayBuffer. Headers as received; "url" is where the last redirect led;
//             "bodyError", shaped as a failure, is what reading the body beyond these bytes ended in.
//   failed    status 1, payload {"name": "FetchError" | "AbortError" | "TypeError", "type", "code", "message"}
//             with the message as in SPEC 4.4: `request to URL failed, reason: ...` for type "system".
//   aborted   native.file(1, {"op": "abort", "id"}): both operations are answered, the aborted one with any
//             failure, the abort itself with status 0 and an empty payload.

import {
  ArrayBufferPrototypeSlice,
  ArrayPrototypePush,
  JSONParse,
  JSONStringify,
  Promise,
  PromisePrototypeThen,
  StringPrototypeToLowerCase,
  TypeError,
  Uint8Array,
  decodeURIComponent,
} from "./primordials.js";
import { bytesToSend, receive } from "./body.js";
import { bufferText, textBuffer } from "./buffer.js";
import { define, expose } from "./expose.js";
import { AbortError, FetchError } from "./fetch-error.js";
import { Headers, headerPairs, incomingHeaders, lenientHeaders } from "./headers.js";
import { KIND_FETCH, file, forget } from "./operations.js";
import { Request, requireTarget } from "./request.js";
import { Response, isRedirect } from "./response.js";
import { isStream } from "./streams.js";
import { URL } from "./url.js";

const USER_AGENT = "node-fetch/1.0 (+https://github.com/bitinn/node-fetch)";

let native;

const bufferOf = ({ buffer, byteOffset, byteLength }) =>
  byteLength === buffer.byteLength
    ? buffer
    : ArrayBufferPrototypeSlice(buffer, byteOffset, byteOffset + byteLength);

/**
 * One exchange with the host: `{ id, answer }`, where `answer` resolves with what the contract says
 * is answered, `bytes` being the body, or rejects with the error that the failure stands for.
 * Throws when the host takes no more requests.
 */
export function exchange(message, bytes) {
  const { id, answer } = file(
    native,
    KIND_FETCH,
    JSONStringify(message),
    bytes === undefined ? undefined : bufferOf(bytes),
  );
  const answered = PromisePrototypeThen(answer, ({ status, payload, body }) => {
    const said = JSONParse(payload);
    if (status !== 0) throw failureOf(said);
    said.bytes = new Uint8Array(body ?? 0);
    return said;
  });
  return { id, answer: answered };
}

/** Tells the host to stop an exchange; nothing happens if it was answered already. */
export function abandon(id) {
  if (!forget(id)) return;
  try {
    file(native, KIND_FETCH, JSONStringify({ op: "abort", id }));
  } catch {
    // No room for one more operation: the exchange runs on, and its answer is not waited for.
  }
}

/** `Basic ...` for the credentials in a URL, or undefined. */
export function basicAuthorization(url) {
  if (url.username === "" && url.password === "") return undefined;
  const plain = `${decoded(url.username)}:${decoded(url.password)}`;
  return `Basic ${bufferText(textBuffer(plain), "base64")}`;
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The URL as it goes to the host. */
export function bareHref(url) {
  if (url.hash === "" && url.username === "" && url.password === "" && !url.href.includes("#")) return url.href;
  const bare = new URL(url.href);
  bare.username = "";
  bare.password = "";
  bare.hash = "";
  return bare.href;
}

function failureOf({ name, type, code, message }) {
  if (name === "AbortError") return new AbortError(message);
  if (name !== "TypeError") return new FetchError(message, type, code ? { code } : undefined);
  const error = new TypeError(message);
  if (code) define(error, "code", code);
  return error;
}

// What the caller set, and what goes without saying.
function outgoingHeaders(request, target, bytes) {
  const { method } = request;
  const hasLength = bytes !== undefined || method === "POST" || method === "PUT";
  const given = headerPairs(request.headers);
  const pairs = [];
  const names = { __proto__: null };
  for (let i = 0; i < given.length; i++) {
    const name = StringPrototypeToLowerCase(given[i][0]);
    if (hasLength && name === "content-length") continue;
    names[name] = true;
    ArrayPrototypePush(pairs, given[i]);
  }
  const add = (name, value) => {
    if (names[StringPrototypeToLowerCase(name)] === undefined) ArrayPrototypePush(pairs, [name, value]);
  };
  add("Accept", "*/*");
  if (hasLength) add("Content-Length", `${bytes === undefined ? 0 : bytes.length}`);
  add("User-Agent", USER_AGENT);
  if (request.compress) add("Accept-Encoding", "gzip,deflate");
  if (!request.agent) add("Connection", "close");
  const authorization = basicAuthorization(target);
  if (authorization !== undefined) add("Authorization", authorization);
  return pairs;
}

const milliseconds = (value) => (+value > 0 ? +value : 0);

function messageOf(request, target, bytes) {
  return {
    __proto__: null,
    method: request.method,
    url: bareHref(target),
    headers: outgoingHeaders(request, target, bytes),
    redirect: request.redirect,
    follow: milliseconds(request.follow),
    timeout: milliseconds(request.timeout),
    compress: Boolean(request.compress),
    size: milliseconds(request.size),
  };
}

function responseOf(request, said) {
  const url = said.redirected ? said.url : request.url;
  const headers = lenientHeaders(incomingHeaders(said.headers));
  if (request.redirect === "manual" && isRedirect(said.status)) resolveLocation(headers, url);
  const response = new Response(null, {
    url,
    status: said.status,
    statusText: said.statusText,
    headers,
    size: request.size,
    timeout: request.timeout,
    counter: said.redirected ? request.counter + 1 : request.counter,
  });
  let error = said.bodyError ? failureOf(said.bodyError) : null;
  if (request.size > 0 && said.bytes.length > request.size) {
    error = new FetchError(`content size at ${url} over limit: ${request.size}`, "max-size");
  }
  receive(response, said.bytes, error);
  return response;
}

function resolveLocation(headers, url) {
  const location = headers.get("Location");
  if (location === null) return;
  try {
    headers.set("Location", new URL(location, url).href);
  } catch {
    // Left as the server wrote it.
  }
}

function perform(request, resolve, reject) {
  const target = requireTarget(request);
  const { signal } = request;
  let id;
  const abort = () => {
    const error = new AbortError("The user aborted a request.");
    reject(error);
    if (isStream(request.body)) request.body.destroy?.(error);
    if (id !== undefined) abandon(id);
  };
  if (signal?.aborted) {
    abort();
    return;
  }
  signal?.addEventListener("abort", abort);
  const finish = (settle) => (value) => {
    signal?.removeEventListener("abort", abort);
    settle(value);
  };
  const fail = finish(reject);
  const send = (bytes) => {
    if (signal?.aborted) return;
    let exchanged;
    try {
      exchanged = exchange(messageOf(request, target, bytes), bytes);
    } catch (error) {
      fail(systemError(request, error, "EAGAIN"));
      return;
    }
    ({ id } = exchanged);
    PromisePrototypeThen(exchanged.answer, finish((said) => resolve(responseOf(request, said))), fail);
  };
  const bytes = bytesToSend(request);
  if (typeof bytes?.then !== "function") send(bytes);
  else PromisePrototypeThen(bytes, send, (error) => fail(systemError(request, error, error?.code)));
}

const systemError = (request, error, code) =>
  new FetchError(`request to ${request.url} failed, reason: ${error?.message}`, "system", { code });

export function fetch(url, options) {
  return new Promise((resolve, reject) => perform(new Request(url, options), resolve, reject));
}

/** Exposes `fetch`, and on it the classes that node-fetch exports. */
export function install(nativeFunctions) {
  native = nativeFunctions;
  define(fetch, "name", "fetch");
  Object.assign(fetch, { Headers, Request, Response, FetchError, AbortError, isRedirect, Promise, default: fetch });
  expose("fetch", fetch);
}
