// The prelude: what a function finds around it besides the language. Bundled into one script whose
// value is the function below; it runs once, at build time, before any user code exists.
//
// One capability per file. The order matters only where a line says so. What parts.json lists is not evaluated here but
// when its global is first touched (libraries.js).

import { install as installOperations } from "./operations.js";
import { install as installErrors } from "./errors.js";
import { install as installHandlers } from "./handlers.js";
import { install as installGlobals } from "./globals.js";
import { install as installConsole } from "./console.js";
import { install as installTimers } from "./timers.js";
import { install as installEventTarget } from "./event-target.js";
import { install as installAbort } from "./abort.js";
import { install as installPerformance } from "./performance.js";
import { install as installStructuredClone } from "./structured-clone.js";
import { install as installBase64 } from "./base64.js";
import { install as installEncoding } from "./encoding.js";
import { install as installBuffer } from "./buffer.js";
import { install as installURLSearchParams } from "./url-search-params.js";
import { install as installURL } from "./url.js";
import { install as installBlob } from "./blob.js";
import { install as installHeaders } from "./headers.js";
import { install as installResponse } from "./response.js";
import { install as installRequest } from "./request.js";
import { install as installFetch } from "./fetch.js";
import { install as installCache } from "./cache.js";
import { install as installBatch } from "./batch.js";
import { install as installIntl } from "./intl.js";
import { install as installLibraries } from "./libraries.js";

/** Takes the engine's native functions, defines the globals, returns the hooks that C calls. */
export default function (native) {
  const hooks = {};
  installOperations(native, hooks);
  installErrors(native, hooks);
  installHandlers(native, hooks);
  installGlobals(native, hooks);
  installConsole(native, hooks);
  installTimers(native, hooks);
  installEventTarget(native, hooks);
  installAbort(native, hooks);
  installPerformance(native, hooks);
  installStructuredClone(native, hooks);
  installBase64(native, hooks);
  installEncoding(native, hooks);
  installBuffer(native, hooks);
  installURLSearchParams(native, hooks);
  installURL(native, hooks);
  installBlob(native, hooks);
  installHeaders(native, hooks);
  installResponse(native, hooks);
  installRequest(native, hooks);
  installFetch(native, hooks);
  installCache(native, hooks);
  installBatch(native, hooks);
  installIntl(native, hooks);
  // After the owners of what it defers.
  installLibraries(native, hooks);
  return hooks;
}
