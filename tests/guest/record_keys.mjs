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
};
const pem = (key) => key.export({ type: key.type === "private" ? "pkcs8" : "spki", format: "pem" });
const K = {};
for (const [name, { privateKey, publicKey }] of Object.entries(PAIRS)) {
  K[name] = {
    priv: pem(privateKey),
    pub: pem(publicKey),
    jpriv: privateKey.export({ format: "jwk" }),
    jpub: publicKey.export({ format: "jwk" }),
  };
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

const evaluate = new Function("crypto", PREAMBLE + "return (code) => outcome(() => eval(code))")(c);
const cases = E.map((code) => JSON.stringify([code, evaluate(code)]));
const text = `{\n"preamble": ${JSON.stringify(PREAMBLE)},\n"cases": [\n${cases.join(",\n")}\n]\n}\n`;
writeFileSync(new URL("key-vectors.json", import.meta.url), text);
