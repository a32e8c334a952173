// Records what Node's crypto and zlib answer, for test_crypto.py and test_zlib.py:
// `node --no-deprecation tests/guest/record_crypto.mjs` (Node 20).
//
// Output: crypto-vectors.json. For each section a list of [expression, outcome]; an expression is evaluated where
// `bytes(n, seed)` makes test data. An outcome is "= text" with binary results in hex, or "! name | code | message".

import crypto from "node:crypto";
import { writeFileSync } from "node:fs";
import zlib from "node:zlib";

const PREAMBLE = `
const bytes = (n, seed = 1) => {
  const out = Buffer.alloc(n);
  for (let i = 0; i < n; i++) { seed = (Math.imul(seed, 1103515245) + 12345) >>> 0; out[i] = seed >>> 16; }
  return out;
};
const hex = (text) => Buffer.from(text, 'hex');
const shown = (value) => {
  if (value instanceof ArrayBuffer) return 'ArrayBuffer ' + Buffer.from(value).toString('hex');
  if (Buffer.isBuffer(value)) return 'Buffer ' + value.toString('hex');
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);
};
const outcome = (run) => {
  try { return '= ' + shown(run()); }
  catch (error) { return '! ' + [error.name, error.code, error.message].join(' | '); }
};
const later = async (run) => {
  try { const value = await run(); return outcome(() => value); }
  catch (error) { return outcome(() => { throw error; }); }
};
const { subtle } = crypto;
const secret = (algorithm, n, usages, isExtractable = true) =>
  subtle.importKey('raw', bytes(n), algorithm, isExtractable, usages);
`;

const HASHES = [
  "md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha512-224", "sha512-256", "sha3-224", "sha3-256",
  "sha3-384", "sha3-512", "ripemd160", "blake2b512", "blake2s256", "shake128", "shake256",
];
const KEYED = HASHES.filter((name) => !name.startsWith("shake"));

function hashCases() {
  const cases = [];
  for (const name of HASHES) {
    // Lengths at which padding takes one block more, for each block size there is.
    for (const n of [0, 1, 55, 56, 64, 111, 144, 168, 1000]) {
      cases.push(`crypto.createHash('${name}').update(bytes(${n})).digest('hex')`);
    }
    cases.push(`crypto.createHash('${name}').update('é\\u{1f600}\\ud800').update('').update('e9', 'hex').digest()`);
    cases.push(
      `(() => { const h = crypto.createHash('${name}'); for (let i = 0; i < 40; i++) h.update(bytes(i * 7, i)); ` +
        `const c = h.copy(); c.update('more'); return h.digest('base64') + c.digest('base64url') })()`,
    );
  }
  for (const name of KEYED) {
    for (const n of [0, 1, 64, 65, 129, 300]) {
      cases.push(`crypto.createHmac('${name}', bytes(${n}, 9)).update(bytes(77)).digest('hex')`);
    }
    cases.push(`crypto.createHmac('${name}', 'schlüssel').update('text').digest('latin1')`);
  }
  for (const alias of ["RSA-SHA256", "SHA256", "sha-1", "rmd160", "id-rsassa-pkcs1-v1_5-with-sha3-256", "RSA-SHA512/256"]) {
    cases.push(`crypto.createHash('${alias}').update('a').digest('hex')`);
    cases.push(`crypto.createHmac('${alias}', 'k').update('a').digest('hex')`);
  }
  return [
    ...cases,
    "crypto.createHash('shake128', { outputLength: 7 }).update('a').digest('hex')",
    "crypto.createHash('shake256', { outputLength: 500 }).update('a').digest('hex')",
    "crypto.createHash('shake256', { outputLength: 0 }).update('a').digest('hex')",
    "crypto.createHash('sha256', { outputLength: 32 }).update('a').digest('hex')",
    "crypto.createHash('sha256', { outputLength: 7 })",
    "crypto.createHash('shake128', { outputLength: -1 })",
    "crypto.createHash('shake128').update('a').copy({ outputLength: 5 }).digest('hex')",
    "crypto.createHash('nope')", "crypto.createHash()", "crypto.createHash(1)", "crypto.createHmac('nope', 'k')",
    "crypto.createHmac('sha256')", "crypto.createHmac('sha256', 5)", "crypto.createHmac('shake128', 'k')",
    "crypto.createHash('md5').update(1)", "crypto.createHash('md5').update()",
    "crypto.createHash('md5').update(new Uint16Array([1, 2])).digest('hex')",
    "crypto.createHash('md5').update(new DataView(new ArrayBuffer(3))).digest('hex')",
    "crypto.createHash('md5').update('zz', 'hex').digest('hex')", "crypto.createHash('md5').update('YWJj', 'base64').digest('hex')",
    "crypto.createHash('md5').update('ab', 'utf16le').digest('hex')", "crypto.createHash('md5').update('é', 'latin1').digest('hex')",
    "crypto.createHash('md5').digest('nope')", "crypto.createHash('MD5').digest('HEX')", "crypto.createHash('md5').digest('buffer')",
    "(() => { const h = crypto.createHash('md5'); h.digest(); h.update('a') })()",
    "(() => { const h = crypto.createHash('md5'); h.digest(); h.digest() })()",
    "(() => { const h = crypto.createHash('md5'); h.digest(); h.copy() })()",
    "(() => { const h = crypto.createHmac('md5', 'k'); h.digest(); return JSON.stringify(h.digest('hex')) })()",
    "(() => { const h = crypto.createHmac('md5', 'k'); h.digest(); return h.digest() })()",
    "(() => { const h = crypto.createHmac('md5', 'k'); h.digest(); h.update('a') })()",
    "crypto.createHash('sha1') instanceof crypto.Hash", "crypto.createHmac('sha1', '') instanceof crypto.Hmac",
    "crypto.createHash('sha256').update('a').update('b') instanceof crypto.Hash",
    "(() => { const h = crypto.createHash('sha1'); h.write('a'); h.end('b'); return h.read().toString('hex') })()",
    "crypto.hash('sha1', 'a')", "crypto.hash('sha1', 'a', 'base64')",
    "crypto.getHashes().includes('sha256') && crypto.getHashes().includes('RSA-SHA1')",
  ];
}

