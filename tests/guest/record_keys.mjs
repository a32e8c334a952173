// Records what Node's crypto answers about public and private keys, for test_keys.py:
// `node --no-deprecation tests/guest/record_keys.mjs` (Node 20).
//
// Output: key-vectors.json. A list of [expression, outcome], evaluated after the preamble, which holds keys made for this
// recording alone. An outcome is "= text" with binary results in hex, or "! name | code | message".

import c from "node:crypto";
import { writeFileSync } from "node:fs";

const PAIRS = {
  rsa: c.generateKeyPairSync("rsa", { modulusLength: 2048 }),
  ec: c.generateKeyPairSync("ec", { namedCurve: "P-256" }),
  ec3: c.generateKeyPairSync("ec", { namedCurve: "secp384r1" }),
  ed: c.generateKeyPairSync("ed25519"),
  x: c.generateKeyPairSync("x25519"),
  ec5: c.generateKeyPairSync("ec", { namedCurve: "secp521r1" }),
  ed4: c.generateKeyPairSync("ed448"),
  x4: c.generateKeyPairSync("x448"),
};
const pem = (key) => key.export({ type: key.type === "private" ? "pkcs8" : "spki", format: "pem" });
const K = {};
for (const [name, { privateKey, publicKey }] of Object.entries(PAIRS)) {
  K[name] = {
    priv: pem(privateKey),
    pub: pem(publicKey),
    jpriv: privateKey.export({ format: "jwk" }),
    jpub: publicKey.export({ format: "jwk" }),
    pkcs8: privateKey.export({ type: "pkcs8", format: "der" }).toString("hex"),
    spki: publicKey.export({ type: "spki", format: "der" }).toString("hex"),
  };
  if (name !== "rsa") {
    const { x, y } = K[name].jpub;
    const parts = y === undefined ? [x] : [Buffer.from([4]).toString("base64url"), x, y];
    K[name].raw = Buffer.concat(parts.map((part) => Buffer.from(part, "base64url"))).toString("hex");
  }
}
const { rsa, ec } = PAIRS;
K.rsa.pkcs1 = rsa.privateKey.export({ type: "pkcs1", format: "pem" });
K.rsa.pub1 = rsa.publicKey.export({ type: "pkcs1", format: "pem" });
K.ec.sec1 = ec.privateKey.export({ type: "sec1", format: "pem" });
K.rsa.enc = rsa.privateKey.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "pw" });
K.rsa.der = rsa.privateKey.export({ type: "pkcs8", format: "der" }).toString("hex");
K.rsa.pubder = rsa.publicKey.export({ type: "spki", format: "der" }).toString("hex");

const msg = Buffer.from("hello");
const PREAMBLE = `
const K = ${JSON.stringify(K)};
const hex = (text) => Buffer.from(text, 'hex');
const c = crypto;
const msg = Buffer.from('hello');
const shown = (value) => {
  if (value instanceof ArrayBuffer) return 'AB ' + Buffer.from(value).toString('hex');
  if (Buffer.isBuffer(value)) return 'B ' + value.toString('hex');
  if (typeof value !== 'object' || value === null) return String(value);
  return JSON.stringify(value, (key, part) => (typeof part === 'bigint' ? 'n' + part : part));
};
const outcome = (run) => {
  try { return '= ' + shown(run()); }
  catch (error) { return '! ' + [error.name, error.code, error.message].join(' | '); }
};
const later = async (run) => {
  try { const value = await run(); return outcome(() => value); }
  catch (error) { return outcome(() => { throw error; }); }
};
const { subtle } = c;
const facts = (key) => key.publicKey ? [facts(key.publicKey), facts(key.privateKey)]
  : [key.type, key.extractable, { ...key.algorithm, publicExponent: key.algorithm.publicExponent && [...key.algorithm.publicExponent] }, key.usages];
const take = (format, name, algorithm, usages, isExtractable = true) => {
  const data = format === 'jwk' ? K[name].jpriv : format === 'jpub' ? K[name].jpub : hex(K[name][format]);
  return subtle.importKey(format === 'jpub' ? 'jwk' : format, data, algorithm, isExtractable, usages);
};
`;

