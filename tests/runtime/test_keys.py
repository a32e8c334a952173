"""The host's half of asymmetric cryptography: whatever a guest asks, it answers at once and never raises."""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives import padding, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate_runtime import abi, keyforms, keys, keys_rsa
from headgate_runtime.keys import COST, Keys
from headgate_runtime.sandbox import DATA_BYTES_MAX, REQUEST_BYTES_MAX

PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER
PKCS8 = serialization.PrivateFormat.PKCS8
PLAIN = serialization.NoEncryption()

QUICK_SECONDS = 0.5
"""Of the processor. What is refused here would take many times longer."""

OPERATIONS = [
    "read",
    "write",
    "make",
    "collect",
    "power",
    "sign",
    "verify",
    "encrypt",
    "decrypt",
    "agree",
]


def ask(data: bytes = b"", **request: Any) -> tuple[int, abi.KeysFlag, bytes]:
    """Cost, flags and content of the answer."""
    answered = Keys()(orjson.dumps(request), data)
    assert answered is not None
    cost, flags = abi.KEYS.unpack_from(answered)
    return cost, abi.KeysFlag(flags), answered[abi.KEYS.size :]


def refusal(data: bytes = b"", **request: Any) -> dict[str, str]:
    started = time.process_time()
    _, flags, content = ask(data, **request)
    assert time.process_time() - started < QUICK_SECONDS
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
    "modulusLength",
    "publicExponent",
    "ticket",
    "insists",
    "base",
    "exponent",
    "modulus",
    "bits",
    "before",
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
    started = time.process_time()
    ask(**read(bytes(content), "der", "private", b"pw"))

    assert time.process_time() - started < QUICK_SECONDS


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


def collected(service: Keys, ticket: str, *, insists: bool = True) -> tuple[dict[str, Any], int]:
    """The key for *ticket*, and how often one had to ask."""
    request = orjson.dumps({"op": "collect", "ticket": ticket, "insists": insists})
    for times in range(1, 100_000):
        answered = service(request, b"")
        assert answered is not None
        said: dict[str, Any] = orjson.loads(answered[abi.KEYS.size :])
        if said.get("der", "") is not None:
            return said, times
    raise AssertionError("the key is never made")


def ordered(service: Keys, bits: int = 1024, exponent: int = 65537) -> dict[str, Any]:
    request = {"op": "make", "type": "rsa", "modulusLength": bits, "publicExponent": exponent}
    answered = service(orjson.dumps(request), b"")
    assert answered is not None
    said: dict[str, Any] = orjson.loads(answered[abi.KEYS.size :])
    return said


@pytest.mark.parametrize("exponent", keys_rsa.EXPONENTS)
def test_an_rsa_key_is_made_while_one_asks_for_it(exponent: int) -> None:
    service = Keys()
    ticket = ordered(service, exponent=exponent)["ticket"]
    made, _ = collected(service, ticket)

    assert made["details"] == {"modulusLength": 1024, "publicExponent": exponent}
    assert collected(service, ticket)[0]["message"] == "too many RSA keys are being made at once"


def test_nobody_waits_long_for_an_rsa_key() -> None:
    service = Keys()
    ticket = ordered(service, 4096)["ticket"]
    started = time.monotonic()
    _, times = collected(service, ticket)
    seconds = time.monotonic() - started

    assert seconds / times < 10 * keys.PATIENCE_SECONDS


def test_what_an_rsa_key_costs_is_charged_before_it_is_made() -> None:
    costs = [
        ask(op="make", type="rsa", modulusLength=bits, publicExponent=3)[0] for bits in (1024, 2048, 4096)
    ]

    assert costs[0] > 30_000
    assert costs[1] > 15 * (costs[0] - COST)
    assert costs[2] > 15 * (costs[1] - COST)
    cost, flags, _ = ask(op="collect", ticket="", insists=True)
    assert cost == COST + keys.COST_PATIENCE
    assert flags == abi.KeysFlag.RANDOM | abi.KeysFlag.ERROR


def test_tickets_and_threads_are_bounded() -> None:
    service = Keys()
    begun = ordered(service, 2048)["ticket"]
    service(orjson.dumps({"op": "collect", "ticket": begun, "insists": False}), b"")
    tickets = [ordered(service)["ticket"] for _ in range(keys_rsa.ORDERS_MAX)]
    assert "too many" in collected(service, tickets[0])[0]["message"]
    assert collected(service, begun)[0]["details"]["modulusLength"] == 2048

    for ticket in tickets[-20:]:
        service(orjson.dumps({"op": "collect", "ticket": ticket, "insists": False}), b"")
        making = [each for each in threading.enumerate() if each.name == "headgate-rsa"]
        assert len(making) <= keys_rsa.THREADS_MAX
    assert collected(service, tickets[-1])[0]["kind"] == "private"
    for each in threading.enumerate():
        if each.name == "headgate-rsa":
            each.join()


@pytest.mark.parametrize(
    ("bits", "exponent"),
    [(1023, 65537), (4097, 65537), (0, 3), (-1, 3), (1 << 40, 3), (2048, 4), (2048, 1), (2048, 1 << 40)],
)
def test_other_rsa_keys_are_not_made(bits: int, exponent: int) -> None:
    request: dict[str, Any] = {"op": "make", "type": "rsa", "modulusLength": bits, "publicExponent": exponent}

    assert refusal(**request)["code"] == "ERR_OUT_OF_RANGE"