const RANDOM = [
  "crypto.randomBytes(0).length", "crypto.randomBytes(70000).length", "crypto.randomBytes(-1)", "crypto.randomBytes('a')", "crypto.randomBytes(2 ** 31)", "crypto.randomBytes()",
  "crypto.randomInt(5, 2)", "crypto.randomInt(0)", "crypto.randomInt(2 ** 49)", "crypto.randomInt(0, 2 ** 49)", "crypto.randomInt(1.5)", "crypto.randomInt(3, 4)", "crypto.randomInt('a', 4)",
  "/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(crypto.randomUUID())", "crypto.randomUUID(5)",
  "crypto.timingSafeEqual(Buffer.from('a'), Buffer.from('ab'))", "crypto.timingSafeEqual('a', 'b')", "crypto.timingSafeEqual(Buffer.from('abc'), Buffer.from('abc'))", "crypto.timingSafeEqual(Buffer.from('abc'), Buffer.from('abd'))", "crypto.timingSafeEqual(new Uint16Array([1]), Buffer.from([1, 0]))", "crypto.timingSafeEqual(new Uint8Array([1]).buffer, Buffer.from([1]))",
  "crypto.randomFillSync(Buffer.alloc(4)).length", "crypto.randomFillSync(Buffer.alloc(4), 3, 2)", "crypto.randomFillSync(Buffer.alloc(4), 5)", "crypto.randomFillSync('a')", "crypto.randomFillSync(Buffer.alloc(8), 2, 3).subarray(0, 2)", "crypto.randomFillSync(Buffer.alloc(8), 2, 3).subarray(5)",
  "crypto.getRandomValues(new Uint8Array(4)).length", "crypto.getRandomValues(new Uint8Array(65537))", "crypto.getRandomValues(new Float64Array(4))", "crypto.getRandomValues([])",
];

