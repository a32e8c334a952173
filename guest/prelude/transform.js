// Streams that change what goes through them, for crypto and zlib. The work is done at once in `write` and `end`;
// only the events come later.

import { Error, ReflectApply, TypeError, uncurryThis, WeakMap } from "./primordials.js";
import { invalidArgument } from "./arguments.js";
import { chunkBuffer } from "./buffer.js";
import { coded, isView } from "./crypto-arguments.js";
import { define } from "./expose.js";
import { Readable } from "./streams.js";
import { later } from "./timers.js";

const WeakMapPrototypeGet = uncurryThis(WeakMap.prototype.get);
const WeakMapPrototypeSet = uncurryThis(WeakMap.prototype.set);

const DATA = "of type string or an instance of Buffer, TypedArray, or DataView";

/** `work` is `{ write(bytes), end() }`; each returns a Buffer to pass on, or undefined. */
export class Transform extends Readable {
  #work;
  #isEnding = false;
  #isFinished = false;
  bytesWritten = 0;

  constructor(work) {
    super();
    this.#work = work;
  }

  get writable() {
    return !this.#isEnding && !this.destroyed;
  }

  get writableEnded() {
    return this.#isEnding;
  }

  get writableFinished() {
    return this.#isFinished;
  }

  #run(step) {
    try {
      const result = step();
      if (result !== undefined && result.length > 0) this.push(result);
      return undefined;
    } catch (error) {
      this.destroy(error);
      return error;
    }
  }

  #write(chunk, encoding) {
    if (chunk === null) {
      throw coded(TypeError, "ERR_STREAM_NULL_VALUES", "May not write null values to stream");
    }
    if (typeof chunk !== "string" && !isView(chunk)) throw invalidArgument("chunk", DATA, chunk);
    const bytes = chunkBuffer(chunk, encoding);
    this.bytesWritten += bytes.length;
    return this.#run(() => this.#work.write(bytes));
  }

  write(chunk, encoding, callback) {
    if (typeof encoding === "function") {
      callback = encoding;
      encoding = undefined;
    }
    let error;
    if (this.#isEnding) {
      error = coded(Error, "ERR_STREAM_WRITE_AFTER_END", "write after end");
      this.destroy(error);
    } else if (!this.destroyed) {
      error = this.#write(chunk, encoding);
    }
    if (typeof callback === "function") later(() => callback(error));
    return error === undefined;
  }

  end(chunk, encoding, callback) {
    if (typeof chunk === "function") {
      callback = chunk;
      chunk = undefined;
    } else if (typeof encoding === "function") {
      callback = encoding;
      encoding = undefined;
    }
    if (chunk !== undefined && chunk !== null) this.write(chunk, encoding);
    if (typeof callback === "function") this.once("finish", callback);
    if (this.#isEnding || this.destroyed) return this;
    this.#isEnding = true;
    if (this.#run(() => this.#work.end()) !== undefined) return this;
    this.push(null);
    later(() => {
      if (this.destroyed) return;
      this.#isFinished = true;
      this.emit("finish");
    });
    return this;
  }

  cork() {}

  uncork() {}
}

const FORWARDED = [
  ["on", "once", "addListener", "prependListener", "removeListener", "off", "removeAllListeners"],
  ["resume", "pause", "setEncoding", "end", "destroy", "unpipe"],
];
const ANSWERED = ["emit", "pipe", "read", "write", "listenerCount", "listeners", "isPaused", Symbol.asyncIterator];

/**
 * Gives the objects of `prototype` the methods of a Transform, which is only made when the first is called: most
 * hashes never are streams, and a stream costs more than a hash. `workOf(object)` is the work of its stream.
 */
export function streamable(prototype, workOf) {
  const streams = new WeakMap();

  function streamOf(object) {
    let stream = WeakMapPrototypeGet(streams, object);
    if (stream === undefined) {
      stream = new Transform(workOf(object));
      WeakMapPrototypeSet(streams, object, stream);
    }
    return stream;
  }

  for (const name of FORWARDED.flat()) {
    define(prototype, name, function (...args) {
      const stream = streamOf(this);
      ReflectApply(stream[name], stream, args);
      return this;
    });
  }
  for (const name of ANSWERED) {
    define(prototype, name, function (...args) {
      const stream = streamOf(this);
      return ReflectApply(stream[name], stream, args);
    });
  }
  for (const name of ["readable", "writable"]) {
    Object.defineProperty(prototype, name, {
      __proto__: null,
      configurable: true,
      get() {
        return streamOf(this)[name];
      },
    });
  }
}
