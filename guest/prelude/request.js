// `Request` as of node-fetch 2.6.0. Whether the URL can be fetched is said by `fetch`, not here.

import { ObjectDefineProperty, String, Symbol, TypeError } from "./primordials.js";
import { Body, cloneSource, contentTypeOf } from "./body.js";
import { defineInterface, expose } from "./expose.js";
import { Headers } from "./headers.js";
import { URL } from "./url.js";

const INTERNALS = Symbol("Request internals");

// Text that can only be meant as an absolute HTTP URL: not being one is an error at once.
const HTTP = /^\s*https?:\/\/[^/?#\s]/i;

const isRequest = (value) => typeof value === "object" && value !== null && typeof value[INTERNALS] === "object";

const isAbortSignal = (value) =>
  typeof value === "object" && value !== null && Object.getPrototypeOf(value)?.constructor?.name === "AbortSignal";

// The URL, or null for text that is none: `fetch` then tells that it is not absolute.
function parseTarget(text) {
  try {
    return new URL(text);
  } catch (error) {
    if (HTTP.test(text)) throw error;
    return null;
  }
}

export class Request extends Body {
  constructor(input, options = {}) {
    const init = options ?? {};
    const from = isRequest(input) ? input : {};
    const text = isRequest(input) ? input.url : input?.href ? String(input.href) : `${input}`;
    const target = parseTarget(text);
    const method = String(init.method || from.method || "GET").toUpperCase();
    const hasBody = init.body !== undefined && init.body !== null;
    if ((hasBody || (isRequest(input) && input.body !== null)) && (method === "GET" || method === "HEAD")) {
      throw new TypeError("Request with GET/HEAD method cannot have body");
    }
    const body = hasBody ? init.body : isRequest(input) && input.body !== null ? cloneSource(input) : null;
    super(body, { timeout: init.timeout || from.timeout || 0, size: init.size || from.size || 0 });
    const headers = new Headers(init.headers || from.headers || {});
    if (body !== null && !headers.has("Content-Type")) {
      const type = contentTypeOf(body);
      if (type !== null) headers.append("Content-Type", type);
    }
    let signal = isRequest(input) ? input.signal : null;
    if ("signal" in init) signal = init.signal;
    if (signal !== null && signal !== undefined && !isAbortSignal(signal)) {
      throw new TypeError("Expected signal to be an instanceof AbortSignal");
    }
    const redirect = init.redirect || from.redirect || "follow";
    this[INTERNALS] = { method, redirect, headers, target, text, signal };
    this.follow = init.follow ?? from.follow ?? 20;
    this.compress = init.compress ?? from.compress ?? true;
    this.counter = init.counter || from.counter || 0;
    this.agent = init.agent || from.agent;
  }

  get method() {
    return this[INTERNALS].method;
  }

  get url() {
    const { target, text } = this[INTERNALS];
    return target === null ? text : target.href;
  }

  get headers() {
    return this[INTERNALS].headers;
  }

  get redirect() {
    return this[INTERNALS].redirect;
  }

  get signal() {
    return this[INTERNALS].signal;
  }

  clone() {
    return new Request(this);
  }
}

/** The URL to be fetched; throws node-fetch's TypeErrors for one that cannot be. */
export function requireTarget(request) {
  const { target } = request[INTERNALS];
  if (target === null || target.hostname === "") throw new TypeError("Only absolute URLs are supported");
  if (target.protocol !== "http:" && target.protocol !== "https:") {
    throw new TypeError("Only HTTP(S) protocols are supported");
  }
  return target;
}

/** Exposes `Request`. */
export function install() {
  defineInterface(Request, "Request", ["method", "url", "headers", "redirect", "clone", "signal"]);
  ObjectDefineProperty(Request, "name", { __proto__: null, value: "Request", configurable: true });
  expose("Request", Request);
}
