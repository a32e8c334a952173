"""Takes secrets out of what people get to read (SPEC 5)."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

from headgate_runtime.fetch import Redaction

if TYPE_CHECKING:
    from collections.abc import Iterable

SHORTEST: Final = 4
"""A shorter value stands in too many innocent places, and gives nothing away by itself."""

MESSAGE_CHARS: Final = 1_000
"""Kept of an error's message."""


def redaction_of(secrets: Iterable[str]) -> Redaction:
    """Takes out *secrets*, those that are not too short, in every form they may be written in."""
    return _redaction(tuple(each for each in secrets if len(each) >= SHORTEST))


def message_of(text: str, secrets: Iterable[str] = ()) -> str:
    """*text* as an error's message: redacted first, so that no cut leaves half a secret."""
    text = redaction_of(secrets).text(text)
    return text if len(text) <= MESSAGE_CHARS else text[: MESSAGE_CHARS - 1] + "…"


@functools.lru_cache(256)
def _redaction(secrets: tuple[str, ...]) -> Redaction:
    """Many fail for one that does not: the forms are made once for all of them."""
    return Redaction(secrets)
