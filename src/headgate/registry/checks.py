"""Rules for single values. Each gives the value back, or raises Invalid with the field and the limit."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeVar

import ada_url

from headgate.registry import limits
from headgate.registry.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Sequence

_SLUG: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_EMAIL: Final = re.compile(r"[^\s@,\x00-\x20\x7f]+@[^\s@,\x00-\x20\x7f]+")
_WRITE_KEY: Final = re.compile(r"[!-~]+")

_Choice = TypeVar("_Choice", bound=str)


def text(value: str, field: str, most: int, *, least: int = 0) -> str:
    """Unicode without NUL, of so many characters."""
    if len(value) > most:
        raise Invalid(f"has {len(value)} characters; at most {most} are allowed", field)
    if len(value) < least:
        raise Invalid("must not be empty", field)
    if "\0" in value:
        raise Invalid("must not contain the character NUL", field)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Invalid("must be valid Unicode", field) from None
    return value


def name(value: str, field: str = "name", most: int = limits.DISPLAY_NAME_CHARS) -> str:
    """What people call a thing: one line, not blank."""
    text(value, field, most, least=1)
    if not value.strip() or any(char < " " or char == "\x7f" for char in value):
        raise Invalid("must be one line of text, and not blank", field)
    return value


def description(value: str, field: str = "description") -> str:
    return text(value, field, limits.DESCRIPTION_CHARS)


def slug(value: str, field: str = "slug") -> str:
    text(value, field, limits.SLUG_CHARS, least=1)
    if not _SLUG.fullmatch(value):
        raise Invalid(f"{value!r} is no slug: letters, digits, - and _, and neither of these first", field)
    return value


def email(value: str, field: str = "email") -> str:
    """
    In lower case, since people write their address now so, now so. What else makes an address one, only its server knows;
    without commas, since lists in queries are parted by them.
    """
    text(value, field, limits.EMAIL_CHARS, least=1)
    if not _EMAIL.fullmatch(value):
        raise Invalid("is no e-mail address", field)
    return value.lower()


def write_key(value: str, field: str = "writeKey") -> str:
    text(value, field, limits.WRITE_KEY_CHARS, least=1)
    if not _WRITE_KEY.fullmatch(value) or ":" in value:
        raise Invalid("must be visible ASCII characters, without a colon", field)
    return value


def url(value: str, field: str) -> str:
    """Of HTTP, and without credentials, which would be no secret there."""
    text(value, field, limits.URL_CHARS, least=1)
    try:
        parsed = ada_url.URL(value)
    except ValueError:
        raise Invalid("is no URL", field) from None
    if parsed.protocol not in ("http:", "https:"):
        raise Invalid("must be a URL of http or https", field)
    if parsed.username or parsed.password:
        raise Invalid("must not hold credentials; send them in a header", field)
    return value


def number(value: int, field: str, least: int, most: int) -> int:
    if not least <= value <= most:
        raise Invalid(f"must be from {least} to {most}, not {value}", field)
    return value


def choice(value: _Choice, field: str, choices: Sequence[_Choice]) -> _Choice:
    if value not in choices:
        raise Invalid(f"must be one of {', '.join(choices)}", field)
    return value
