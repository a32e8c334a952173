// What `Request` and `Response` have in common: a body, and the ways to read it once (SPEC 4.4).

import {
  ArrayBuffer,
  ArrayBufferPrototypeSlice,
  Error,
  JSONParse,
  Promise,
  PromisePrototypeThen,
  PromiseReject,
  PromiseResolve,
  StringPrototypeToLowerCase,
  Symbol,
  TypeError,
  Uint8Array,
} from "./primordials.js";
import { Blob, bytesOfBlob } from "./blob.js";
import { asBuffer, bufferText, textBuffer } from "./buffer.js";
import { bytesOf, createDecoder } from "./encoding.js";
import { FetchError } from "./fetch-error.js";
import { Readable, collect, isStream } from "./streams.js";
import { cancelTimer, startTimer } from "./timers.js";

const INTERNALS = Symbol("Body internals");
const ArrayBufferIsView = ArrayBuffer.isView;
const NOTHING = new Uint8Array(0);

// By shape, since libraries bring their own.
const isSearchParams = (value) =>
  typeof value === "object" &&
  typeof value.append === "function" &&
  typeof value.delete === "function" &&
  typeof value.get === "function" &&
  typeof value.getAll === "function" &&
  typeof value.has === "function" &&
  typeof value.set === "function" &&
  typeof value.sort === "function";

const isBlob = (value) =>
  typeof value === "object" &&
  typeof value.arrayBuffer === "function" &&
  typeof value.type === "string" &&
  typeof value.stream === "function" &&
  /^(Blob|File)$/.test(value[Symbol.toStringTag]);

const isForm = (value) => typeof value === "object" && typeof value.getBoundary === "function";

// A body as it is kept: null, a Buffer, a blob or a stream.
function toSource(init) {
  if (init === undefined || init === null) return null;
  if (isSearchParams(init)) return textBuffer(`${init}`);
  if (typeof init === "object" && (isBlob(init) || isStream(init))) return init;
  const bytes = bytesOf(init);
  return bytes === undefined ? textBuffer(String(init)) : asBuffer(bytes);
}

/** The Content-Type that goes with a body when the caller gave none; null for none. */
export function contentTypeOf(init) {
  if (init === null || init === undefined) return null;
  if (typeof init === "string") return "text/plain;charset=UTF-8";
  if (isSearchParams(init)) return "application/x-www-form-urlencoded;charset=UTF-8";
  if (typeof init === "object" && isBlob(init)) return init.type || null;
  if (bytesOf(init) !== undefined) return null;
  if (isForm(init)) return `multipart/form-data;boundary=${init.getBoundary()}`;
  return isStream(init) ? null : "text/plain;charset=UTF-8";
}

export class Body {
  constructor(init, options) {
    const source = toSource(init);
    this[INTERNALS] = { body: source, received: undefined, disturbed: false, error: null };
    this.size = options.size ?? 0;
    this.timeout = options.timeout ?? 0;
    if (isStream(source)) source.on("error", (error) => (this[INTERNALS].error = bodyError(this, error)));
  }

  get body() {
    const internals = this[INTERNALS];
    // A received body becomes a stream for those who ask for one.
    if (internals.received !== undefined) {
      internals.body = Readable.of(internals.received);
      internals.received = undefined;
      if (internals.error !== null) internals.body.destroy(internals.error);
    }
    return internals.body;
  }

  get bodyUsed() {
    return this[INTERNALS].disturbed;
  }

  arrayBuffer() {
    return PromisePrototypeThen(consume(this), ({ buffer, byteOffset, byteLength }) =>
      ArrayBufferPrototypeSlice(buffer, byteOffset, byteOffset + byteLength),
    );
  }

  blob() {
    const type = StringPrototypeToLowerCase(this.headers.get("content-type") ?? "");
    return PromisePrototypeThen(consume(this), (buffer) => new Blob([buffer], { type }));
  }

  json() {
    return PromisePrototypeThen(consume(this), (buffer) => {
      try {
        return JSONParse(bufferText(buffer));
      } catch (error) {
        throw new FetchError(
          `invalid json response body at ${this.url} reason: ${error.message}`,
          "invalid-json",
        );
      }
    });
  }

  text() {
    return PromisePrototypeThen(consume(this), (buffer) => bufferText(buffer));
  }

  buffer() {
    return consume(this);
  }

