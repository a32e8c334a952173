// `Response` as of node-fetch 2.6.0, with the standard's static `json`, `redirect` and `error`.

import { JSONStringify, ObjectDefineProperty, RangeError, Symbol, TypeError, Uint8Array } from "./primordials.js";
import { Body, cloneSource, contentTypeOf, receive, received } from "./body.js";
import { defineInterface, expose } from "./expose.js";
import { Headers } from "./headers.js";
import { statusPhrase } from "./status-codes.js";
import { URL } from "./url.js";

const INTERNALS = Symbol("Response internals");

/** Whether a status code asks for a redirect. */
export const isRedirect = (code) =>
  code === 301 || code === 302 || code === 303 || code === 307 || code === 308;

export class Response extends Body {
  constructor(body = null, options = {}) {
    const init = options ?? {};
    super(body, init);
    const status = init.status || 200;
    const headers = new Headers(init.headers);
    if (body !== null && body !== undefined && !headers.has("Content-Type")) {
      const type = contentTypeOf(body);
      if (type !== null) headers.append("Content-Type", type);
    }
    this[INTERNALS] = {
      url: init.url,
      status,
      statusText: init.statusText || statusPhrase(status),
      headers,
      counter: init.counter,
    };
  }

  static json(data, init = {}) {
    const text = JSONStringify(data);
    if (text === undefined) throw new TypeError("Value is not JSON serializable");
    const headers = new Headers(init?.headers);
    if (!headers.has("Content-Type")) headers.set("Content-Type", "application/json");
    return new Response(text, { ...init, headers });
  }

  static redirect(url, status = 302) {
    if (!isRedirect(status)) throw new RangeError(`Invalid status code ${status}`);
    return new Response(null, { status, headers: { Location: new URL(url).href } });
  }

  static error() {
    const response = new Response(null, { statusText: "" });
    response[INTERNALS].status = 0;
    response[INTERNALS].statusText = "";
    return response;
  }

  get url() {
    return this[INTERNALS].url || "";
  }

  get status() {
    return this[INTERNALS].status;
  }

  get ok() {
    const { status } = this[INTERNALS];
    return status >= 200 && status < 300;
  }

  get redirected() {
    return this[INTERNALS].counter > 0;
  }

  get statusText() {
    return this[INTERNALS].statusText;
  }

  get headers() {
    return this[INTERNALS].headers;
  }

  clone() {
    const { url, status, statusText, headers, counter } = this[INTERNALS];
    const init = { url, status, statusText, headers, counter, size: this.size, timeout: this.timeout };
    const fromNetwork = received(this);
    if (fromNetwork === undefined) return new Response(cloneSource(this), init);
    const copy = new Response(null, init);
    // Bytes of its own: what one reader gets from buffer() may be written to.
    receive(copy, new Uint8Array(fromNetwork.bytes), fromNetwork.error);
    return copy;
  }
}

/** Exposes `Response`. */
export function install() {
  defineInterface(Response, "Response", [
    "url", "status", "ok", "redirected", "statusText", "headers", "clone",
  ]);
  defineInterface(Body, "Body", ["body", "bodyUsed", "arrayBuffer", "blob", "json", "text"]);
  ObjectDefineProperty(Response, "name", { __proto__: null, value: "Response", configurable: true });
  expose("Response", Response);
}
