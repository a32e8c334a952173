"""
The file in which a worker stores samples and usage. Its content is not worth waiting for the disk: a power failure loses
the last second of it, and a file that cannot be read is replaced by an empty one.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from headgate.samples.sample import Sample

_log = logging.getLogger("headgate.samples")

PER_REASON: Final = 10
"""Samples kept per destination, step and reason (SPEC 11.3): the newest ones."""

FUNCTION_BYTES: Final = 16 << 20
"""The samples of one function, over all its instances; or of one destination without a function."""

TOTAL_BYTES: Final = 256 << 20
"""All samples of a worker."""

RETENTION_MS: Final = 30 * 24 * 3_600_000
"""How long samples are kept (SPEC 11)."""

USAGE_DAYS: Final = 400
"""How many days of usage are kept."""

SWEPT_AT_ONCE: Final = 500
"""Expired samples deleted in one transaction."""

DAY_MS: Final = 24 * 3_600_000

NO_CALLS: Final[Mapping[CallKey, int]] = MappingProxyType({})

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS samples (
    id INTEGER PRIMARY KEY,
    destination TEXT NOT NULL,
    owner TEXT NOT NULL,
    source TEXT NOT NULL,
    step TEXT NOT NULL,
    reason TEXT NOT NULL,
    at INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    content BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS samples_by_reason ON samples (destination, step, reason, id);
CREATE INDEX IF NOT EXISTS samples_by_owner ON samples (owner, id, bytes);
CREATE INDEX IF NOT EXISTS samples_by_time ON samples (at);
CREATE TABLE IF NOT EXISTS usage (
    day INTEGER NOT NULL,
    workspace TEXT NOT NULL,
    function TEXT NOT NULL,
    executions INTEGER NOT NULL,
    fuel INTEGER NOT NULL,
    wall_ms REAL NOT NULL,
    bytes_out INTEGER NOT NULL,
    PRIMARY KEY (day, workspace, function)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS calls (
    day INTEGER NOT NULL,
    workspace TEXT NOT NULL,
    source TEXT NOT NULL,
    events INTEGER NOT NULL,
    PRIMARY KEY (day, workspace, source)
) WITHOUT ROWID;
"""


class UsageKey(NamedTuple):
    """*day* is the number of days since the epoch, in UTC."""

    day: int
    workspace: str
    function: str


class Usage(NamedTuple):
    """
    executions    invocations; a batch counts as one
    bytes_out     the size of the forwarded events
    """

    executions: int = 0
    fuel: int = 0
    wall_ms: float = 0.0
    bytes_out: int = 0


def sweep_left(path: Path, now: int) -> None:
    """Sweeps the file of a worker that no longer exists, and deletes it once it is empty. Raises sqlite3.Error."""
    file = SampleFile(path)
    try:
        is_empty = file.sweep(now)
    finally:
        file.close()
    if is_empty:
        remove(path)


def remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


class CallKey(NamedTuple):
    """*day* as in UsageKey."""

    day: int
    workspace: str
    source: str


