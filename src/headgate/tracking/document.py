"""
Parses the JSON that senders write, mends common faults, and encodes it so that every later stage can parse
it.
"""

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
"""
An escape in a string: a surrogate pair, a lone surrogate (group 1), or any other. Valid JSON has no backslash
elsewhere.
"""

_NUMBER = re.compile(rb"-?[0-9]++(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+")

_NUMBERS_MENDED = 16
"""The most numbers mended in one text; each one costs another parse of the text."""


class NotJson(Exception):
    """The text is not JSON, or nested more than 1,024 deep."""


def parse(text: bytes) -> Any:
    r"""
    Returns the value of *text*. Mends three common things that orjson rejects:

    - a lone surrogate, such as `"\ud83d"` in a title that was cut inside an emoji, becomes U+FFFD;
    - a number beyond the range of doubles (up to 16 of them) becomes null, as if JavaScript had parsed and
      rewritten it;
    - a byte order mark is dropped.

    Integers beyond 64 bits become doubles, as in JavaScript. NaN and Infinity are not JSON. Raises NotJson.
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
    """The value is nested more than 254 deep: orjson parses it but cannot encode it again."""


def encode(value: Any) -> bytes:
    """The JSON text of a value that `parse` returned. Raises TooDeep."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError as error:
        raise TooDeep from error
