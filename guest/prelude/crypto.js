// The global `crypto`: Node's module of that name (SPEC 4.2), and web crypto in it. Digests, ciphers and derivation
// run in the guest (crypto.zig), what needs public and private keys in the host.

import { createEncodings } from "./buffer-encodings.js";
import { ciphering } from "./crypto-cipher.js";
import { hashing } from "./crypto-hash.js";
import { derivation } from "./crypto-kdf.js";
import { CryptoKey, secretKeys, secretOf } from "./crypto-keys.js";
import { CONSTANTS, keyPairs } from "./crypto-pairs.js";
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
    ...secretKeys(native, codecs),
    ...webCrypto(native, random),
    ...keyPairs(native, codecs),
    constants: CONSTANTS,
  });
  expose("CryptoKey", CryptoKey);
}