const E = [];
const sign = (hash, key) => c.createSign(hash).update(msg).sign(key, "hex");
const pair = (hash, key) => c.sign(hash, msg, { key, dsaEncoding: "ieee-p1363" }).toString("hex");
for (const h of ["md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3-256", "RSA-SHA256", "sha512-256"]) {
  E.push(
    `c.createSign('${h}').update(msg).sign(K.rsa.priv,'hex')`,
    `c.createVerify('${h}').update(msg).verify(K.rsa.pub,'${sign(h, K.rsa.priv)}','hex')`,
    `c.createVerify('${h}').update('other').verify(K.rsa.pub,'${sign(h, K.rsa.priv)}','hex')`,
  );
  for (const n of ["ec", "ec3"]) {
    E.push(
      `c.createVerify('${h}').update(msg).verify(K.${n}.pub,'${sign(h, K[n].priv)}','hex')`,
      `c.createVerify('${h}').update(msg).verify(K.${n}.pub,c.createSign('${h}').update(msg).sign(K.${n}.priv))`,
      `c.verify('${h}',msg,{key:K.${n}.pub,dsaEncoding:'ieee-p1363'},hex('${pair(h, K[n].priv)}'))`,
    );
  }
}
for (const s of [undefined, -1, -2, 10, 0]) {
  const options = `padding:6,saltLength:${s}`;
  const made = sign("sha256", { key: K.rsa.priv, padding: 6, saltLength: s });
  const again = `c.createSign('sha256').update(msg).sign({key:K.rsa.priv,${options}})`;
  E.push(
    `c.createVerify('sha256').update(msg).verify({key:K.rsa.pub,${options}},'${made}','hex')`,
    `c.createVerify('sha256').update(msg).verify({key:K.rsa.pub,${options}},${again})`,
  );
}
E.push(
  `c.sign(null,msg,K.ed.priv)`,
  `c.verify(null,msg,K.ed.pub,hex('${c.sign(null,msg,K.ed.priv).toString('hex')}'))`,
  `c.verify(null,msg,K.ed.pub,hex('00'))`,
  `c.sign('sha256',msg,K.ed.priv)`,
  `c.createSign('sha256').update('a').sign(K.ed.priv)`,
  `c.sign(null,msg,K.rsa.priv)`,
  `c.sign(undefined,msg,K.rsa.priv)`,
  `c.sign('sha256',msg,K.rsa.pkcs1).equals(c.sign('sha256',msg,K.rsa.priv))`,
  `c.sign('sha256',msg,{key:K.rsa.enc,passphrase:'pw'})`,
  `c.sign('sha256',msg,K.rsa.enc)`,
  `c.sign('sha256',msg,{key:K.rsa.enc,passphrase:'no'})`,
  `c.verify('sha256',msg,K.rsa.pub1,c.sign('sha256',msg,K.rsa.priv))`,
  `c.verify('sha256',msg,K.rsa.priv,c.sign('sha256',msg,K.rsa.priv))`,
  `c.verify('sha256',msg,K.ec.pub,c.sign('sha256',msg,K.ec.sec1))`,
  `c.sign('sha256',msg,{key:hex(K.rsa.der),format:'der',type:'pkcs8'}).length`,
  `c.verify('sha256',msg,{key:hex(K.rsa.pubder),format:'der',type:'spki'},c.sign('sha256',msg,K.rsa.priv))`,
  `c.sign('sha256',msg,{key:K.rsa.jpriv,format:'jwk'})`,
  `c.sign('sha256',msg,{key:K.ec.jpriv,format:'jwk'}).length>60`,
  `c.sign(null,msg,{key:K.ed.jpriv,format:'jwk'})`,
  `c.verify(null,msg,{key:K.ed.jpub,format:'jwk'},c.sign(null,msg,K.ed.priv))`,
);
E.push(
  `c.createSign('nope')`,
  `c.createSign()`,
  `c.createSign('sha256').update('a').sign('nope')`,
  `c.createSign('sha256').update('a').sign()`,
  `c.createSign('sha256').update('a').sign(5)`,
  `c.createSign('sha256').update('a').sign(K.rsa.pub)`,
  `c.createSign('RSA-SHA256').update('a').sign(K.rsa.priv,'base64')`,
  `(()=>{const s=c.createSign('sha256').update('a');s.sign(K.rsa.priv);s.sign(K.rsa.priv)})()`,
  `(()=>{const s=c.createSign('sha256').update('a');s.sign(K.rsa.priv);s.update('q')})()`,
  `c.createVerify('sha256').update('a').verify(K.rsa.pub,Buffer.alloc(256))`,
  `c.createVerify('sha256').update('a').verify(K.rsa.pub,'zz','hex')`,
  `c.createVerify('sha256').update('a').verify(K.rsa.pub,5)`,
  `c.createSign('sha256').update('a').sign({key:K.rsa.priv,padding:'x'})`,
  `c.sign('sha256',msg,{key:K.ec.priv,dsaEncoding:'x'})`,
  `c.sign('sha256','text',K.rsa.priv)`,
  `c.verify('sha256',msg,K.rsa.pub,'x')`,
  `c.sign('nope',msg,K.rsa.priv)`,
  `c.createSign('sha256').update('a').sign(c.createSecretKey(msg))`,
  `c.createSign('sha256').update('a').sign(c.createPublicKey(K.rsa.pub))`,
  `c.createSign('blake2b512').update('a').sign(K.rsa.priv)`,
);
E.push(
  `c.createPrivateKey('x')`,
  `c.createPrivateKey(5)`,
  `c.createPrivateKey(K.rsa.pub)`,
  `c.createPublicKey(K.rsa.priv).type`,
  `c.createPublicKey(c.createPrivateKey(K.rsa.priv)).type`,
  `c.createPublicKey(c.createPublicKey(K.rsa.pub))`,
  `c.createPrivateKey(c.createPrivateKey(K.rsa.priv))`,
  ...['rsa','ec','ec3','ed','x'].flatMap(n=>[`[c.createPrivateKey(K.${n}.priv).asymmetricKeyType,c.createPrivateKey(K.${n}.priv).asymmetricKeyDetails]`,
  `c.createPrivateKey(K.${n}.priv).export({type:'pkcs8',format:'pem'})===K.${n}.priv`,
  `c.createPublicKey(K.${n}.pub).export({type:'spki',format:'pem'})===K.${n}.pub`,
  `c.createPublicKey(K.${n}.priv).export({type:'spki',format:'der'})`,
  `c.createPrivateKey(K.${n}.priv).export({format:'jwk'})`,
  `c.createPublicKey(K.${n}.pub).export({format:'jwk'})`,
  `c.createPublicKey({key:K.${n}.jpub,format:'jwk'}).equals(c.createPublicKey(K.${n}.priv))`,
  `c.createPrivateKey({key:K.${n}.jpriv,format:'jwk'}).equals(c.createPrivateKey(K.${n}.priv))`]),`c.createPrivateKey(K.rsa.priv).export({type:'pkcs1',format:'pem'})===K.rsa.pkcs1`,
  `c.createPublicKey(K.rsa.priv).export({type:'pkcs1',format:'pem'})===K.rsa.pub1`,
  `c.createPrivateKey(K.ec.priv).export({type:'sec1',format:'pem'})===K.ec.sec1`,
  `c.createPublicKey(K.rsa.pub).export()`,
  `c.createPublicKey(K.rsa.pub).export({type:'x',format:'pem'})`,
  `c.createPublicKey(K.rsa.pub).export({type:'pkcs8',format:'pem'})`,
  `c.createPublicKey(K.ed.pub).export({type:'pkcs1',format:'pem'})`,
  `c.createPublicKey({key:K.rsa.pub,format:'zz'})`,
  `c.createPublicKey({key:hex(K.rsa.pubder)})`,
  `c.createPublicKey({key:hex(K.rsa.pubder),format:'der'})`,
  `c.createPublicKey({key:{kty:'x'},format:'jwk'})`,
  `c.createPublicKey({format:'pem'})`,
  `c.createPrivateKey({key:c.createPrivateKey(K.rsa.priv).export({type:'pkcs8',format:'pem',cipher:'aes-256-cbc',passphrase:'pq'}),passphrase:'pq'}).equals(c.createPrivateKey(K.rsa.priv))`,
  `String(c.createPublicKey(K.rsa.pub))`,
  `c.createPublicKey(K.rsa.pub).constructor.name`,
  `c.createPublicKey(K.rsa.pub) instanceof c.KeyObject`,
  `c.createHmac('sha256',c.createPublicKey(K.rsa.pub))`,
);
E.push(
  `c.privateDecrypt(K.rsa.priv,c.publicEncrypt(K.rsa.pub,msg)).toString()`,
  `c.privateDecrypt(K.rsa.priv,hex('${c.publicEncrypt(K.rsa.pub,msg).toString('hex')}')).toString()`,
  `c.privateDecrypt({key:K.rsa.priv,oaepHash:'sha256'},hex('${c.publicEncrypt({key:K.rsa.pub,oaepHash:'sha256'},msg).toString('hex')}')).toString()`,
  `c.privateDecrypt({key:K.rsa.priv,oaepHash:'sha256',oaepLabel:Buffer.from('l')},hex('${c.publicEncrypt({key:K.rsa.pub,oaepHash:'sha256',oaepLabel:Buffer.from('l')},msg).toString('hex')}')).toString()`,
  `c.privateDecrypt(K.rsa.priv,Buffer.alloc(256))`,
  `c.publicEncrypt(K.rsa.pub,Buffer.alloc(300))`,
  `c.privateDecrypt({key:K.rsa.priv,padding:1},Buffer.alloc(256))`,
  `c.publicDecrypt(K.rsa.pub,c.privateEncrypt(K.rsa.priv,msg)).toString()`,
  `c.privateEncrypt(K.rsa.priv,msg)`,
  `c.publicEncrypt({key:K.rsa.pub,padding:3},Buffer.concat([Buffer.alloc(251),msg]))`,
  `c.publicEncrypt({key:K.rsa.pub,padding:3},msg)`,
  `c.publicEncrypt(K.ec.pub,msg)`,
  `c.publicEncrypt({key:K.rsa.pub,padding:1},msg).length`,
  `c.publicEncrypt(K.rsa.priv,msg).length`,
  `c.privateDecrypt({key:K.rsa.priv,oaepHash:'nope'},Buffer.alloc(256))`,
  `c.publicEncrypt(K.rsa.pub,'text').length`,
  `c.publicEncrypt(K.rsa.pub,5)`,
  `c.publicDecrypt(K.rsa.pub,Buffer.alloc(256))`,
);
E.push(
  `c.diffieHellman({privateKey:c.createPrivateKey(K.ec.priv),publicKey:c.createPublicKey(K.ec.pub)})`,
  `c.diffieHellman({privateKey:c.createPrivateKey(K.x.priv),publicKey:c.createPublicKey(K.x.pub)})`,
  `c.diffieHellman({privateKey:c.createPrivateKey(K.ec.priv),publicKey:c.createPublicKey(K.ec3.pub)})`,
  `c.diffieHellman()`,
  `c.generateKeyPairSync('nope')`,
  `c.generateKeyPairSync('rsa')`,
  `c.generateKeyPairSync('ec',{namedCurve:'nope'})`,
  `c.generateKeyPairSync('ec',{namedCurve:'P-256'}).publicKey.asymmetricKeyDetails`,
  `c.generateKeyPairSync('ed25519').privateKey.type`,
  `c.generateKeyPairSync('rsa',{modulusLength:'x'})`,
  `c.generateKeyPairSync('ec',{})`,
  `c.constants.RSA_PKCS1_PSS_PADDING`,
  `c.generateKeyPair('ed25519')`,
);

