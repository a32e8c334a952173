// The global `zlib`: Node's module of that name (SPEC 4.3, D19), over native.zlib. The whole of the input is at
// hand in every call, so nothing waits: the callback forms answer in a later turn.

import {
  ArrayPrototypePush,
  Error,
  Number,
  ObjectDefineProperty,
  Promise,
  RangeError,
  Uint8Array,
} from "./primordials.js";
import { invalidArgument, requireFunction } from "./arguments.js";
import { asBuffer, joinBuffers } from "./buffer.js";
import { outOfRange } from "./buffer-numbers.js";
import { createEncodings } from "./buffer-encodings.js";
import { coded, isView, requireBytes, requireData, UINT32_MAX } from "./crypto-arguments.js";
import { isArrayBuffer } from "./encoding.js";
import { define, expose } from "./expose.js";
import { later } from "./timers.js";
import { Transform } from "./transform.js";
import { CONSTANTS } from "./zlib-constants.js";

/** Bytes that one call may give at most, whatever `maxOutputLength` says. */
const OUTPUT_MAX = 96 * 2 ** 20;

const NumberIsNaN = Number.isNaN;
const NumberIsFinite = Number.isFinite;

const { Z_BUF_ERROR, Z_DATA_ERROR, Z_FINISH, Z_HUFFMAN_ONLY, Z_NEED_DICT } = CONSTANTS;

const BUFFER = "of type string or an instance of Buffer, TypedArray, DataView, or ArrayBuffer";
const DICTIONARY = "an instance of Buffer, TypedArray, DataView, or ArrayBuffer";

// Numbers of `Format` in zlib/deflate.zig and zlib/inflate.zig, and of `Flush`.
const ZLIB = 0;
const GZIP = 1;
const RAW = 2;
const UNZIP = 3;
const FLUSH_NONE = 0;
const FLUSH_SYNC = 1;
const FLUSH_FINISH = 2;

// By number of `Status` in zlib.zig.
const TOO_LARGE = 1;
const OUT_OF_MEMORY = 2;
const FAILURES = [
  undefined,
  undefined,
  undefined,
  [Z_DATA_ERROR, "Z_DATA_ERROR", "incorrect header check"],
  [Z_DATA_ERROR, "Z_DATA_ERROR", "unknown compression method"],
  [Z_DATA_ERROR, "Z_DATA_ERROR", "invalid window size"],
  [Z_DATA_ERROR, "Z_DATA_ERROR", "unknown header flags set"],
  [Z_DATA_ERROR, "Z_DATA_ERROR", "header crc mismatch"],
  [Z_NEED_DICT, "Z_NEED_DICT", "Missing dictionary"],
  [Z_NEED_DICT, "Z_NEED_DICT", "Bad dictionary"],
  [Z_DATA_ERROR, "Z_DATA_ERROR", "invalid block type"],
  [Z_DATA_ERROR, "Z_DATA_ERROR", "invalid stored block lengths"],
  [Z_DATA_ERROR, "Z_DATA_ERROR", "too many length or distance symbols"],
  [Z_DATA_ERROR, "Z_DATA_ERROR", "invalid code lengths set"],
  [Z_DATA_ERROR, "Z_DATA_ERROR", "invalid bit length repeat"],
  [Z_DATA_ERROR, "Z_DATA_ERROR", "invalid code -- missing end-of-block"],
  [Z_DATA_ERROR, "Z_DATA_ERROR", "invalid literal/lengths set"],
  [Z_DATA_ERROR, "Z_DATA_ERROR", "invalid distances set"],
  [Z_DATA_ERROR, "Z_DATA_ERROR", "invalid literal/length code"],
  [Z_DATA_ERROR, "Z_DATA_ERROR", "invalid distance code"],
  [Z_DATA_ERROR, "Z_DATA_ERROR", "invalid distance too far back"],
  [Z_DATA_ERROR, "Z_DATA_ERROR", "incorrect data check"],
  [Z_DATA_ERROR, "Z_DATA_ERROR", "incorrect length check"],
  [Z_BUF_ERROR, "Z_BUF_ERROR", "unexpected end of file"],
];

