"""`crypto` against Project Wycheproof."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.guest.wycheproof import groups

if TYPE_CHECKING:
    from tests.guest.evaluate import Evaluate

FUEL = 20_000_000_000


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
