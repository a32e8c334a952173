"""Signatures of JSON Web Tokens by the `cryptography` package, and keys for them."""

from __future__ import annotations

import base64

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)

CURVES = {"256": ec.SECP256R1(), "384": ec.SECP384R1(), "512": ec.SECP521R1()}
ECDSA = {bits: ec.generate_private_key(curve) for bits, curve in CURVES.items()}
HASHES: dict[str, hashes.HashAlgorithm] = {
    "256": hashes.SHA256(),
    "384": hashes.SHA384(),
    "512": hashes.SHA512(),
}


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
