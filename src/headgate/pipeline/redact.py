"""Takes secrets out of what people get to read (SPEC 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

MASK: Final = "[redacted]"

_SHORTEST: Final = 4
"""A shorter value stands in too many innocent places, and gives nothing away by itself."""

MESSAGE_CHARS: Final = 1_000
"""Kept of an error's message."""


def redact(text: str, secrets: Iterable[str]) -> str:
    """*text* without the exact values of *secrets*, the longest first: one may be a part of another."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST and secret in text:
            text = text.replace(secret, MASK)
    return text


def message_of(text: str, secrets: Iterable[str] = ()) -> str:
    """*text* as an error's message: redacted first, so that no cut leaves half a secret."""
    text = redact(text, secrets)
    return text if len(text) <= MESSAGE_CHARS else text[: MESSAGE_CHARS - 1] + "…"
