"""`jsonwebtoken`, held to Python's HMAC."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import pytest

from tests.libraries.shelf import value


def part(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


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