function deriveCases() {
  const cases = [];
  for (const name of KEYED) {
    cases.push(`crypto.pbkdf2Sync('password', 'salt', 3, 70, '${name}').toString('hex')`);
    cases.push(`crypto.hkdfSync('${name}', bytes(22), bytes(13), 'info', 100)`);
  }
  return [
    ...cases,
    "crypto.pbkdf2Sync('password', 'salt', 4096, 20, 'sha1')", "crypto.pbkdf2Sync(bytes(200), bytes(200), 2, 33, 'sha512')", "crypto.pbkdf2Sync('', '', 1, 0, 'sha256')",
    "crypto.pbkdf2Sync('p', 's', 0, 10, 'sha1')", "crypto.pbkdf2Sync('p', 's', 1, -1, 'sha1')", "crypto.pbkdf2Sync('p', 's', 1, 10, 'nope')", "crypto.pbkdf2Sync('p', 's', 1, 10)", "crypto.pbkdf2Sync('p', 's', 2 ** 31, 10, 'sha1')", "crypto.pbkdf2Sync('p', 's', 1.5, 10, 'sha1')", "crypto.pbkdf2Sync('p', 's', '1', 10, 'sha1')", "crypto.pbkdf2Sync('p', 's', NaN, 10, 'sha1')",
    "crypto.pbkdf2('p', 's', 1, 10, 'sha1')", "crypto.pbkdf2Sync(1, 's', 1, 10, 'sha1')",
    "crypto.scryptSync('', '', 64, { N: 16, r: 1, p: 1 })", "crypto.scryptSync('password', 'NaCl', 64, { N: 1024, r: 8, p: 16 })", "crypto.scryptSync('p', 's', 10)", "crypto.scryptSync('p', 's', 40, { cost: 2, blockSize: 1, parallelization: 3 })", "crypto.scryptSync('p', 's', 0)",
    // OpenSSL's queue keeps an error for the next call to tell: those without one come first.
    "crypto.scryptSync('p', 's', 10, { N: 3 })", "crypto.scryptSync('p', 's', 10, { N: 1 })", "crypto.scryptSync('p', 's', 10, { N: 2 ** 20 })", "crypto.scryptSync('p', 's', 10, { N: 16384, cost: 1 })", "crypto.scryptSync('p', 's', 10, { r: 0, N: 2 })", "crypto.scryptSync('p', 's', -1)", "crypto.scryptSync('p', 's', 10, { maxmem: 1 })", "crypto.scryptSync('p', 's', 10, { p: 2 ** 30 })", "crypto.scryptSync('p', 's', 10, { r: 2 ** 30 })", "crypto.scryptSync('p', 's', 10, { N: 2 ** 31 })", "crypto.scryptSync('p', 's', 10, { N: 2 ** 32 })", "crypto.scryptSync('p', 's', 10, { N: 2 ** 17, maxmem: 2 ** 27 })", "crypto.scryptSync('p', 's', 10, { N: 2 ** 16, r: 1, maxmem: 2 ** 27 })", "crypto.scryptSync('p', 's')", "crypto.scryptSync('p', 's', 10, { N: 'a' })",
    "crypto.hkdfSync('sha256', 'k', 's', 'i', 0)", "crypto.hkdfSync('sha256', 'k', 's', 'i', 8160).byteLength", "crypto.hkdfSync('sha256', 'k', 's', 'i', 8161)", "crypto.hkdfSync('nope', 'k', 's', 'i', 1)", "crypto.hkdfSync('sha256', 'k', 's', 'i'.repeat(1025), 1)", "crypto.hkdfSync('sha256', '', '', '', 5)", "crypto.hkdfSync('sha256', 'k', 's', 'i', -5)", "crypto.hkdfSync(1)",
  ];
}

