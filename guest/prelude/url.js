// `URL` by the URL standard. Parsing is the engine's (native.url, ada): a URL here is its href and the
// offsets of its parts, in the order that guest/engine/url.c writes them.

import { ObjectDefineProperty, Symbol, TypeError } from "./primordials.js";
import { missingArguments } from "./arguments.js";
import { define, defineInterface, expose } from "./expose.js";
import { attached, refresh, toText } from "./url-search-params.js";

const INSPECT = Symbol.for("nodejs.util.inspect.custom");

// Indexes of the record; an absent part is -1.
const HREF = 0;
const PROTOCOL_END = 1;
const USERNAME_END = 2;
const HOST_START = 3;
const HOST_END = 4;
const PORT = 5;
const PATHNAME_START = 6;
const SEARCH_START = 7;
const HASH_START = 8;

// Which setter native.url.update runs.
const SETTERS = {
  protocol: 1,
  username: 2,
  password: 3,
  host: 4,
  hostname: 5,
  port: 6,
  pathname: 7,
  search: 8,
  hash: 9,
};

const SHOWN = [
  "href", "origin", "protocol", "username", "password", "host", "hostname", "port", "pathname",
  "search", "searchParams", "hash",
];

let parse;
let update;

function invalid(input, base) {
  const error = new TypeError("Invalid URL");
  define(error, "code", "ERR_INVALID_URL");
  error.input = input;
  if (base !== undefined) error.base = base;
  return error;
}

export class URL {
  #record;
  #searchParams = undefined;

  constructor(input, base = undefined) {
    if (arguments.length === 0) throw missingArguments('The "url" argument');
    const text = toText(input);
    const baseText = base === undefined ? undefined : toText(base);
    this.#record = parse(text, baseText);
    if (this.#record === null) throw invalid(text, baseText);
  }

  static canParse(url, base = undefined) {
    if (arguments.length === 0) throw missingArguments('The "url" argument');
    return parse(toText(url), base === undefined ? undefined : toText(base)) !== null;
  }

  static parse(url, base = undefined) {
    if (arguments.length === 0) throw missingArguments('The "url" argument');
    const text = toText(url);
    const baseText = base === undefined ? undefined : toText(base);
    return parse(text, baseText) === null ? null : new URL(text, baseText);
  }

  // Runs a setter of the standard; one that refuses its value changes nothing.
  static set(url, part, value) {
    const record = update(url.#record[HREF], SETTERS[part], toText(value));
    if (record === null) return;
    url.#record = record;
    if (part === "search") url.#refreshParams();
  }

  #refreshParams() {
    if (this.#searchParams !== undefined) refresh(this.#searchParams, this.search);
  }

  #slice(start, end) {
    return this.#record[HREF].slice(start, end);
  }

  get href() {
    return this.#record[HREF];
  }

  set href(value) {
    const text = toText(value);
    const record = parse(text);
    if (record === null) throw invalid(text);
    this.#record = record;
    this.#refreshParams();
  }

  get origin() {
    // Of a URL only.
    void this.#record;
    const { protocol } = this;
    switch (protocol) {
      case "http:":
      case "https:":
      case "ws:":
      case "wss:":
      case "ftp:":
        return `${protocol}//${this.host}`;
      case "blob:": {
        const record = parse(this.pathname);
        if (record === null) return "null";
        const scheme = record[HREF].slice(0, record[PROTOCOL_END]);
        return scheme === "http:" || scheme === "https:" ? new URL(this.pathname).origin : "null";
      }
      default:
        return "null";
    }
  }

  get protocol() {
    return this.#slice(0, this.#record[PROTOCOL_END]);
  }

  get username() {
    const record = this.#record;
    const start = record[PROTOCOL_END] + 2;
    return start < record[USERNAME_END] ? this.#slice(start, record[USERNAME_END]) : "";
  }

  get password() {
    const record = this.#record;
    return record[HOST_START] > record[USERNAME_END]
      ? this.#slice(record[USERNAME_END] + 1, record[HOST_START])
      : "";
  }

  #hostStart() {
    const record = this.#record;
    const start = record[HOST_START];
    return record[HREF][start] === "@" ? start + 1 : start;
  }

  get host() {
    const record = this.#record;
    const start = this.#hostStart();
    // With an empty host, "/." may stand between it and the path.
    return start >= record[HOST_END] ? "" : this.#slice(start, record[PATHNAME_START]);
  }

  get hostname() {
    return this.#slice(this.#hostStart(), this.#record[HOST_END]);
  }

  get port() {
    const port = this.#record[PORT];
    return port === -1 ? "" : `${port}`;
  }

  get pathname() {
    const record = this.#record;
    const end = record[SEARCH_START] !== -1 ? record[SEARCH_START] : record[HASH_START];
    return this.#slice(record[PATHNAME_START], end === -1 ? undefined : end);
  }

  get search() {
    const record = this.#record;
    if (record[SEARCH_START] === -1) return "";
    const search = this.#slice(record[SEARCH_START], record[HASH_START] === -1 ? undefined : record[HASH_START]);
    return search === "?" ? "" : search;
  }

  get searchParams() {
    this.#searchParams ??= attached(this.search, (query) => {
      const record = update(this.#record[HREF], SETTERS.search, query);
      if (record !== null) this.#record = record;
    });
    return this.#searchParams;
  }

  get hash() {
    const start = this.#record[HASH_START];
    const hash = start === -1 ? "" : this.#slice(start);
    return hash === "#" ? "" : hash;
  }

  toString() {
    return this.#record[HREF];
  }

  toJSON() {
    return this.#record[HREF];
  }

  [INSPECT](depth, options, inspect) {
    const shown = {};
    for (let i = 0; i < SHOWN.length; i++) shown[SHOWN[i]] = this[SHOWN[i]];
    return typeof inspect === "function" ? `URL ${inspect(shown, options)}` : shown;
  }
}

const { set: setPart } = URL;

/** Exposes `URL`. */
export function install(native) {
  ({ parse, update } = native.url);
  delete URL.set;
  for (const part in SETTERS) {
    const { set } = Object.getOwnPropertyDescriptor({
      set [part](value) {
        setPart(this, part, value);
      },
    }, part);
    ObjectDefineProperty(URL.prototype, part, { __proto__: null, set });
  }
  defineInterface(URL, "URL", [...SHOWN, "toString", "toJSON"], ["canParse", "parse"]);
  ObjectDefineProperty(URL, "name", { __proto__: null, value: "URL" });
  expose("URL", URL);
}
