"""Removes secrets from texts that people read (SPEC 5)."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

from headgate_runtime.fetch import Redaction

if TYPE_CHECKING:
    from collections.abc import Iterable

SHORTEST: Final = 4
"""
Shorter values are not redacted: they occur in too many harmless
places and reveal nothing by themselves.
"""

MESSAGE_CHARS: Final = 1_000
"""Maximum length of an error message."""


def redaction_of(secrets: Iterable[str]) -> Redaction:
    """
    A redaction of *secrets*, except for those that are too short, in
    every encoding in which they may appear.
    """
    return _redaction(tuple(each for each in secrets if len(each) >= SHORTEST))


def message_of(text: str, secrets: Iterable[str] = ()) -> str:
    """
    *text* as an error message: redacted, then truncated, so that
    no part of a secret is left at the cut.
    """
    text = redaction_of(secrets).text(text)
    return text if len(text) <= MESSAGE_CHARS else text[: MESSAGE_CHARS - 1] + "…"


@functools.lru_cache(256)
def _redaction(secrets: tuple[str, ...]) -> Redaction:
    """Cached, because a failing destination has many failures with the same secrets."""
    return Redaction(secrets)
