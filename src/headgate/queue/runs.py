"""
Sorted runs of message ids, as in a log-structured merge tree. Each entry is rewritten once for every
eightfold growth of their number, whereas an index of random keys writes a page for each key (5 KB an event,
measured).

An entry is a key and the time when it was put. A run stores its entries in parts, by the first bits of the
key, and has a Bloom filter of two bytes an entry, also kept in memory, which answers nearly every look-up of
an unknown key without reading a part.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from typing import TYPE_CHECKING, Final, NamedTuple

import orjson

from headgate.queue.statements import ListStatement

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

KEY_BYTES: Final = 16
_TIME_BYTES: Final = 6
ENTRY_BYTES: Final = KEY_BYTES + _TIME_BYTES

RUN_ENTRIES: Final = 8_192
"""Entries of a run of level 0. Each next level has up to FANOUT times as many."""

FANOUT: Final = 8
_FANOUT_BITS: Final = 3

_PART_BITS: Final = 6
PART_ENTRIES: Final = RUN_ENTRIES >> _PART_BITS
"""Mean number of entries in a part: about a page."""

_FILTER_BITS: Final = 17
"""
log2 of the filter's bits at level 0: 16 bits an entry with two hash functions, a false positive rate of 1 in
70.
"""

_WORDS: Final = struct.Struct(f"<4x2I{ENTRY_BYTES - 12}x")
"""
Reads the two words of an entry's key that index the filter; the first word, which selects the part, is
skipped.
"""

_BIT: Final = tuple(1 << bit for bit in range(8))


def entries(keys: Iterable[bytes], at: int) -> list[bytes]:
    """The entries of *keys* that were put at *at*, ms since the epoch."""
    time = at.to_bytes(_TIME_BYTES, "big")
    return [key + time for key in keys]


def entries_of(text: bytes) -> list[bytes]:
    """Splits *text* into entries."""
    return [text[start : start + ENTRY_BYTES] for start in range(0, len(text), ENTRY_BYTES)]


def later_than(all_of: Iterable[bytes], at: int) -> list[bytes]:
    """The entries put after *at*."""
    bound = at.to_bytes(_TIME_BYTES, "big")
    return [one for one in all_of if one[KEY_BYTES:] > bound]


def part_bits(level: int) -> int:
    """log2 of the number of parts of a run of *level*."""
    return _PART_BITS + _FANOUT_BITS * level


def split(ordered: Sequence[bytes], level: int, first: int, count: int) -> list[bytes]:
    """
    Divides *ordered*, all entries of *count* parts of a run of *level* from part *first* on, into these
    parts.
    """
    shift = 32 - part_bits(level)
    bounds = [
        bisect_left(ordered, (part << shift).to_bytes(4, "big")) for part in range(first, first + count)
    ]
    return [
        b"".join(ordered[start:end]) for start, end in zip(bounds, [*bounds[1:], len(ordered)], strict=True)
    ]


class Filter:
    """The Bloom filter of a run of *level*; empty, or with the *bits* that `text` returned."""

    __slots__ = ("_bits", "_mask")

    def __init__(self, level: int, bits: bytes | None = None) -> None:
        size = 1 << (_FILTER_BITS + _FANOUT_BITS * level)
        self._bits = bytearray(bits or size // 8)
        self._mask = size - 1

    def add(self, text: bytes) -> None:
        """Adds the entries in *text*."""
        bits, mask, bit = self._bits, self._mask, _BIT
        for one, other in _WORDS.iter_unpack(text):
            bits[(one & mask) >> 3] |= bit[one & 7]
            bits[(other & mask) >> 3] |= bit[other & 7]

    def places(self, words: Sequence[int]) -> list[tuple[int, int]]:
        """
        For each word the index of its byte in the filter and its
        bit, the same for all filters of a level.
        """
        mask, bit = self._mask, _BIT
        return [((word & mask) >> 3, bit[word & 7]) for word in words]

    def candidates(self, ones: Sequence[tuple[int, int]], others: Sequence[int]) -> list[int]:
        """
        The indexes of the keys that may be in the run, given the places of their first words, and their
        second words, few of which are looked up.
        """
        bits, mask = self._bits, self._mask
        likely = [number for number, (byte, bit) in enumerate(ones) if bits[byte] & bit]
        return [number for number in likely if bits[(others[number] & mask) >> 3] & _BIT[others[number] & 7]]

    @property
    def text(self) -> bytes:
        return bytes(self._bits)


class Run(NamedTuple):
    """A sorted run. *newest* is the time of its latest entry, ms since the epoch."""

    id: int
    level: int
    newest: int
    filter: Filter

    def part(self, number: int) -> int:
        """The row id of a part."""
        return (self.id << 32) + number

    def part_of(self, key: bytes) -> int:
        """The row id of the part that would contain *key*."""
        return self.part(int.from_bytes(key[:4], "big") >> (32 - part_bits(self.level)))


def time_in(text: bytes, key: bytes) -> int | None:
    """When *key* was last put according to the entries in *text*, or None."""
    at = None
    start = text.find(key)
    while start >= 0:
        if start % ENTRY_BYTES == 0:
            at = int.from_bytes(text[start + KEY_BYTES : start + ENTRY_BYTES], "big")
        start = text.find(key, start + 1)
    return at


_FIND_PARTS: Final = ListStatement(
    "SELECT json_group_array(json_array(id, length(entries))), CAST(group_concat(entries, '') AS BLOB)"
    " FROM seen_parts WHERE id"
)


def parts(db: sqlite3.Connection, rows: Sequence[int]) -> dict[int, bytes]:
    """
    The contents of those *rows* of parts that exist. Many rows come as one, which takes the interpreter lock
    once for all of them (see statements.py).
    """
    found: dict[int, bytes] = {}
    for numbers, text in _FIND_PARTS.run(db, rows):
        start = 0
        for row, size in orjson.loads(numbers):
            found[row] = text[start : start + size]
            start += size
    return found


class Runs:
    """The runs of one file, by id."""

    def __init__(self) -> None:
        self.all: dict[int, Run] = {}

    def load(self, db: sqlite3.Connection, stored: set[int]) -> None:
        """Loads and drops runs so that they match *stored*, the ids of the runs in the file."""
        for number in self.all.keys() - stored:
            del self.all[number]
        for number in stored - self.all.keys():
            level, newest, bits = db.execute(
                "SELECT level, newest, filter FROM seen_runs WHERE id = ?", (number,)
            ).fetchone()
            self.all[number] = Run(number, level, newest, Filter(level, bits))

    def known(self, db: sqlite3.Connection, keys: Sequence[bytes], since: int) -> set[bytes]:
        """The *keys* that were put after *since*, ms since the epoch."""
        if not self.all or not keys:
            return set()
        words = struct.unpack(f"<{4 * len(keys)}I", b"".join(keys))
        ones, others = words[1::4], words[2::4]
        places: dict[int, list[tuple[int, int]]] = {}
        likely: list[tuple[int, bytes]] = []
        for run in self.all.values():
            if run.newest > since:
                if run.level not in places:
                    places[run.level] = run.filter.places(ones)
                candidates = run.filter.candidates(places[run.level], others)
                likely += [(run.part_of(keys[number]), keys[number]) for number in candidates]
        if not likely:
            return set()
        texts = parts(db, [row for row, _ in likely])
        times = ((key, time_in(texts.get(row, b""), key)) for row, key in likely)
        return {key for key, at in times if at is not None and at > since}