function cipherCases() {
  const cases = [];
  const call = (algorithm, keyLength, iv, rest) =>
    `(() => { const a = crypto.createCipheriv('${algorithm}', bytes(${keyLength}, 3), ${iv}); ${rest} })()`;
  const back = (algorithm, keyLength, iv, rest) =>
    `(() => { const a = crypto.createDecipheriv('${algorithm}', bytes(${keyLength}, 3), ${iv}); ${rest} })()`;
  for (const bits of [128, 192, 256]) {
    for (const mode of ["ecb", "cbc", "ctr", "cfb", "cfb8", "ofb"]) {
      const name = `aes-${bits}-${mode}`;
      const iv = mode === "ecb" ? "null" : "bytes(16, 4)";
      for (const n of [0, 15, 16, 50]) {
        cases.push(call(name, bits / 8, iv, `return a.update(bytes(${n}), null, 'hex') + '/' + a.final('hex')`));
      }
      cases.push(call(name, bits / 8, iv, "let s = ''; for (const n of [1, 15, 17, 3]) s += a.update(bytes(n, n), null, 'base64') + ' '; return s + a.final('base64')"));
      cases.push(back(name, bits / 8, iv, "a.setAutoPadding(false); let s = ''; for (const n of [1, 15, 17, 31]) s += a.update(bytes(n, n), null, 'hex') + ' '; return s + a.final('hex')"));
    }
    for (const [n, iv] of [[0, 12], [16, 12], [50, 12], [5, 1], [5, 60]]) {
      cases.push(call(`aes-${bits}-gcm`, bits / 8, `bytes(${iv}, 4)`, `a.setAAD(bytes(${n}, 5)); return a.update(bytes(${n}), null, 'hex') + a.final('hex') + a.getAuthTag().toString('hex')`));
    }
    cases.push(call(`aes-${bits}-gcm`, bits / 8, "bytes(12, 4)", "a.setAAD(bytes(3, 5)); a.setAAD(bytes(30, 5)); let s = ''; for (const n of [1, 15, 1, 16, 33]) s += a.update(bytes(n, n), null, 'base64') + ' '; return s + a.final('base64') + a.getAuthTag().toString('hex')"));
  }
  const cbc = "'aes-128-cbc', bytes(16), bytes(16)";
  const gcm = "'aes-128-gcm', bytes(16), bytes(12)";
  return [
    ...cases,
    `(() => { const a = crypto.createCipheriv(${cbc}); const t = a.update('grüße \u{1f600} und mehr Text als ein Block', 'utf8', 'base64') + a.final('base64'); const d = crypto.createDecipheriv(${cbc}); return t + d.update(t, 'base64', 'utf8') + d.final('utf8') })()`,
    `(() => { const a = crypto.createCipheriv(${cbc}); const t = Buffer.concat([a.update('é\u{1f600}'.repeat(9)), a.final()]); const d = crypto.createDecipheriv(${cbc}); let s = ''; for (const b of t) s += '.' + d.update(Buffer.from([b]), null, 'utf8'); return s + d.final('utf8') })()`,
    `(() => { const a = crypto.createCipheriv(${cbc}); const t = Buffer.concat([a.update('é\u{1f600}'.repeat(9), 'utf16le'), a.final()]); const d = crypto.createDecipheriv(${cbc}); let s = ''; for (const b of t) s += '.' + d.update(Buffer.from([b]), null, 'utf16le'); return s + d.final('utf16le') })()`,
    "crypto.createCipheriv('aes-128-cbc', 'k', 'i')", "crypto.createCipheriv('aes-128-cbc', 'k', bytes(16))", "crypto.createCipheriv('aes-256-cbc', bytes(16), bytes(16))", "crypto.createCipheriv('aes-128-cbc', bytes(16), 'i')", "crypto.createCipheriv('nope', bytes(16), 'i')", "crypto.createCipheriv('aes-128-cbc', bytes(16), null)", "crypto.createCipheriv('aes-128-cbc', bytes(16))", "crypto.createCipheriv('aes-128-gcm', bytes(16), '')", "crypto.createCipheriv('aes-128-gcm', bytes(16), null)",
    "crypto.createCipheriv('aes-128-ecb', bytes(16), '').update(bytes(16), null, 'hex')", "crypto.createCipheriv('aes-128-ecb', bytes(16), '123')", "crypto.createCipheriv()", "crypto.createCipheriv('aes-128-cbc', 5, bytes(16))", "crypto.createCipheriv('AES128', bytes(16), bytes(16)).final('hex')", "crypto.createCipheriv('id-aes256-GCM', bytes(32), bytes(16)).final('hex')",
    `(() => { const d = crypto.createDecipheriv(${cbc}); d.update('a'); d.final() })()`, `(() => { const d = crypto.createDecipheriv(${cbc}); d.update(bytes(16)); d.final() })()`, `crypto.createDecipheriv(${cbc}).final()`,
    `(() => { const d = crypto.createCipheriv(${cbc}); d.setAutoPadding(false); d.update('a'); d.final() })()`, `(() => { const d = crypto.createCipheriv(${cbc}); d.final(); d.final() })()`, `(() => { const d = crypto.createCipheriv(${cbc}); d.final(); d.update('a') })()`, `(() => { const d = crypto.createCipheriv(${cbc}); d.final(); d.setAutoPadding(true) })()`,
    `crypto.createCipheriv(${cbc}).setAAD(bytes(1))`, `crypto.createCipheriv(${cbc}).getAuthTag()`, `crypto.createCipheriv(${gcm}).getAuthTag()`, `crypto.createCipheriv(${cbc}).update(5)`, `crypto.createCipheriv(${cbc}).update('a', 'utf8', 'nope')`, `(() => { const d = crypto.createCipheriv(${cbc}); d.update(bytes(20), null, 'hex'); try { d.final('base64') } catch (error) { return error.code } })()`,
    `crypto.createDecipheriv(${gcm}).setAuthTag(bytes(3))`, `(() => { const d = crypto.createDecipheriv(${gcm}); d.setAuthTag(bytes(16)); d.setAuthTag(bytes(16)) })()`, `(() => { const d = crypto.createDecipheriv(${gcm}); d.setAuthTag(bytes(16)); d.update('a'); d.final() })()`, `(() => { const d = crypto.createDecipheriv(${gcm}); d.update('a'); d.final() })()`, `crypto.createDecipheriv(${gcm}, { authTagLength: 8 }).setAuthTag(bytes(16))`, `crypto.createCipheriv(${gcm}, { authTagLength: 3 })`, `(() => { const d = crypto.createCipheriv(${gcm}, { authTagLength: 8 }); d.update('a'); d.final(); return d.getAuthTag() })()`, `(() => { const d = crypto.createCipheriv(${gcm}); d.update('a'); d.setAAD(bytes(1)) })()`,
    `(() => { const e = crypto.createCipheriv(${gcm}); e.setAAD(Buffer.from('head')); const t = e.update('secret', 'utf8', 'hex') + e.final('hex'); const d = crypto.createDecipheriv(${gcm}); d.setAAD(Buffer.from('head')).setAuthTag(e.getAuthTag()); return d.update(t, 'hex', 'utf8') + d.final('utf8') })()`,
    `(() => { const e = crypto.createCipheriv(${gcm}); const t = e.update('secret', 'utf8', 'hex') + e.final('hex'); const d = crypto.createDecipheriv(${gcm}); d.setAuthTag(e.getAuthTag().subarray(0, 12)); return d.update(t, 'hex', 'utf8') + d.final('utf8') })()`,
    "crypto.createCipher('aes192', 'password').update('text', 'utf8', 'hex')", "(() => { const c = crypto.createCipher('aes-256-cbc', 'pw'); const t = c.update('text', 'utf8', 'hex') + c.final('hex'); const d = crypto.createDecipher('aes-256-cbc', 'pw'); return t + d.update(t, 'hex', 'utf8') + d.final('utf8') })()", "crypto.createCipher('nope', 'pw')",
    "crypto.getCipherInfo('aes-256-gcm')", "crypto.getCipherInfo('aes-128-cbc')", "crypto.getCipherInfo('AES256')", "crypto.getCipherInfo('aes-192-ctr')", "crypto.getCipherInfo('aes-128-ecb')", "crypto.getCipherInfo('nope')", "crypto.getCipherInfo('aes-128-cbc', { keyLength: 5 })", "crypto.getCipherInfo('aes-128-gcm', { ivLength: 5 })", "crypto.getCiphers().includes('aes-256-gcm')",
  ];
}

