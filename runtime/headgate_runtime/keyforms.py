"""
Reads and writes public and private keys as PEM, DER and JSON web keys (RFC 7517), with `cryptography`. Every
key that is returned is safe to use: its kind is known, its size bounded, and its numbers are consistent.
"""

from __future__ import annotations

import base64
import contextlib
import math
import re
from typing import TYPE_CHECKING, Any, Final

import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa, x448, x25519
from cryptography.x509 import load_pem_x509_certificate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY_BYTES_MAX: Final = 16 << 10
"""Largest key or certificate, in any form."""

RAW_BYTES_MAX: Final = 256
"""Largest raw key, more than any curve needs; its exact length is checked when it is parsed."""

RSA_PRIVATE_BITS_MAX: Final = 4096
"""Largest private RSA key; one operation takes 10 ms, during which nothing else runs."""

RSA_PUBLIC_BITS_MAX: Final = 8192
"""Largest public RSA key."""

RSA_BITS_MIN: Final = 512

EXPONENT_MAX: Final = 1 << 64
"""Bound on public exponents; with larger ones, public operations become as slow as private ones."""

ROUNDS_MAX: Final = 1 << 16
"""Most rounds of the key derivation of an encrypted private key: 40 ms."""

SCRYPT_MAX: Final = 1 << 17
"""The same bound for scrypt, as the product N*r*p: its usual parameters."""

CURVES: Final[dict[str, ec.EllipticCurve]] = {
    "prime256v1": ec.SECP256R1(),
    "secp384r1": ec.SECP384R1(),
    "secp521r1": ec.SECP521R1(),
    "secp256k1": ec.SECP256K1(),
    "secp224r1": ec.SECP224R1(),
    "prime192v1": ec.SECP192R1(),
}
CURVE_NAMES: Final = {curve.name: name for name, curve in CURVES.items()} | {
    "secp256r1": "prime256v1",
    "secp192r1": "prime192v1",
}
JWK_CURVES: Final = {
    "prime256v1": "P-256",
    "secp384r1": "P-384",
    "secp521r1": "P-521",
    "secp256k1": "secp256k1",
}

RAW: Final[dict[str, tuple[Any, Any, str]]] = {
    "ed25519": (ed25519.Ed25519PrivateKey, ed25519.Ed25519PublicKey, "Ed25519"),
    "ed448": (ed448.Ed448PrivateKey, ed448.Ed448PublicKey, "Ed448"),
    "x25519": (x25519.X25519PrivateKey, x25519.X25519PublicKey, "X25519"),
    "x448": (x448.X448PrivateKey, x448.X448PublicKey, "X448"),
}

OPENSSL_PREFIXES: Final = {
    "rsa routines": "RSA_",
    "digital envelope routines": "EVP_",
    "common libcrypto routines": "CRYPTO_",
}
"""Prefixes of Node's error codes for OpenSSL's libraries; other libraries have none."""

_ENCRYPTED: Final = re.compile(
    rb"-----BEGIN ENCRYPTED PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END ENCRYPTED PRIVATE KEY-----"
)

_INTEGER: Final = 0x02
_SEQUENCE: Final = 0x30

_HYBRID: Final = (b"\x06", b"\x07")
"""First byte of a point in hybrid form: both coordinates, with the parity of y in the first byte."""

_SCRYPT: Final = bytes.fromhex("06092b06010401da47040b")
"""scrypt's object identifier (RFC 7914), in DER."""


class Refused(Exception):
    """A refusal that the guest turns into a JavaScript error with Node's class name, code and message."""

    def __init__(self, code: str, message: str, kind: str = "Error") -> None:
        super().__init__(message)
        self.detail = {"name": kind, "code": code, "message": message}


def openssl(number: str, library: str, reason: str) -> Refused:
    prefix = OPENSSL_PREFIXES.get(library, "")
    code = f"ERR_OSSL_{prefix}{reason.upper().replace(' ', '_')}"
    refused = Refused(code, f"error:{number}:{library}::{reason}")
    refused.detail |= {"library": library, "reason": reason}
    return refused


