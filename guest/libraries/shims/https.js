// `require("https")` of a bundled package.
module.exports = globalThis.https;
