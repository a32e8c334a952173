// The errors of `fetch`, as node-fetch 2.6.0 has them. Both are plain Bad Requests to the host.

import { Error, ErrorCaptureStackTrace, ObjectDefineProperty } from "./primordials.js";
import { define } from "./expose.js";

// Enumerable as node-fetch's: it shows where an error is serialized.
const showMessage = (error, message) =>
  ObjectDefineProperty(error, "message", {
    __proto__: null,
    value: message,
    writable: true,
    enumerable: true,
    configurable: true,
  });

/** `type` is one of SPEC 4.4; `code` and `errno` are there for type "system" only. */
export class FetchError extends Error {
  constructor(message, type, systemError) {
    super(message);
    showMessage(this, message);
    this.type = type;
    if (systemError) this.code = this.errno = systemError.code;
    ErrorCaptureStackTrace(this, FetchError);
  }
}

export class AbortError extends Error {
  constructor(message) {
    super(message);
    this.type = "aborted";
    showMessage(this, message);
    ErrorCaptureStackTrace(this, AbortError);
  }
}

for (const [Class, name] of [[FetchError, "FetchError"], [AbortError, "AbortError"]]) {
  define(Class.prototype, "name", name);
  ObjectDefineProperty(Class, "name", { __proto__: null, value: name, configurable: true });
}