def unsupported() -> Refused:
    return openssl("1E08010C", "DECODER routines", "unsupported")


def out_of_range(message: str) -> Refused:
    return Refused("ERR_OUT_OF_RANGE", message, "RangeError")


def read_raw(data: bytes, kind: str, curve: str | None, want: str) -> Any:
    """
    Parse a raw key: for the kind "ec" a point (SEC 1, 2.3.4, including hybrid form) or a private scalar of
    *curve*, else the encoding of RFC 8032 or RFC 7748.

    Raises ValueError for malformed data and Refused for an unknown kind or curve.
    """
    if len(data) > RAW_BYTES_MAX:
        raise ValueError("not a key")
    if kind != "ec":
        classes = RAW.get(kind)
        if classes is None:
            raise unsupported()
        private, public, _ = classes
        return private.from_private_bytes(data) if want == "private" else public.from_public_bytes(data)
    named = CURVES.get(curve or "")
    if named is None:
        raise Refused("ERR_CRYPTO_INVALID_CURVE", "Invalid EC curve name", "TypeError")
    if want == "private":
        return ec.derive_private_key(int.from_bytes(data, "big"), named)
    if data[:1] in _HYBRID and data[-1] & 1 == data[0] & 1:
        data = b"\x04" + data[1:]
    return ec.EllipticCurvePublicKey.from_encoded_point(named, data)


