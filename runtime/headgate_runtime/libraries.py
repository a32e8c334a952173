"""Which of the bundled libraries (SPEC 4.3) a source names: only those enter its image."""

from __future__ import annotations

import functools
import re
from typing import Final

import orjson

from headgate_runtime import guest

# `_` alone is everybody's name for a parameter that is not used: it counts where something is asked of it.
_IDENTIFIER: Final = re.compile(rb"[A-Za-z$][A-Za-z0-9_$]*|_[A-Za-z0-9_$]+|_(?=\s*[.(\[?])")


def named_in(source: bytes) -> list[bytes]:
    """The bytecode of the libraries whose global *source* mentions, in a fixed order. May include one too many."""
    found = set(_IDENTIFIER.findall(source)) & _index().keys()
    return [_script(name) for name in sorted(found)]


@functools.cache
def _index() -> dict[bytes, str]:
    entries = orjson.loads(guest.read("libraries/index.json"))
    return {name.encode(): entry["file"].removesuffix(".js") for name, entry in entries.items()}


@functools.cache
def _script(name: bytes) -> bytes:
    return guest.read(f"libraries/{_index()[name]}.bytecode")
