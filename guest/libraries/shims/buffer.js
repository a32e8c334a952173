// `require("buffer")` of a bundled package.
module.exports = { Buffer: globalThis.Buffer };
