"""
Scripts which load on demand: the bundled libraries (SPEC 4.3), and the parts of the prelude that few functions use.

Which of them a source names is known when it is compiled: those are loaded into its image. The others load when the
function touches their global.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Final

import orjson

from headgate_runtime import guest

if TYPE_CHECKING:
    from pathlib import Path

PARTS: Final = b"prelude/"
"""What the name of a part of the prelude starts with; libraries go by their expression."""

CLOSE_BYTES: Final = 128 << 10
"""Of a longer source, members and keys count as well: telling them apart takes 0.2 us a byte, of a loop that waits."""

# `_` alone is everybody's name for a parameter that is not used: it counts where something is asked of it.
# And `https` is mostly the scheme of a URL.
_NAME: Final = rb"[A-Za-z$][A-Za-z0-9_$]*+(?!://)|_[A-Za-z0-9_$]+|_(?=\s*[.(\[?])"

_WORD: Final = re.compile(_NAME)
_WORD_IN_PLACE: Final = re.compile(
    rb"""
    ^ [ \t]* (?: // | /?\* ) [^\n]* |
    (?P<before> \b (?:globalThis|window) \s* \??\. \s* | \.\.\. | (?P<dot> \??\. \s*) | (?P<open> [{,] \s* ["']?) )?
    (?P<name> %b )
    (?P<colon> (?= ["']? \s* :) )?
    """
    % _NAME,
    re.VERBOSE | re.MULTILINE,
)


def named_in(source: bytes) -> list[bytes]:
    """
    The expressions of what loads on demand that *source* mentions, in a fixed order.

    This reads words, not JavaScript. A member of something (`event.properties.stripe`), the key of a literal
    (`{ stripe: 1 }`) and lines that begin as comments do are not counted, so what is named in no other way loads when it
    is touched (`this.moment`). Names of methods that need a part of the prelude (`toLocaleString`) count anywhere. May
    include one too many: a word in a text counts, and of `google.cloud.pubsub` the last two names count anywhere.
    """
    words = set(_WORD.findall(source))
    asked = {expression for word in words & _words().keys() for expression in _words()[word]}
    mentioned = [path for path in _expressions() if words.issuperset(path)]
    if not mentioned or len(source) > CLOSE_BYTES:
        return sorted(asked.union(b".".join(path) for path in mentioned))
    references = {
        found["name"]
        for found in _WORD_IN_PLACE.finditer(source)
        if found["name"] and found["dot"] is None and (found["open"] is None or found["colon"] is None)
    }
    return sorted(asked.union(b".".join(path) for path in mentioned if path[0] in references))


def content(name: bytes, directory: Path = guest.DIRECTORY) -> bytes | None:
    """
    What the guest is given for *name*: the bytecode of a library or of a part of the prelude; for the empty name the
    expressions of all libraries, one a line. None where there is nothing of this name.
    """
    if not name:
        return b"\n".join(sorted(_libraries(directory)))
    file = f"parts/{name.removeprefix(PARTS).decode(errors='replace')}"
    if not name.startswith(PARTS):
        file = f"libraries/{_libraries(directory).get(name, '')}"
    return _bytecode(file, directory) if file in _files(directory) else None


@functools.cache
def _bytecode(file: str, directory: Path) -> bytes:
    return guest.read(f"{file}.bytecode", directory)


@functools.cache
def _libraries(directory: Path) -> dict[bytes, str]:
    """Each library's expression, and the name of its file."""
    entries = orjson.loads(guest.read("libraries/index.json", directory))
    return {name.encode(): entry["file"].removesuffix(".js") for name, entry in entries.items()}


@functools.cache
def _parts(directory: Path) -> dict[str, dict[str, list[str]]]:
    """Each part of the prelude: its "globals", and the "words" by which a source asks for it besides."""
    parts: dict[str, dict[str, list[str]]] = orjson.loads(guest.read("parts/index.json", directory))
    return parts


@functools.cache
def _files(directory: Path) -> frozenset[str]:
    libraries = (f"libraries/{file}" for file in _libraries(directory).values())
    return frozenset((*libraries, *(f"parts/{name}" for name in _parts(directory))))


@functools.cache
def _expressions() -> list[tuple[bytes, ...]]:
    parts = (name.encode() for part in _parts(guest.DIRECTORY).values() for name in part["globals"])
    return sorted(tuple(name.split(b".")) for name in (*_libraries(guest.DIRECTORY), *parts))


@functools.cache
def _words() -> dict[bytes, list[bytes]]:
    """What to touch for a word of the source that is no global, such as the name of a method."""
    words: dict[bytes, list[bytes]] = {}
    for part in _parts(guest.DIRECTORY).values():
        for word in part["words"]:
            words.setdefault(word.encode(), []).append(part["globals"][0].encode())
    return words