// ---- agreement over curves and groups of numbers

const theirs = c.getDiffieHellman("modp14");
theirs.generateKeys();
const curve = "c.createECDH('prime256v1')";
const priv = "'c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433'";
const bob = c.createECDH("prime256v1");
bob.generateKeys();
E.push(
  ...["nope", "P-256", "secp256r1", "PRIME256V1"].map((name) => `c.createECDH('${name}')`),
  `c.createECDH()`, `c.createECDH(5)`,
  ...["prime256v1", "secp384r1", "secp521r1", "secp256k1", "secp224r1", "prime192v1"].flatMap((name) => [
    `(()=>{const e=c.createECDH('${name}');e.setPrivateKey('0102030405','hex');return [e.getPublicKey('hex'),e.getPublicKey('hex','compressed'),e.getPublicKey('base64','hybrid'),e.getPrivateKey('hex')]})()`,
    `(()=>{const a=c.createECDH('${name}'),b=c.createECDH('${name}');a.generateKeys();return a.computeSecret(b.generateKeys('hex','compressed'),'hex').equals(b.computeSecret(a.getPublicKey()))})()`,
  ]),
  `${curve}.getPublicKey()`, `${curve}.getPrivateKey()`, `${curve}.computeSecret(Buffer.alloc(65))`,
  `${curve}.setPrivateKey(Buffer.alloc(32,255))`, `${curve}.setPrivateKey(Buffer.alloc(3))`, `${curve}.setPrivateKey(5)`, `${curve}.setPrivateKey('01','nope')`,
  `${curve}.setPublicKey(Buffer.alloc(3))`,
  `(()=>{const e=${curve};e.setPrivateKey(${priv},'hex');return [e.computeSecret('${bob.getPublicKey("hex")}','hex','hex'),e.computeSecret('${bob.getPublicKey("base64", "compressed")}','base64','base64')]})()`,
  ...["Buffer.alloc(65)", "'zz','hex'", "", "Buffer.alloc(0)"].map((given) => `(()=>{const e=${curve};e.setPrivateKey(${priv},'hex');return e.computeSecret(${given})})()`),
  `(()=>{const e=${curve};e.setPrivateKey(${priv},'hex');e.setPublicKey('${bob.getPublicKey("hex")}','hex');return e.computeSecret('${bob.getPublicKey("hex")}','hex')})()`,
  `(()=>{const e=${curve};e.generateKeys();return e.getPublicKey(null,'x')})()`,
  `(()=>{const e=${curve};return e.setPrivateKey(${priv},'hex')===e||true})()`,
  `c.ECDH.convertKey('${bob.getPublicKey("hex")}','prime256v1','hex','hex','compressed')`,
  `c.ECDH.convertKey('${bob.getPublicKey("hex", "compressed")}','prime256v1','hex','hex','uncompressed')`,
  `c.ECDH.convertKey('${bob.getPublicKey("hex", "hybrid")}','prime256v1','hex','hex')`,
  `c.ECDH.convertKey(Buffer.alloc(3),'prime256v1')`, `c.ECDH.convertKey(Buffer.alloc(3),'nope')`, `c.ECDH.convertKey(Buffer.alloc(3))`, `c.ECDH.convertKey('${bob.getPublicKey("hex")}','secp384r1','hex')`,
  `${curve} instanceof c.ECDH`, `Object.getOwnPropertyNames(c.ECDH.prototype).sort()`, `c.ECDH.name+c.DiffieHellman.name+c.DiffieHellmanGroup.name`,
  ...["modp1", "modp2", "modp5", "modp14", "modp15", "modp16", "modp17", "modp18", "MODP14"].map((name) => `(()=>{const d=c.getDiffieHellman('${name}');return [d.getPrime('hex'),d.getGenerator('hex'),d.verifyError,typeof d.setPrivateKey]})()`),
  ...["modp1", "modp5", "modp14", "modp18"].map((name) => `(()=>{const a=c.getDiffieHellman('${name}'),b=c.createDiffieHellmanGroup('${name}');a.generateKeys();return a.computeSecret(b.generateKeys('hex'),'hex').equals(b.computeSecret(a.getPublicKey()))})()`),
  `c.getDiffieHellman('x')`, `c.getDiffieHellman(5)`, `c.getDiffieHellman('modp2') instanceof c.DiffieHellmanGroup`,
  `Object.getOwnPropertyNames(c.DiffieHellman.prototype).sort()`, `Object.getOwnPropertyNames(c.DiffieHellmanGroup.prototype).sort()`,
);
const group = "c.getDiffieHellman('modp14').getPrime()";
const own = `const d=c.createDiffieHellman(${group});`;
E.push(
  `(()=>{${own}d.setPrivateKey('${theirs.getPrivateKey("hex")}','hex');return [d.generateKeys('hex'),d.getPublicKey('hex'),d.getPrivateKey('hex'),Object.keys(d)]})()`,
  `(()=>{${own}d.setPrivateKey(Buffer.from([5]));return d.computeSecret('${theirs.getPublicKey("hex")}','hex')})()`,
  `(()=>{${own}d.setPrivateKey(Buffer.from([5]));d.setPublicKey(Buffer.from([7]));return [d.getPublicKey('hex'),d.generateKeys('hex'),d.getPublicKey('base64')]})()`,
  ...["Buffer.from([1])", "Buffer.from([0])", "Buffer.alloc(0)", group, "''", ""].map((key) => `(()=>{${own}d.setPrivateKey(Buffer.from([5]));return d.computeSecret(${key})})()`),
  `(()=>{${own}return d.computeSecret(Buffer.from([5]))})()`, `(()=>{${own}return d.getPublicKey()})()`, `(()=>{${own}return d.getPrivateKey()})()`, `(()=>{${own}return d.setPrivateKey()})()`,
  `(()=>{${own}return d.generateKeys().length-d.getPrivateKey().length})()`,
  ...["'ff','hex'", "Buffer.from([1,2,3])", `${group},3`, `${group},Buffer.from([2])`, `${group},'02','hex'`, `${group},${group}`].map((given) => `(()=>{const d=c.createDiffieHellman(${given});return [d.verifyError,d.getGenerator('hex').slice(0,9)]})()`),
  `c.createDiffieHellman('ff','hex').generateKeys()`, `c.createDiffieHellman(${group},1)`, `c.createDiffieHellman(Buffer.alloc(0))`, `c.createDiffieHellman({})`, `c.createDiffieHellman()`, `c.createDiffieHellman(${group},{})`, `c.createDiffieHellman(1.5)`,
  ...["x:ed", "ed:ed", "rsa:rsa", "ec:x"].map((names) => { const [a, b] = names.split(":"); return `c.diffieHellman({privateKey:c.createPrivateKey(K.${a}.priv),publicKey:c.createPublicKey(K.${b}.pub)})`; }),
  `c.diffieHellman({privateKey:5})`, `c.diffieHellman({privateKey:c.createPublicKey(K.x.pub)})`, `c.diffieHellman({privateKey:c.createPrivateKey(K.x.priv),publicKey:c.createSecretKey('a')})`, `c.diffieHellman({privateKey:c.createPrivateKey(K.x4.priv),publicKey:c.createPublicKey(K.x4.pub)})`,
  `c.generateKeyPairSync('rsa',{modulusLength:1024}).publicKey.asymmetricKeyDetails`, `c.generateKeyPairSync('rsa',{modulusLength:1024,publicExponent:3}).privateKey.asymmetricKeyDetails`, `c.generateKeyPairSync('rsa',{modulusLength:1024,publicExponent:'3'})`, `c.generateKeyPairSync('rsa',{modulusLength:1024,publicExponent:-1})`, `c.generateKeyPairSync('rsa',{modulusLength:2**33})`,
  `c.generateKeyPairSync('rsa',{modulusLength:1024,publicKeyEncoding:{type:'pkcs1',format:'pem'},privateKeyEncoding:{type:'pkcs8',format:'pem',cipher:'aes-256-cbc',passphrase:'pw'}}).privateKey.slice(0,37)`,
  `c.generateKeyPairSync('rsa',{modulusLength:1024,publicKeyEncoding:{type:'sec1',format:'pem'}})`,
  `c.getFips()`, `[c.constants.POINT_CONVERSION_COMPRESSED,c.constants.DH_NOT_SUITABLE_GENERATOR]`,
  ...["Cipheriv", "Decipheriv"].map((name) => `[c.${name}.name,['update','final','setAutoPadding','setAAD','getAuthTag','setAuthTag'].filter((each)=>Object.hasOwn(c.${name}.prototype,each))]`),
);

