// Bytes that arrive in pieces become text without breaking a character: what Node's string_decoder does for
// `cipher.update(piece, "utf8", "base64") + cipher.final("base64")`.

import { Uint8Array, uncurryThis } from "./primordials.js";

const TypedArrayPrototypeSet = uncurryThis(Uint8Array.prototype.set);
const TypedArrayPrototypeSlice = uncurryThis(Uint8Array.prototype.slice);

// Bytes at the end that belong to a character whose rest is still to come.
const UNFINISHED = {
  __proto__: null,
  base64: (bytes) => bytes.length % 3,
  base64url: (bytes) => bytes.length % 3,

  utf8(bytes) {
    for (let back = 1; back <= 3 && back <= bytes.length; back++) {
      const lead = bytes[bytes.length - back];
      if (lead < 0x80) return 0;
      if (lead < 0xc0) continue;
      const size = lead < 0xc2 || lead > 0xf4 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
      return size > back ? back : 0;
    }
    return 0;
  },

  utf16le(bytes) {
    const odd = bytes.length % 2;
    const last = bytes[bytes.length - odd - 1];
    return last >= 0xd8 && last <= 0xdb ? odd + 2 : odd;
  },
};

/** Text of one encoding (a name of createEncodings), out of any pieces. */
export class TextPieces {
  #decode;
  #unfinished;
  #pending = new Uint8Array(0);

  constructor(codecs, name) {
    this.#decode = codecs[name].decode;
    this.#unfinished = UNFINISHED[name] ?? (() => 0);
  }

  #join(bytes) {
    if (this.#pending.length === 0) return bytes;
    const joined = new Uint8Array(this.#pending.length + bytes.length);
    TypedArrayPrototypeSet(joined, this.#pending);
    TypedArrayPrototypeSet(joined, bytes, this.#pending.length);
    return joined;
  }

  write(piece) {
    const bytes = this.#join(piece);
    const end = bytes.length - this.#unfinished(bytes);
    this.#pending = TypedArrayPrototypeSlice(bytes, end);
    return this.#decode(bytes, 0, end);
  }

  end(piece) {
    const bytes = this.#join(piece);
    this.#pending = new Uint8Array(0);
    return this.#decode(bytes, 0, bytes.length);
  }
}