function failure(status, max) {
  if (status === TOO_LARGE) {
    return coded(RangeError, "ERR_BUFFER_TOO_LARGE", `Cannot create a Buffer larger than ${max} bytes`);
  }
  // In place of Node's Z_MEM_ERROR: what does not fit the sandbox is too large, whatever the option says.
  if (status === OUT_OF_MEMORY) {
    return coded(RangeError, "ERR_BUFFER_TOO_LARGE", "Cannot create a Buffer larger than memory allows");
  }
  const { 0: errno, 1: code, 2: message } = FAILURES[status];
  const error = new Error(message);
  error.errno = errno;
  error.code = code;
  return error;
}

/** The Buffer of a native result; throws the error that a number stands for. */
function outcome(result, max) {
  if (typeof result === "number") throw failure(result, max);
  return asBuffer(new Uint8Array(result));
}

// A number among the options: undefined and NaN stand for `otherwise`.
function option(options, name, min, max, otherwise) {
  const value = options[name];
  if (value === undefined || NumberIsNaN(value)) return otherwise;
  if (typeof value !== "number") {
    throw invalidArgument(`options.${name}`, "of type number", value);
  }
  if (!NumberIsFinite(value)) throw outOfRange(`options.${name}`, "a finite number", value);
  if (value < min || value > max) {
    const range = max === Infinity ? `>= ${min}` : `>= ${min} and <= ${max}`;
    throw outOfRange(`options.${name}`, range, value);
  }
  return value;
}

function readOptions(options) {
  const from = typeof options === "object" && options !== null ? options : {};
  option(from, "chunkSize", CONSTANTS.Z_MIN_CHUNK, Infinity, CONSTANTS.Z_DEFAULT_CHUNK);
  option(from, "flush", CONSTANTS.Z_NO_FLUSH, CONSTANTS.Z_BLOCK, CONSTANTS.Z_NO_FLUSH);
  const finish = option(from, "finishFlush", CONSTANTS.Z_NO_FLUSH, CONSTANTS.Z_BLOCK, Z_FINISH);
  const max = option(from, "maxOutputLength", 1, 2 ** 32, OUTPUT_MAX);
  // The size of the window and of the memory only bound what zlib allocates: ours is fixed.
  if (from.windowBits !== 0) option(from, "windowBits", 8, 15, 15);
  const level = option(from, "level", -1, 9, -1) | 0;
  option(from, "memLevel", 1, 9, 8);
  const strategy = option(from, "strategy", 0, CONSTANTS.Z_FIXED, 0);
  const { dictionary } = from;
  if (dictionary !== undefined && !isView(dictionary) && !isArrayBuffer(dictionary)) {
    throw invalidArgument("options.dictionary", DICTIONARY, dictionary);
  }
  return {
    level: level === -1 ? 6 : level,
    isHuffmanOnly: strategy === Z_HUFFMAN_ONLY,
    finish,
    dictionary,
    max: max < OUTPUT_MAX ? max : OUTPUT_MAX,
    shownMax: max,
  };
}

