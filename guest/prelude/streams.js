// The streams of Node that functions meet: response bodies, IncomingMessage, FormData, Blob.stream().
// Small on purpose: `readable-stream` from npm would hold 500 KB of every image.

import {
  ArrayPrototypePush,
  ArrayPrototypeShift,
  ArrayPrototypeUnshift,
  Promise,
  PromisePrototypeThen,
  PromiseResolve,
} from "./primordials.js";
import { bufferText, chunkBuffer, joinBuffers } from "./buffer.js";
import { encodingName } from "./buffer-encodings.js";
import { createDecoder } from "./encoding.js";
import { EventEmitter } from "./event-emitter.js";

const soon = (callback) => PromisePrototypeThen(PromiseResolve(), callback);

/** Whether `value` is a stream, of this module or of a library's own. */
export const isStream = (value) =>
  typeof value === "object" &&
  value !== null &&
  typeof value.pipe === "function" &&
  typeof value.on === "function";

/** Node's legacy base class: an event emitter that can pipe what it emits. */
export class Stream extends EventEmitter {
  pipe(destination, options) {
    const onData = (chunk) => {
      if (destination.write(chunk) === false && typeof this.pause === "function") {
        this.pause();
        destination.once?.("drain", () => this.resume?.());
      }
    };
    this.on("data", onData);
    if (options?.end !== false) this.on("end", () => destination.end());
    destination.emit?.("pipe", this);
    return destination;
  }
}

export class Readable extends Stream {
  #chunks = [];
  // null: nobody asked yet; true: 'data' events; false: paused, or read by hand.
  #flowing = null;
  #isComplete = false;
  #isEnded = false;
  #isScheduled = false;
  #decoder = undefined;
  #encoding = null;
  #error = null;

  destroyed = false;

  constructor(options = {}) {
    super();
    if (typeof options.read === "function") this._read = options.read;
    if (options.encoding) this.setEncoding(options.encoding);
  }

  /** A stream of what an iterable, or an async one, gives. */
  static from(iterable) {
    const stream = new Readable();
    if (typeof iterable === "string" || ArrayBuffer.isView(iterable)) {
      stream.push(iterable);
      stream.push(null);
      return stream;
    }
    (async () => {
      for await (const chunk of iterable) stream.push(chunk);
      stream.push(null);
    })().catch((error) => stream.destroy(error));
    return stream;
  }

  /** A stream of these bytes and no more. */
  static of(bytes) {
    const stream = new Readable();
    if (bytes.length > 0) stream.push(bytes);
    stream.push(null);
    return stream;
  }

  get readable() {
    return !this.destroyed && !this.#isEnded;
  }

  get readableEnded() {
    return this.#isEnded;
  }

  get readableFlowing() {
    return this.#flowing;
  }

  get readableEncoding() {
    return this.#encoding;
  }

