// `require("form-data")` of a bundled package: functions have one already.
module.exports = globalThis.FormData;