/** Exposes `zlib`. */
export function install(native) {
  const codecs = createEncodings(native);

  function deflater(format, { level, isHuffmanOnly, dictionary, shownMax }) {
    const preset = format === GZIP ? undefined : dictionary;
    const handle = native.zlib.deflater(format, level, isHuffmanOnly, preset);
    if (typeof handle === "number") throw failure(handle, shownMax);
    return handle;
  }

  const deflating = (format) => (data, options) => {
    const bytes = requireBytes(data, "buffer", BUFFER);
    const read = readOptions(options);
    const flush = read.finish === Z_FINISH ? FLUSH_FINISH : FLUSH_SYNC;
    return outcome(native.zlib.deflate(deflater(format, read), bytes, flush, read.max), read.shownMax);
  };

  const inflating = (format) => (data, options) => {
    const bytes = requireBytes(data, "buffer", BUFFER);
    const { finish, dictionary, max, shownMax } = readOptions(options);
    // Any other way to finish takes what there is of data that is cut off.
    const isPartial = finish !== Z_FINISH;
    return outcome(
      native.zlib.inflate(format, bytes, max, format === GZIP ? undefined : dictionary, isPartial),
      shownMax,
    );
  };

  class Deflating extends Transform {
    #flush;

    constructor(format, options) {
      const read = readOptions(options);
      const handle = deflater(format, read);
      const pass = (bytes, flush) => outcome(native.zlib.deflate(handle, bytes, flush, read.max), read.shownMax);
      super({
        write: (bytes) => pass(bytes, FLUSH_NONE),
        end: () => pass("", read.finish === Z_FINISH ? FLUSH_FINISH : FLUSH_SYNC),
      });
      this.#flush = () => pass("", FLUSH_SYNC);
    }

    /** Gives all that can be made of what was written so far. */
    flush(kind, callback) {
      if (this.writable) this.push(this.#flush());
      const called = typeof kind === "function" ? kind : callback;
      if (typeof called === "function") later(called);
    }

    close(callback) {
      if (typeof callback === "function") this.once("close", callback);
      this.destroy();
    }
  }

  // What is packed is kept until its end: the memory of the sandbox bounds it, as it does the text.
  class Inflating extends Transform {
    constructor(run, options) {
      readOptions(options);
      const parts = [];
      super({
        write(bytes) {
          ArrayPrototypePush(parts, bytes);
        },
        end: () => run(joinBuffers(parts), options),
      });
    }

    flush(kind, callback) {
      const called = typeof kind === "function" ? kind : callback;
      if (typeof called === "function") later(called);
    }

    close(callback) {
      if (typeof callback === "function") this.once("close", callback);
      this.destroy();
    }
  }

  const methods = {
    deflate: deflating(ZLIB),
    deflateRaw: deflating(RAW),
    gzip: deflating(GZIP),
    inflate: inflating(ZLIB),
    inflateRaw: inflating(RAW),
    gunzip: inflating(GZIP),
    unzip: inflating(UNZIP),
  };

  const zlib = {
    crc32(data, value = 0) {
      if (typeof value !== "number") throw invalidArgument("value", "of type number", value);
      if (!(value >= 0 && value <= UINT32_MAX)) {
        throw outOfRange("value", `>= 0 && <= ${UINT32_MAX}`, value);
      }
      return native.zlib.crc32(requireData(codecs, data), value);
    },
    constants: CONSTANTS,
    promises: {},
  };

  for (const name in methods) {
    const run = methods[name];
    const named = {
      [`${name}Sync`]: (buffer, options) => run(buffer, options),

      [name](buffer, options, callback) {
        if (typeof options === "function") {
          callback = options;
          options = undefined;
        }
        requireFunction(callback, "callback");
        requireBytes(buffer, "buffer", BUFFER);
        readOptions(options);
        later(() => {
          let result;
          try {
            result = run(buffer, options);
          } catch (error) {
            callback(error);
            return;
          }
          callback(null, result);
        });
      },
    };
    zlib[name] = named[name];
    zlib[`${name}Sync`] = named[`${name}Sync`];
    // Node leaves this to util.promisify, which functions do not have.
    zlib.promises[name] = (buffer, options) => new Promise((resolve) => resolve(run(buffer, options)));
  }

  const classes = {
    Deflate: class Deflate extends Deflating {
      constructor(options) {
        super(ZLIB, options);
      }
    },
    DeflateRaw: class DeflateRaw extends Deflating {
      constructor(options) {
        super(RAW, options);
      }
    },
    Gzip: class Gzip extends Deflating {
      constructor(options) {
        super(GZIP, options);
      }
    },
    Inflate: class Inflate extends Inflating {
      constructor(options) {
        super(methods.inflate, options);
      }
    },
    InflateRaw: class InflateRaw extends Inflating {
      constructor(options) {
        super(methods.inflateRaw, options);
      }
    },
    Gunzip: class Gunzip extends Inflating {
      constructor(options) {
        super(methods.gunzip, options);
      }
    },
    Unzip: class Unzip extends Inflating {
      constructor(options) {
        super(methods.unzip, options);
      }
    },
  };
  for (const name in classes) {
    const Class = classes[name];
    zlib[name] = Class;
    zlib[`create${name}`] = (options) => new Class(options);
  }
  for (const name of ["brotliCompress", "brotliDecompress"]) {
    const refuse = () => {
      throw coded(Error, "ERR_FEATURE_UNAVAILABLE_ON_PLATFORM", `zlib.${name}: there is no Brotli here`);
    };
    zlib[name] = refuse;
    zlib[`${name}Sync`] = refuse;
    zlib[`create${name[0].toUpperCase()}${name.slice(1)}`] = refuse;
  }

  for (const name in CONSTANTS) {
    ObjectDefineProperty(zlib, name, { __proto__: null, value: CONSTANTS[name], enumerable: false });
  }
  // SPEC 2.7: `zlib = zlib.zlib` works any number of times.
  define(zlib, "zlib", zlib);
  expose("zlib", zlib);
}
