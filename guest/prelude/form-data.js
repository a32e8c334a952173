// `FormData` as of the npm package form-data 2.4.0 (SPEC 4.3): a stream of multipart/form-data, not the
// web's class of that name. A Blob or File is taken as a value too.

import {
  ArrayIsArray,
  ArrayPrototypePush,
  ArrayPrototypeShift,
  Error,
  ObjectDefineProperty,
  ObjectPrototypeHasOwnProperty,
  PromisePrototypeThen,
  PromiseResolve,
  ReflectConstruct,
  String,
} from "./primordials.js";
import { bytesOfBlob } from "./blob.js";
import { asBuffer, joinBuffers, textBuffer } from "./buffer.js";
import { define, expose } from "./expose.js";
import { request } from "./https.js";
import { mimeType } from "./mime-types.js";
import { Stream, isStream } from "./streams.js";

const LINE_BREAK = "\r\n";
const DEFAULT_CONTENT_TYPE = "application/octet-stream";

const isBytes = (value) => value instanceof Uint8Array;
const basename = (path) => String(path).replace(/[/\\]+$/, "").replace(/^.*[/\\]/s, "");
const hasOwn = (value, name) => typeof value === "object" && ObjectPrototypeHasOwnProperty(value, name);
const isIncoming = (value) => Boolean(value.readable) && hasOwn(value, "httpVersion");

class FormDataStream extends Stream {
  #isReleased = false;
  #isPaused = false;

  writable = false;
  readable = true;

  constructor(options = {}) {
    super();
    this._overheadLength = 0;
    this._valueLength = 0;
    this._valuesToMeasure = [];
    // Header, value and footer of each part, in turn; the names are the package's.
    this._streams = [];
    for (const name in options) this[name] = options[name];
  }

  append(field, value, options = {}) {
    const given = typeof options === "string" ? { filename: options } : { ...options };
    let content = typeof value === "number" || typeof value === "boolean" ? `${value}` : value;
    if (ArrayIsArray(content)) {
      this._error(new Error("Arrays are not supported."));
      return;
    }
    const blob = bytesOfBlob(content);
    if (blob !== undefined) {
      given.filename ??= content.name ?? "blob";
      given.contentType ??= content.type || undefined;
      content = asBuffer(blob);
    }
    const header = this._multiPartHeader(field, content, given);
    if (isStream(content)) content.pause?.();
    ArrayPrototypePush(this._streams, header, content, this._multiPartFooter());
    this._trackLength(header, content, given);
  }

  _trackLength(header, value, options) {
    if (options.knownLength !== undefined && options.knownLength !== null) {
      this._valueLength += +options.knownLength;
    } else if (isBytes(value)) {
      this._valueLength += value.length;
    } else if (typeof value === "string") {
      this._valueLength += textBuffer(value).length;
    }
    this._overheadLength += textBuffer(header).length + LINE_BREAK.length;
    if (isStream(value) && !options.knownLength) ArrayPrototypePush(this._valuesToMeasure, value);
  }

  _multiPartHeader(field, value, options) {
    if (typeof options.header === "string") return options.header;
    const headers = {
      "Content-Disposition": ["form-data", `name="${field}"`],
      "Content-Type": [],
    };
    const disposition = this._getContentDisposition(value, options);
    const type = this._getContentType(value, options);
    if (disposition) ArrayPrototypePush(headers["Content-Disposition"], disposition);
    if (type) ArrayPrototypePush(headers["Content-Type"], type);
    // The package's own two are not replaced.
    for (const name of Object.keys(options.header ?? {})) headers[name] ||= options.header[name];
    let contents = "";
    for (const name of Object.keys(headers)) {
      if (headers[name] === null || headers[name] === undefined) continue;
      const values = ArrayIsArray(headers[name]) ? headers[name] : [headers[name]];
      if (values.length > 0) contents += `${name}: ${values.join("; ")}${LINE_BREAK}`;
    }
    return `--${this.getBoundary()}${LINE_BREAK}${contents}${LINE_BREAK}`;
  }

  _getContentDisposition(value, options) {
    let filename;
    if (typeof options.filepath === "string") {
      filename = options.filepath.replaceAll("\\", "/");
    } else if (options.filename || value.name || value.path) {
      filename = basename(options.filename || value.name || value.path);
    }
    return filename ? `filename="${filename}"` : undefined;
  }

  _getContentType(value, options) {
    const guess = (name) => (name ? mimeType(String(name)) : undefined);
    return (
      options.contentType ||
      guess(value.name) ||
      guess(value.path) ||
      (isIncoming(value) && value.headers["content-type"]) ||
      guess(options.filepath || options.filename) ||
      (typeof value === "object" ? DEFAULT_CONTENT_TYPE : undefined)
    );
  }