  textConverted() {
    return PromisePrototypeThen(consume(this), (buffer) => {
      const label = charsetOf(this.headers.get("content-type"), bufferText(buffer.subarray(0, 1024)));
      let decoder;
      try {
        decoder = createDecoder(label);
      } catch {
        decoder = createDecoder("utf-8");
      }
      return decoder.decode(buffer);
    });
  }
}

// By the header, else by what HTML and XML say of themselves.
function charsetOf(contentType, start) {
  const found =
    /charset=([^;]*)/i.exec(contentType ?? "") ??
    /<meta.+?charset=['"](.+?)['"]/i.exec(start) ??
    /<meta\s+?http-equiv=['"]content-type['"]\s+?content=['"].*?charset=(.+?)['"]/i.exec(start) ??
    /<\?xml.+?encoding=['"](.+?)['"]/i.exec(start);
  return found === null ? "utf-8" : found[1];
}

function bodyError(body, error) {
  if (error?.name === "AbortError") return error;
  const message = `Invalid response body while trying to fetch ${body.url}: ${error?.message}`;
  return new FetchError(message, "system", error);
}

/** The whole body as a Buffer; once. */
function consume(body) {
  const internals = body[INTERNALS];
  if (internals.disturbed) return PromiseReject(new TypeError(`body used already for: ${body.url}`));
  internals.disturbed = true;
  if (internals.error !== null) return PromiseReject(internals.error);
  if (internals.received !== undefined) return PromiseResolve(internals.received);
  const source = internals.body;
  if (source === null) return PromiseResolve(asBuffer(NOTHING));
  if (!isStream(source)) return sourceBytes(source);
  return limited(body, collect(source));
}

// Applies `size` and `timeout` to a body that is a stream.
async function limited(body, collected) {
  const { size, timeout } = body;
  let timer;
  const inTime =
    timeout > 0
      ? new Promise((resolve, reject) => {
          timer = startTimer(
            () =>
              reject(
                new FetchError(
                  `Response timeout while trying to fetch ${body.url} (over ${timeout}ms)`,
                  "body-timeout",
                ),
              ),
            timeout,
          );
        })
      : undefined;
  let bytes;
  try {
    bytes = await (inTime === undefined ? collected : Promise.race([collected, inTime]));
  } catch (error) {
    throw error instanceof FetchError ? error : bodyError(body, error);
  } finally {
    if (timer !== undefined) cancelTimer(timer);
  }
  if (size > 0 && bytes.length > size) {
    throw new FetchError(`content size at ${body.url} over limit: ${size}`, "max-size");
  }
  return bytes;
}

// A Buffer or a blob, as a promise for a Buffer.
async function sourceBytes(source) {
  if (ArrayBufferIsView(source)) return source;
  return asBuffer(bytesOfBlob(source) ?? bytesOf(await source.arrayBuffer()));
}

/**
 * The bytes to be sent: undefined for no body, a Uint8Array, or a promise for one where the body has
 * to be read first. The body is not marked as used, as with node-fetch.
 */
export function bytesToSend(body) {
  const { body: source } = body;
  if (source === null) return undefined;
  if (ArrayBufferIsView(source)) return source;
  return isStream(source) ? collect(source) : (bytesOfBlob(source) ?? sourceBytes(source));
}

/** The body for a copy of `body`, for `clone()`; a stream goes on as two. */
export function cloneSource(body) {
  const internals = body[INTERNALS];
  if (internals.disturbed) throw new Error("cannot clone body after it is used");
  const source = body.body;
  if (!isStream(source) || isForm(source)) return source;
  const copies = [new Readable(), new Readable()];
  for (const copy of copies) {
    source.on("data", (chunk) => copy.push(chunk));
    source.on("end", () => copy.push(null));
    source.on("error", (error) => copy.destroy(error));
  }
  internals.body = copies[0];
  return copies[1];
}

/** Gives `body` the bytes that came from the network, and the error that reading them ends in, if any. */
export function receive(body, bytes, error) {
  const internals = body[INTERNALS];
  internals.received = asBuffer(bytes);
  internals.error = error;
}

/** What `receive` gave a body that nobody has touched: `{ bytes, error }`, or undefined. */
export function received(body) {
  const { received: bytes, disturbed, error } = body[INTERNALS];
  return bytes === undefined || disturbed ? undefined : { bytes, error };
}
