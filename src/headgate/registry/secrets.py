"""
Secrets at rest: sealed with AES-256-GCM under a master key that is not in the database.

A sealed value is the text `v1.KEY-ID.BASE64`, where the last part is nonce and ciphertext. Its place (table, row, field)
and the key's id are authenticated with it: moved to another place, it cannot be opened.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import stat
from typing import TYPE_CHECKING, Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from headgate.registry.errors import KeyUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from headgate_runtime import Entropy

VARIABLE: Final = "HEADGATE_MASTER_KEY"
"""Environment variable with the master key in base64, or during a rotation several, separated by commas."""

KEY_BYTES: Final = 32

_NONCE_BYTES: Final = 12
_FORMAT: Final = "v1."
_ID_CHARS: Final = 16
_CONTENT: Final = len(_FORMAT) + _ID_CHARS + len(".")


class Undecryptable(Exception):
    """The value was sealed with another key or for another place, or is damaged."""


class Place(NamedTuple):
    """The place that a sealed value is bound to: it can be opened for no other."""

    table: str
    row: str
    field: str


class Keyring:
    """
    Master keys by id, which is a digest of the key and not secret. The first one seals; the others open what was sealed
    before a rotation.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = {key_id(key): key for key in keys}
        self._ciphers = {name: AESGCM(key) for name, key in self._keys.items()}

    def __contains__(self, name: str) -> bool:
        return name in self._ciphers

    @property
    def ids(self) -> list[str]:
        return list(self._keys)

    def key(self, name: str) -> bytes:
        return self._keys[name]

    def seal(self, name: str, plaintext: bytes, place: Place, entropy: Entropy) -> str:
        """*plaintext* sealed with the key *name*, which must be in the ring."""
        nonce = entropy(_NONCE_BYTES)
        sealed = self._ciphers[name].encrypt(nonce, plaintext, _bound(place, name))
        return f"{_FORMAT}{name}.{base64.b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, place: Place) -> bytes:
        """Raises Undecryptable."""
        name = sealed_with(sealed)
        try:
            data = binascii.a2b_base64(sealed[_CONTENT:], strict_mode=True)
            return self._ciphers[name].decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], _bound(place, name))
        except (KeyError, ValueError, InvalidTag):
            raise Undecryptable from None


def key_id(key: bytes) -> str:
    return hashlib.sha256(b"headgate master key\0" + key).hexdigest()[:_ID_CHARS]


def sealed_with(sealed: str) -> str:
    """The id of the key that *sealed* was sealed with; "" if it is not a sealed value."""
    return sealed[len(_FORMAT) : _CONTENT - 1] if sealed.startswith(_FORMAT) else ""


def load(path: Path, environ: Mapping[str, str]) -> Keyring | None:
    """The keys in the environment, or else in file *path*; None if there are neither. Raises KeyUnavailable."""
    if given := environ.get(VARIABLE):
        return Keyring([_decoded(part, VARIABLE) for part in given.split(",")])
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise KeyUnavailable(f"{path}: {(error.strerror or str(error)).lower()}") from None
    with os.fdopen(descriptor) as file:
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
        if mode & 0o077:
            raise KeyUnavailable(
                f"{path}: accessible to other users (mode {mode:04o}); run: chmod 600 {path}"
            )
        try:
            keys = [_decoded(line, str(path)) for line in file.read().split()]
        except UnicodeDecodeError:
            keys = []
    if not keys:
        raise KeyUnavailable(f"{path}: contains no key")
    return Keyring(keys)


def create(path: Path, entropy: Entropy) -> None:
    """Writes a new key to *path*, readable by its owner only, unless the file exists already."""
    new = _written(path, [entropy(KEY_BYTES)], entropy)
    try:
        os.link(new, path)
    except FileExistsError:
        pass
    finally:
        new.unlink()
    _sync(path.parent)


def replace(path: Path, keys: Sequence[bytes], entropy: Entropy) -> None:
    """Replaces the keys in file *path* atomically."""
    _written(path, keys, entropy).replace(path)
    _sync(path.parent)


def _bound(place: Place, name: str) -> bytes:
    table, row, field = place
    return f"{table}|{row}|{field}|{name}".encode()


def _decoded(text: str, where: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise KeyUnavailable(
            f"{where}: a master key is {KEY_BYTES} random bytes in base64 (openssl rand -base64 32)"
        )
    return key


def _written(path: Path, keys: Sequence[bytes], entropy: Entropy) -> Path:
    new = path.with_name(f"{path.name}.{entropy(8).hex()}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(b"".join(base64.b64encode(key) + b"\n" for key in keys))
        file.flush()
        os.fsync(descriptor)
    return new


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
