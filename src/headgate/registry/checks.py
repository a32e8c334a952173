"""Rules for single values. Each returns the value, or raises Invalid with the field and the limit."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeVar

import ada_url

from headgate.fql import FQL_BYTES
from headgate.registry import limits
from headgate.registry.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Sequence

_SLUG: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_EMAIL: Final = re.compile(r"[^\s@,\x00-\x20\x7f]+@[^\s@,\x00-\x20\x7f]+")
_WRITE_KEY: Final = re.compile(r"[!-~]+")

_Choice = TypeVar("_Choice", bound=str)


def text(value: str, field: str, most: int, *, least: int = 0) -> str:
    """Unicode without NUL, of *least* to *most* characters."""
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
    """A display name: one line of text, not blank."""
    text(value, field, most, least=1)
    if not value.strip() or any(char < " " or char == "\x7f" for char in value):
        raise Invalid("must be one line of text, and not blank", field)
    return value


def query(value: str, field: str) -> str:
    """FQL text of bounded size. Whether it compiles is for the caller to check."""
    text(value, field, len(value), least=1)
    size = len(value.encode())
    if size > FQL_BYTES:
        raise Invalid(f"has {size} bytes; at most {FQL_BYTES} are allowed", field)
    return value


def description(value: str, field: str = "description") -> str:
    return text(value, field, limits.DESCRIPTION_CHARS)


def slug(value: str, field: str = "slug") -> str:
    text(value, field, limits.SLUG_CHARS, least=1)
    if not _SLUG.fullmatch(value):
        raise Invalid(
            f"{value!r} is not a slug: use letters, digits, - and _, starting with a letter or digit", field
        )
    return value


def email(value: str, field: str = "email") -> str:
    """
    In lower case, so that an address is found however it is capitalised. Only its server knows whether it is valid
    otherwise; commas are refused because they separate lists in queries.
    """
    text(value, field, limits.EMAIL_CHARS, least=1)
    if not _EMAIL.fullmatch(value):
        raise Invalid("is not an email address", field)
    return value.lower()


def write_key(value: str, field: str = "writeKey") -> str:
    text(value, field, limits.WRITE_KEY_CHARS, least=1)
    if not _WRITE_KEY.fullmatch(value) or ":" in value:
        raise Invalid("must be visible ASCII characters other than a colon", field)
    return value


def url(value: str, field: str) -> str:
    """An http or https URL without credentials, which would not be kept secret there."""
    text(value, field, limits.URL_CHARS, least=1)
    try:
        parsed = ada_url.URL(value)
    except ValueError:
        raise Invalid("is not a URL", field) from None
    if parsed.protocol not in ("http:", "https:"):
        raise Invalid("must be an http or https URL", field)
    if parsed.username or parsed.password:
        raise Invalid("must not contain credentials; send them in a header", field)
    return value


def number(value: int, field: str, least: int, most: int) -> int:
    if not least <= value <= most:
        raise Invalid(f"must be from {least} to {most}, not {value}", field)
    return value


def choice(value: _Choice, field: str, choices: Sequence[_Choice]) -> _Choice:
    if value not in choices:
        raise Invalid(f"must be one of {', '.join(choices)}", field)
    return value
