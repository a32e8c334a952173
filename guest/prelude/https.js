// `http` and `https` with `request` and `get`, over the same exchange with the host as `fetch` (see fetch.js). Either
// takes what says that it is for the other: a URL, `protocol`, an agent. Redirects are not followed and bodies not
// decoded, as in Node. There are no sockets, and no servers.

import {
  ArrayPrototypePush,
  Error,
  ObjectDefineProperty,
  PromisePrototypeThen,
  PromiseResolve,
  String,
  TypeError,
} from "./primordials.js";
import { chunkBuffer, joinBuffers } from "./buffer.js";
import { define, expose } from "./expose.js";
import { abandon, bareHref, basicAuthorization, exchange } from "./fetch.js";
import { Headers, headerPairs, incomingHeaders } from "./headers.js";
import { statusCodes } from "./status-codes.js";
import { Readable, Stream } from "./streams.js";
import { cancelTimer, startTimer } from "./timers.js";
import { URL } from "./url.js";

// As Node 20 lists them.
const METHODS = (
  "ACL BIND CHECKOUT CONNECT COPY DELETE GET HEAD LINK LOCK M-SEARCH MERGE MKACTIVITY MKCALENDAR MKCOL MOVE NOTIFY " +
  "OPTIONS PATCH POST PROPFIND PROPPATCH PURGE PUT REBIND REPORT SEARCH SOURCE SUBSCRIBE TRACE UNBIND UNLINK UNLOCK " +
  "UNSUBSCRIBE"
).split(" ");
const REASON = " failed, reason: ";

const soon = (callback) => PromisePrototypeThen(PromiseResolve(), callback);

/** Keep-alive and its like are the host's; what libraries set here has no effect. */
class Agent extends Stream {
  constructor(options = {}) {
    super();
    this.options = { ...options };
    this.maxSockets = options.maxSockets ?? Infinity;
    this.keepAlive = Boolean(options.keepAlive);
    this.protocol = "http:";
    this.defaultPort = 80;
    this.sockets = {};
    this.requests = {};
    this.freeSockets = {};
  }

  destroy() {}
}

class SecureAgent extends Agent {
  constructor(options) {
    super(options);
    this.protocol = "https:";
    this.defaultPort = 443;
  }
}

/** What stands for a connection: always made, never used. Libraries wait for it before they send. */
class Socket extends Stream {
  constructor(isEncrypted) {
    super();
    this.connecting = false;
    this.destroyed = false;
    this.writable = true;
    this.encrypted = isEncrypted;
    this.authorized = isEncrypted;
  }

  setKeepAlive() {
    return this;
  }

  setNoDelay() {
    return this;
  }

  setTimeout() {
    return this;
  }

  ref() {
    return this;
  }

  unref() {
    return this;
  }

  destroy() {
    return this;
  }
}

class IncomingMessage extends Readable {
  constructor(said, socket) {
    super();
    this.socket = socket;
    this.connection = socket;
    this.statusCode = said.status;
    this.statusMessage = said.statusText;
    this.httpVersion = "1.1";
    this.httpVersionMajor = 1;
    this.httpVersionMinor = 1;
    this.headers = incomingHeaders(said.headers);
    this.rawHeaders = said.headers.flat();
    this.trailers = {};
    this.url = "";
    this.complete = true;
    this.aborted = false;
    if (said.bytes.length > 0) this.push(said.bytes);
    if (said.bodyError) this.destroy(systemError(said.bodyError));
    else this.push(null);
  }

  setTimeout() {
    return this;
  }
}

// The bare reason of a failure: Node's message names no URL.
function systemError({ message, code }) {
  const at = message.indexOf(REASON);
  const error = new Error(at === -1 ? message : message.slice(at + REASON.length));
  if (code !== undefined) error.code = error.errno = code;
  return error;
}

// request(url[, options][, callback]) and request(options[, callback])
function readArguments(input, options, callback) {
  if (typeof input !== "string" && !(input instanceof URL)) return { ...input, callback: options ?? callback };
  const url = new URL(`${input}`);
  const rest = typeof options === "function" || options === undefined ? {} : options;
  return {
    protocol: url.protocol,
    hostname: url.hostname,
    port: url.port,
    path: `${url.pathname}${url.search}`,
    authorization: basicAuthorization(url),
    ...rest,
    callback: typeof options === "function" ? options : callback,
  };
}