function webCases() {
  const cases = [];
  for (const hash of ["SHA-1", "SHA-256", "SHA-384", "SHA-512"]) {
    cases.push(`subtle.digest('${hash}', bytes(100))`);
    cases.push(`secret({ name: 'HMAC', hash: '${hash}' }, 30, ['sign']).then((key) => subtle.sign('HMAC', key, bytes(9)))`);
    cases.push(`secret('PBKDF2', 9, ['deriveBits']).then((key) => subtle.deriveBits({ name: 'PBKDF2', hash: '${hash}', salt: bytes(5), iterations: 3 }, key, 400))`);
    cases.push(`secret('HKDF', 9, ['deriveBits']).then((key) => subtle.deriveBits({ name: 'HKDF', hash: '${hash}', salt: bytes(5), info: bytes(2) }, key, 400))`);
  }
  const run = (algorithm, n, options, size, usage = "encrypt") =>
    `secret('${algorithm}', ${n}, ['encrypt', 'decrypt']).then((key) => subtle.${usage}({ name: '${algorithm}', ${options} }, key, bytes(${size})))`;
  for (const n of [16, 24, 32]) {
    cases.push(run("AES-CBC", n, "iv: bytes(16, 2)", 50), run("AES-GCM", n, "iv: bytes(12, 2), additionalData: bytes(3)", 50));
    cases.push(run("AES-GCM", n, "iv: bytes(16, 2), tagLength: 96", 50), run("AES-CTR", n, "counter: bytes(16, 2), length: 64", 50));
  }
  const hmac = "{ name: 'HMAC', hash: 'SHA-256' }";
  return [
    ...cases,
    "subtle.digest('sha-256', new Uint16Array([1, 2]))", "subtle.digest({ name: 'SHA-512' }, bytes(3).buffer.slice(0, 3))", "subtle.digest('MD5', bytes(1))", "subtle.digest('SHA-256', 'a')", "subtle.digest()", "subtle.digest({}, bytes(1))", "subtle.digest(5, bytes(1))",
    `secret(${hmac}, 5, ['sign', 'verify']).then((key) => [key.algorithm, key.usages, key.type, key.extractable, String(key)])`, `secret(${hmac}, 5, ['sign']).then((key) => subtle.exportKey('raw', key))`, `secret(${hmac}, 5, ['sign']).then((key) => subtle.exportKey('jwk', key))`, `secret(${hmac}, 5, ['sign', 'verify']).then(async (key) => subtle.verify('HMAC', key, await subtle.sign('HMAC', key, bytes(4)), bytes(4)))`, `secret(${hmac}, 5, ['verify']).then((key) => subtle.verify('HMAC', key, bytes(32), bytes(4)))`, `secret(${hmac}, 5, ['verify']).then((key) => subtle.sign('HMAC', key, bytes(4)))`,
    "secret({ name: 'HMAC' }, 5, ['sign'])", `secret(${hmac}, 5, ['encrypt'])`, `secret(${hmac}, 5, [])`, "secret('AES-GCM', 15, ['encrypt'])", "secret('AES-GCM', 16, ['encrypt'], false).then((key) => subtle.exportKey('raw', key))", "secret('NOPE', 16, ['encrypt'])", "secret('PBKDF2', 16, ['deriveBits'])", "secret('PBKDF2', 16, ['deriveBits'], false).then((key) => key.algorithm)",
    run("AES-GCM", 16, "iv: bytes(12), tagLength: 50", 3), run("AES-GCM", 16, "", 3), run("AES-GCM", 16, "iv: bytes(12)", 20, "decrypt"), run("AES-GCM", 16, "iv: bytes(12)", 2, "decrypt"), run("AES-CBC", 16, "iv: bytes(15)", 3), run("AES-CBC", 16, "iv: bytes(16)", 20, "decrypt"), run("AES-CBC", 16, "iv: bytes(16)", 16, "decrypt"),
    run("AES-CTR", 16, "counter: Buffer.alloc(16, 255), length: 8", 40), run("AES-CTR", 16, "counter: Buffer.alloc(16, 255), length: 1", 40), run("AES-CTR", 16, "counter: Buffer.alloc(16, 255), length: 128", 40), run("AES-CTR", 16, "counter: Buffer.alloc(16, 254), length: 7", 90), run("AES-CTR", 16, "counter: bytes(16), length: 0", 4),
    "secret('AES-CBC', 16, ['encrypt', 'decrypt']).then(async (key) => { const o = { name: 'AES-CBC', iv: bytes(16) }; return subtle.decrypt(o, key, await subtle.encrypt(o, key, bytes(33))) })", "secret('AES-GCM', 16, ['encrypt', 'decrypt']).then(async (key) => { const o = { name: 'AES-GCM', iv: bytes(16), additionalData: bytes(1) }; return subtle.decrypt(o, key, await subtle.encrypt(o, key, bytes(33))) })", "secret('AES-CBC', 16, ['encrypt']).then((key) => subtle.encrypt({ name: 'AES-GCM', iv: bytes(12) }, key, bytes(3)))",
    "secret('PBKDF2', 3, ['deriveKey'], false).then((key) => subtle.deriveKey({ name: 'PBKDF2', hash: 'SHA-256', salt: bytes(1), iterations: 2 }, key, { name: 'AES-GCM', length: 256 }, true, ['encrypt'])).then((key) => subtle.exportKey('jwk', key))", "secret('HKDF', 3, ['deriveKey'], false).then((key) => subtle.deriveKey({ name: 'HKDF', hash: 'SHA-256', salt: bytes(1), info: bytes(0) }, key, { name: 'HMAC', hash: 'SHA-384' }, true, ['sign'])).then((key) => subtle.exportKey('jwk', key))",
    "secret('PBKDF2', 3, ['deriveBits'], false).then((key) => subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-256', salt: bytes(1), iterations: 2 }, key, 100))", "secret('PBKDF2', 3, ['deriveBits'], false).then((key) => subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-256', salt: bytes(1), iterations: 0 }, key, 128))", "secret('PBKDF2', 3, ['deriveBits'], false).then((key) => subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-256', iterations: 1 }, key, 128))",
    "subtle.generateKey({ name: 'AES-CBC', length: 256 }, true, ['encrypt']).then((key) => subtle.exportKey('jwk', key)).then((jwk) => [jwk.alg, jwk.k.length])", "subtle.generateKey({ name: 'HMAC', hash: 'SHA-384' }, true, ['sign']).then((key) => key.algorithm.length)", "subtle.generateKey({ name: 'AES-CBC', length: 100 }, true, ['encrypt'])", "subtle.generateKey({ name: 'AES-CBC', length: 128 }, true, [])", "subtle.importKey('jwk', { kty: 'oct', k: 'AAAA' }, { name: 'HMAC', hash: 'SHA-1' }, true, ['sign']).then((key) => key.algorithm)", "subtle.importKey('nope', bytes(1), 'PBKDF2', false, ['deriveBits'])",
    "crypto.subtle === crypto.webcrypto.subtle", "String(crypto.webcrypto)", "crypto.createSecretKey(bytes(3)).export()", "crypto.createSecretKey(bytes(3)).export({ format: 'jwk' })", "crypto.createSecretKey('616263', 'hex').symmetricKeySize", "crypto.createSecretKey(5)", "crypto.createSecretKey(bytes(3)).equals(crypto.createSecretKey(bytes(3)))", "crypto.createSecretKey(bytes(3)).type", "crypto.createSecretKey(bytes(3)).export({ format: 'pem' })", "crypto.createHmac('sha1', crypto.createSecretKey(bytes(3))).update('a').digest('hex')", "crypto.hkdfSync('sha1', crypto.createSecretKey(bytes(3)), '', '', 9)", "crypto.createCipheriv('aes-128-cbc', crypto.createSecretKey(bytes(16)), bytes(16)).final('hex')", "crypto.generateKeySync('hmac', { length: 100 }).symmetricKeySize", "crypto.generateKeySync('aes', { length: 192 }).symmetricKeySize", "crypto.generateKeySync('aes', { length: 100 })", `secret(${hmac}, 5, ['sign']).then((key) => crypto.KeyObject.from(key).export())`, "String(crypto.createSecretKey(bytes(3)))",
  ];
}

