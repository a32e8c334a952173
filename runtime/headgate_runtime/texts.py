"""
Events as JSON text, looked at without parsing: a fifth of what that takes. What cannot be told this way, such as whether
an error is one, is left to a parser.
"""

from __future__ import annotations

from typing import Final

import msgspec

_ONE: Final = msgspec.json.Decoder(msgspec.Raw)
_MANY: Final = msgspec.json.Decoder(list[msgspec.Raw])


def is_object(text: bytes) -> bool:
    """Whether *text* is surely that of one JSON object, and nothing else."""
    if not (text if text.startswith(b"{") else text.lstrip()).startswith(b"{"):
        return False
    try:
        _ONE.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return _is_utf8(text)


def objects_of(text: bytes) -> list[bytes] | None:
    """The texts of its elements, where *text* is surely a JSON array of objects; else None."""
    try:
        elements = [bytes(element) for element in _MANY.decode(text)]
    except (msgspec.DecodeError, RecursionError):
        return None
    if not all(element.startswith(b"{") for element in elements) or not _is_utf8(text):
        return None
    return elements


def _is_utf8(text: bytes) -> bool:
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
