"""Writes sorted runs of message ids and merges them, in portions small enough for one commit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from headgate.queue.runs import (
    FANOUT,
    PART_ENTRIES,
    Filter,
    Run,
    entries,
    entries_of,
    later_than,
    part_bits,
    parts,
    split,
)
from headgate.queue.statements import ListStatement, insert

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

_ADD_PARTS: Final = insert("seen_parts", ("id", "entries"), verb="INSERT OR REPLACE")
_DELETE_RUNS: Final = ListStatement("DELETE FROM seen_runs WHERE id")
_ADD_RUN: Final = "INSERT INTO seen_runs (id, level, newest, filter) VALUES (?, ?, ?, ?)"

_DROP_PARTS: Final = """
    DELETE FROM seen_parts WHERE id IN (SELECT id FROM seen_parts WHERE id >= ? AND id < ? ORDER BY id LIMIT ?)
"""


def write(
    db: sqlite3.Connection, number: int, keys: Iterable[tuple[int, Sequence[bytes]]], newest: int
) -> Run:
    """Writes a run of level 0 from *keys*, which come in groups with the time they were put."""
    ordered = sorted([one for at, some in keys for one in entries(some, at)])
    run = Run(number, 0, newest, Filter(0))
    run.filter.add(b"".join(ordered))
    _write_parts(db, run, 0, split(ordered, 0, 0, 1 << part_bits(0)))
    _finish(db, run)
    return run


def drop_parts(db: sqlite3.Connection, number: int, most: int) -> bool:
    """
    Removes up to *most* parts of a run that was dropped or never
    finished. Returns whether all are gone.
    """
    return db.execute(_DROP_PARTS, (number << 32, (number + 1) << 32, most)).rowcount < most


def _write_parts(db: sqlite3.Connection, run: Run, first: int, texts: Sequence[bytes]) -> None:
    values: list[Any] = []
    for number, text in enumerate(texts, first):
        if text:
            values += (run.part(number), text)
    _ADD_PARTS.run(db, values)


def _finish(db: sqlite3.Connection, run: Run) -> None:
    db.execute(_ADD_RUN, (run.id, run.level, run.newest, run.filter.text))


class Merge:
    """
    Merges runs of one level into one run of the next. Call `step` in a transaction, then `keep` if it commits
    or `undo` if it is rolled back; an undone step is repeated.
    """

    def __init__(self, number: int, sources: Sequence[Run]) -> None:
        self.sources = sources
        level = sources[0].level
        self.run = Run(number, level + 1, max(source.newest for source in sources), Filter(level + 1))
        self._parts = 1 << part_bits(level)
        self._next = 0
        self._kept = 0

    def step(self, db: sqlite3.Connection, least: int, since: int) -> bool:
        """
        Merges at least *least* entries, leaving out those put at *since* or before. Returns whether this was
        the last step: the new run then replaces its sources.
        """
        first = self._next
        end = self._next = min(first + 1 + least // (PART_ENTRIES * len(self.sources)), self._parts)
        rows = [source.part(part) for source in self.sources for part in range(first, end)]
        ordered = sorted(later_than(entries_of(b"".join(parts(db, rows).values())), since))
        self.run.filter.add(b"".join(ordered))
        texts = split(ordered, self.run.level, first * FANOUT, (end - first) * FANOUT)
        _write_parts(db, self.run, first * FANOUT, texts)
        if end < self._parts:
            return False
        _finish(db, self.run)
        _DELETE_RUNS.run(db, [source.id for source in self.sources])
        return True

    def keep(self) -> None:
        """The steps done so far are committed."""
        self._kept = self._next

    def undo(self) -> None:
        """The steps since the last `keep` are rolled back."""
        self._next = self._kept