const ERRORS = [
  "zlib.deflateSync()", "zlib.deflateSync(5)", "zlib.inflateSync('abc')", "zlib.deflateSync('a', { level: 10 })", "zlib.deflateSync('a', { level: '1' })", "zlib.deflateSync('a', { windowBits: 7 })", "zlib.deflateSync('a', { memLevel: 0 })", "zlib.deflateSync('a', { strategy: 9 })", "zlib.deflateSync('a', { chunkSize: 1 })", "zlib.deflateSync('a', { dictionary: 5 })", "zlib.deflateSync('a', { maxOutputLength: -1 })", "zlib.deflateSync('a', { maxOutputLength: Infinity })", "zlib.deflateSync('a', { chunkSize: Infinity })", "zlib.deflate('a')", "zlib.inflateSync(Buffer.alloc(0))", "zlib.gunzipSync(Buffer.alloc(0))", "zlib.unzipSync(Buffer.alloc(0))", "zlib.inflateRawSync(Buffer.alloc(0))", "zlib.inflateSync(new Uint16Array([1]))", "zlib.unzipSync(hex('1f'))", "zlib.unzipSync(hex('1f8b'))", "zlib.crc32('hello')", "zlib.crc32(bytes(1000), 5)", "zlib.crc32(5)", "zlib.deflateSync('a', { maxOutputLength: 3 })", "zlib.inflateSync(zlib.deflateSync('a'.repeat(1000)), { maxOutputLength: 999 })", "zlib.inflateSync(zlib.deflateSync('a'.repeat(1000)), { maxOutputLength: 1000 }).length",
  "zlib.inflateSync(zlib.deflateSync('hello hello', { dictionary: Buffer.from('hello') }))", "zlib.inflateSync(zlib.deflateSync('hello hello', { dictionary: Buffer.from('hello') }), { dictionary: Buffer.from('b') })", "zlib.inflateSync(zlib.deflateSync('hello hello', { dictionary: Buffer.from('hello') }), { dictionary: Buffer.from('hello') }).toString()", "zlib.inflateRawSync(zlib.deflateRawSync('hello hello', { dictionary: Buffer.from('hello') }), { dictionary: Buffer.from('hello') }).toString()",
  "zlib.gunzipSync(Buffer.concat([zlib.gzipSync('abc'), zlib.gzipSync('def')])).toString()", "zlib.gunzipSync(Buffer.concat([zlib.gzipSync('abc'), Buffer.alloc(10)])).toString()", "zlib.gunzipSync(Buffer.concat([zlib.gzipSync('abc'), hex('1f8bffff')]))", "zlib.gunzipSync(Buffer.concat([zlib.gzipSync('abc'), Buffer.from('zz')]))", "zlib.gunzipSync(Buffer.concat([zlib.gzipSync('abc'), Buffer.from('z')]))", "zlib.inflateSync(Buffer.concat([zlib.deflateSync('abc'), Buffer.from('trailing')])).toString()", "zlib.unzipSync(zlib.gzipSync('q')).toString() + zlib.unzipSync(zlib.deflateSync('w')).toString()",
  "zlib.inflateSync(zlib.deflateSync('hello', { level: 0 }).subarray(0, 9), { finishFlush: zlib.constants.Z_SYNC_FLUSH }).toString()", "zlib.inflateSync(zlib.deflateSync('hello', { finishFlush: 2 }), { finishFlush: 2 }).toString()", "zlib.inflateSync(zlib.deflateSync('hello', { finishFlush: 2 }))", "zlib.deflateSync('a', { level: NaN }).length", "zlib.deflateSync('a', null).length", "zlib.gzipSync('')", "zlib.gzipSync('hello', { level: 9 })", "zlib.deflateSync('hello', { level: 0 })", "zlib.gzipSync(new ArrayBuffer(0))", "zlib.constants.Z_BEST_COMPRESSION", "zlib.Z_BEST_SPEED", "zlib.constants.Z_SYNC_FLUSH",
  // Every way for the data to be wrong.
  "zlib.inflateSync(hex('789d'))", "zlib.inflateSync(hex('7780'))", "zlib.inflateSync(hex('881c'))", "zlib.gunzipSync(hex('1f8b0900000000000003'))", "zlib.gunzipSync(hex('1f8b08e0000000000003'))", "zlib.gunzipSync(hex('1f8b08020000000000031234'))", "zlib.inflateRawSync(hex('07'))", "zlib.inflateRawSync(hex('0100000000'))", "zlib.inflateRawSync(hex('fcff'))", "zlib.inflateRawSync(hex('040024e9ff6d'))", "zlib.inflateRawSync(hex('040024e9ff6d'))", "zlib.inflateRawSync(hex('0400fe ff'.replace(' ', '')))", "zlib.inflateRawSync(hex('0c c0 81 00 00 00 00 00 90 ff 6b 04'.replace(/ /g, '')))", "zlib.inflateRawSync(hex('04c0810800000000207feb0b0000'))", "zlib.inflateRawSync(hex('0480492 49224ff'.replace(' ', '')))", "zlib.inflateRawSync(hex('0402000000000000'))", "zlib.inflateRawSync(hex('0200'))", "zlib.inflateRawSync(hex('027eff'))", "zlib.inflateRawSync(hex('030200'))", "zlib.inflateRawSync(hex('63180200'))", "zlib.inflateSync(hex('789c4b04000062006300'))", "zlib.gunzipSync(hex('1f8b08000000000000034b040043beb7e802000000'))", "zlib.gunzipSync(hex('1f8b08000000000000034b040043beb7e9010000'))",
];

