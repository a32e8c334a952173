"""
The host side of `crypto` with asymmetric keys: reading, writing and generating keys, signatures, RSA
encryption and key agreement. A request is JSON with its data as separate bytes, and is answered
synchronously.

No request blocks the process for more than some tens of milliseconds: keys and data are bounded, and RSA keys
are generated on a thread (`keys_rsa.py`). The fuel of an operation is computed from the request, not
measured, so equal work costs the same. Only the number of times that a guest must ask for an RSA key in
progress is not deterministic.
"""

from __future__ import annotations

import base64
import hashlib
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

import orjson
from cryptography.exceptions import InternalError, InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa, utils, x448, x25519

from headgate_runtime import abi, keyforms, keys_rsa
from headgate_runtime.keyforms import Refused, openssl, out_of_range
from headgate_runtime.sandbox import DATA_BYTES_MAX, REQUEST_BYTES_MAX

if TYPE_CHECKING:
    from collections.abc import Callable

KEYS_KEPT: Final = 64
"""Parsed keys that are cached by the digest of their source: parsing a key costs more than a signature."""

PKCS1, NO_PADDING, OAEP, PSS = 1, 3, 4, 6
"""crypto.constants.RSA_*"""

SALT_DIGEST, SALT_MAX = -1, -2
"""crypto.constants.RSA_PSS_SALTLEN_*"""

DIGESTS: Final[dict[str, Callable[[], hashes.HashAlgorithm]]] = {
    "md5": hashes.MD5,
    "sha1": hashes.SHA1,
    "sha224": hashes.SHA224,
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
    "sha512-224": hashes.SHA512_224,
    "sha512-256": hashes.SHA512_256,
    "sha3-224": hashes.SHA3_224,
    "sha3-256": hashes.SHA3_256,
    "sha3-384": hashes.SHA3_384,
    "sha3-512": hashes.SHA3_512,
}

# Costs are in thousands of units of fuel; 10,000 correspond to about 1 ms of host time (guest/ABI.md, keys).

COST: Final = 500
"""Base cost of every request."""

COST_CURVE: Final = {
    "prime256v1": 1_000,
    "secp224r1": 1_500,
    "secp384r1": 15_000,
    "secp521r1": 15_000,
    "secp256k1": 13_000,
    "prime192v1": 10_000,
    "ed25519": 1_000,
    "x25519": 1_000,
    "ed448": 4_000,
    "x448": 4_000,
}
"""Cost of one operation with a key of this curve, and of reading or generating one."""

COST_RSA_PRIVATE: Final = 10_000
"""Cost of one operation with a 2048-bit private key; proportional to the cube of the size."""

COST_RSA_PUBLIC: Final = 300
"""Cost of one operation with a 2048-bit public key; proportional to the square of the size."""

COST_RSA_MADE: Final = 600_000
"""Cost of generating a 2048-bit RSA key, charged in advance; proportional to the fourth power of the size."""

PATIENCE_SECONDS: Final = 0.002
COST_PATIENCE: Final = 8_000
"""Cost of blocking the process for PATIENCE_SECONDS: high enough that everyone else has a turn next."""

POWER_BITS_MAX: Final = 8192
"""Largest modulus and largest exponent of `power`."""

POWER_BITS_MIN: Final = 512
"""Smaller moduli cost as much as one of this size."""

POWER_WORK_MAX: Final = 2048**3 // 2
"""Bits of the exponent times squared bits of the modulus, about 15 ms. Longer exponents come in pieces."""

COST_POWER: Final = 250_000
"""Cost of a 2048-bit exponent with a 2048-bit modulus; linear in the exponent, quadratic in the modulus."""

COST_MEGABYTE: Final = 100_000
"""Cost per MiB of data that Ed25519 or Ed448 signs or verifies as a whole."""

COST_ROUNDS: Final = 6
"""Cost of one round of the key derivation that protects an encrypted private key."""