  get readableLength() {
    let length = 0;
    for (let i = 0; i < this.#chunks.length; i++) length += this.#chunks[i].length;
    return length;
  }

  get errored() {
    return this.#error;
  }

  _read() {}

  /** Adds a chunk; null ends the stream. */
  push(chunk, encoding) {
    if (this.destroyed || this.#isComplete) return false;
    if (chunk === null) {
      this.#isComplete = true;
      if (this.#decoder !== undefined) this.#add(this.#decoder.decode());
    } else {
      this.#add(this.#decoded(chunkBuffer(chunk, encoding)));
    }
    this.#schedule();
    return true;
  }

  setEncoding(encoding) {
    this.#encoding = encodingName(encoding) ?? "utf8";
    // Characters of these two may be cut in half by the end of a chunk.
    const isSplit = this.#encoding === "utf8" || this.#encoding === "utf16le";
    this.#decoder = isSplit ? createDecoder(this.#encoding === "utf8" ? "utf-8" : "utf-16le") : undefined;
    const chunks = this.#chunks;
    this.#chunks = [];
    for (let i = 0; i < chunks.length; i++) this.#add(this.#decoded(chunks[i]));
    if (this.#isComplete && this.#decoder !== undefined) this.#add(this.#decoder.decode());
    return this;
  }

  #decoded(bytes) {
    if (this.#decoder !== undefined) return this.#decoder.decode(bytes, { stream: true });
    return this.#encoding === null ? bytes : bufferText(bytes, this.#encoding);
  }

  #add(chunk) {
    if (chunk.length > 0) ArrayPrototypePush(this.#chunks, chunk);
  }

  on(name, listener) {
    super.on(name, listener);
    if (name === "data") {
      if (this.#flowing !== false) this.resume();
    } else if (name === "readable") {
      this.#flowing = false;
      this.#schedule();
    } else if (name === "end" || name === "error") {
      this.#schedule();
    }
    return this;
  }

  addListener(name, listener) {
    return this.on(name, listener);
  }

  resume() {
    this.#flowing = true;
    this.#schedule();
    return this;
  }

  pause() {
    this.#flowing = false;
    return this;
  }

  isPaused() {
    return this.#flowing === false;
  }

  unpipe() {
    this.removeAllListeners("data");
    return this.pause();
  }

  /** The next `size` bytes or characters, or all there are; null when there is nothing. */
  read(size) {
    const chunks = this.#chunks;
    if (chunks.length === 0) {
      this.#schedule();
      return null;
    }
    const isText = typeof chunks[0] === "string";
    const whole = isText ? chunks.join("") : joinBuffers(chunks);
    if (size !== undefined && size > whole.length && !this.#isComplete) return null;
    const taken = size === undefined ? whole : whole.slice(0, size);
    this.#chunks = taken.length < whole.length ? [whole.slice(taken.length)] : [];
    this.#schedule();
    return taken;
  }

  unshift(chunk) {
    ArrayPrototypeUnshift(this.#chunks, chunk);
  }

  destroy(error) {
    if (this.destroyed) return this;
    this.destroyed = true;
    this.#error = error ?? null;
    this.#chunks = [];
    soon(() => {
      if (error) this.emit("error", error);
      this.emit("close");
    });
    return this;
  }

  #schedule() {
    if (this.#isScheduled || this.destroyed || this.#isEnded) return;
    this.#isScheduled = true;
    soon(() => {
      this.#isScheduled = false;
      this.#advance();
    });
  }

  #advance() {
    while (this.#flowing === true && this.#chunks.length > 0 && !this.destroyed) {
      this.emit("data", ArrayPrototypeShift(this.#chunks));
    }
    if (this.destroyed || this.#isEnded) return;
    if (!this.#isComplete) {
      if (this.#flowing !== null && this.#chunks.length === 0) this._read();
      else if (this.#flowing === false) this.emit("readable");
    } else if (this.#chunks.length > 0) {
      if (this.#flowing === false) this.emit("readable");
    } else if (this.#flowing !== null) {
      this.#isEnded = true;
      this.emit("end");
      this.emit("close");
    }
  }

  async *[Symbol.asyncIterator]() {
    let wake;
    const signal = () => wake?.();
    this.#flowing = false;
    for (const name of ["readable", "end", "error", "close"]) super.on(name, signal);
    try {
      for (;;) {
        if (this.#error !== null) throw this.#error;
        if (this.#chunks.length > 0) {
          yield ArrayPrototypeShift(this.#chunks);
        } else if (this.#isComplete || this.destroyed) {
          return;
        } else {
          const more = new Promise((resolve) => (wake = resolve));
          this._read();
          await more;
        }
      }
    } finally {
      this.#isEnded = true;
      this.destroy();
    }
  }
}

/** All a stream has to give, as one Buffer; rejects with what it emits as 'error'. */
export function collect(stream) {
  return new Promise((resolve, reject) => {
    const parts = [];
    stream.on("error", reject);
    stream.on("data", (chunk) => {
      if (chunk !== null && chunk !== undefined) ArrayPrototypePush(parts, chunkBuffer(chunk));
    });
    stream.on("end", () => resolve(joinBuffers(parts)));
    stream.resume?.();
  });
}