def number(value: int) -> str:
    return base64.b64encode(value.to_bytes((value.bit_length() + 7) // 8, "big")).decode()


def power(base: int, exponent: int, modulus: int, bits: int, before: int | None = None) -> dict[str, Any]:
    request: dict[str, Any] = {"op": "power", "bits": bits}
    request |= {"base": number(base), "exponent": number(exponent), "modulus": number(modulus)}
    return request | ({} if before is None else {"before": number(before)})


@given(st.integers(0, 1 << 600), st.integers(0, 1 << 256), st.integers(2, 1 << 600))
def test_a_power_is_put_together_from_pieces(base: int, exponent: int, modulus: int) -> None:
    upper, lower = exponent >> 128, exponent & ((1 << 128) - 1)
    _, _, first = ask(**power(base, upper, modulus, 136))
    _, _, second = ask(**power(base, lower, modulus, 128, int.from_bytes(first, "big")))

    assert int.from_bytes(second, "big") == pow(base, exponent, modulus)


@pytest.mark.parametrize(
    ("request_", "fits"),
    [
        (power(2, (1 << 1024) - 1, (1 << 2048) - 1, 1024), True),
        (power(2, (1 << 1024) - 1, (1 << 2048) - 1, 1025), False),
        (power(2, (1 << 64) - 1, (1 << 8192) - 1, 64), True),
        (power(2, (1 << 64) - 1, (1 << 8192) - 1, 65), False),
        (power(2, 1, (1 << 8193) - 1, 1), False),
        (power(1 << 8193, 1, 15, 1), False),
        (power(2, 1, 15, 1, 1 << 8193), False),
        (power(2, 1, 15, 16384), True),
        (power(2, 1, 15, 16385), False),
        (power(2, 3, 15, 1), False),
        (power(2, 0, 15, -1), False),
        (power(2, 1, 1, 1), False),
        (power(2, 1, 0, 1), False),
    ],
)
def test_a_piece_of_a_power_is_bounded(request_: dict[str, Any], fits: bool) -> None:
    started = time.process_time()
    cost, flags, _ = ask(**request_)

    assert time.process_time() - started < QUICK_SECONDS
    assert (flags == abi.KeysFlag(0)) == fits
    assert not fits or cost > COST


@pytest.mark.parametrize("curve", keyforms.CURVES)
def test_bare_keys_of_curves(curve: str) -> None:
    size = keyforms.coordinate_size(keyforms.CURVES[curve])
    bare = {"op": "read", "format": "raw", "type": "ec", "namedCurve": curve}
    one = b"\1".rjust(size, b"\0")
    _, flags, read_ = ask(one, want="private", **bare)
    assert flags == abi.KeysFlag(0)
    held = {name: orjson.loads(read_)[name] for name in ("kind", "der")}
    assert ask(op="write", key=held, format="raw")[2] == one
    for wrong in (bytes(size), b"\xff" * size, b"\xff" * 300):
        assert refusal(wrong, want="private", **bare)["code"]
    for wrong in (
        b"",
        b"\0",
        b"\4",
        b"\2" + b"\xff" * size,
        b"\4" + b"\1" * 2 * size,
        b"\6" + b"\1" * 2 * size,
    ):
        assert refusal(wrong, want="public", **bare)["code"]


@pytest.mark.parametrize("kind", keyforms.RAW)
def test_bare_keys_of_edwards_and_montgomery_curves(kind: str) -> None:
    key = keyforms.RAW[kind][0].generate()
    bare = {"op": "read", "format": "raw", "type": kind}
    for want, content in (
        ("private", key.private_bytes_raw()),
        ("public", key.public_key().public_bytes_raw()),
    ):
        _, _, read_ = ask(content, want=want, **bare)
        held = {name: orjson.loads(read_)[name] for name in ("kind", "der")}
        assert held["kind"] == want
        assert ask(op="write", key=held, format="raw")[2] == content
        assert refusal(content[1:], want=want, **bare)["code"]


def test_a_structure_that_is_named_is_the_only_one_read() -> None:
    traditional = serialization.PrivateFormat.TraditionalOpenSSL
    public = serialization.PublicFormat
    for key in (ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 1024)):
        pkcs8 = key.private_bytes(DER, PKCS8, PLAIN)
        spki = key.public_key().public_bytes(DER, public.SubjectPublicKeyInfo)
        assert ask(**read(pkcs8, "pkcs8"))[1] == abi.KeysFlag(0)
        assert ask(**read(spki, "spki", "public"))[1] == abi.KeysFlag(0)
        locked = key.private_bytes(DER, PKCS8, serialization.BestAvailableEncryption(b"pw"))
        for wrong in (spki, key.private_bytes(DER, traditional, PLAIN), locked, pkcs8[:-1], b"", b"\x30"):
            assert refusal(**read(wrong, "pkcs8"))["code"] == "ERR_OSSL_UNSUPPORTED"
        for wrong in (pkcs8, spki[:-1], b"", b"\x30"):
            assert refusal(**read(wrong, "spki", "public"))["code"] == "ERR_OSSL_UNSUPPORTED"


def test_a_hybrid_point_tells_its_parity() -> None:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    point = bytearray(keyforms.written_raw(key))
    for first in (6, 7):
        point[0] = first
        sound = first & 1 == point[-1] & 1
        bare = {"format": "raw", "type": "ec", "namedCurve": "prime256v1", "want": "public"}
        _, flags, _ = ask(bytes(point), op="read", **bare)
        assert (flags == abi.KeysFlag(0)) == sound


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
