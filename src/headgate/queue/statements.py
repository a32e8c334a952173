"""
SQL statements for many rows at once.

The sqlite3 module releases the interpreter lock at every step of a statement and must wait to get it back
from a busy event loop. So a transaction must not take a step for each row: with a busy loop, inserting 64
rows in one statement was measured to be twenty times as fast as `executemany`.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

ROWS_MAX: Final = 256
"""Maximum number of rows in one statement."""

_STEP: Final = 32
"""
Statements have sizes of powers of two up to this and its multiples beyond, so that few are ever prepared and
few rows are padding.
"""

_SIZES: Final = (1, 2, 4, 8, 16, *range(_STEP, ROWS_MAX + 1, _STEP))


def _size(rows: int) -> int:
    """The smallest statement size for *rows*, which is 1 to ROWS_MAX."""
    return -(-rows // _STEP) * _STEP if rows > _STEP else 1 << (rows - 1).bit_length()


class RowStatement:
    """
    A statement that contains `(VALUES ...)` between *head* and *tail*. Rows of padding have NULL in column1;
    *tail* must exclude them.
    """

    def __init__(self, head: str, columns: int, tail: str) -> None:
        row = f"({','.join('?' * columns)})"
        self._columns = columns
        self._texts = {size: f"{head} (VALUES {','.join([row] * size)}) {tail}" for size in _SIZES}

    def run(self, db: sqlite3.Connection, values: Sequence[Any]) -> None:
        """Runs the statement; *values* are those of all rows, concatenated."""
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
    """A statement that inserts rows whose first column is never NULL."""
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
        """
        Runs the statement for *keys* and returns the resulting rows;
        *before* are the parameters in *head*.
        """
        found: list[tuple[Any, ...]] = []
        for start in range(0, len(keys), ROWS_MAX):
            chunk = keys[start : start + ROWS_MAX]
            size = _size(len(chunk))
            fill = itertools.repeat(None, size - len(chunk))
            found += db.execute(self._texts[size], (*before, *chunk, *fill))
        return iter(found)