def written_raw(key: Any) -> bytes:
    """*key* in the form of `read_raw`: points uncompressed, scalars padded with zeros. Raises Refused."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.private_numbers().private_value.to_bytes(coordinate_size(key.curve), "big")
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    if kind_of(key) == "rsa":
        raise unsupported()
    return bytes(key.private_bytes_raw() if hasattr(key, "private_bytes_raw") else key.public_bytes_raw())


def read(data: bytes, form: str, want: str, password: bytes | None) -> Any:
    """
    Parse the key in *data*.

    form    "pem", "der" or "jwk"; "spki" and "pkcs8" mean DER of exactly that structure, with either half of
            a key
    want    "private", or "public", for which a private key gives its public half

    Raises Refused.
    """
    if len(data) > KEY_BYTES_MAX:
        raise out_of_range(f"keys of more than {KEY_BYTES_MAX} bytes are not read")
    if form == "jwk":
        return _of_jwk(orjson.loads(data), want)
    if form in ("spki", "pkcs8"):
        return _bare(data, form)
    private = _private(data, form, password)
    if private is not None:
        return private.public_key() if want == "public" else private
    if want == "private":
        raise unsupported()
    with contextlib.suppress(ValueError, UnsupportedAlgorithm):
        if form == "der":
            return checked(serialization.load_der_public_key(data))
        if b"BEGIN CERTIFICATE" in data:
            return checked(load_pem_x509_certificate(data).public_key())
        return checked(serialization.load_pem_public_key(data))
    raise unsupported()


def _bare(data: bytes, form: str) -> Any:
    try:
        if form == "spki":
            return checked(serialization.load_der_public_key(data))
        # SEC 1 and PKCS #1 have no algorithm after the version, and encrypted keys have no version.
        _, version, _ = _element(data, 0)
        tag, _, end = _element(data, version)
        if tag == _INTEGER and data[end] == _SEQUENCE:
            return checked(
                serialization.load_der_private_key(data, None, unsafe_skip_rsa_key_validation=True)
            )
    except (ValueError, TypeError, IndexError, UnsupportedAlgorithm):
        pass
    raise unsupported()


def _private(data: bytes, form: str, password: bytes | None) -> Any:
    """The private key in *data*, or None if there is none."""
    load: Callable[..., Any] = serialization.load_pem_private_key
    try:
        der = opened(data, form)
        if form == "der" or der is not data:
            load = serialization.load_der_private_key
            if password is not None:
                rounds_of(der)
        # The library's own validation tests whether the factors are prime, which takes 75 ms for 2048 bits
        # and 600 ms for 4096. `checked` validates the rest, so that arithmetic with the key is bounded
        # whatever its numbers are.
        return checked(load(der, password, unsafe_skip_rsa_key_validation=True))
    except TypeError as error:
        if password is not None:  # the key is not encrypted: like Node, ignore the password
            return _private(data, form, None)
        raise openssl("07880109", "common libcrypto routines", "interrupted or cancelled") from error
    except ValueError as error:
        if b"ENCRYPTED" in data and password is not None:
            raise openssl("1C800064", "Provider routines", "bad decrypt") from error
        return None
    except UnsupportedAlgorithm:
        return None


def checked(key: Any) -> Any:
    """Return *key*. Raises Refused when functions may not use a key of its kind or size."""
    if isinstance(key, rsa.RSAPrivateKey):
        if key.key_size > RSA_PRIVATE_BITS_MAX:
            raise out_of_range(f"private RSA keys of more than {RSA_PRIVATE_BITS_MAX} bits are not used")
        check_rsa(key.private_numbers())
    elif isinstance(key, rsa.RSAPublicKey):
        if key.key_size > RSA_PUBLIC_BITS_MAX:
            raise out_of_range(f"RSA keys of more than {RSA_PUBLIC_BITS_MAX} bits are not used")
        _check_rsa_public(key.public_numbers())
    elif isinstance(key, (ec.EllipticCurvePrivateKey, ec.EllipticCurvePublicKey)):
        if key.curve.name not in CURVE_NAMES:
            raise unsupported()
    elif not isinstance(
        key, tuple(kind for private, public, _ in RAW.values() for kind in (private, public))
    ):
        raise unsupported()
    return key


def _check_rsa_public(numbers: rsa.RSAPublicNumbers) -> None:
    n, e = numbers.n, numbers.e
    if n.bit_length() < RSA_BITS_MIN or not n & 1 or not e & 1 or not 3 <= e < EXPONENT_MAX:
        raise unsupported()


def check_rsa(numbers: rsa.RSAPrivateNumbers) -> None:
    """
    Refused unless the numbers belong together as RFC 8017, 3.2 says. With odd moduli and reduced exponents every
    operation is a plain modular exponentiation of a known size, prime factors or not.
    """
    _check_rsa_public(numbers.public_numbers)
    n, e = numbers.public_numbers.n, numbers.public_numbers.e
    p, q, d = numbers.p, numbers.q, numbers.d
    together = (
        min(p, q) > 2
        and p != q
        and p & q & 1
        and p * q == n
        and 1 < d < n
        and numbers.dmp1 == d % (p - 1)
        and numbers.dmq1 == d % (q - 1)
        and 0 < numbers.iqmp < p
        and numbers.iqmp * q % p == 1
        and e * d % (p - 1) == 1
        and e * d % (q - 1) == 1
    )
    if not together:
        raise unsupported()


def opened(data: bytes, form: str) -> bytes:
    """
    The DER of a PEM "ENCRYPTED PRIVATE KEY" (RFC 7468), so that the bytes whose rounds are checked are the
    ones that are read. Other *data* is returned unchanged.
    """
    if form != "pem" or b"ENCRYPTED PRIVATE KEY" not in data:
        return data
    block = _ENCRYPTED.search(data)
    if block is None:
        raise unsupported()
    return base64.b64decode(b"".join(block[1].split()), validate=True)


def rounds(data: bytes, form: str) -> int:
    """`rounds_of` for a key in "pem" or "der". Raises Refused or ValueError for malformed data."""
    der = opened(data, form)
    return rounds_of(der) if form == "der" or der is not data else 0


def rounds_of(der: bytes) -> int:
    """
    The number of key derivation rounds of *der*, an EncryptedPrivateKeyInfo (RFC 5958); 0 for another
    structure. Raises Refused when there are too many, since they set how long the key takes to read.
    """
    try:
        tag, start, end = _element(der, 0)
        inner, inside, after = _element(der, start)
        if tag != _SEQUENCE or end != len(der):
            raise unsupported()
        if inner != _SEQUENCE:
            return 0
        numbers = list(_integers(der[inside:after]))
    except IndexError:
        raise unsupported() from None
    if _SCRYPT in der[inside:after]:
        product = math.prod(numbers[:3])
        if product > SCRYPT_MAX or len(numbers) < 3:
            raise out_of_range(f"a key protected by scrypt with N*r*p = {product} is not read")
        return product // 2
    rounds = numbers[0] if numbers else 0
    if rounds > ROUNDS_MAX:
        raise out_of_range(f"a key protected by {rounds} rounds is not read, only up to {ROUNDS_MAX}")
    return rounds


def _element(der: bytes, at: int) -> tuple[int, int, int]:
    """Tag, content start and content end of the DER element at *at*. Raises IndexError if incomplete."""
    tag, size, start = der[at], der[at + 1], at + 2
    if size & 0x80:
        count = size & 0x7F
        size = int.from_bytes(der[start : start + count], "big")
        start += count
    if start + size > len(der):
        raise IndexError
    return tag, start, start + size


def _integers(der: bytes) -> Iterator[int]:
    """All integers in the DER elements of *der*, at any depth, in order."""
    pending = [(0, len(der))]
    while pending:
        at, end = pending.pop()
        if at >= end:
            continue
        tag, start, after = _element(der, at)
        pending.append((after, end))
        if tag == _INTEGER:
            yield int.from_bytes(der[start:after], "big")
        elif tag & 0x20:
            pending.append((start, after))


def describe(key: Any) -> bytes:
    """The guest's form of *key*, as JSON: kind, type, details, and the DER for its later requests."""
    private = hasattr(key, "private_bytes")
    details: dict[str, Any] = {}
    kind = kind_of(key)
    if kind == "rsa":
        public = key.public_key() if private else key
        details = {"modulusLength": key.key_size, "publicExponent": public.public_numbers().e}
    elif kind == "ec":
        details = {"namedCurve": CURVE_NAMES[key.curve.name]}
    der = serialization.Encoding.DER
    if private:
        form = key.private_bytes(der, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    else:
        form = key.public_bytes(der, serialization.PublicFormat.SubjectPublicKeyInfo)
    return orjson.dumps(
        {
            "kind": "private" if private else "public",
            "type": kind,
            "details": details,
            "der": base64.b64encode(form).decode(),
        }
    )


def kind_of(key: Any) -> str:
    """Node's asymmetricKeyType of *key*."""
    if isinstance(key, (rsa.RSAPrivateKey, rsa.RSAPublicKey)):
        return "rsa"
    if isinstance(key, (ec.EllipticCurvePrivateKey, ec.EllipticCurvePublicKey)):
        return "ec"
    return next(name for name, classes in RAW.items() if isinstance(key, classes[:2]))


def written(key: Any, form: str, kind: str, password: bytes | None) -> bytes:
    """
    *key* in the *form* "pem" or "der", with the structure *kind*: "pkcs1", "pkcs8", "sec1" or "spki". A
    private key is encrypted if *password* is given.
    """
    encoding = serialization.Encoding.PEM if form == "pem" else serialization.Encoding.DER
    if not hasattr(key, "private_bytes"):
        public = serialization.PublicFormat.SubjectPublicKeyInfo
        if kind == "pkcs1":
            public = serialization.PublicFormat.PKCS1
        return bytes(key.public_bytes(encoding, public))
    private = serialization.PrivateFormat.TraditionalOpenSSL
    if kind == "pkcs8":
        private = serialization.PrivateFormat.PKCS8
    cipher: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password is not None:
        cipher = serialization.BestAvailableEncryption(password)
    return bytes(key.private_bytes(encoding, private, cipher))


def coordinate_size(curve: ec.EllipticCurve) -> int:
    return (curve.key_size + 7) // 8


def _to_text(value: int | bytes, size: int | None = None) -> str:
    if isinstance(value, int):
        value = value.to_bytes(size or (value.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def _from_text(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _number(jwk: dict[str, Any], name: str) -> int:
    return int.from_bytes(_from_text(jwk[name]), "big")


def jwk_of(key: Any) -> dict[str, str]:
    """The JSON web key of *key*."""
    public = key.public_key() if hasattr(key, "public_key") else key
    if isinstance(public, rsa.RSAPublicKey):
        numbers = public.public_numbers()
        jwk = {"kty": "RSA", "n": _to_text(numbers.n), "e": _to_text(numbers.e)}
        if key is not public:
            secret = key.private_numbers()
            parts = {"d": secret.d, "p": secret.p, "q": secret.q}
            parts |= {"dp": secret.dmp1, "dq": secret.dmq1, "qi": secret.iqmp}
            jwk |= {name: _to_text(value) for name, value in parts.items()}
        return jwk
    if isinstance(public, ec.EllipticCurvePublicKey):
        size, point = coordinate_size(public.curve), public.public_numbers()
        curve = JWK_CURVES.get(CURVE_NAMES[public.curve.name])
        if curve is None:
            message = f"Unsupported JWK EC curve: {public.curve.name}."
            raise Refused("ERR_CRYPTO_JWK_UNSUPPORTED_CURVE", message)
        jwk = {"kty": "EC", "x": _to_text(point.x, size), "y": _to_text(point.y, size), "crv": curve}
        if key is not public:
            jwk["d"] = _to_text(key.private_numbers().private_value, size)
        return jwk
    name = RAW[kind_of(public)][2]
    secret_part = {} if key is public else {"d": _to_text(key.private_bytes_raw())}
    return {"crv": name, **secret_part, "x": _to_text(public.public_bytes_raw()), "kty": "OKP"}


def _of_jwk(jwk: Any, want: str) -> Any:
    try:
        key = checked(_private_of_jwk(jwk) if "d" in jwk else _public_of_jwk(jwk))
    except (KeyError, StopIteration, ValueError, TypeError) as error:
        raise Refused("ERR_CRYPTO_INVALID_JWK", "Invalid JWK data") from error
    if want == "private" and "d" not in jwk:
        raise Refused("ERR_CRYPTO_INVALID_JWK", "Invalid JWK data")
    return key.public_key() if want == "public" and "d" in jwk else key


def _public_of_jwk(jwk: dict[str, Any]) -> Any:
    if jwk["kty"] == "RSA":
        return _rsa_public(jwk).public_key()
    if jwk["kty"] == "EC":
        return _ec_public(jwk).public_key()
    public = next(names[1] for names in RAW.values() if names[2] == jwk["crv"])
    return public.from_public_bytes(_from_text(jwk["x"]))


def _private_of_jwk(jwk: dict[str, Any]) -> Any:
    if jwk["kty"] == "RSA":
        d, p, q, dp, dq, qi = (_number(jwk, name) for name in ("d", "p", "q", "dp", "dq", "qi"))
        numbers = rsa.RSAPrivateNumbers(p, q, d, dp, dq, qi, _rsa_public(jwk))
        if numbers.public_numbers.n.bit_length() > RSA_PRIVATE_BITS_MAX:
            raise out_of_range(f"private RSA keys of more than {RSA_PRIVATE_BITS_MAX} bits are not used")
        check_rsa(numbers)
        return numbers.private_key(unsafe_skip_rsa_key_validation=True)
    if jwk["kty"] == "EC":
        return ec.EllipticCurvePrivateNumbers(_number(jwk, "d"), _ec_public(jwk)).private_key()
    private = next(names[0] for names in RAW.values() if names[2] == jwk["crv"])
    return private.from_private_bytes(_from_text(jwk["d"]))


def _rsa_public(jwk: dict[str, Any]) -> rsa.RSAPublicNumbers:
    return rsa.RSAPublicNumbers(_number(jwk, "e"), _number(jwk, "n"))


def _ec_public(jwk: dict[str, Any]) -> ec.EllipticCurvePublicNumbers:
    name = next(name for name, shown in JWK_CURVES.items() if shown == jwk["crv"])
    return ec.EllipticCurvePublicNumbers(_number(jwk, "x"), _number(jwk, "y"), CURVES[name])
