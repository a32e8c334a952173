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
    """What *judge*, the body of a function of a case with bytes in hex, says of each: "valid", "invalid", or why."""
    code = f"""
    const hex = (text) => Buffer.from(text, 'hex')
    const judge = (t) => {{ {judge} }}
    return {json.dumps(cases)}.map((t) => {{ try {{ return judge(t) }} catch (error) {{ return String(error) }} }})
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