const NODE_MADE = [];
for (const level of [0, 1, 6, 9]) {
  for (const [format, way] of [["deflate", "inflate"], ["gzip", "gunzip"], ["deflateRaw", "inflateRaw"]]) {
    for (const strategy of [0, 2, 3, 4]) {
      const text = "the quick brown fox ".repeat(level * 9 + 1) + crypto.createHash("md5").update(`${level}${format}`).digest("hex");
      NODE_MADE.push(`zlib.${way}Sync(hex('${zlib[`${format}Sync`](text, { level, strategy }).toString("hex")}')).toString()`);
    }
  }
}

const sections = {
  hash: hashCases(),
  random: RANDOM,
  derive: deriveCases(),
  cipher: cipherCases(),
  web: webCases(),
  zlib: [...ERRORS, ...NODE_MADE],
};

const evaluate = new Function(
  "crypto",
  "zlib",
  `${PREAMBLE}; return (expression) => later(() => eval(expression));`,
)(crypto, zlib);

const result = { preamble: PREAMBLE };
for (const [name, expressions] of Object.entries(sections)) {
  result[name] = [];
  for (const expression of expressions) result[name].push([expression, await evaluate(expression)]);
}
writeFileSync(new URL("crypto-vectors.json", import.meta.url), `${JSON.stringify(result, null, 0).replaceAll("],[", "],\n[")}\n`);
