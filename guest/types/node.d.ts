// Of Node: Buffer, and the modules crypto, http, https and zlib, each under its own name.

type Encoding = "utf8" | "utf-8" | "utf16le" | "utf-16le" | "ucs2" | "ucs-2" | "latin1" | "binary" | "ascii" | "hex" | "base64" | "base64url";
type Bytes = ArrayBuffer | SharedArrayBuffer | ArrayBufferView;
type Data = string | Bytes;

interface BufferConstructor {
  new (value: any, ...rest: any[]): Buffer;
  (value: any, ...rest: any[]): Buffer;
  /** May be called with `new`, as published functions do. */
  from: {
    (text: string, encoding?: Encoding): Buffer;
    (bytes: Bytes, offset?: number, length?: number): Buffer;
    (values: any, ...rest: any[]): Buffer;
    new (values: any, ...rest: any[]): Buffer;
  };
  of(...values: number[]): Buffer;
  alloc(size: number, fill?: Data | number, encoding?: Encoding): Buffer;
  allocUnsafe(size: number): Buffer;
  allocUnsafeSlow(size: number): Buffer;
  copyBytesFrom(view: ArrayBufferView, offset?: number, length?: number): Buffer;
  concat(list: readonly Uint8Array[], length?: number): Buffer;
  compare(a: Uint8Array, b: Uint8Array): -1 | 0 | 1;
  isBuffer(value: any): value is Buffer;
  isEncoding(name: any): name is Encoding;
  byteLength(data: Data, encoding?: Encoding): number;
  poolSize: number;
  readonly prototype: Buffer;
}

declare var Buffer: BufferConstructor;

interface Buffer extends Uint8Array {
  toJSON(): { type: "Buffer"; data: number[] };
  toString(encoding?: Encoding, start?: number, end?: number): string;
  equals(other: Uint8Array): boolean;
  compare(other: Uint8Array, ...range: number[]): -1 | 0 | 1;
  copy(target: Uint8Array, targetStart?: number, start?: number, end?: number): number;
  slice(start?: number, end?: number): any;
  subarray(start?: number, end?: number): any;
  swap16(): this;
  swap32(): this;
  swap64(): this;
  fill(value: any, ...rest: any[]): this;
  write(text: string, ...rest: any[]): number;
  indexOf(value: any, start?: any, encoding?: any): number;
  lastIndexOf(value: any, start?: any, encoding?: any): number;
  includes(value: any, start?: any, encoding?: any): boolean;
  readUInt8(offset?: number): number;
  writeUInt8(value: number, offset?: number): number;
  readUint8(offset?: number): number;
  writeUint8(value: number, offset?: number): number;
  readInt8(offset?: number): number;
  writeInt8(value: number, offset?: number): number;
  readUInt16LE(offset?: number): number;
  writeUInt16LE(value: number, offset?: number): number;
  readUInt16BE(offset?: number): number;
  writeUInt16BE(value: number, offset?: number): number;
  readUint16LE(offset?: number): number;
  writeUint16LE(value: number, offset?: number): number;
  readUint16BE(offset?: number): number;
  writeUint16BE(value: number, offset?: number): number;
  readUInt32LE(offset?: number): number;
  writeUInt32LE(value: number, offset?: number): number;
  readUInt32BE(offset?: number): number;
  writeUInt32BE(value: number, offset?: number): number;
  readUint32LE(offset?: number): number;
  writeUint32LE(value: number, offset?: number): number;
  readUint32BE(offset?: number): number;
  writeUint32BE(value: number, offset?: number): number;
  readInt16LE(offset?: number): number;
  writeInt16LE(value: number, offset?: number): number;
  readInt16BE(offset?: number): number;
  writeInt16BE(value: number, offset?: number): number;
  readInt32LE(offset?: number): number;
  writeInt32LE(value: number, offset?: number): number;
  readInt32BE(offset?: number): number;
  writeInt32BE(value: number, offset?: number): number;
  readFloatLE(offset?: number): number;
  writeFloatLE(value: number, offset?: number): number;
  readFloatBE(offset?: number): number;
  writeFloatBE(value: number, offset?: number): number;
  readDoubleLE(offset?: number): number;
  writeDoubleLE(value: number, offset?: number): number;
  readDoubleBE(offset?: number): number;
  writeDoubleBE(value: number, offset?: number): number;
  readBigUInt64LE(offset?: number): bigint;
  writeBigUInt64LE(value: bigint, offset?: number): number;
  readBigUInt64BE(offset?: number): bigint;
  writeBigUInt64BE(value: bigint, offset?: number): number;
  readBigUint64LE(offset?: number): bigint;
  writeBigUint64LE(value: bigint, offset?: number): number;
  readBigUint64BE(offset?: number): bigint;
  writeBigUint64BE(value: bigint, offset?: number): number;
  readBigInt64LE(offset?: number): bigint;
  writeBigInt64LE(value: bigint, offset?: number): number;
  readBigInt64BE(offset?: number): bigint;
  writeBigInt64BE(value: bigint, offset?: number): number;
  readUIntLE(offset: number, byteLength: number): number;
  writeUIntLE(value: number, offset: number, byteLength: number): number;
  readUIntBE(offset: number, byteLength: number): number;
  writeUIntBE(value: number, offset: number, byteLength: number): number;
  readUintLE(offset: number, byteLength: number): number;
  writeUintLE(value: number, offset: number, byteLength: number): number;
  readUintBE(offset: number, byteLength: number): number;
  writeUintBE(value: number, offset: number, byteLength: number): number;
  readIntLE(offset: number, byteLength: number): number;
  writeIntLE(value: number, offset: number, byteLength: number): number;
  readIntBE(offset: number, byteLength: number): number;
  writeIntBE(value: number, offset: number, byteLength: number): number;
}

