// The global `crypto`: Node's module of that name (SPEC 4.2), and web crypto in it. Digests, ciphers and derivation
// run in the guest (crypto.zig).

import { createEncodings } from "./buffer-encodings.js";
import { ciphering } from "./crypto-cipher.js";
import { hashing } from "./crypto-hash.js";
import { derivation } from "./crypto-kdf.js";
import { CryptoKey, keys, secretOf } from "./crypto-keys.js";
import { randomness } from "./crypto-random.js";
import { webCrypto } from "./crypto-subtle.js";
import { expose } from "./expose.js";

/** Exposes `crypto` and `CryptoKey`. */
export function install(native) {
  const codecs = createEncodings(native);
  const random = randomness(native);
  expose("crypto", {
    ...hashing(native, codecs, secretOf),
    ...random,
    ...derivation(native, secretOf),
    ...ciphering(native, codecs, secretOf),
    ...keys(native, codecs),
    ...webCrypto(native, random),
    constants: {},
  });
  expose("CryptoKey", CryptoKey);
}
