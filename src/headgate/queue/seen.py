"""Which message ids were put in the last 24 hours (SPEC 8.7). On disk: memory does not grow with them."""

from __future__ import annotations

import sqlite3
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from headgate.queue.census import read_only
from headgate.queue.statements import ListStatement, insert

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_KNOWN: Final = ListStatement("SELECT key FROM seen WHERE at > ? AND key")
# An id that has expired and was not swept yet gives way.
_ADD: Final = insert("seen", ("key", "at"), verb="INSERT OR REPLACE")

SWEEP_ROWS: Final = 1_000
"""Removed with one commit at most."""

SWEEP_EVERY_MS: Final = 1_000
"""How often it is looked at whether something has expired."""


def key(workspace: str, message_id: str) -> bytes:
    """16 bytes: among 10^9 ids two are taken for one with a probability of 10^-21."""
    return blake2b(f"{workspace}\0{message_id}".encode(), digest_size=16).digest()


class Seen:
    """The ids of one file, and look-ups in its siblings'."""

    def __init__(self, window_ms: int, siblings: Siblings) -> None:
        self._window_ms = window_ms
        self._siblings = siblings
        self._next_sweep = 0

    def known(self, db: sqlite3.Connection, keys: Sequence[bytes], now: int) -> set[bytes]:
        """Those of *keys* that were put less than the window ago, here or at a sibling."""
        since = now - self._window_ms
        found = {row[0] for row in _KNOWN.run(db, keys, since)}
        return self._siblings.add_known(found, keys, since)

    def look_anew(self) -> None:
        """Opens the siblings' files again before the next look: see Siblings."""
        self._siblings.close()

    def add(self, db: sqlite3.Connection, keys: Sequence[bytes], now: int) -> None:
        values: list[bytes | int] = []
        for one in keys:
            values += (one, now)
        _ADD.run(db, values)

    def sweep(self, db: sqlite3.Connection, now: int) -> None:
        """Removes a portion of what has expired, oldest first."""
        if now < self._next_sweep:
            return
        removed = db.execute(
            "DELETE FROM seen WHERE id IN"
            " (SELECT id FROM (SELECT id, at FROM seen ORDER BY id LIMIT ?) WHERE at <= ?)",
            (SWEEP_ROWS, now - self._window_ms),
        ).rowcount
        if removed < SWEEP_ROWS:
            self._next_sweep = now + SWEEP_EVERY_MS


class Siblings:
    """
    Read-only looks into the `seen` of other workers' files, opened when they appear.

    A worker that is killed while its commit goes to the disk leaves a commit that is whole, and hidden while anybody has
    the file open: only the first to open it looks through its log. Whoever had sent those events sends them again, to
    another worker. So all files are let go of when a worker has ended.

    Two workers that get the same id in the same moment both take it: neither can see what the other has not committed.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(paths)
        self._open: dict[Path, tuple[sqlite3.Connection, int]] = {}

    def add_known(self, found: set[bytes], keys: Sequence[bytes], since: int) -> set[bytes]:
        """*found* with those of *keys* that a sibling knows."""
        for path in self._paths:
            db = self._connection(path)
            if db is None:
                continue
            try:
                found.update(row[0] for row in _KNOWN.run(db, keys, since))
            except sqlite3.Error:  # just being made, or gone: the next commit looks again
                self._forget(path)
        return found

    def close(self) -> None:
        for path in list(self._open):
            self._forget(path)

    def _connection(self, path: Path) -> sqlite3.Connection | None:
        try:
            inode = path.stat().st_ino
        except OSError:
            self._forget(path)
            return None
        if path in self._open:
            db, opened = self._open[path]
            if opened == inode:
                return db
            self._forget(path)
        try:
            db = read_only(path)
        except sqlite3.Error:
            return None
        self._open[path] = db, inode
        return db

    def _forget(self, path: Path) -> None:
        entry = self._open.pop(path, None)
        if entry:
            entry[0].close()
