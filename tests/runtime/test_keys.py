"""The host's half of asymmetric cryptography: whatever a guest asks, it answers at once and never raises."""

from __future__ import annotations

import base64
import hashlib
import time
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives import padding, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate_runtime import abi, keyforms
from headgate_runtime.keys import COST, Keys
from headgate_runtime.sandbox import DATA_BYTES_MAX, REQUEST_BYTES_MAX

PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER
PKCS8 = serialization.PrivateFormat.PKCS8
PLAIN = serialization.NoEncryption()

QUICK_SECONDS = 0.5
"""Generous for a busy machine; what is refused here would take many times longer."""

OPERATIONS = ["read", "write", "make", "sign", "verify", "encrypt", "decrypt", "agree"]


def ask(data: bytes = b"", **request: Any) -> tuple[int, abi.KeysFlag, bytes]:
    """Cost, flags and content of the answer."""
    answered = Keys()(orjson.dumps(request), data)
    assert answered is not None
    cost, flags = abi.KEYS.unpack_from(answered)
    return cost, abi.KeysFlag(flags), answered[abi.KEYS.size :]


def refusal(data: bytes = b"", **request: Any) -> dict[str, str]:
    started = time.monotonic()
    _, flags, content = ask(data, **request)
    assert time.monotonic() - started < QUICK_SECONDS
    assert flags & abi.KeysFlag.ERROR, content
    error: dict[str, str] = orjson.loads(content)
    return error


def read(
    data: bytes, form: str = "pem", want: str = "private", passphrase: bytes | None = None
) -> dict[str, Any]:
    return {
        "data": data,
        "op": "read",
        "format": form,
        "want": want,
        "passphrase": None if passphrase is None else base64.b64encode(passphrase).decode(),
    }


def element(tag: int, *contents: bytes) -> bytes:
    """In DER."""
    content = b"".join(contents)
    size = bytes([len(content)])
    if len(content) > 127:
        size = b"\x81" + size
    return bytes([tag]) + size + content


SEQUENCE, INTEGER, OCTETS = 0x30, 2, 4
PBES2, PBKDF2, HMAC_SHA256, AES256_CBC, SCRYPT = (
    bytes.fromhex(text)
    for text in (
        "06092a864886f70d01050d",
        "06092a864886f70d01050c",
        "06082a864886f70d0209",
        "060960864801650304012a",
        "06092b06010401da47040b",
    )
)


def sealed(derivation: bytes, key: bytes) -> bytes:
    """An Ed25519 key under *key*, which is said to come from *derivation*: EncryptedPrivateKeyInfo, DER."""
    plain = ed25519.Ed25519PrivateKey.generate().private_bytes(DER, PKCS8, PLAIN)
    padder = padding.PKCS7(128).padder()
    cipher = Cipher(algorithms.AES(key), modes.CBC(bytes(16))).encryptor()
    content = cipher.update(padder.update(plain) + padder.finalize()) + cipher.finalize()
    scheme = element(SEQUENCE, AES256_CBC, element(OCTETS, bytes(16)))
    algorithm = element(SEQUENCE, PBES2, element(SEQUENCE, derivation, scheme))
    return element(SEQUENCE, algorithm, element(OCTETS, content))


