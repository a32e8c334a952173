// The global `crypto`: Node's module of that name (SPEC 4.2). Digests, ciphers and derivation run in the
// guest (crypto.zig).

import { createEncodings } from "./buffer-encodings.js";
import { ciphering } from "./crypto-cipher.js";
import { hashing } from "./crypto-hash.js";
import { derivation } from "./crypto-kdf.js";
import { randomness } from "./crypto-random.js";
import { expose } from "./expose.js";

/** Exposes `crypto`. */
export function install(native) {
  const codecs = createEncodings(native);
  const secretOf = () => undefined;
  expose("crypto", {
    ...hashing(native, codecs, secretOf),
    ...randomness(native),
    ...derivation(native, secretOf),
    ...ciphering(native, codecs, secretOf),
    constants: {},
  });
}