class SampleFile:
    """The open file; to be used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db = self._opened()
        self._bytes = self._total()

    def close(self) -> None:
        self._db.close()

    def write(
        self,
        samples: Iterable[Sample],
        usage: Mapping[UsageKey, Usage],
        now: int,
        calls: Mapping[CallKey, int] = NO_CALLS,
    ) -> None:
        """
        Adds all of this in one transaction, and deletes what exceeds the limits. *calls* counts accepted events. Raises
        sqlite3.Error.
        """
        rows = [_row(sample) for sample in samples]
        with self._transaction():
            self._db.executemany(
                "INSERT INTO samples (destination, owner, source, step, reason, at, message_id, event_type, attempt, "
                "bytes, content) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                rows,
            )
            self._bytes += sum(row[9] for row in rows)
            for key in {(row[0], row[3], row[4]) for row in rows}:
                self._db.execute(
                    "DELETE FROM samples WHERE destination = ?1 AND step = ?2 AND reason = ?3 AND id <= "
                    "(SELECT id FROM samples WHERE destination = ?1 AND step = ?2 AND reason = ?3 "
                    "ORDER BY id DESC LIMIT 1 OFFSET ?4)",
                    (*key, PER_REASON),
                )
            for owner in {row[1] for row in rows}:
                self._shrink("WHERE owner = ?2", (FUNCTION_BYTES, owner))
            if self._bytes > TOTAL_BYTES:
                self._bytes = self._total()
                if self._bytes > TOTAL_BYTES:
                    self._shrink("", (TOTAL_BYTES * 3 // 4,))
                    self._bytes = self._total()
            self._db.executemany(
                "INSERT INTO usage VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                "executions = executions + excluded.executions, fuel = fuel + excluded.fuel, "
                "wall_ms = wall_ms + excluded.wall_ms, bytes_out = bytes_out + excluded.bytes_out",
                [(*key, *used) for key, used in usage.items()],
            )
            self._db.executemany(
                "INSERT INTO calls VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET events = events + excluded.events",
                [(*key, events) for key, events in calls.items()],
            )
            self._sweep(now)

    def sweep(self, now: int) -> bool:
        """
        Deletes everything expired, in small transactions so that readers and writers do not wait long. Returns whether
        the file is empty then. Raises sqlite3.Error.
        """
        while True:
            with self._transaction():
                swept = self._sweep(now)
            if swept < SWEPT_AT_ONCE:
                break
        self._bytes = self._total()
        counts = "SELECT (SELECT count(*) FROM samples) + (SELECT count(*) FROM usage) + (SELECT count(*) FROM calls)"
        (left,) = self._db.execute(counts).fetchone()
        return bool(left == 0)

    def _shrink(self, where: str, values: tuple[object, ...]) -> None:
        """Deletes the oldest samples beyond a total of bytes, which is the first of *values*."""
        self._db.execute(
            f"DELETE FROM samples {where or 'WHERE 1'} AND id <= (SELECT id FROM (SELECT id, sum(bytes) OVER "  # noqa: S608 - constant text
            f"(ORDER BY id DESC) AS together FROM samples {where}) WHERE together > ?1 ORDER BY id DESC LIMIT 1)",
            values,
        )

    def _sweep(self, now: int) -> int:
        """Deletes some expired samples, and expired usage. Returns the number of samples deleted."""
        swept = self._db.execute(
            "DELETE FROM samples WHERE id IN (SELECT id FROM samples WHERE at < ? ORDER BY at LIMIT ?)",
            (now - RETENTION_MS, SWEPT_AT_ONCE),
        )
        for table in ("usage", "calls"):
            self._db.execute(f"DELETE FROM {table} WHERE day < ?", (now // DAY_MS - USAGE_DAYS,))  # noqa: S608 - constant names
        return swept.rowcount

    def _total(self) -> int:
        (total,) = self._db.execute("SELECT coalesce(sum(bytes), 0) FROM samples").fetchone()
        return int(total)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def _opened(self) -> sqlite3.Connection:
        try:
            return _connect(self._path)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            _log.warning("%s cannot be read and is replaced by an empty file: %s", self._path, error)
        remove(self._path)
        return _connect(self._path)


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA secure_delete = ON")
        db.execute("PRAGMA busy_timeout = 2000")
        db.executescript(_SCHEMA)
    except BaseException:
        db.close()
        raise
    path.chmod(0o600)
    return db


def _row(sample: Sample) -> tuple[Any, ...]:
    content = sample.content()
    return (
        sample.lane.destination,
        sample.function or sample.lane.destination,
        sample.source,
        str(sample.step),
        sample.error.reason,
        sample.at,
        sample.message_id,
        sample.event_type,
        sample.attempt,
        len(content),
        content,
    )
