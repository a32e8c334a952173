"""The schema of a queue file, its migrations, and opening it for writing."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING, Final

from headgate.queue.protocol import QueueBroken

if TYPE_CHECKING:
    from pathlib import Path

APPLICATION_ID: Final = 0x48_47_51_31
"""Identifies an SQLite file as a Headgate queue."""

SYNCHRONOUS: Final = "FULL"
"""With NORMAL a power cut loses the last acknowledged commits, as the power-cut test shows."""

WAL_PAGES: Final = 16_000
"""
The write-ahead log is checkpointed at 64 MB. Pages that change often, as those of short queues do, are copied
to the file once per checkpoint, however often they were logged.
"""

# Minute counters are written with every commit, so the rows of one minute are adjacent; hours and days are
# read by key. The table that every job passes through has few columns. Retried jobs have an index of their
# own, so that new jobs touch as few pages with a million retries outstanding as with none. `size` is in both
# indexes so that lanes can be counted from the indexes alone when a queue is opened.
MIGRATIONS: Final = (
    """
    CREATE TABLE lanes (
        id INTEGER PRIMARY KEY,
        workspace TEXT NOT NULL,
        destination TEXT NOT NULL,
        UNIQUE (workspace, destination)
    );
    CREATE TABLE jobs (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        lane INTEGER NOT NULL,
        due INTEGER NOT NULL,
        body INTEGER NOT NULL,
        size INTEGER NOT NULL,
        stage INTEGER NOT NULL,
        attempts INTEGER NOT NULL,
        faults INTEGER NOT NULL,
        first_at INTEGER
    );
    CREATE INDEX jobs_new ON jobs (lane, due, id, size) WHERE attempts = 0;
    CREATE INDEX jobs_again ON jobs (lane, due, id, size) WHERE attempts > 0;
    CREATE TABLE bodies (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        source TEXT NOT NULL,
        message_id TEXT NOT NULL,
        event_type TEXT NOT NULL,
        accepted_at INTEGER NOT NULL,
        shared INTEGER NOT NULL,
        body BLOB NOT NULL
    );
    CREATE TABLE shares (body INTEGER PRIMARY KEY, jobs INTEGER NOT NULL);
    CREATE TABLE seen (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        key BLOB NOT NULL UNIQUE,
        at INTEGER NOT NULL
    );
    CREATE TABLE dead (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        lane INTEGER NOT NULL,
        source TEXT NOT NULL,
        message_id TEXT NOT NULL,
        event_type TEXT NOT NULL,
        accepted_at INTEGER NOT NULL,
        died_at INTEGER NOT NULL,
        stage INTEGER NOT NULL,
        attempts INTEGER NOT NULL,
        reason TEXT NOT NULL,
        message TEXT NOT NULL,
        status INTEGER,
        body BLOB NOT NULL
    );
    CREATE INDEX dead_lane ON dead (lane, id);
    CREATE TABLE tally_keys (
        id INTEGER PRIMARY KEY,
        source TEXT NOT NULL,
        destination TEXT NOT NULL,
        step TEXT NOT NULL,
        event_type TEXT NOT NULL,
        reason TEXT NOT NULL,
        attempt INTEGER NOT NULL,
        UNIQUE (source, destination, step, event_type, reason, attempt)
    );
    CREATE TABLE tallies (
        minute INTEGER NOT NULL,
        key INTEGER NOT NULL,
        events INTEGER NOT NULL,
        latency_ms REAL NOT NULL,
        PRIMARY KEY (minute, key)
    ) WITHOUT ROWID;
    CREATE TABLE clock (id INTEGER PRIMARY KEY CHECK (id = 1), at INTEGER NOT NULL);
    INSERT INTO clock VALUES (1, 0);
    """,
    """
    ALTER TABLE bodies ADD COLUMN labels TEXT NOT NULL DEFAULT '';
    ALTER TABLE dead ADD COLUMN labels TEXT NOT NULL DEFAULT '';
    ALTER TABLE jobs ADD COLUMN reason TEXT;
    ALTER TABLE tally_keys RENAME TO old_keys;
    CREATE TABLE tally_keys (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        source TEXT NOT NULL,
        destination TEXT NOT NULL,
        step TEXT NOT NULL,
        event_type TEXT NOT NULL,
        reason TEXT NOT NULL,
        attempt INTEGER NOT NULL,
        event_name TEXT NOT NULL,
        app_version TEXT NOT NULL,
        UNIQUE (source, destination, step, event_type, reason, attempt, event_name, app_version)
    );
    INSERT INTO tally_keys SELECT id, source, destination, step, event_type, reason, attempt, '', '' FROM old_keys;
    DROP TABLE old_keys;
    CREATE TABLE tally_hours (
        key INTEGER NOT NULL,
        at INTEGER NOT NULL,
        events INTEGER NOT NULL,
        latency_ms REAL NOT NULL,
        PRIMARY KEY (key, at)
    ) WITHOUT ROWID;
    CREATE TABLE tally_days (
        key INTEGER NOT NULL,
        at INTEGER NOT NULL,
        events INTEGER NOT NULL,
        latency_ms REAL NOT NULL,
        PRIMARY KEY (key, at)
    ) WITHOUT ROWID;
    CREATE TABLE latencies (
        minute INTEGER NOT NULL,
        destination TEXT NOT NULL,
        bucket INTEGER NOT NULL,
        events INTEGER NOT NULL,
        PRIMARY KEY (minute, destination, bucket)
    ) WITHOUT ROWID;
    CREATE TABLE latency_hours (
        at INTEGER NOT NULL,
        destination TEXT NOT NULL,
        bucket INTEGER NOT NULL,
        events INTEGER NOT NULL,
        PRIMARY KEY (at, destination, bucket)
    ) WITHOUT ROWID;
    CREATE TABLE latency_days (
        at INTEGER NOT NULL,
        destination TEXT NOT NULL,
        bucket INTEGER NOT NULL,
        events INTEGER NOT NULL,
        PRIMARY KEY (at, destination, bucket)
    ) WITHOUT ROWID;
    CREATE TABLE rolled (id INTEGER PRIMARY KEY CHECK (id = 1), minute INTEGER NOT NULL);
    INSERT INTO tally_hours SELECT key, minute / 60, sum(events), sum(latency_ms) FROM tallies GROUP BY 1, 2;
    INSERT INTO tally_days SELECT key, minute / 1440, sum(events), sum(latency_ms) FROM tallies GROUP BY 1, 2;
    INSERT INTO rolled SELECT 1, coalesce(max(minute), -1) FROM tallies;
    """,
    # `seen` stays until all of its rows have expired. The id of a part is the id of its run times 2^32 plus
    # its number.
    """
    CREATE TABLE seen_log (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at INTEGER NOT NULL,
        keys BLOB NOT NULL
    );
    CREATE TABLE seen_parts (id INTEGER PRIMARY KEY, entries BLOB NOT NULL);
    CREATE TABLE seen_runs (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        level INTEGER NOT NULL,
        newest INTEGER NOT NULL,
        filter BLOB NOT NULL
    );
    """,
)
"""The script at index n migrates `user_version` n to n + 1. Released scripts are never changed."""


def connect(path: Path) -> sqlite3.Connection:
    """
    Opens the only writing connection to *path*; creates and migrates the file if necessary. One thread at a
    time may use it.

    Raises QueueBroken, whose message names the file and says what to do.
    """
    new = not path.exists()
    db: sqlite3.Connection | None = None
    try:
        os.close(
            os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        )  # creates the file readable only by its owner
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=512)
        _configure(db, path)
        _migrate(db, path)
        if new:
            _sync_folder(path.parent)
    except (sqlite3.Error, OSError, QueueBroken) as error:
        if db is not None:
            db.close()
        if isinstance(error, QueueBroken):
            raise
        raise QueueBroken(explain(path, error)) from error
    return db


def _configure(db: sqlite3.Connection, path: Path) -> None:
    db.execute("PRAGMA busy_timeout = 5000")
    (mode,) = db.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise QueueBroken(f"{path}: its volume does not allow shared memory; use a local disk")
    db.execute(f"PRAGMA synchronous = {SYNCHRONOUS}")
    db.execute("PRAGMA fullfsync = ON")  # on macOS fsync alone does not flush the drive's cache
    db.execute("PRAGMA checkpoint_fullfsync = ON")
    db.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
    db.execute("PRAGMA journal_size_limit = 67108864")
    db.execute("PRAGMA cache_size = -65536")
    db.execute("PRAGMA temp_store = MEMORY")


def _migrate(db: sqlite3.Connection, path: Path) -> None:
    (version,) = db.execute("PRAGMA user_version").fetchone()
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (tables,) = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if application != APPLICATION_ID and (application or tables):
        raise QueueBroken(f"{path} is an SQLite file, but not a queue of Headgate")
    if version > len(MIGRATIONS):
        raise QueueBroken(
            f"{path} was written by a newer Headgate (format {version}, this one knows {len(MIGRATIONS)})"
        )
    for number, script in enumerate(MIGRATIONS[version:], version + 1):
        db.executescript(
            f"BEGIN IMMEDIATE; {script} PRAGMA application_id = {APPLICATION_ID};"
            f" PRAGMA user_version = {number}; COMMIT;"
        )


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


_ADVICE: Final = {
    sqlite3.SQLITE_FULL: "the disk is full: make room, it goes on by itself",
    sqlite3.SQLITE_READONLY: "it cannot be written: check its permissions and how its volume is mounted",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened: check that its folder exists and may be written",
    sqlite3.SQLITE_IOERR: "the disk fails: check its volume",
    sqlite3.SQLITE_NOTADB: "it is no queue, or its beginning is damaged: restore it, or move it away to start with an empty"
    " one",
    sqlite3.SQLITE_CORRUPT: "it is damaged: stop, keep a copy, then restore it, or run `sqlite3 FILE .recover` into a new"
    " file",
}


def explain(path: Path, error: Exception) -> str:
    """One line for operators: the file, what happened, what to do."""
    code = getattr(error, "sqlite_errorcode", None)
    advice = _ADVICE.get(code & 0xFF) if isinstance(code, int) else None
    return f"{path}: {error}; {advice}" if advice else f"{path}: {error}"
