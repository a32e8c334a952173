"""`crypto` against Project Wycheproof."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.guest.wycheproof import groups

if TYPE_CHECKING:
    from tests.guest.evaluate import Evaluate

FUEL = 200_000_000_000


def verdicts(evaluate: Evaluate, judge: str, cases: list[dict[str, Any]]) -> list[str]:
    """What *judge*, the body of an async function of a case, says of each: "valid", "invalid", or why. Bytes are hex."""
    code = f"""
    const hex = (text) => Buffer.from(text, 'hex')
    const {{ subtle }} = crypto
    const judge = async (t) => {{ {judge} }}
    return Promise.all({json.dumps(cases)}.map((t) => judge(t).catch(String)))
    """
    result = evaluate(code, fuel=FUEL)
    assert result.thrown is None, result.thrown
    said: list[str] = result.value
    return said


def flat(name: str, *keys: str) -> list[dict[str, Any]]:
    """The cases of *name*, each with these *keys* of its group."""
    return [
        {**{key: group[key] for key in keys}, **case} for group in groups(name) for case in group["tests"]
    ]


OPEN = """
const d = crypto.createDecipheriv('aes-' + t.keySize + '-gcm', hex(t.key), hex(t.iv))
d.setAAD(hex(t.aad)).setAuthTag(hex(t.tag))
const opened = Buffer.concat([d.update(hex(t.ct)), d.final()]).toString('hex')
const c = crypto.createCipheriv('aes-' + t.keySize + '-gcm', hex(t.key), hex(t.iv)).setAAD(hex(t.aad))
const sealed = Buffer.concat([c.update(hex(t.msg)), c.final()]).toString('hex')
return opened === t.msg && sealed === t.ct && c.getAuthTag().toString('hex') === t.tag ? 'valid' : 'differs'
"""


def test_aes_gcm(evaluate: Evaluate) -> None:
    cases = flat("aes_gcm_test.json", "keySize")
    refusals = {
        "Error: Unsupported state or unable to authenticate data",
        "TypeError: Invalid initialization vector",
    }
    for case, said in zip(cases, verdicts(evaluate, OPEN, cases), strict=True):
        expected = refusals if case["result"] == "invalid" else {"valid"}
        assert said in expected, case


@pytest.mark.parametrize("digest", ["sha1", "sha256", "sha384", "sha512"])
def test_hkdf(evaluate: Evaluate, digest: str) -> None:
    cases = flat(f"hkdf_{digest}_test.json")
    judge = f"""
    const made = Buffer.from(crypto.hkdfSync('{digest}', hex(t.ikm), hex(t.salt), hex(t.info), t.size)).toString('hex')
    return made === t.okm ? 'valid' : 'differs'
    """
    for case, said in zip(cases, verdicts(evaluate, judge, cases), strict=True):
        assert said == ("RangeError: Invalid key length" if case["result"] == "invalid" else "valid"), case


VERIFY = """
const name = { 'SHA-512/256': 'sha512-256' }[t.sha] ?? t.sha.toLowerCase().replace('sha-', 'sha')
const key = { key: t.publicKeyPem, ...OPTIONS }
return crypto.createVerify(name).update(hex(t.msg)).verify(key, hex(t.sig)) ? 'valid' : 'invalid'
"""

SIGNATURES = {
    "rsa_signature_2048_sha256_test.json": "{}",
    "rsa_signature_2048_sha512_256_test.json": "{}",
    "rsa_signature_3072_sha3_256_test.json": "{}",
    "rsa_pss_2048_sha256_mgf1_0_test.json": "{ padding: 6, saltLength: t.sLen }",
    "rsa_pss_2048_sha256_mgf1_32_test.json": "{ padding: 6, saltLength: t.sLen }",
    "rsa_pss_4096_sha512_mgf1_64_test.json": "{ padding: 6, saltLength: t.sLen }",
    "ecdsa_secp224r1_sha256_test.json": "{}",
    "ecdsa_secp256r1_sha256_test.json": "{}",
    "ecdsa_secp384r1_sha384_test.json": "{}",
    "ecdsa_secp521r1_sha512_test.json": "{}",
    "ecdsa_secp256r1_sha256_p1363_test.json": "{ dsaEncoding: 'ieee-p1363' }",
    "ecdsa_secp521r1_sha512_p1363_test.json": "{ dsaEncoding: 'ieee-p1363' }",
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures(evaluate: Evaluate, name: str) -> None:
    keys = ["publicKeyPem", "sha", *(["sLen"] if "pss" in name else [])]
    cases = flat(name, *keys)
    for case, said in zip(
        cases, verdicts(evaluate, VERIFY.replace("OPTIONS", SIGNATURES[name]), cases), strict=True
    ):
        assert said in {"valid": {"valid"}, "invalid": {"invalid"}}.get(
            case["result"], {"valid", "invalid"}
        ), case


@pytest.mark.parametrize("curve", ["ed25519", "ed448"])
def test_edwards_curves(evaluate: Evaluate, curve: str) -> None:
    cases = flat(f"{curve}_test.json", "publicKeyPem")
    judge = "return crypto.verify(null, hex(t.msg), t.publicKeyPem, hex(t.sig)) ? 'valid' : 'invalid'"
    for case, said in zip(cases, verdicts(evaluate, judge, cases), strict=True):
        assert said == case["result"] or case["result"] == "acceptable", case


@pytest.mark.parametrize("digest", ["sha1", "sha256"])
def test_oaep(evaluate: Evaluate, digest: str) -> None:
    cases = flat(f"rsa_oaep_2048_{digest}_mgf1{digest}_test.json", "privateKeyPem")
    judge = f"""
    const key = {{ key: t.privateKeyPem, oaepHash: '{digest}', oaepLabel: hex(t.label) }}
    return crypto.privateDecrypt(key, hex(t.ct)).toString('hex') === t.msg ? 'valid' : 'differs'
    """
    refusal = "Error: error:02000079:rsa routines::oaep decoding error"
    for case, said in zip(cases, verdicts(evaluate, judge, cases), strict=True):
        expected = {"valid": {"valid"}, "invalid": {refusal}}.get(case["result"], {"valid", refusal})
        assert said in expected, case


@pytest.mark.parametrize("name", ["ecdh_secp256r1_pem_test.json", "x25519_pem_test.json"])
def test_key_agreement(evaluate: Evaluate, name: str) -> None:
    cases = [case for case in flat(name) if case["result"] != "acceptable"]
    judge = """
    const privateKey = crypto.createPrivateKey(t.private)
    const made = crypto.diffieHellman({ privateKey, publicKey: crypto.createPublicKey(t.public) })
    return made.toString('hex') === t.shared ? 'valid' : 'differs'
    """
    for case, said in zip(cases, verdicts(evaluate, judge, cases), strict=True):
        assert (said == "valid") == (case["result"] == "valid"), (case, said)
        assert said == "valid" or "rror" in said, (case, said)


def agree(
    evaluate: Evaluate, cases: list[dict[str, Any]], judge: str, *, acceptable: set[str] | None = None
) -> None:
    """Holds what *judge* says of key agreement to each case's result."""
    for case, said in zip(cases, verdicts(evaluate, judge, cases), strict=True):
        if case["result"] == "acceptable":
            assert said in (acceptable or {"valid"}), (case, said)
        else:
            assert (said == "valid") == (case["result"] == "valid"), (case, said)
            assert said == "valid" or "Error" in said, (case, said)


