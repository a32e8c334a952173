"""JSON as senders write it, and as everything behind this API can read and write it again."""

from __future__ import annotations

import codecs
import re
from typing import Any

import orjson

_ESCAPE = re.compile(
    rb"""
    \\ (?: u[dD][89abAB][0-9a-fA-F]{2} \\u[dD][c-fC-F][0-9a-fA-F]{2} | (u[dD][89a-fA-F][0-9a-fA-F]{2}) | . )
    """,
    re.VERBOSE | re.DOTALL,
)
"""An escape in a string: a whole pair, a half of one, any other. A backslash is nowhere else in JSON."""

_NUMBER = re.compile(rb"-?[0-9]++(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+")

_NUMBERS_MENDED = 16
"""In one text; each means that it is read once more."""


class NotJson(Exception):
    """The text is not JSON, or nested more than 1,024 deep."""


def parse(text: bytes) -> Any:
    r"""
    The value of *text*. Three things are mended which are JSON, or near enough to be common, and which orjson refuses:

    - half a surrogate pair, as `"\ud83d"` in a title that was cut inside an emoji: U+FFFD;
    - a number beyond the doubles, up to 16 of them: null, which is what JavaScript would write after reading it;
    - a byte order mark: dropped.

    Integers beyond 64 bits become doubles, as in JavaScript. NaN and Infinity are no JSON. Raises NotJson.
    """
    text = text.removeprefix(codecs.BOM_UTF8)
    for _ in range(_NUMBERS_MENDED + 2):
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError as error:
            mended = _mend(text, error)
        if mended == text:
            break
        text = mended
    raise NotJson


def _mend(text: bytes, error: orjson.JSONDecodeError) -> bytes:
    if "surrogate in string" in error.msg:
        return _ESCAPE.sub(_whole, text)
    if "infinity" in error.msg:
        start = len(error.doc[: error.pos].encode())
        number = _NUMBER.match(text, start)
        if number is not None:
            return text[:start] + b"null" + text[number.end() :]
    return text


def _whole(escape: re.Match[bytes]) -> bytes:
    return escape[0] if escape[1] is None else rb"\ufffd"


class TooDeep(Exception):
    """The value is nested more than 254 deep: read, it could not be written again."""


def encode(value: Any) -> bytes:
    """The JSON text of something that `parse` returned. Raises TooDeep."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError as error:
        raise TooDeep from error