function targetOf(options, expected) {
  const protocol = options.protocol ?? options.agent?.protocol ?? expected;
  if (protocol !== "https:" && protocol !== "http:") {
    const error = new TypeError(`Protocol "${protocol}" not supported. Expected "${expected}"`);
    define(error, "code", "ERR_INVALID_PROTOCOL");
    throw error;
  }
  const path = String(options.path ?? "/");
  if (/[^\x21-\xff]/.test(path)) {
    const error = new TypeError("Request path contains unescaped characters");
    define(error, "code", "ERR_UNESCAPED_CHARACTERS");
    throw error;
  }
  const host = options.hostname || options.host || "localhost";
  const bracketed = String(host).includes(":") && host[0] !== "[" ? `[${host}]` : host;
  const url = new URL(`${protocol}//${bracketed}`);
  if (options.port) url.port = options.port;
  return `${url.href.slice(0, -1)}${path[0] === "/" ? path : `/${path}`}`;
}

class ClientRequest extends Stream {
  #url;
  #headers;
  #chunks = [];
  #isEnded = false;
  #id = undefined;
  #timer = undefined;
  #isAnswered = false;

  aborted = false;
  destroyed = false;
  writable = true;
  finished = false;
  reusedSocket = false;
  maxHeadersCount = null;

