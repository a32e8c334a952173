"""JSON as senders write it, and as everything behind this API can read and write it again."""

from __future__ import annotations

import codecs
import math
import re
from typing import Any

import orjson

_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F])?.)", re.DOTALL
)
_NUMBER = re.compile(
    rb'"[^"\\]*(?:\\.[^"\\]*)*" | (-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)', re.VERBOSE | re.DOTALL
)
"""A string, which is passed over, or a number."""


class NotJson(Exception):
    """The text is not JSON, or nested more than 1,024 deep."""


def parse(text: bytes) -> Any:
    r"""
    The value of *text*. Three things are mended which are JSON, or near enough to be common, and which orjson refuses:

    - half a surrogate pair, as `"\ud83d"` in a title that was cut inside an emoji: U+FFFD;
    - a number beyond the doubles: null, which is what JavaScript would write after reading it;
    - a byte order mark: dropped.

    Integers beyond 64 bits become doubles, as in JavaScript. NaN and Infinity are no JSON. Raises NotJson.
    """
    while True:
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError as error:
            mended = _mend(text, error.msg)
        # Each kind is mended everywhere at once, so this ends.
        if mended == text:
            raise NotJson
        text = mended


def _mend(text: bytes, complaint: str) -> bytes:
    if "surrogate in string" in complaint:
        return _ESCAPE.sub(_whole, text)
    if "infinity" in complaint:
        return _NUMBER.sub(_finite, text)
    if "BOM" in complaint:
        return text.removeprefix(codecs.BOM_UTF8)
    return text


def _whole(escape: re.Match[bytes]) -> bytes:
    return escape[0] if escape[1] is None else rb"\ufffd"


def _finite(token: re.Match[bytes]) -> bytes:
    number = token[1]
    return token[0] if number is None or math.isfinite(float(number)) else b"null"


class TooDeep(Exception):
    """The value is nested more than 254 deep: read, it could not be written again."""


def encode(value: Any) -> bytes:
    """The JSON text of something that `parse` returned. Raises TooDeep."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError as error:
        raise TooDeep from error
