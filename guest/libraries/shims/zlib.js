// `require("zlib")` of a bundled package.
module.exports = globalThis.zlib.zlib;