interface Digest {
  update(data: Data, encoding?: Encoding): this;
  digest(): Buffer;
  digest(encoding: Encoding): string;
  [member: string]: any;
}

interface Cipher {
  update(data: Data, from?: Encoding): Buffer;
  update(data: Data, from: Encoding | undefined, to: Encoding): string;
  final(): Buffer;
  final(to: Encoding): string;
  setAAD(data: Bytes, options?: object): this;
  setAutoPadding(pad?: boolean): this;
  getAuthTag(): Buffer;
  setAuthTag(tag: Bytes | string, encoding?: Encoding): this;
  [member: string]: any;
}

/** Of `createSecretKey`, `createPrivateKey`, `createPublicKey` and new keys. */
interface KeyObject {
  readonly type: "secret" | "private" | "public";
  readonly symmetricKeySize?: number;
  readonly asymmetricKeyType?: string;
  readonly asymmetricKeyDetails?: any;
  export(options?: object): any;
  equals(other: KeyObject): boolean;
}

/** PEM text, DER or a JSON web key with its format, a key object, or one of them with options. */
type KeyInput = Data | KeyObject | CryptoKey | object;

interface Signer {
  update(data: Data, encoding?: Encoding): this;
  sign(key: KeyInput): Buffer;
  sign(key: KeyInput, encoding: Encoding): string;
  verify(key: KeyInput, signature: Data, encoding?: Encoding): boolean;
  [member: string]: any;
}

interface KeyAgreement {
  generateKeys(): Buffer;
  generateKeys(encoding: Encoding, format?: string): string;
  computeSecret(other: Data, from?: Encoding): Buffer;
  computeSecret(other: Data, from: Encoding | null | undefined, to: Encoding): string;
  getPublicKey(encoding?: Encoding | null, format?: string): any;
  getPrivateKey(encoding?: Encoding): any;
  setPrivateKey(key: Data, encoding?: Encoding): this;
  [member: string]: any;
}

type KeyFormat = "raw" | "spki" | "pkcs8" | "jwk";
type KeyUsage = "encrypt" | "decrypt" | "sign" | "verify" | "deriveKey" | "deriveBits" | "wrapKey" | "unwrapKey";

/** An algorithm's name, or a dictionary with its `name` and what it takes. */
type AlgorithmIdentifier = string | { name: string; [member: string]: any };

interface SubtleCrypto {
  digest(algorithm: AlgorithmIdentifier, data: Bytes): Promise<ArrayBuffer>;
  sign(algorithm: AlgorithmIdentifier, key: CryptoKey, data: Bytes): Promise<ArrayBuffer>;
  verify(algorithm: AlgorithmIdentifier, key: CryptoKey, signature: Bytes, data: Bytes): Promise<boolean>;
  encrypt(algorithm: AlgorithmIdentifier, key: CryptoKey, data: Bytes): Promise<ArrayBuffer>;
  decrypt(algorithm: AlgorithmIdentifier, key: CryptoKey, data: Bytes): Promise<ArrayBuffer>;
  deriveBits(algorithm: AlgorithmIdentifier, key: CryptoKey, bits?: number | null): Promise<ArrayBuffer>;
  deriveKey(algorithm: AlgorithmIdentifier, key: CryptoKey, derived: AlgorithmIdentifier, extractable: boolean, usages: KeyUsage[]): Promise<CryptoKey>;
  /** A CryptoKey, or a pair of them: `{ publicKey, privateKey }`. */
  generateKey(algorithm: AlgorithmIdentifier, extractable: boolean, usages: KeyUsage[]): Promise<any>;
  /** For the format "jwk" the data is the JSON web key. */
  importKey(format: KeyFormat, data: Bytes | object, algorithm: AlgorithmIdentifier, extractable: boolean, usages: KeyUsage[]): Promise<CryptoKey>;
  /** A JSON web key, or an ArrayBuffer. */
  exportKey(format: KeyFormat, key: CryptoKey): Promise<any>;
  wrapKey(format: KeyFormat, key: CryptoKey, wrapping: CryptoKey, algorithm: AlgorithmIdentifier): Promise<ArrayBuffer>;
  unwrapKey(format: KeyFormat, wrapped: Bytes, unwrapping: CryptoKey, algorithm: AlgorithmIdentifier, keyAlgorithm: AlgorithmIdentifier, extractable: boolean, usages: KeyUsage[]): Promise<CryptoKey>;
}

