"""
Validates and splits the JSON text of events without building values, in a fifth of the time. Text that is
rejected here may still be valid; the caller then asks a parser, which also has the error message.
"""

from __future__ import annotations

from typing import Final

import msgspec

_ONE: Final = msgspec.json.Decoder(msgspec.Raw)
_OPENING: Final = ord("{")
_MANY: Final = msgspec.json.Decoder(list[msgspec.Raw])


def is_object(text: bytes) -> bool:
    """Whether *text* is certainly a single JSON object."""
    if text[:1] != b"{" and text.lstrip()[:1] != b"{":
        return False
    try:
        _ONE.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return text.isascii() or _is_utf8(text)


def objects_of(text: bytes) -> list[bytes] | None:
    """The texts of the elements if *text* is certainly a JSON array of objects; otherwise None."""
    try:
        elements = [bytes(element) for element in _MANY.decode(text)]
    except (msgspec.DecodeError, RecursionError):
        return None
    if not all(element[0] == _OPENING for element in elements):
        return None
    return elements if text.isascii() or _is_utf8(text) else None


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
