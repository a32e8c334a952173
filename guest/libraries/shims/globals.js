// What bundled packages read from the global scope, taken when they are loaded: user code may replace it later.
import process from "./process.js";

export const Buffer = globalThis.Buffer;
export { process };

// These packages are Node's: what looks for a browser must not find one.
export const window = undefined;

// There are no files beside them.
export const __dirname = "/";
export const __filename = "/library.js";
