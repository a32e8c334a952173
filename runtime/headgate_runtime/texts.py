"""
Events as JSON text, looked at without parsing: a fifth of what that takes. What cannot be told this way, such as whether
an error is one, is left to a parser.
"""

from __future__ import annotations

from typing import Final

import msgspec

_ONE: Final = msgspec.json.Decoder(msgspec.Raw)
_OPENING: Final = ord("{")
_MANY: Final = msgspec.json.Decoder(list[msgspec.Raw])


def is_object(text: bytes) -> bool:
    """Whether *text* is surely that of one JSON object, and nothing else."""
    if text[:1] != b"{" and text.lstrip()[:1] != b"{":
        return False
    try:
        _ONE.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return text.isascii() or _is_utf8(text)


def objects_of(text: bytes) -> list[bytes] | None:
    """The texts of its elements, where *text* is surely a JSON array of objects; else None."""
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
