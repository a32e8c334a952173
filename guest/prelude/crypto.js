// The global `crypto`: Node's module of that name (SPEC 4.2), and web crypto in it. Digests, ciphers and derivation
// run in the guest (crypto.zig), what needs public and private keys in the host.

import { createEncodings } from "./buffer-encodings.js";
import { ciphering } from "./crypto-cipher.js";
import { exchange } from "./crypto-exchange.js";
import { keyForms } from "./crypto-forms.js";
import { keyGeneration, unavailable } from "./crypto-generate.js";
import { hashing } from "./crypto-hash.js";
import { keyHost } from "./crypto-host.js";
import { derivation } from "./crypto-kdf.js";
import { CryptoKey, secretKeys, secretOf } from "./crypto-keys.js";
import { numberGroups } from "./crypto-modp.js";
import { CONSTANTS, keyPairs } from "./crypto-pairs.js";
import { randomness } from "./crypto-random.js";
import { webCrypto } from "./crypto-subtle.js";
import { expose } from "./expose.js";

class X509Certificate {
  constructor() {
    throw unavailable("Certificates are not read in a function; createPublicKey takes the key out of one");
  }
}

/** Exposes `crypto` and `CryptoKey`. */
export function install(native) {
  const codecs = createEncodings(native);
  const random = randomness(native);
  const host = keyHost(native);
  const forms = keyForms(host, codecs);
  const generation = keyGeneration(host, forms);
  expose("crypto", {
    ...hashing(native, codecs, secretOf),
    ...random,
    ...derivation(native, secretOf),
    ...ciphering(native, codecs, secretOf),
    ...secretKeys(native, codecs),
    ...webCrypto(native, random, host, forms, generation),
    ...keyPairs(native, codecs, host, forms),
    ...generation.members,
    ...exchange(codecs, host, forms, generation),
    ...numberGroups(native, codecs, host),
    createPrivateKey: forms.createPrivateKey,
    createPublicKey: forms.createPublicKey,
    X509Certificate,
    getFips: () => 0,
    constants: CONSTANTS,
  });
  expose("CryptoKey", CryptoKey);
}
