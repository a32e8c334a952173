"""`jsonwebtoken`, held to Python's HMAC and, where keys come in pairs, to the `cryptography` package."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import pytest
from cryptography.exceptions import InvalidSignature

from tests.libraries.harness import value
from tests.libraries.jwt import HASHES, Pair, part, plain

PAIRED = [f"{family}{bits}" for family in ("RS", "PS", "ES") for bits in HASHES]


@pytest.mark.parametrize(
    ("algorithm", "digest"), [("HS256", "sha256"), ("HS384", "sha384"), ("HS512", "sha512")]
)
def test_it_signs(algorithm: str, digest: str) -> None:
    token = value(
        f"return jsonwebtoken.sign({{ a: 1, iat: 7 }}, 'key', {{ algorithm: '{algorithm}', expiresIn: '1h' }})"
    )
    header, payload, signature = token.split(".")

    assert json.loads(part(header)) == {"alg": algorithm, "typ": "JWT"}
    assert json.loads(part(payload)) == {"a": 1, "iat": 7, "exp": 3607}
    assert part(signature) == hmac.digest(b"key", f"{header}.{payload}".encode(), digest)


def test_it_verifies() -> None:
    code = """
        const { sign, verify, decode } = jsonwebtoken
        const token = sign({ sub: 'é' }, 'key', { noTimestamp: true })
        const failure = (...values) => { try { return verify(...values) } catch (e) { return [e.name, e.message] } }
        return [
          verify(token, 'key'),
          failure(token, 'other'),
          failure(sign({ exp: 1 }, 'key'), 'key', { clockTimestamp: 5 }),
          failure('nonsense', 'key'),
          decode(token, { complete: true }).header.alg,
          await new Promise((resolve) => verify(token, 'key', (error, claims) => resolve(claims))),
        ]
        """

    assert value(code) == [
        {"sub": "é"},
        ["JsonWebTokenError", "invalid signature"],
        ["TokenExpiredError", "jwt expired"],
        ["JsonWebTokenError", "jwt malformed"],
        "HS256",
        {"sub": "é"},
    ]


def test_a_token_of_elsewhere_is_accepted() -> None:
    signed = ".".join(
        base64.urlsafe_b64encode(json.dumps(each).encode()).decode().rstrip("=")
        for each in ({"alg": "HS256"}, {"x": 2})
    )
    signature = (
        base64.urlsafe_b64encode(hmac.digest(b"k", signed.encode(), hashlib.sha256)).decode().rstrip("=")
    )

    assert value(f"return jsonwebtoken.verify('{signed}.{signature}', 'k')") == {"x": 2}


@pytest.mark.parametrize("algorithm", PAIRED)
def test_it_signs_with_a_private_key(algorithm: str) -> None:
    pair = Pair(algorithm)
    token = value(
        f"return jsonwebtoken.sign({{ a: 'é', iat: 7 }}, {json.dumps(pair.private)}, {{ algorithm: '{algorithm}' }})"
    )
    header, payload, signature = token.split(".")

    assert json.loads(part(header)) == {"alg": algorithm, "typ": "JWT"}
    assert json.loads(part(payload)) == {"a": "é", "iat": 7}
    pair.verify(part(signature), f"{header}.{payload}".encode())
    with pytest.raises(InvalidSignature):
        pair.verify(part(signature), f"{header}.{payload}x".encode())


@pytest.mark.parametrize("algorithm", PAIRED)
def test_it_verifies_with_a_public_key(algorithm: str) -> None:
    pair = Pair(algorithm)
    header = plain(json.dumps({"alg": algorithm}).encode())
    signed = f"{header}.{plain(json.dumps({'sub': 'x'}).encode())}"
    signature = plain(pair.sign(signed.encode()))
    token = f"{signed}.{signature}"
    forged = f"{header}.{plain(json.dumps({'sub': 'y'}).encode())}.{signature}"
    other = "RS512" if algorithm == "RS256" else "RS256"
    code = f"""
        const key = {json.dumps(pair.public)}
        const verify = (...values) => {{ try {{ return jsonwebtoken.verify(...values) }} catch (e) {{ return [e.name, e.message] }} }}
        return [verify('{token}', key), verify('{forged}', key), verify('{token}', key, {{ algorithms: ['{other}'] }})]
        """

    assert value(code) == [
        {"sub": "x"},
        ["JsonWebTokenError", "invalid signature"],
        ["JsonWebTokenError", "invalid algorithm"],
    ]


def test_a_public_key_is_no_secret_for_an_hmac() -> None:
    """The attack on those who let the token choose: an HMAC, its key the public key that everybody has."""
    public = Pair("RS256").public
    signed = f"{plain(json.dumps({'alg': 'HS256'}).encode())}.{plain(json.dumps({}).encode())}"
    token = f"{signed}.{plain(hmac.digest(public.encode(), signed.encode(), hashlib.sha256))}"
    code = f"try {{ jsonwebtoken.verify('{token}', {json.dumps(public)}) }} catch (e) {{ return [e.name, e.message] }}"

    assert value(code) == ["JsonWebTokenError", "invalid algorithm"]


def test_what_is_no_private_key() -> None:
    code = f"""
        const sign = (...values) => {{ try {{ return jsonwebtoken.sign({{}}, ...values) }} catch (e) {{ return e.name }} }}
        return [
          sign({json.dumps(Pair("RS256").public)}, {{ algorithm: 'RS256' }}),
          sign('no key', {{ algorithm: 'ES256' }}),
        ]
        """

    assert value(code) == ["Error", "Error"]
