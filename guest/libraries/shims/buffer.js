// `require("buffer")` of a bundled package.
const { Buffer, Blob, File, atob, btoa } = globalThis;

module.exports = {
  Buffer,
  SlowBuffer: Buffer,
  Blob,
  File,
  atob,
  btoa,
  kMaxLength: 0x7fffffff,
  constants: { MAX_LENGTH: 0x7fffffff, MAX_STRING_LENGTH: 0x3fffffff },
};