class Keys:
    """
    Answers the requests of all sandboxes of a process. A call returns the bytes for the import `keys`, or
    None for an unknown operation.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[bytes, Any] = OrderedDict()
        self._maker = keys_rsa.Maker()

    def __call__(self, request: bytes, data: bytes) -> bytes | None:
        if len(request) > REQUEST_BYTES_MAX or len(data) > DATA_BYTES_MAX:
            return _answered(
                _Work(), out_of_range(f"more than {DATA_BYTES_MAX} bytes cannot be worked on at once")
            )
        work = _Work()
        try:
            asked = _Asked(orjson.loads(request))
            operation = _OPERATIONS.get(asked.text("op"))
            return None if operation is None else _answered(work, operation(self, asked, data, work))
        except Refused as refused:
            return _answered(work, refused)
        except (
            ValueError,
            TypeError,
            ArithmeticError,
            LookupError,
            UnsupportedAlgorithm,
            InternalError,
        ) as error:
            return _answered(work, Refused("ERR_CRYPTO_OPERATION_FAILED", str(error)))

    def _held(self, asked: _Asked, name: str, work: _Work) -> Any:
        """The key object for what the guest holds: {"kind": "private" | "public", "der": base64}."""
        held = _Asked(asked.value(name, dict))
        kind, der = held.text("kind"), held.data("der")
        return self._once(f"held {kind} ".encode() + der, lambda: keyforms.read(der, "der", kind, None), work)

    def _once(self, source: bytes, read: Callable[[], Any], work: _Work) -> Any:
        """The key that *read* makes, from the cache if *source* was read before."""
        name = hashlib.sha256(source).digest()
        with self._lock:
            key = self._kept.get(name)
            if key is not None:
                self._kept.move_to_end(name)
        if key is None:
            key = read()
            with self._lock:
                self._kept[name] = key
                while len(self._kept) > KEYS_KEPT:
                    self._kept.popitem(last=False)
        # A hit depends on everything else in the process, so it costs as much as a miss.
        kind = keyforms.kind_of(key)
        if kind != "rsa":
            work.cost += COST_CURVE[keyforms.CURVE_NAMES[key.curve.name] if kind == "ec" else kind]
        return key

    def read(self, asked: _Asked, data: bytes, work: _Work) -> bytes:
        form, want = asked.text("format"), asked.text("want")
        if form == "raw":
            kind, curve = asked.text("type"), asked.optional_text("namedCurve")
            source = b" ".join((b"raw", kind.encode(), str(curve).encode(), want.encode(), data))
            key = self._once(source, lambda: keyforms.read_raw(data, kind, curve, want), work)
            return keyforms.describe(key)
        password = asked.optional_data("passphrase")
        if password is not None and form != "jwk":
            work.cost += keyforms.rounds(data, form) * COST_ROUNDS
        source = b" ".join((b"read", form.encode(), want.encode(), repr(password).encode(), data))
        return keyforms.describe(self._once(source, lambda: keyforms.read(data, form, want, password), work))

    def write(self, asked: _Asked, _data: bytes, work: _Work) -> bytes:
        key, form = self._held(asked, "key", work), asked.text("format")
        if form == "jwk":
            return orjson.dumps(keyforms.jwk_of(key))
        if form == "raw":
            return keyforms.written_raw(key)
        password = asked.optional_data("passphrase")
        if password is not None:
            work.is_random = True
            work.cost += 2048 * COST_ROUNDS
        return keyforms.written(key, form, asked.text("type"), password)

    def make(self, asked: _Asked, _data: bytes, work: _Work) -> bytes:
        work.is_random = True
        kind = asked.text("type")
        if kind == "rsa":
            bits, exponent = asked.value("modulusLength", int), asked.value("publicExponent", int)
            ticket = self._maker.order(bits, exponent)
            work.cost += COST_RSA_MADE * bits**4 // 2048**4
            return orjson.dumps({"ticket": ticket})
        if kind == "ec":
            name = asked.text("namedCurve")
            curve = keyforms.CURVES.get(name)
            if curve is None:
                raise Refused("ERR_CRYPTO_INVALID_CURVE", "Invalid EC curve name", "TypeError")
            work.cost += COST_CURVE[name]
            return keyforms.describe(ec.generate_private_key(curve))
        work.cost += COST_CURVE[kind]
        return keyforms.describe(keyforms.RAW[kind][0].generate())

    def collect(self, asked: _Asked, _data: bytes, work: _Work) -> bytes:
        """
        The RSA key of a ticket, or the ticket again until it is ready. With "insists" the call waits, at a
        cost.
        """
        work.is_random = True
        ticket, insists = asked.text("ticket"), asked.value("insists", bool)
        if insists:
            work.cost += COST_PATIENCE
        key = self._maker.collect(ticket, PATIENCE_SECONDS if insists else 0)
        return orjson.dumps({"ticket": ticket, "der": None}) if key is None else keyforms.describe(key)

    # ---- work

    def power(self, asked: _Asked, _data: bytes, work: _Work) -> bytes:
        """
        One step of a modular exponentiation that takes the exponent in pieces of "bits" bits, highest first:
        "before" (the result of the previous step, if any) to the power of 2 ** bits, times base ** exponent.
        The result is as long as the modulus.
        """
        base, exponent, modulus = (asked.big(name) for name in ("base", "exponent", "modulus"))
        bits, size = asked.number("bits"), modulus.bit_length()
        if (
            modulus < 2
            or not exponent.bit_length() <= bits
            or bits * max(size, POWER_BITS_MIN) ** 2 > POWER_WORK_MAX
        ):
            raise out_of_range("the exponent is too long for one piece")
        cost = COST_POWER * bits * max(size, POWER_BITS_MIN) ** 2 // 2048**3
        work.cost += cost
        result = pow(base, exponent, modulus)
        if asked.has("before"):
            work.cost += cost
            result = result * pow(asked.big("before"), 1 << bits, modulus) % modulus
        return result.to_bytes((size + 7) // 8, "big")

    def sign(self, asked: _Asked, data: bytes, work: _Work) -> bytes:
        key = self._held(asked, "key", work)
        if isinstance(key, (ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey)):
            work.count_bytes(data)
            return key.sign(data)
        if isinstance(key, ec.EllipticCurvePrivateKey):
            work.is_random = True
            work.count_curve(key)
            signature = key.sign(data, ec.ECDSA(utils.Prehashed(_digest(asked))))
            return _der_to_pair(signature, key.curve) if _is_pair(asked) else signature
        if not isinstance(key, rsa.RSAPrivateKey):
            raise _wrong_key()
        work.is_random = asked.number("padding") == PSS
        work.count_private(key)
        return key.sign(data, _signature_padding(asked, signs=True), utils.Prehashed(_digest(asked)))

    def verify(self, asked: _Asked, data: bytes, work: _Work) -> bytes:
        key = _public(self._held(asked, "key", work))
        signature = asked.data("signature")
        try:
            if isinstance(key, (ed25519.Ed25519PublicKey, ed448.Ed448PublicKey)):
                work.count_bytes(data)
                key.verify(signature, data)
            elif isinstance(key, ec.EllipticCurvePublicKey):
                work.count_curve(key)
                if _is_pair(asked):
                    signature = _pair_to_der(signature, key.curve)
                key.verify(signature, data, ec.ECDSA(utils.Prehashed(_digest(asked))))
            elif isinstance(key, rsa.RSAPublicKey):
                work.count_public(key)
                padded = _signature_padding(asked, signs=False)
                key.verify(signature, data, padded, utils.Prehashed(_digest(asked)))
            else:
                raise _wrong_key()
        except (InvalidSignature, ValueError):
            return b"\0"
        return b"\1"

    def encrypt(self, asked: _Asked, data: bytes, work: _Work) -> bytes:
        key = self._held(asked, "key", work)
        if asked.value("private", bool):  # privateEncrypt: a signature without a digest's identifier
            if not isinstance(key, rsa.RSAPrivateKey):
                raise _wrong_key()
            work.count_private(key)
            return _sized(lambda: key.sign(data, padding.PKCS1v15(), utils.NoDigestInfo()))
        key = _public(key)
        if not isinstance(key, rsa.RSAPublicKey):
            raise _wrong_key()
        work.count_public(key)
        if asked.number("padding") == NO_PADDING:
            return _encrypt_unpadded(key, data)
        work.is_random = True
        return _sized(lambda: key.encrypt(data, _encryption_padding(asked)))

    def decrypt(self, asked: _Asked, data: bytes, work: _Work) -> bytes:
        key = self._held(asked, "key", work)
        if asked.value("public", bool):  # publicDecrypt
            key = _public(key)
            if not isinstance(key, rsa.RSAPublicKey):
                raise _wrong_key()
            work.count_public(key)
            try:
                return key.recover_data_from_signature(data, padding.PKCS1v15(), None)
            except (InvalidSignature, ValueError) as error:
                raise openssl("0200006A", "rsa routines", "block type is not 01") from error
        if not isinstance(key, rsa.RSAPrivateKey):
            raise _wrong_key()
        work.count_private(key)
        try:
            return key.decrypt(data, _encryption_padding(asked))
        except ValueError as error:
            raise openssl("02000079", "rsa routines", "oaep decoding error") from error

    def agree(self, asked: _Asked, _data: bytes, work: _Work) -> bytes:
        private = self._held(asked, "privateKey", work)
        public = _public(self._held(asked, "publicKey", work))
        if isinstance(private, ec.EllipticCurvePrivateKey) and isinstance(public, ec.EllipticCurvePublicKey):
            if private.curve.name != public.curve.name:
                raise openssl("1C8000CB", "Provider routines", "mismatching domain parameters")
            work.count_curve(private)
            return private.exchange(ec.ECDH(), public)
        if isinstance(private, (x25519.X25519PrivateKey, x448.X448PrivateKey)):
            return bytes(private.exchange(public))
        raise _wrong_key()


_OPERATIONS: Final[dict[str, Callable[[Keys, _Asked, bytes, _Work], bytes]]] = {
    "read": Keys.read,
    "write": Keys.write,
    "make": Keys.make,
    "collect": Keys.collect,
    "power": Keys.power,
    "sign": Keys.sign,
    "verify": Keys.verify,
    "encrypt": Keys.encrypt,
    "decrypt": Keys.decrypt,
    "agree": Keys.agree,
}

answer: Final = Keys()
"""The instance that all sandboxes of the process share."""


class _Work:
    """The cost of a request in thousands of units of fuel, and whether its answer is random."""

    def __init__(self) -> None:
        self.cost = COST
        self.is_random = False

    def count_private(self, key: rsa.RSAPrivateKey) -> None:
        self.cost += COST_RSA_PRIVATE * key.key_size**3 // 2048**3

    def count_public(self, key: rsa.RSAPublicKey) -> None:
        self.cost += COST_RSA_PUBLIC * key.key_size**2 // 2048**2

    def count_curve(self, key: ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey) -> None:
        self.cost += COST_CURVE[keyforms.CURVE_NAMES[key.curve.name]]

    def count_bytes(self, data: bytes) -> None:
        self.cost += COST_MEGABYTE * len(data) >> 20


class _Asked:
    """
    A request from the guest, which is not trusted. Accessors raise TypeError or ValueError for a member of a
    wrong type or value.
    """

    def __init__(self, members: object) -> None:
        if not isinstance(members, dict):
            raise TypeError("not a request")
        self._members = members

    def value(self, name: str, kind: type) -> Any:
        value = self._members.get(name)
        if type(value) is not kind:
            raise TypeError(f"{name} is malformed")
        return value

    def text(self, name: str) -> str:
        return str(self.value(name, str))

    def number(self, name: str) -> int:
        value: int = self.value(name, int)
        if not -(1 << 31) <= value < 1 << 31:
            raise ValueError(f"{name} is malformed")
        return value

    def data(self, name: str) -> bytes:
        return base64.b64decode(self.text(name), validate=True)

    def big(self, name: str) -> int:
        """A number for `power`, as big-endian bytes."""
        content = self.data(name)
        if len(content) > POWER_BITS_MAX // 8:
            raise out_of_range(f"numbers of more than {POWER_BITS_MAX} bits are not worked with")
        return int.from_bytes(content, "big")

    def has(self, name: str) -> bool:
        return self._members.get(name) is not None

    def optional_text(self, name: str) -> str | None:
        return self.text(name) if self.has(name) else None

    def optional_data(self, name: str) -> bytes | None:
        return self.data(name) if self.has(name) else None


def _answered(work: _Work, said: bytes | Refused) -> bytes:
    flags = abi.KeysFlag.RANDOM if work.is_random else abi.KeysFlag(0)
    if isinstance(said, Refused):
        return abi.KEYS.pack(work.cost, flags | abi.KeysFlag.ERROR) + orjson.dumps(said.detail)
    return abi.KEYS.pack(work.cost, flags) + said


def _wrong_key() -> Refused:
    reason = "operation not supported for this keytype"
    return openssl("03000096", "digital envelope routines", reason)


def _public(key: Any) -> Any:
    return key.public_key() if hasattr(key, "public_key") else key


def _sized(run: Callable[[], bytes]) -> bytes:
    try:
        return run()
    except ValueError as error:
        raise openssl("0200006E", "rsa routines", "data too large for key size") from error


def _digest(asked: _Asked) -> hashes.HashAlgorithm:
    made = DIGESTS.get(asked.text("digest"))
    if made is None:
        raise openssl("1C8000AE", "Provider routines", "digest not allowed")
    return made()


def _signature_padding(asked: _Asked, *, signs: bool) -> padding.AsymmetricPadding:
    if asked.number("padding") != PSS:
        return padding.PKCS1v15()
    salt: Any = asked.number("saltLength")
    if salt == SALT_DIGEST:
        salt = padding.PSS.DIGEST_LENGTH
    elif salt == SALT_MAX:
        salt = padding.PSS.MAX_LENGTH if signs else padding.PSS.AUTO
    return padding.PSS(padding.MGF1(_digest(asked)), salt)


def _encryption_padding(asked: _Asked) -> padding.AsymmetricPadding:
    if asked.number("padding") == PKCS1:
        return padding.PKCS1v15()
    digest = DIGESTS.get(asked.text("oaepHash"))
    if digest is None:
        raise Refused("ERR_OSSL_EVP_INVALID_DIGEST", "Invalid digest used")
    return padding.OAEP(padding.MGF1(digest()), digest(), asked.optional_data("oaepLabel"))


def _encrypt_unpadded(key: rsa.RSAPublicKey, data: bytes) -> bytes:
    numbers, size = key.public_numbers(), key.key_size // 8
    if len(data) < size:
        raise openssl("0200007A", "rsa routines", "data too small for key size")
    value = int.from_bytes(data[: size + 1], "big")
    if len(data) > size or value >= numbers.n:
        raise openssl("02000084", "rsa routines", "data too large for modulus")
    return pow(value, numbers.e, numbers.n).to_bytes(size, "big")


def _is_pair(asked: _Asked) -> bool:
    return asked.text("dsaEncoding") == "ieee-p1363"


def _der_to_pair(signature: bytes, curve: ec.EllipticCurve) -> bytes:
    size = keyforms.coordinate_size(curve)
    r, s = utils.decode_dss_signature(signature)
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def _pair_to_der(signature: bytes, curve: ec.EllipticCurve) -> bytes:
    size = keyforms.coordinate_size(curve)
    if len(signature) != 2 * size:
        raise ValueError("a signature of another size")
    r, s = signature[:size], signature[size:]
    return utils.encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