type Answered<T> = (error: Error | null, result: T) => void;

/** Node's module; what it has beyond these is `any`. */
declare var crypto: {
  createHash(algorithm: string, options?: object): Digest;
  createHmac(algorithm: string, key: Data | CryptoKey | object, options?: object): Digest;
  getHashes(): string[];
  hash(algorithm: string, data: Data, encoding?: Encoding | "buffer"): any;
  randomBytes(size: number): Buffer;
  randomBytes(size: number, answered: Answered<Buffer>): void;
  randomFillSync<T extends Bytes>(into: T, offset?: number, size?: number): T;
  randomInt(max: number): number;
  randomInt(min: number, max: number): number;
  randomUUID(options?: object): string;
  getRandomValues<T extends ArrayBufferView>(into: T): T;
  timingSafeEqual(a: Bytes, b: Bytes): boolean;
  pbkdf2Sync(password: Data, salt: Data, iterations: number, size: number, digest: string): Buffer;
  pbkdf2(password: Data, salt: Data, iterations: number, size: number, digest: string, answered: Answered<Buffer>): void;
  scryptSync(password: Data, salt: Data, size: number, options?: object): Buffer;
  scrypt(password: Data, salt: Data, size: number, ...rest: any[]): void;
  hkdfSync(digest: string, key: any, salt: Data, info: Data, size: number): ArrayBuffer;
  hkdf(digest: string, key: any, salt: Data, info: Data, size: number, answered: Answered<ArrayBuffer>): void;
  createCipheriv(algorithm: string, key: any, iv: Data | null, options?: object): Cipher;
  createDecipheriv(algorithm: string, key: any, iv: Data | null, options?: object): Cipher;
  getCiphers(): string[];
  createSecretKey(key: Data, encoding?: Encoding): KeyObject;
  createPrivateKey(key: KeyInput): KeyObject;
  createPublicKey(key: KeyInput): KeyObject;
  createSign(algorithm: string): Signer;
  createVerify(algorithm: string): Signer;
  sign(algorithm: string | null | undefined, data: Data, key: KeyInput): Buffer;
  sign(algorithm: string | null | undefined, data: Data, key: KeyInput, answered: Answered<Buffer>): void;
  verify(algorithm: string | null | undefined, data: Data, key: KeyInput, signature: Bytes): boolean;
  verify(algorithm: string | null | undefined, data: Data, key: KeyInput, signature: Bytes, answered: Answered<boolean>): void;
  publicEncrypt(key: KeyInput, data: Data): Buffer;
  privateDecrypt(key: KeyInput, data: Data): Buffer;
  privateEncrypt(key: KeyInput, data: Data): Buffer;
  publicDecrypt(key: KeyInput, data: Data): Buffer;
  generateKeySync(type: "aes" | "hmac", options: { length: number }): KeyObject;
  generateKeyPairSync(type: string, options?: object): { publicKey: any; privateKey: any };
  generateKeyPair(type: string, options: object | undefined, answered: (error: Error | null, publicKey: any, privateKey: any) => void): void;
  diffieHellman(keys: { privateKey: KeyObject; publicKey: KeyObject }): Buffer;
  createECDH(curve: string): KeyAgreement;
  createDiffieHellman(prime: Data, encoding?: Encoding | number | Bytes, generator?: number | Data, generatorEncoding?: Encoding): KeyAgreement;
  getDiffieHellman(group: string): KeyAgreement;
  createDiffieHellmanGroup(group: string): KeyAgreement;
  getCurves(): string[];
  subtle: SubtleCrypto;
  webcrypto: { subtle: SubtleCrypto; getRandomValues<T extends ArrayBufferView>(into: T): T; randomUUID(options?: object): string; CryptoKey: typeof CryptoKey };
  constants: Record<string, any>;
  [member: string]: any;
};

declare class CryptoKey {
  private constructor();
  readonly type: string;
  readonly extractable: boolean;
  readonly algorithm: any;
  readonly usages: string[];
}

/** Node's module over the same exchange as `fetch`; https URLs, too. */
declare var http: typeof https;

/** Node's module over the same exchange as `fetch`; http URLs, too. */
declare var https: {
  request(...options: any[]): any;
  get(...options: any[]): any;
  Agent: new (options?: object) => any;
  globalAgent: any;
  ClientRequest: any;
  IncomingMessage: any;
  METHODS: string[];
  STATUS_CODES: Record<string, string>;
};

/** Node's module; what it has beyond these is `any`. */
declare var zlib: {
  deflateSync(data: Data, options?: object): Buffer;
  deflateRawSync(data: Data, options?: object): Buffer;
  gzipSync(data: Data, options?: object): Buffer;
  inflateSync(data: Data, options?: object): Buffer;
  inflateRawSync(data: Data, options?: object): Buffer;
  gunzipSync(data: Data, options?: object): Buffer;
  unzipSync(data: Data, options?: object): Buffer;
  crc32(data: Data, before?: number): number;
  promises: Record<string, (data: Data, options?: object) => Promise<Buffer>>;
  constants: Record<string, number>;
  [member: string]: any;
};