// ---- web crypto

const W = [];
const RSA = ["RSASSA-PKCS1-v1_5", "RSA-PSS", "RSA-OAEP"];
const ROLES = { "RSA-OAEP": ["['encrypt','wrapKey']", "['decrypt','unwrapKey']"], ECDH: ["[]", "['deriveBits','deriveKey']"], X25519: ["[]", "['deriveBits']"], X448: ["[]", "['deriveBits']"] };
const usages = (name) => ROLES[name] ?? ["['verify']", "['sign']"];
const FAMILIES = [
  ...RSA.map((name) => [name, "rsa", `{name:'${name}',hash:'SHA-256'}`]),
  ...["ECDSA", "ECDH"].flatMap((name) => [["ec", "P-256"], ["ec3", "P-384"], ["ec5", "P-521"]].map(([key, curve]) => [name, key, `{name:'${name}',namedCurve:'${curve}'}`])),
  ["Ed25519", "ed", "'Ed25519'"], ["Ed448", "ed4", "{name:'Ed448'}"], ["X25519", "x", "{name:'x25519'}"], ["X448", "x4", "'X448'"],
];
for (const [name, key, algorithm] of FAMILIES) {
  const [pub, priv] = usages(name);
  for (const format of ["spki", "jpub", "raw"]) {
    W.push(`take('${format}','${key}',${algorithm},${pub}).then(facts)`);
    for (const out of ["spki", "jwk", "raw", "pkcs8"]) W.push(`take('${format === "raw" && key === "rsa" ? "spki" : format}','${key}',${algorithm},${pub}).then((k)=>subtle.exportKey('${out}',k))`);
  }
  for (const format of ["pkcs8", "jwk"]) {
    W.push(`take('${format}','${key}',${algorithm},${priv}).then(facts)`, `take('${format}','${key}',${algorithm},${priv},false).then((k)=>subtle.exportKey('pkcs8',k))`);
    for (const out of ["pkcs8", "jwk", "spki", "raw"]) W.push(`take('${format}','${key}',${algorithm},${priv}).then((k)=>subtle.exportKey('${out}',k))`);
  }
  W.push(
    `take('spki','${key}',${algorithm},${priv})`, `take('pkcs8','${key}',${algorithm},['verify'])`, `take('pkcs8','${key}',${algorithm},[])`, `take('jwk','${key}',${algorithm},${priv}).then((k)=>c.KeyObject.from(k).asymmetricKeyType)`,
    `subtle.importKey('spki',hex(K.${key}.pkcs8),${algorithm},true,${pub})`, `subtle.importKey('pkcs8',hex(K.${key}.spki),${algorithm},true,${priv})`, `subtle.importKey('spki',hex('3000'),${algorithm},true,${pub})`,
    `subtle.importKey('jwk',{},${algorithm},true,${pub})`, `subtle.importKey('jwk',5,${algorithm},true,${pub})`, `subtle.importKey('jwk',{...K.${key}.jpub,kty:'oct'},${algorithm},true,${pub})`, `subtle.importKey('jwk',{...K.${key}.jpub,crv:'P-1'},${algorithm},true,${pub})`,
    `subtle.importKey('jwk',{...K.${key}.jpriv,use:'zzz'},${algorithm},true,${priv})`, `subtle.importKey('jwk',{...K.${key}.jpriv,ext:false},${algorithm},true,${priv})`, `subtle.importKey('jwk',{...K.${key}.jpriv,key_ops:['verify']},${algorithm},true,${priv})`, `subtle.importKey('jwk',{...K.${key}.jpriv,key_ops:['sign','sign']},${algorithm},true,${priv})`, `subtle.importKey('jwk',{...K.${key}.jpriv,alg:'zz'},${algorithm},true,${priv}).then(facts)`, `subtle.importKey('jwk',{...K.${key}.jpub,${key === "rsa" ? "n" : "x"}:undefined},${algorithm},true,${pub})`,
    `subtle.importKey('raw',Buffer.alloc(5),${algorithm},true,${pub})`,
  );
}
for (const name of RSA) {
  for (const hash of ["SHA-1", "SHA-384", "SHA-512"]) W.push(`take('jpub','rsa',{name:'${name}',hash:'${hash}'},${usages(name)[0]}).then(async (k)=>[facts(k),(await subtle.exportKey('jwk',k)).alg])`);
}
const algorithmOf = { ec: "{name:'ECDSA',namedCurve:'P-256'}", ec3: "{name:'ECDSA',namedCurve:'P-384'}", ec5: "{name:'ECDSA',namedCurve:'P-521'}" };
W.push(
  `take('spki','ec',${algorithmOf.ec3},['verify'])`, `take('spki','rsa',${algorithmOf.ec},['verify'])`, `take('spki','ec',{name:'RSA-PSS',hash:'SHA-256'},['verify'])`, `take('spki','x','Ed25519',['verify'])`, `take('spki','ec',{name:'ECDSA',namedCurve:'P-1'},['verify'])`, `take('spki','ec',{name:'ECDSA'},['verify'])`, `take('spki','rsa',{name:'RSA-PSS'},['verify'])`, `take('spki','rsa',{name:'RSA-PSS',hash:'MD5'},['verify'])`, `take('spki','rsa','RSA-PSS',['nope'])`, `take('spki','rsa',{name:'RSA-PSS',hash:{name:'sha-1'}},['verify']).then(facts)`,
  `subtle.importKey('jwk',{...K.ed.jpriv,x:K.ed.jpriv.x.slice(0,-2)+'AA'},'Ed25519',true,['sign'])`, `subtle.importKey('jwk',{...K.ed.jpriv,x:undefined},'Ed25519',true,['sign'])`, `subtle.importKey('jwk',{...K.ed.jpriv,alg:'EdDSA'},'Ed25519',true,['sign']).then(facts)`, `subtle.importKey('jwk',{...K.ec.jpriv,alg:'ES256'},${algorithmOf.ec},true,['sign']).then(facts)`, `subtle.importKey('jwk',{...K.rsa.jpriv,alg:'RS256'},{name:'RSA-PSS',hash:'SHA-256'},true,['sign']).then(facts)`,
);
const { subtle } = c.webcrypto;
const imported = (format, name, algorithm, uses) => subtle.importKey(format, Buffer.from(K[name][format], "hex"), algorithm, true, uses);
const text = (buffer) => Buffer.from(buffer).toString("hex");
for (const [name, key, base, params] of [
  ...["SHA-1", "SHA-256", "SHA-384", "SHA-512"].flatMap((hash) => [
    ["RSASSA-PKCS1-v1_5", "rsa", { hash }, {}], ["RSA-PSS", "rsa", { hash }, { saltLength: 0 }], ["RSA-PSS", "rsa", { hash }, { saltLength: 20 }],
    ["ECDSA", "ec", { namedCurve: "P-256" }, { hash }], ["ECDSA", "ec3", { namedCurve: "P-384" }, { hash }], ["ECDSA", "ec5", { namedCurve: "P-521" }, { hash }],
  ]),
  ["Ed25519", "ed", {}, {}], ["Ed448", "ed4", {}, {}],
]) {
  const algorithm = { name, ...base };
  const wanted = { name, ...params };
  const made = text(await subtle.sign(wanted, await imported("pkcs8", key, algorithm, ["sign"]), msg));
  const [a, w] = [JSON.stringify(algorithm), JSON.stringify(wanted)];
  const verify = (proof, data) => `take('spki','${key}',${a},['verify']).then(async (k)=>subtle.verify(${w},k,${proof},${data}))`;
  const sign = `await subtle.sign(${w},await take('pkcs8','${key}',${a},['sign']),msg)`;
  W.push(verify(`hex('${made}')`, "msg"), verify(`hex('${made}')`, "hex('00')"), verify("hex('00')", "msg"), verify(sign, "msg"));
  if (name === "RSASSA-PKCS1-v1_5" || params.saltLength === 0 || name.startsWith("Ed")) W.push(`take('pkcs8','${key}',${a},['sign']).then((k)=>subtle.sign(${w},k,msg))`);
}
for (const hash of ["SHA-1", "SHA-256", "SHA-512"]) {
  const a = `{name:'RSA-OAEP',hash:'${hash}'}`;
  for (const label of ["", ",label:hex('0102')"]) {
    const params = { name: "RSA-OAEP", ...(label && { label: Buffer.from([1, 2]) }) };
    const made = text(await subtle.encrypt(params, await imported("spki", "rsa", { name: "RSA-OAEP", hash }, ["encrypt"]), msg));
    W.push(`take('pkcs8','rsa',${a},['decrypt']).then((k)=>subtle.decrypt({name:'RSA-OAEP'${label}},k,hex('${made}')))`);
    W.push(`take('spki','rsa',${a},['encrypt']).then(async (k)=>subtle.decrypt({name:'RSA-OAEP'${label}},await take('jwk','rsa',${a},['decrypt']),await subtle.encrypt({name:'RSA-OAEP'${label}},k,msg)))`);
  }
  W.push(`take('pkcs8','rsa',${a},['decrypt']).then((k)=>subtle.decrypt('RSA-OAEP',k,Buffer.alloc(256)))`, `take('spki','rsa',${a},['encrypt']).then((k)=>subtle.encrypt('RSA-OAEP',k,Buffer.alloc(256)))`);
}
const agreeing = [["ECDH", "ec", "{name:'ECDH',namedCurve:'P-256'}"], ["ECDH", "ec3", "{name:'ECDH',namedCurve:'P-384'}"], ["ECDH", "ec5", "{name:'ECDH',namedCurve:'P-521'}"], ["X25519", "x", "'X25519'"], ["X448", "x4", "'X448'"]];
// A negative length is no unsigned long to us; Node derives nothing then.
for (const [name, key, a] of agreeing) {
  const derive = (bits, other = key, b = a) => `take('pkcs8','${key}',${a},['deriveBits','deriveKey']).then(async (k)=>subtle.deriveBits({name:'${name}',public:await take('spki','${other}',${b},[])},k${bits}))`;
  for (const bits of ["", ",null", ",0", ",8", ",13", ",256", ",600", ",'16'"]) W.push(derive(bits));
  W.push(derive("", "x", "'X25519'"), derive("", "ec", "{name:'ECDH',namedCurve:'P-256'}"), `take('pkcs8','${key}',${a},['deriveBits']).then((k)=>subtle.deriveBits({name:'${name}',public:k},k,8))`, `take('pkcs8','${key}',${a},['deriveBits']).then((k)=>subtle.deriveBits({name:'${name}'},k,8))`, `take('pkcs8','${key}',${a},['deriveBits']).then((k)=>subtle.deriveBits({name:'${name}',public:5},k,8))`, `take('pkcs8','${key}',${a},['deriveKey']).then((k)=>subtle.deriveBits({name:'${name}',public:k},k,8))`);
  for (const target of ["{name:'AES-GCM',length:256}", "{name:'AES-CBC',length:128}", "{name:'HMAC',hash:'SHA-256'}", "{name:'HMAC',hash:'SHA-1',length:128}", "'HKDF'", "{name:'AES-GCM',length:5}", "'AES-GCM'"]) {
    const uses = target.includes("HMAC") ? "['sign']" : target.includes("HKDF") ? "['deriveBits']" : "['encrypt']";
    W.push(`take('pkcs8','${key}',${a},['deriveKey']).then(async (k)=>subtle.deriveKey({name:'${name}',public:await take('spki','${key}',${a},[])},k,${target},${target !== "'HKDF'"},${uses})).then((k)=>k.extractable?subtle.exportKey('raw',k):facts(k))`);
  }
}
const exponent = (...bytes) => `publicExponent:new Uint8Array([${bytes}])`;
for (const [algorithm, uses] of [
  [`{name:'RSA-PSS',modulusLength:1024,${exponent(1, 0, 1)},hash:'SHA-256'}`, "['sign','verify']"], [`{name:'RSASSA-PKCS1-v1_5',modulusLength:1024,${exponent(0, 0, 0, 0, 1, 0, 1)},hash:'SHA-1'}`, "['sign']"], [`{name:'RSA-OAEP',modulusLength:1024,${exponent(3)},hash:'SHA-512'}`, "['encrypt','decrypt','wrapKey','unwrapKey']"],
  [`{name:'RSA-PSS',modulusLength:1024,${exponent(1, 0, 1)}}`, "['sign']"], [`{name:'RSA-PSS',modulusLength:1024,publicExponent:3,hash:'SHA-1'}`, "['sign']"], [`{name:'RSA-PSS',modulusLength:'x',${exponent(3)},hash:'SHA-1'}`, "['sign']"], [`{name:'RSA-PSS',modulusLength:-1,${exponent(3)},hash:'SHA-1'}`, "['sign']"], [`{name:'RSA-PSS',modulusLength:1024,${exponent(1, 0, 0, 0, 0, 1)},hash:'SHA-1'}`, "['sign']"], [`{name:'RSA-PSS',modulusLength:100,${exponent(3)},hash:'SHA-1'}`, "['sign']"], [`{name:'RSA-PSS',modulusLength:1024,${exponent(4)},hash:'SHA-1'}`, "['sign']"], [`{name:'RSA-PSS',modulusLength:1024,${exponent(3)},hash:'SHA-1'}`, "['encrypt']"], [`{name:'RSA-PSS',modulusLength:1024,${exponent(3)},hash:'SHA-1'}`, "['verify']"], [`{name:'RSA-PSS',modulusLength:1024,${exponent(3)},hash:'SHA-1'}`, "[]"],
  ...["P-256", "P-384", "P-521", "P-1", ""].flatMap((namedCurve) => [[`{name:'ECDSA',namedCurve:'${namedCurve}'}`, "['verify','sign']"], [`{name:'ECDH',namedCurve:'${namedCurve}'}`, "['deriveKey']"]]), ["{name:'ECDSA'}", "['sign']"], ["{name:'ECDH',namedCurve:'P-256'}", "['sign']"], ["{name:'ECDSA',namedCurve:'P-256'}", "['deriveKey']"],
  ...["Ed25519", "Ed448"].flatMap((name) => [[`'${name}'`, "['sign','verify']"], [`'${name}'`, "['verify']"], [`'${name}'`, "['deriveBits']"]]), ...["X25519", "X448"].flatMap((name) => [[`'${name}'`, "['deriveBits','deriveKey']"], [`'${name}'`, "[]"], [`'${name}'`, "['sign']"]]),
  ["{name:'AES-KW',length:256}", "['wrapKey','unwrapKey']"], ["{name:'AES-KW',length:256}", "['encrypt']"], ["'nope'", "[]"], ["{name:'DSA'}", "[]"],
]) {
  W.push(`subtle.generateKey(${algorithm},false,${uses}).then(facts)`);
}
const kw = "subtle.importKey('raw',Buffer.alloc(16,7),'AES-KW',true,['wrapKey','unwrapKey'])";
const aes = "subtle.importKey('raw',Buffer.alloc(32,9),'AES-GCM',true,['encrypt'])";
const gcm = "subtle.importKey('raw',Buffer.alloc(32,9),'AES-GCM',true,['wrapKey','unwrapKey'])";
const oaep = "{name:'RSA-OAEP',hash:'SHA-256'}";
W.push(
  `${kw}.then(async (k)=>subtle.wrapKey('raw',await ${aes},k,'AES-KW'))`, `${kw}.then(async (k)=>subtle.wrapKey('jwk',await ${aes},k,'AES-KW'))`, `${kw}.then(async (k)=>subtle.wrapKey('pkcs8',await take('pkcs8','ec',${algorithmOf.ec},['sign']),k,'AES-KW'))`,
  `${kw}.then(async (k)=>subtle.unwrapKey('raw',await subtle.wrapKey('raw',await ${aes},k,'AES-KW'),k,'AES-KW','AES-CBC',true,['encrypt'])).then(async (k)=>[facts(k),Buffer.from(await subtle.exportKey('raw',k)).toString('hex')])`,
  `${kw}.then(async (k)=>subtle.unwrapKey('jwk',await subtle.wrapKey('jwk',await ${aes},k,'AES-KW'),k,'AES-KW','AES-GCM',true,['encrypt'])).then(facts)`, `${kw}.then(async (k)=>subtle.unwrapKey('raw',Buffer.alloc(24),k,'AES-KW','AES-CBC',true,['encrypt']))`, `${kw}.then(async (k)=>subtle.unwrapKey('raw',Buffer.alloc(23),k,'AES-KW','AES-CBC',true,['encrypt']))`, `${kw}.then((k)=>subtle.encrypt('AES-KW',k,msg))`, `subtle.importKey('raw',Buffer.alloc(16,7),'AES-KW',true,['encrypt'])`, `${kw}.then((k)=>subtle.exportKey('jwk',k))`,
  `${gcm}.then(async (k)=>subtle.wrapKey('jwk',await take('pkcs8','ec',${algorithmOf.ec},['sign']),k,{name:'AES-GCM',iv:Buffer.alloc(12)}))`, `${gcm}.then(async (k)=>subtle.unwrapKey('spki',await subtle.wrapKey('spki',await take('spki','rsa',${oaep},['encrypt']),k,{name:'AES-GCM',iv:Buffer.alloc(12)}),k,{name:'AES-GCM',iv:Buffer.alloc(12)},${oaep},true,['wrapKey'])).then(facts)`,
  `take('spki','rsa',${oaep},['wrapKey']).then(async (k)=>subtle.unwrapKey('raw',await subtle.wrapKey('raw',await ${aes},k,'RSA-OAEP'),await take('pkcs8','rsa',${oaep},['unwrapKey']),'RSA-OAEP','AES-GCM',true,['decrypt'])).then(async (k)=>[facts(k),Buffer.from(await subtle.exportKey('raw',k)).toString('hex')])`,
  `take('spki','rsa',${oaep},['encrypt']).then(async (k)=>subtle.wrapKey('raw',await ${aes},k,'RSA-OAEP'))`,
);
// What does not fit together.
W.push(
  `take('spki','ec',${algorithmOf.ec},['verify']).then((k)=>subtle.sign({name:'ECDSA',hash:'SHA-256'},k,msg))`, `take('pkcs8','ec',${algorithmOf.ec},['sign']).then((k)=>subtle.sign({name:'ECDSA'},k,msg))`, `take('pkcs8','ec',${algorithmOf.ec},['sign']).then((k)=>subtle.sign('ECDSA',k,msg))`, `take('pkcs8','ec',${algorithmOf.ec},['sign']).then((k)=>subtle.sign({name:'ECDSA',hash:'MD5'},k,msg))`, `take('pkcs8','ec',${algorithmOf.ec},['sign']).then((k)=>subtle.sign('Ed25519',k,msg))`, `take('pkcs8','ec',${algorithmOf.ec},['sign']).then((k)=>subtle.verify({name:'ECDSA',hash:'SHA-256'},k,msg,msg))`,
  `take('pkcs8','rsa',{name:'RSA-PSS',hash:'SHA-256'},['sign']).then((k)=>subtle.sign({name:'RSA-PSS',saltLength:300},k,msg))`, `take('pkcs8','rsa',{name:'RSA-PSS',hash:'SHA-256'},['sign']).then((k)=>subtle.sign('RSA-PSS',k,msg))`, `take('pkcs8','rsa',{name:'RSA-PSS',hash:'SHA-256'},['sign']).then((k)=>subtle.sign({name:'RSA-PSS',saltLength:-1},k,msg))`, `take('pkcs8','rsa',${oaep},['decrypt']).then((k)=>subtle.encrypt('RSA-OAEP',k,msg))`, `take('pkcs8','rsa',${oaep},['decrypt']).then((k)=>subtle.decrypt({name:'RSA-OAEP',label:5},k,msg))`,
  `subtle.sign('Ed25519',5,msg)`, `subtle.sign('Ed25519')`, `take('pkcs8','ed','Ed25519',['sign']).then((k)=>subtle.sign('Ed25519',k,'text'))`, `take('pkcs8','ed','Ed25519',['sign'],false).then((k)=>subtle.exportKey('jwk',k))`, `take('pkcs8','ed','Ed25519',['sign']).then((k)=>subtle.exportKey('nope',k))`, `subtle.exportKey('raw',5)`, `subtle.importKey('nope',msg,'Ed25519',true,['sign'])`, `subtle.importKey('raw','text','Ed25519',true,['sign'])`, `subtle.importKey('raw',msg,'Ed25519',true,5)`, `subtle.importKey('raw',msg,'Ed25519',true,{})`, `subtle.importKey('raw',msg,'Ed25519',true)`, `take('pkcs8','ed4','Ed448',['sign']).then((k)=>subtle.sign({name:'Ed448',context:msg},k,msg))`,
  `take('pkcs8','ec',${algorithmOf.ec},['sign']).then((k)=>c.sign('sha256',msg,k).length>60)`, `take('spki','ec',${algorithmOf.ec},['verify']).then((k)=>c.KeyObject.from(k).export({type:'spki',format:'pem'})===K.ec.pub)`,
);

const evaluate = new Function("crypto", PREAMBLE + "return (code) => later(() => eval(code))")(c);
const told = async (list) => {
  const lines = [];
  for (const code of list) lines.push(JSON.stringify([code, await evaluate(code)]));
  return lines.join(",\n");
};
const sections = `"cases": [\n${await told(E)}\n],\n"web": [\n${await told(W)}\n]`;
writeFileSync(new URL("key-vectors.json", import.meta.url), `{\n"preamble": ${JSON.stringify(PREAMBLE)},\n${sections}\n}\n`);
