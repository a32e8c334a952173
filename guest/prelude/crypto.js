// The global `crypto`: Node's module of that name (SPEC 4.2). Digests, ciphers and derivation run in the
// guest (crypto.zig).

import { asBuffer } from "./buffer.js";
import { createEncodings } from "./buffer-encodings.js";
import { hashing } from "./crypto-hash.js";
import { randomness } from "./crypto-random.js";
import { expose } from "./expose.js";

/** Exposes `crypto`. */
export function install(native) {
  const codecs = createEncodings(native);
  const secretOf = () => undefined;
  expose("crypto", {
    ...hashing(native, codecs, secretOf),
    ...randomness(native),
    constants: {},
  });
}
