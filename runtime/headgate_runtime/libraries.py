"""
Scripts that load on demand: the bundled libraries (SPEC 4.3), and parts of the prelude that few functions
use.

Those that a source names are loaded into its image when it is compiled. The others load when the function
first accesses their global.
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
"""Prefix of the names of prelude parts; libraries are named by their expression."""

CLOSE_BYTES: Final = 128 << 10
"""
Longest source in which names are told from members and keys. That takes 0.2 us a byte, which blocks the event
loop; in a longer source, members and keys count as names.
"""

# `_` is the usual name of an unused parameter, so it counts only where it is called or a member of it is
# used. And `https` is mostly the scheme of a URL.
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
    The expressions of the on-demand scripts that *source* mentions, in a fixed order.

    This is a match on words, not a parser. It skips members (`event.properties.stripe`), keys of object literals
    (`{ stripe: 1 }`) and lines that begin like comments; a library that is only named that way (`this.moment`) loads on
    first access. Names of methods that need a prelude part (`toLocaleString`) count anywhere. The result may have extra
    entries: words in string literals count, and the last two names of `google.cloud.pubsub` count anywhere.
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
    The answer to a guest's request for *name*: the bytecode of a library or prelude part, or, for the empty name, the
    expressions of all libraries, one per line. None for an unknown name.
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
    """Maps the expression of each library to its file name."""
    entries = orjson.loads(guest.read("libraries/index.json", directory))
    return {name.encode(): entry["file"].removesuffix(".js") for name, entry in entries.items()}


@functools.cache
def _parts(directory: Path) -> dict[str, dict[str, list[str]]]:
    """The prelude parts, each with its "globals" and the additional "words" that ask for it in a source."""
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
    """Maps words that are not globals, such as method names, to globals whose access loads what they need."""
    words: dict[bytes, list[bytes]] = {}
    for part in _parts(guest.DIRECTORY).values():
        for word in part["words"]:
            words.setdefault(word.encode(), []).append(part["globals"][0].encode())
    return words