@pytest.mark.parametrize("curve", ["secp224r1", "secp256r1", "secp384r1", "secp521r1"])
def test_agreement_over_points(evaluate: Evaluate, curve: str) -> None:
    name = {"secp256r1": "prime256v1"}.get(curve, curve)
    judge = f"""
    const mine = crypto.createECDH('{name}')
    mine.setPrivateKey(hex(t.private.length % 2 ? '0' + t.private : t.private))
    return mine.computeSecret(hex(t.public), null, 'hex') === t.shared ? 'valid' : 'differs'
    """
    agree(evaluate, flat(f"ecdh_{curve}_ecpoint_test.json"), judge)


@pytest.mark.parametrize("curve", ["secp256r1", "secp384r1", "secp521r1"])
def test_agreement_in_web_crypto(evaluate: Evaluate, curve: str) -> None:
    judge = """
    const algorithm = { name: 'ECDH', namedCurve: CURVE }
    const mine = await subtle.importKey('jwk', t.private, algorithm, false, ['deriveBits'])
    const theirs = await subtle.importKey('jwk', t.public, algorithm, true, [])
    const made = await subtle.deriveBits({ name: 'ECDH', public: theirs }, mine)
    return Buffer.from(made).toString('hex') === t.shared ? 'valid' : 'differs'
    """
    curve_name = json.dumps(curve.replace("secp", "P-").removesuffix("r1"))
    agree(evaluate, flat(f"ecdh_{curve}_webcrypto_test.json"), judge.replace("CURVE", curve_name))


