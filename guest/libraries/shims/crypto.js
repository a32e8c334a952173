// `require("crypto")` of a bundled package: the sandbox's own, as it was before user code could replace it.
module.exports = globalThis.crypto;