  constructor(options, protocol = "http:") {
    super();
    this.#url = targetOf(options, protocol);
    this.#headers = new Headers();
    this.method = String(options.method ?? "GET").toUpperCase();
    this.path = options.path ?? "/";
    this.protocol = new URL(this.#url).protocol;
    this.host = options.hostname || options.host || "localhost";
    this.agent = options.agent;
    const headers = options.headers ?? {};
    for (const [name, value] of typeof headers.entries === "function" ? headers.entries() : Object.entries(headers)) {
      if (value !== undefined) this.setHeader(name, value);
    }
    if (!this.hasHeader("Authorization")) {
      if (options.auth) this.setHeader("Authorization", basicOf(options.auth));
      else if (options.authorization) this.setHeader("Authorization", options.authorization);
    }
    if (options.timeout) this.setTimeout(options.timeout);
    if (typeof options.callback === "function") this.once("response", options.callback);
    options.signal?.addEventListener("abort", () => this.destroy(abortError()));
    this.socket = this.connection = new Socket(this.protocol === "https:");
    soon(() => {
      if (!this.destroyed) this.emit("socket", this.socket);
    });
  }

  setHeader(name, value) {
    this.#headers.delete(name);
    const values = Array.isArray(value) ? value : [value];
    for (const one of values) this.#headers.append(name, one);
    return this;
  }

  getHeader(name) {
    return this.#headers.get(name) ?? undefined;
  }

  getHeaders() {
    const headers = Object.create(null);
    for (const [name, value] of this.#headers) headers[name] = value;
    return headers;
  }

  getHeaderNames() {
    return [...this.#headers.keys()];
  }

  hasHeader(name) {
    return this.#headers.has(name);
  }

  removeHeader(name) {
    this.#headers.delete(name);
  }

  flushHeaders() {}

  setNoDelay() {}

  setSocketKeepAlive() {}

  write(chunk, encoding, callback) {
    if (this.#isEnded || this.destroyed) {
      const error = new Error("write after end");
      error.code = "ERR_STREAM_WRITE_AFTER_END";
      soon(() => this.emit("error", error));
      return false;
    }
    ArrayPrototypePush(this.#chunks, chunkBuffer(chunk, typeof encoding === "string" ? encoding : undefined));
    const done = typeof encoding === "function" ? encoding : callback;
    if (typeof done === "function") soon(() => done());
    return true;
  }

  end(chunk, encoding, callback) {
    if (typeof chunk === "function") return this.end(undefined, undefined, chunk);
    if (typeof encoding === "function") return this.end(chunk, undefined, encoding);
    if (chunk !== undefined && chunk !== null) this.write(chunk, encoding);
    if (typeof callback === "function") this.once("finish", callback);
    if (this.#isEnded || this.destroyed) return this;
    this.#isEnded = true;
    this.finished = true;
    this.writable = false;
    // Node sends in a later turn too: what is set or aborted before then still counts.
    soon(() => this.#send());
    return this;
  }

  #send() {
    if (this.destroyed) return;
    this.emit("finish");
    const body = this.#chunks.length > 0 ? joinBuffers(this.#chunks) : undefined;
    if (body !== undefined) this.setHeader("Content-Length", body.length);
    let exchanged;
    try {
      exchanged = exchange(
        {
          __proto__: null,
          method: this.method,
          url: bareHref(new URL(this.#url)),
          headers: headerPairs(this.#headers),
          redirect: "manual",
          follow: 0,
          timeout: 0,
          compress: false,
          size: 0,
        },
        body,
      );
    } catch (error) {
      this.destroy(error);
      return;
    }
    this.#id = exchanged.id;
    PromisePrototypeThen(
      exchanged.answer,
      (said) => this.#respond(said),
      (error) => this.destroy(systemError(error)),
    );
  }

  #respond(said) {
    if (this.destroyed) return;
    this.#isAnswered = true;
    this.#stopTimer();
    const response = new IncomingMessage(said, this.socket);
    response.req = this;
    this.res = response;
    response.once("end", () => this.#close());
    // With nobody to read it, the response is dropped.
    if (!this.emit("response", response)) response.resume();
  }

  setTimeout(milliseconds, callback) {
    if (typeof callback === "function") this.once("timeout", callback);
    this.#stopTimer();
    if (+milliseconds > 0 && !this.#isAnswered) {
      this.#timer = startTimer(() => this.emit("timeout"), +milliseconds);
    }
    return this;
  }

  #stopTimer() {
    if (this.#timer !== undefined) cancelTimer(this.#timer);
    this.#timer = undefined;
  }

  abort() {
    if (this.aborted) return;
    this.aborted = true;
    soon(() => this.emit("abort"));
    this.destroy();
  }

  destroy(error) {
    if (this.destroyed) return this;
    this.destroyed = true;
    this.#stopTimer();
    if (this.#id !== undefined) abandon(this.#id);
    if (this.res !== undefined) this.res.destroy(error);
    const shown = error ?? (this.#isAnswered ? undefined : hangUp());
    soon(() => {
      if (shown !== undefined) this.emit("error", shown);
      this.#close();
    });
    return this;
  }

  #close() {
    if (this.closed) return;
    this.closed = true;
    this.emit("close");
  }
}

function hangUp() {
  const error = new Error("socket hang up");
  error.code = "ECONNRESET";
  return error;
}

function abortError() {
  const error = new Error("The operation was aborted");
  error.name = "AbortError";
  error.code = "ABORT_ERR";
  return error;
}

// "user:password" as it stands; nothing in it is decoded.
const basicOf = (auth) => `Basic ${chunkBuffer(String(auth)).toString("base64")}`;

/** As `http.request`, or with another `protocol` for what names none. */
export function request(input, options, callback, protocol = "http:") {
  return new ClientRequest(readArguments(input, options, callback), protocol);
}

// What Node's `http` and `https` have in common.
function moduleOf(protocol, Agent) {
  return {
    request: (input, options, callback) => request(input, options, callback, protocol),
    get: (input, options, callback) => request(input, options, callback, protocol).end(),
    Agent,
    globalAgent: new Agent(),
    ClientRequest,
    IncomingMessage,
    METHODS,
    // Made when asked for: few do.
    get STATUS_CODES() {
      return statusCodes();
    },
  };
}

/** Exposes `http` and `https`. */
export function install() {
  for (const [Class, name] of [
    [Agent, "Agent"], [SecureAgent, "Agent"], [Socket, "Socket"], [IncomingMessage, "IncomingMessage"],
    [ClientRequest, "ClientRequest"],
  ]) {
    ObjectDefineProperty(Class, "name", { __proto__: null, value: name, configurable: true });
  }
  expose("http", moduleOf("http:", Agent));
  expose("https", moduleOf("https:", SecureAgent));
}
