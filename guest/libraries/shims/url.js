// `require("url")` of a bundled package: the old functions from npm, the standard's classes from the sandbox.
const { parse, resolve, resolveObject, format, Url } = require("../node_modules/url/url.js");
const { URL, URLSearchParams } = globalThis;

module.exports = { parse, resolve, resolveObject, format, Url, URL, URLSearchParams };