  _multiPartFooter() {
    return (next) => next(LINE_BREAK + (this._streams.length === 0 ? this._lastBoundary() : ""));
  }

  _lastBoundary() {
    return `--${this.getBoundary()}--${LINE_BREAK}`;
  }

  getHeaders(userHeaders) {
    const headers = { "content-type": `multipart/form-data; boundary=${this.getBoundary()}` };
    for (const name of Object.keys(userHeaders ?? {})) headers[name.toLowerCase()] = userHeaders[name];
    return headers;
  }

  getBoundary() {
    if (!this._boundary) this._generateBoundary();
    return this._boundary;
  }

  _generateBoundary() {
    let boundary = "--------------------------";
    for (let i = 0; i < 24; i++) boundary += Math.floor(Math.random() * 10).toString(16);
    this._boundary = boundary;
  }

  getBuffer() {
    const parts = [];
    const boundary = this.getBoundary();
    for (const stream of this._streams) {
      if (typeof stream === "function") continue;
      ArrayPrototypePush(parts, isBytes(stream) ? stream : textBuffer(String(stream)));
      if (typeof stream !== "string" || stream.substring(2, boundary.length + 2) !== boundary) {
        ArrayPrototypePush(parts, textBuffer(LINE_BREAK));
      }
    }
    return joinBuffers([...parts, textBuffer(this._lastBoundary())]);
  }

  hasKnownLength() {
    return this._valuesToMeasure.length === 0;
  }

  #length() {
    const closing = this._streams.length > 0 ? this._lastBoundary().length : 0;
    return this._overheadLength + this._valueLength + closing;
  }

  getLengthSync() {
    if (!this.hasKnownLength()) {
      this._error(new Error("Cannot calculate proper length in synchronous way."));
    }
    return this.#length();
  }

  getLength(callback) {
    let length = this.#length();
    let error = null;
    for (const value of this._valuesToMeasure) {
      if (hasOwn(value, "httpVersion")) length += +value.headers["content-length"];
      else error = "Unknown stream";
    }
    PromisePrototypeThen(PromiseResolve(), () => (error === null ? callback(null, length) : callback(error)));
  }

  pipe(destination, options) {
    super.pipe(destination, options);
    this.resume();
    return destination;
  }

  pause() {
    this.#isPaused = true;
  }

  resume() {
    this.#isPaused = false;
    if (this.#isReleased) return;
    this.#isReleased = true;
    PromisePrototypeThen(PromiseResolve(), () => this.#next());
  }

  #next() {
    const streams = this._streams;
    while (streams.length > 0) {
      const item = ArrayPrototypeShift(streams);
      if (typeof item === "function") {
        item((text) => this.emit("data", text));
      } else if (isStream(item)) {
        item.on("data", (chunk) => this.emit("data", chunk));
        item.on("error", (error) => this._error(error));
        item.on("end", () => this.#next());
        item.resume?.();
        return;
      } else {
        this.emit("data", item);
      }
    }
    this.readable = false;
    this.emit("end");
    this.emit("close");
  }

  destroy() {
    this._streams = [];
    this.emit("close");
  }

  /** Posts the form; `params` is a URL or the options of `http.request`. */
  submit(params, callback) {
    const url = typeof params === "string" ? params : undefined;
    const options = { method: "post", ...(url === undefined ? params : {}) };
    options.headers = this.getHeaders(params.headers);
    const outgoing = url === undefined ? request(options) : request(url, options);
    this.getLength((error, length) => {
      if (error) {
        this._error(error);
        return;
      }
      outgoing.setHeader("Content-Length", length);
      this.pipe(outgoing);
      if (callback) {
        outgoing.on("error", callback);
        outgoing.on("response", (response) => callback(null, response));
      }
    });
    return outgoing;
  }

  _error(error) {
    if (this.error) return;
    this.error = error;
    this.pause();
    this.emit("error", error);
  }

  toString() {
    return "[object FormData]";
  }
}

/** Exposes `FormData`. */
export function install() {
  // The package's constructor also works without `new`.
  function FormData(options) {
    return ReflectConstruct(FormDataStream, [options], new.target ?? FormData);
  }
  ObjectDefineProperty(FormData, "prototype", { __proto__: null, value: FormDataStream.prototype, writable: false });
  define(FormDataStream.prototype, "constructor", FormData);
  define(FormData, "name", "FormData");
  FormData.LINE_BREAK = LINE_BREAK;
  FormData.DEFAULT_CONTENT_TYPE = DEFAULT_CONTENT_TYPE;
  expose("FormData", FormData);
}
