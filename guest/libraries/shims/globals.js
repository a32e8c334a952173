// What bundled packages read from the global scope, taken when they are loaded: user code may replace it later.
import process from "./process.js";

export const Buffer = globalThis.Buffer;
export { process };
