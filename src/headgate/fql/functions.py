"""The functions of FQL (SPEC 9.3). They raise nothing but TooCostly, whatever the event or the query passes in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from headgate.fql.budget import COMPILE, spend
from headgate.fql.glob import glob

if TYPE_CHECKING:
    from collections.abc import Callable


STRING_BYTES: Final = 64 << 10
"""
The longest text `string` makes of a list or an object. Each conversion of a text that is already JSON may double it, so
that without a bound some thirty nested calls would fill the memory.
"""


class Incomparable:
    """What `length` gives for a value without one. Every comparison with it fails, even `!=`."""


INCOMPARABLE: Final = Incomparable()


class Signature(NamedTuple):
    """A function and how many arguments it takes."""

    call: Callable[..., Any]
    arguments: int


def is_number(value: Any) -> bool:
    """Python counts booleans as numbers; FQL does not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _contains(text: Any, part: Any) -> bool:
    if not (isinstance(text, str) and isinstance(part, str)):
        return False
    spend(len(text))
    return part in text


def _match(text: Any, pattern: Any) -> bool:
    if not (isinstance(text, str) and isinstance(pattern, str)):
        return False
    spend(len(pattern) * (len(text) + COMPILE))
    compiled = glob(pattern)
    return compiled is not None and compiled.fullmatch(text) is not None


def _length(value: Any) -> int | Incomparable:
    if value is None:
        return 0
    if isinstance(value, str):
        spend(len(value))
        return len(value.encode("utf-8", "surrogatepass"))
    return len(value) if isinstance(value, list) else INCOMPARABLE


def _of_text(change: Callable[[str], str], steps: int = 10) -> Signature:
    """A function of one string, which takes so many *steps* for a character."""

    def changed(value: Any) -> str | None:
        if not isinstance(value, str):
            return None
        spend(len(value) * steps)
        return change(value)

    return Signature(changed, 1)


def _titlecase(text: str) -> str:
    return re.sub(r"\S+", lambda word: word[0][:1].upper() + word[0][1:], text)


def _typeof(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    if isinstance(value, list):
        return "list"
    return "object" if isinstance(value, dict) else "number"


def _bool(value: Any) -> bool:
    if isinstance(value, str):
        return value in ("1", "t", "T", "true", "True", "TRUE")
    return value is not None and value != 0


def _string(value: Any) -> str | None:
    """JSON for anything but a string or null; None for what JSON cannot say, or not within STRING_BYTES."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    try:
        text = orjson.dumps(value)
    except orjson.JSONEncodeError:
        return None
    spend(len(text))
    return text.decode() if len(text) <= STRING_BYTES else None


def _number(value: Any) -> float | int | None:
    if isinstance(value, bool):
        return int(value)
    if is_number(value):
        number: float | int = value
        return number
    if isinstance(value, str):
        spend(len(value) * 10)
        if _NUMBER.fullmatch(value):
            return float(value)
    return None


# Possessive: a long run of digits that is no number must not be tried in all its divisions.
_NUMBER: Final = re.compile(r"\s*+[+-]?(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][+-]?\d{1,3})?\s*+", re.ASCII)

_VERSION: Final = re.compile(
    r"v?(\d{1,18})(?:\.(\d{1,18}))?(?:\.(\d{1,18}))?(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?", re.ASCII
)


def _version(text: Any) -> tuple[Any, ...] | None:
    """A sort key for the precedence of Semantic Versioning 2.0.0, section 11. Missing parts are 0; None if no version."""
    if not isinstance(text, str):
        return None
    spend(len(text) * 100)
    found = _VERSION.fullmatch(text)
    if found is None:
        return None
    numbers = tuple(int(part or 0) for part in found.groups()[:3])
    if found[4] is None:
        return (*numbers, 1)
    identifiers = [
        (0, int(part[:18]), "") if part.isdigit() else (1, 0, part) for part in found[4].split(".")
    ]
    return (*numbers, 0, tuple(identifiers))


def _semver(left: Any, operator: Any, right: Any) -> bool:
    a, b = _version(left), _version(right)
    if a is None or b is None:
        return False
    match operator:
        case "=" | "==":
            return a == b
        case "!=":
            return a != b
        case ">":
            return a > b
        case ">=":
            return a >= b
        case "<":
            return a < b
        case "<=":
            return a <= b
    return False


FUNCTIONS: Final = {
    "bool": Signature(_bool, 1),
    "contains": Signature(_contains, 2),
    "kebabcase": _of_text(lambda text: text.replace(" ", "-")),
    "length": Signature(_length, 1),
    "lowercase": _of_text(str.lower),
    "match": Signature(_match, 2),
    "number": Signature(_number, 1),
    "semver": Signature(_semver, 3),
    "snakecase": _of_text(lambda text: text.replace(" ", "_")),
    "string": Signature(_string, 1),
    "titlecase": _of_text(_titlecase, 400),
    "typeof": Signature(_typeof, 1),
    "uppercase": _of_text(str.upper),
}