def encrypted(rounds: int) -> bytes:
    """A private key, PEM, that the password "pw" opens after *rounds* of PBKDF2."""
    number = element(INTEGER, rounds.to_bytes(rounds.bit_length() // 8 + 1, "big"))
    prf = element(SEQUENCE, HMAC_SHA256, b"\x05\0")
    derivation = element(SEQUENCE, PBKDF2, element(SEQUENCE, element(OCTETS, b"saltsalt"), number, prf))
    der = sealed(derivation, hashlib.pbkdf2_hmac("sha256", b"pw", b"saltsalt", rounds))
    label = "ENCRYPTED PRIVATE KEY"
    return f"-----BEGIN {label}-----\n{base64.encodebytes(der).decode()}-----END {label}-----\n".encode()


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)

MEMBERS = [
    "key",
    "format",
    "want",
    "type",
    "namedCurve",
    "passphrase",
    "padding",
    "digest",
    "signature",
    "privateKey",
]


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_anything_is_answered(request: bytes, data: bytes) -> None:
    assert isinstance(Keys()(request, data), bytes | None)


@settings(deadline=None)
@given(
    st.sampled_from(OPERATIONS),
    st.dictionaries(st.sampled_from(MEMBERS), json, max_size=6),
    st.binary(max_size=99),
)
def test_any_request_is_answered(operation: str, members: dict[str, Any], data: bytes) -> None:
    try:
        request = orjson.dumps({"op": operation, **members})
    except TypeError:  # an integer that JSON text of ours does not have
        return
    answered = Keys()(request, data)

    assert answered is not None
    assert abi.KEYS.size <= len(answered) <= abi.KEYS_BYTES_MAX


@given(st.binary(max_size=400))
def test_any_bytes_may_claim_to_be_a_key(data: bytes) -> None:
    for form in ("pem", "der", "jwk"):
        for want in ("public", "private"):
            _, flags, _ = ask(**read(data, form, want, b"pw"))
            assert flags & abi.KeysFlag.ERROR


@settings(deadline=None)
@given(st.data())
def test_a_damaged_key_is_read_or_refused(data: st.DataObject) -> None:
    content = bytearray(base64.b64decode(b"".join(encrypted(100).splitlines()[1:-1])))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    started = time.monotonic()
    ask(**read(bytes(content), "der", "private", b"pw"))

    assert time.monotonic() - started < QUICK_SECONDS


def test_what_is_larger_than_a_request_may_be_is_refused() -> None:
    for request, data in ((b" " * (REQUEST_BYTES_MAX + 1), b""), (b"{}", bytes(DATA_BYTES_MAX + 1))):
        answered = Keys()(request, data)
        assert answered is not None
        assert b"ERR_OUT_OF_RANGE" in answered


def test_an_unknown_operation_is_no_answer() -> None:
    assert Keys()(b'{"op":"nope"}', b"") is None


def test_rounds_that_protect_a_key_are_bounded_and_charged() -> None:
    few, _, _ = ask(**read(encrypted(1000), passphrase=b"pw"))
    more, _, content = ask(**read(encrypted(10_000), passphrase=b"pw"))

    assert orjson.loads(content)["type"] == "ed25519"
    assert more > few + 9_000
    assert "65537 rounds" in refusal(**read(encrypted(65_537), passphrase=b"pw"))["message"]


def test_rounds_cannot_be_hidden_from_the_bound() -> None:
    pem = encrypted(200_000)
    lines = pem.splitlines(keepends=True)
    der = base64.b64decode(b"".join(lines[1:-1]))
    disguises = [
        read(der, "der", passphrase=b"pw"),
        read(b"x: y\n" + pem, passphrase=b"pw"),
        read(lines[0] + b"Comment: AAAA\n\n" + b"".join(lines[1:]), passphrase=b"pw"),
        read(encrypted(1)[:60] + pem, passphrase=b"pw"),
        read(pem.replace(b"ENCRYPTED ", b""), passphrase=b"pw"),
        read(b"\x30\x80" + der[4:] + b"\0\0", "der", passphrase=b"pw"),
    ]
    for disguise in disguises:
        refusal(**disguise)


def test_scrypt_is_bounded_by_its_product() -> None:
    numbers = [element(INTEGER, content) for content in (b"\1\0\0\0", b"\x08", b"\x01")]
    derivation = element(SEQUENCE, SCRYPT, element(SEQUENCE, element(OCTETS, b"salt"), *numbers))
    der = sealed(derivation, bytes(32))

    assert "scrypt" in refusal(**read(der, "der", passphrase=b"pw"))["message"]


@pytest.fixture(scope="module")
def numbers() -> rsa.RSAPrivateNumbers:
    return rsa.generate_private_key(65537, 1024).private_numbers()


@pytest.mark.parametrize("damage", ["d", "p", "dmp1", "iqmp", "n", "e"])
def test_an_unsound_rsa_key_is_refused(numbers: rsa.RSAPrivateNumbers, damage: str) -> None:
    parts = {name: getattr(numbers, name) for name in ("p", "q", "d", "dmp1", "dmq1", "iqmp")}
    public = {"n": numbers.public_numbers.n, "e": numbers.public_numbers.e}
    for group in (parts, public):
        if damage in group:
            group[damage] += 2
    jwk = {"n": public["n"], "e": public["e"], "d": parts["d"], "p": parts["p"], "q": parts["q"]}
    jwk |= {"dp": parts["dmp1"], "dq": parts["dmq1"], "qi": parts["iqmp"]}
    texts = {name: keyforms._to_text(number) for name, number in jwk.items()}

    assert refusal(**read(orjson.dumps({"kty": "RSA", **texts}), "jwk"))["code"].startswith("ERR_")


def test_sizes_are_bounded() -> None:
    n, e = (1 << 8199) + 1, 65537
    public = (
        rsa.RSAPublicNumbers(e, n)
        .public_key()
        .public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    slow = rsa.RSAPublicNumbers((1 << 64) + 1, (1 << 2047) + 1).public_key()
    exponent = slow.public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    assert "8192 bits" in refusal(**read(public, want="public"))["message"]
    assert refusal(**read(exponent, want="public"))["code"] == "ERR_OSSL_UNSUPPORTED"
    assert "16384 bytes" in refusal(**read(b"x" * 20_000))["message"]


@pytest.mark.parametrize(
    "key", [dsa.generate_private_key(1024), ec.generate_private_key(ec.BrainpoolP256R1())]
)
def test_other_kinds_of_keys_are_unsupported(key: dsa.DSAPrivateKey | ec.EllipticCurvePrivateKey) -> None:
    text = key.private_bytes(PEM, PKCS8, PLAIN)

    assert refusal(**read(text))["code"] == "ERR_OSSL_UNSUPPORTED"


def test_rsa_keys_are_not_made() -> None:
    assert refusal(op="make", type="rsa", modulusLength=2048)["code"] == "ERR_FEATURE_UNAVAILABLE_ON_PLATFORM"


def test_chance_is_told() -> None:
    _, makes, made = ask(op="make", type="ed25519")
    held = {name: orjson.loads(made)[name] for name in ("kind", "der")}
    cost, signs, _ = ask(b"data", op="sign", key=held)

    assert (makes, signs) == (abi.KeysFlag.RANDOM, abi.KeysFlag(0))
    assert cost > COST


def test_equal_requests_cost_the_same() -> None:
    service = Keys()
    request = orjson.dumps({"op": "read", "format": "pem", "want": "private", "passphrase": None})
    pem = ec.generate_private_key(ec.SECP384R1()).private_bytes(PEM, PKCS8, PLAIN)

    assert service(request, pem) == service(request, pem)