@pytest.mark.parametrize("name", ["X25519", "X448"])
def test_montgomery_curves_in_web_crypto(evaluate: Evaluate, name: str) -> None:
    judge = f"""
    const mine = await subtle.importKey('jwk', t.private, '{name}', false, ['deriveBits'])
    const theirs = await subtle.importKey('jwk', t.public, '{name}', true, [])
    const made = await subtle.deriveBits({{ name: '{name}', public: theirs }}, mine)
    return Buffer.from(made).toString('hex') === t.shared ? 'valid' : 'differs'
    """
    # Acceptable: what a shared secret of zeros comes of, and public keys beyond the field.
    refusal = "OperationError: The operation failed for an operation-specific reason"
    cases = flat(f"{name.lower()}_jwk_test.json")
    agree(evaluate, cases, judge, acceptable={"valid", refusal})


@pytest.mark.parametrize("size", [2048, 3072, 4096])
def test_oaep_in_web_crypto(evaluate: Evaluate, size: int) -> None:
    cases = flat(f"rsa_oaep_{size}_sha512_mgf1sha512_test.json", "privateKeyPkcs8")
    judge = """
    const algorithm = { name: 'RSA-OAEP', hash: 'SHA-512' }
    const key = await subtle.importKey('pkcs8', hex(t.privateKeyPkcs8), algorithm, false, ['decrypt'])
    const opened = await subtle.decrypt({ name: 'RSA-OAEP', label: hex(t.label) }, key, hex(t.ct))
    return Buffer.from(opened).toString('hex') === t.msg ? 'valid' : 'differs'
    """
    refusal = "OperationError: The operation failed for an operation-specific reason"
    for case, said in zip(cases, verdicts(evaluate, judge, cases), strict=True):
        assert said == ("valid" if case["result"] == "valid" else refusal), case


PROOFS = {
    "ecdsa_secp256r1_sha256_p1363_test.json": ("{name: 'ECDSA', namedCurve: 'P-256'}", "SHA-256"),
    "ecdsa_secp521r1_sha512_p1363_test.json": ("{name: 'ECDSA', namedCurve: 'P-521'}", "SHA-512"),
    "rsa_signature_2048_sha256_test.json": ("{name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256'}", "SHA-256"),
    "rsa_pss_2048_sha256_mgf1_32_test.json": ("{name: 'RSA-PSS', hash: 'SHA-256'}", "SHA-256"),
    "ed25519_test.json": ("'Ed25519'", ""),
}


@pytest.mark.parametrize("name", PROOFS)
def test_signatures_in_web_crypto(evaluate: Evaluate, name: str) -> None:
    algorithm, digest = PROOFS[name]
    cases = flat(name, "publicKeyDer")
    judge = f"""
    const key = await subtle.importKey('spki', hex(t.publicKeyDer), {algorithm}, true, ['verify'])
    const how = {{ name: key.algorithm.name, hash: '{digest}' || undefined, saltLength: 32 }}
    return (await subtle.verify(how, key, hex(t.sig), hex(t.msg))) ? 'valid' : 'invalid'
    """
    for case, said in zip(cases, verdicts(evaluate, judge, cases), strict=True):
        assert said == case["result"] or case["result"] == "acceptable", case


def test_aes_key_wrap(evaluate: Evaluate) -> None:
    cases = flat("aes_wrap_test.json")
    judge = """
    const wrapping = await subtle.importKey('raw', hex(t.key), 'AES-KW', false, ['wrapKey', 'unwrapKey'])
    const hmac = { name: 'HMAC', hash: 'SHA-1' }
    const key = await subtle.unwrapKey('raw', hex(t.ct), wrapping, 'AES-KW', hmac, true, ['sign'])
    const opened = Buffer.from(await subtle.exportKey('raw', key)).toString('hex')
    const sealed = Buffer.from(await subtle.wrapKey('raw', key, wrapping, 'AES-KW')).toString('hex')
    return opened === t.msg && sealed === t.ct ? 'valid' : 'differs'
    """
    for case, said in zip(cases, verdicts(evaluate, judge, cases), strict=True):
        # One block of eight bytes, or none, is not for this way of wrapping (RFC 3394, 2).
        is_long = len(case["msg"]) >= 32
        if case["result"] != "acceptable":
            assert (said == "valid") == (case["result"] == "valid" and is_long), (case, said)
        assert said == "valid" or said.startswith("OperationError"), (case, said)
