"""`jsonwebtoken`, held to Python's HMAC and, where keys come in pairs, to the `cryptography` package."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from tests.libraries.shelf import value

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)

CURVES = {"256": ec.SECP256R1(), "384": ec.SECP384R1(), "512": ec.SECP521R1()}
ECDSA = {bits: ec.generate_private_key(curve) for bits, curve in CURVES.items()}
HASHES: dict[str, hashes.HashAlgorithm] = {
    "256": hashes.SHA256(),
    "384": hashes.SHA384(),
    "512": hashes.SHA512(),
}

PAIRED = [f"{family}{bits}" for family in ("RS", "PS", "ES") for bits in HASHES]


class Pair:
    """Keys of one algorithm, and what it makes of them in Python (RFC 7518, 3.3 to 3.5)."""

    def __init__(self, algorithm: str) -> None:
        self._family, bits = algorithm[:2], algorithm[2:]
        self._hash = HASHES[bits]
        self._curve = ECDSA[bits]
        self._size = (self._curve.key_size + 7) // 8
        key = self._curve if self._family == "ES" else RSA
        self.private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        self.public = (
            key.public_key()
            .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            .decode()
        )

    def _padding(self) -> padding.AsymmetricPadding:
        if self._family == "RS":
            return padding.PKCS1v15()
        return padding.PSS(padding.MGF1(self._hash), self._hash.digest_size)

    def sign(self, content: bytes) -> bytes:
        if self._family != "ES":
            return RSA.sign(content, self._padding(), self._hash)
        numbers = decode_dss_signature(self._curve.sign(content, ec.ECDSA(self._hash)))
        return b"".join(number.to_bytes(self._size, "big") for number in numbers)

    def verify(self, signature: bytes, content: bytes) -> None:
        """Raises InvalidSignature."""
        if self._family != "ES":
            RSA.public_key().verify(signature, content, self._padding(), self._hash)
            return
        assert len(signature) == 2 * self._size
        r, s = (int.from_bytes(half, "big") for half in (signature[: self._size], signature[self._size :]))
        self._curve.public_key().verify(encode_dss_signature(r, s), content, ec.ECDSA(self._hash))


def plain(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


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
