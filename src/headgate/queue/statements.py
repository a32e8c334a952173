"""
SQL for many rows at once.

The sqlite3 module gives the interpreter away at every step of a statement and has to wait for its turn to get it back,
behind an event loop that is busy. So a transaction must not be one step for each row: measured with a busy loop beside
it, 64 rows in one statement go in at twenty times the rate of `executemany`.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

ROWS_MAX: Final = 256
"""Rows of one statement."""

_STEP: Final = 32
"""Sizes are powers of two up to here, and multiples beyond: few statements are ever prepared, and few rows are fill."""

_SIZES: Final = (1, 2, 4, 8, 16, *range(_STEP, ROWS_MAX + 1, _STEP))


def _size(rows: int) -> int:
    """The least for 1 to ROWS_MAX *rows*."""
    return -(-rows // _STEP) * _STEP if rows > _STEP else 1 << (rows - 1).bit_length()


class RowStatement:
    """A statement with `(VALUES ...)` in it. Rows of fill are NULL in column1, and to be passed over."""

    def __init__(self, head: str, columns: int, tail: str) -> None:
        row = f"({','.join('?' * columns)})"
        self._columns = columns
        self._texts = {size: f"{head} (VALUES {','.join([row] * size)}) {tail}" for size in _SIZES}

    def run(self, db: sqlite3.Connection, values: Sequence[Any]) -> None:
        """*values* of all rows, one after the other."""
        columns = self._columns
        step = ROWS_MAX * columns
        for start in range(0, len(values), step):
            chunk = values[start : start + step]
            rows = len(chunk) // columns
            size = _size(rows)
            if size > rows:
                chunk = [*chunk, *itertools.repeat(None, (size - rows) * columns)]
            db.execute(self._texts[size], chunk)


def insert(table: str, columns: Sequence[str], *, conflict: str = "", verb: str = "INSERT") -> RowStatement:
    """Of rows whose first column is not NULL."""
    return RowStatement(
        f"{verb} INTO {table} ({', '.join(columns)}) SELECT * FROM",
        len(columns),
        f"WHERE column1 IS NOT NULL {conflict}",
    )


class ListStatement:
    """A statement with `IN (...)` between *head* and *tail*."""

    def __init__(self, head: str, tail: str = "") -> None:
        self._texts = {size: f"{head} IN ({','.join('?' * size)}) {tail}" for size in _SIZES}

    def run(self, db: sqlite3.Connection, keys: Sequence[Any], *before: Any) -> Iterator[tuple[Any, ...]]:
        """The rows found; *before* are the values of *head*."""
        found: list[tuple[Any, ...]] = []
        for start in range(0, len(keys), ROWS_MAX):
            chunk = keys[start : start + ROWS_MAX]
            size = _size(len(chunk))
            fill = itertools.repeat(None, size - len(chunk))
            found += db.execute(self._texts[size], (*before, *chunk, *fill))
        return iter(found)
