// `require("util")` of a bundled package.
const { TextDecoder, TextEncoder } = globalThis;

module.exports = { ...require("../node_modules/util/util.js"), TextDecoder, TextEncoder };
