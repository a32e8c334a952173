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
    """
    The bytecode of the libraries whose expression *source* mentions, in a fixed order. May include one too many: of
    `google.cloud.pubsub` it counts when all three names are there.
    """
    found = set(_IDENTIFIER.findall(source))
    return [_script(names) for names in sorted(_index()) if found.issuperset(names)]


@functools.cache
def _index() -> dict[tuple[bytes, ...], str]:
    entries = orjson.loads(guest.read("libraries/index.json"))
    return {
        tuple(name.encode().split(b".")): entry["file"].removesuffix(".js") for name, entry in entries.items()
    }


@functools.cache
def _script(names: tuple[bytes, ...]) -> bytes:
    return guest.read(f"libraries/{_index()[names]}.bytecode")
