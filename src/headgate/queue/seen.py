"""
Which message ids were put in the last 24 hours (SPEC 8.7).

The last ones, `runs.RUN_ENTRIES` at most, are in memory and in the rows that their commits added to a log; what is older is
in sorted runs. So a commit writes its keys one behind the other, whatever is stored already. In memory there is 1 MB, and
two bytes for each id of the window; as much for the file of each sibling.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import orjson

from headgate.queue.census import read_only
from headgate.queue.merging import Merge, drop_parts, write
from headgate.queue.runs import FANOUT, KEY_BYTES, RUN_ENTRIES, Run, Runs
from headgate.queue.statements import ListStatement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

# Where files of format 2 had them; nothing is added any more.
_KNOWN_OF_OLD: Final = ListStatement("SELECT key FROM seen WHERE at > ? AND key")

# Rows come many to one, see statements.py.
_LOAD: Final = """
    SELECT
        (SELECT min(id) FROM seen_log),
        (SELECT json_group_array(id) FROM seen_runs),
        EXISTS (SELECT 1 FROM seen),
        json_group_array(json_array(id, at, length(keys))),
        CAST(group_concat(keys, '') AS BLOB)
    FROM (SELECT id, at, keys FROM seen_log WHERE id > ? ORDER BY id)
"""

SWEEP_ROWS: Final = 1_000
"""Removed with one commit at most."""

SWEEP_EVERY_MS: Final = 1_000
"""How often it is looked at whether something has expired."""

DROP_PARTS: Final = 64
"""Of a run that has expired or was merged, removed with one commit."""

MERGE_ENTRIES: Final = 256
"""Merged of each level with every commit that adds keys, beside twice as many as it adds: levels keep up with what comes."""


def key(workspace: str, message_id: str) -> bytes:
    """16 bytes: among 10^9 ids two are taken for one with a probability of 10^-21."""
    return blake2b(f"{workspace}\0{message_id}".encode(), digest_size=KEY_BYTES).digest()


class _Log:
    """
    The rows of a file's log, in memory.

    times    by key, when it was put last
    """

    def __init__(self) -> None:
        self.times: dict[bytes, int] = {}
        self._rows: deque[tuple[int, int, Sequence[bytes]]] = deque()

    @property
    def last(self) -> tuple[int, int]:
        """The id of the last row, and when it was put."""
        return (self._rows[-1][0], self._rows[-1][1]) if self._rows else (0, 0)

    def add(self, number: int, at: int, keys: Sequence[bytes]) -> None:
        self._rows.append((number, at, keys))
        self.times.update(dict.fromkeys(keys, at))

    def drop(self, last: int) -> None:
        """The rows up to *last*."""
        rows, times = self._rows, self.times
        if rows and rows[-1][0] <= last:
            rows.clear()
            times.clear()
        while rows and rows[0][0] <= last:
            _, at, keys = rows.popleft()
            for one in keys:
                if times.get(one) == at:  # and was not put again
                    del times[one]

    def keys(self) -> Iterator[tuple[int, Sequence[bytes]]]:
        """All rows' keys, with when they were put."""
        return ((at, keys) for _, at, keys in self._rows)

    def expired(self, since: int) -> int:
        """The id of the last row put at *since* or before; 0 for none."""
        last = 0
        for number, at, _ in self._rows:
            if at > since:
                break
            last = number
        return last

    def known(self, keys: Sequence[bytes], since: int) -> set[bytes]:
        times = self.times
        return {one for one in keys if times.get(one, since) > since}


class _Ids:
    """What a file knows, as of `load`."""

    def __init__(self) -> None:
        self.log = _Log()
        self.runs = Runs()
        self.has_old: object = False
        """Whether there is something in the table of format 2."""
        self._read = 0

    def load(self, db: sqlite3.Connection) -> None:
        """What came since the last time, and what went."""
        first, runs, self.has_old, rows, text = db.execute(_LOAD, (self._read,)).fetchone()
        start = 0
        for number, at, size in orjson.loads(rows):
            self.log.add(
                number, at, [text[each : each + KEY_BYTES] for each in range(start, start + size, KEY_BYTES)]
            )
            self._read = number
            start += size
        self.log.drop(self._read if first is None else first - 1)
        self.runs.load(db, set(orjson.loads(runs)))

    def known(self, db: sqlite3.Connection, keys: Sequence[bytes], since: int) -> set[bytes]:
        found = self.log.known(keys, since)
        found |= self.runs.known(db, keys, since)
        if self.has_old:
            found.update(row[0] for row in _KNOWN_OF_OLD.run(db, keys, since))
        return found


class Seen:
    """The ids of one file, and look-ups in its siblings'. What takes place in a transaction counts from `after_commit` on."""

    def __init__(self, db: sqlite3.Connection, window_ms: int, siblings: Siblings) -> None:
        self._window_ms = window_ms
        self._siblings = siblings
        self._next_sweep = 0
        self._ids = _Ids()
        self._ids.load(db)
        self._merges: dict[int, Merge] = {}
        """By level of their sources."""
        self._added = 0
        self._commit: list[Callable[[], object]] = []
        stored = list(_runs_with_parts(db))
        self._dropped = deque(number for number in stored if number not in self._ids.runs.all)
        (last,) = db.execute(
            "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'seen_runs'"
        ).fetchone()
        self._next_run: int = max(last, *stored, 0) + 1

    @staticmethod
    def last_time(db: sqlite3.Connection) -> int:
        """When the last was put."""
        (at,) = db.execute(
            "SELECT max(coalesce((SELECT at FROM seen_log ORDER BY id DESC LIMIT 1), 0),"
            " coalesce((SELECT max(newest) FROM seen_runs), 0),"
            " coalesce((SELECT at FROM seen ORDER BY id DESC LIMIT 1), 0))"
        ).fetchone()
        return int(at)

    def known(self, db: sqlite3.Connection, keys: Sequence[bytes], now: int) -> set[bytes]:
        """Those of *keys* that were put less than the window ago, here or at a sibling."""
        since = now - self._window_ms
        return self._siblings.add_known(self._ids.known(db, keys, since), keys, since)

    def look_anew(self) -> None:
        """Opens the siblings' files again before the next look: see Siblings."""
        self._siblings.close()

    def add(self, db: sqlite3.Connection, keys: Sequence[bytes], now: int) -> None:
        if keys:
            cursor = db.execute("INSERT INTO seen_log (at, keys) VALUES (?, ?)", (now, b"".join(keys)))
            number = cursor.lastrowid or 0
            self._added += len(keys)
            self._commit.append(lambda: self._ids.log.add(number, now, keys))

    def sweep(self, db: sqlite3.Connection, now: int) -> None:
        """Puts a portion in order: the last thing of a transaction. Makes runs only where keys were added, so where there is room."""
        since = now - self._window_ms
        if now >= self._next_sweep:
            self._expire(db, now, since)
        if self._dropped and drop_parts(db, self._dropped[0], DROP_PARTS):
            self._commit.append(self._dropped.popleft)
        if self._added:
            if len(self._ids.log.times) >= RUN_ENTRIES:
                self._write_run(db)
            self._merge(db, since)

    def after_commit(self) -> None:
        for change in self._commit:
            change()
        for merge in self._merges.values():
            merge.keep()
        self._commit = []
        self._added = 0

    def after_rollback(self) -> None:
        for merge in self._merges.values():
            merge.undo()
        self._commit = []
        self._added = 0

    def _expire(self, db: sqlite3.Connection, now: int, since: int) -> None:
        if self._ids.has_old and not self._expire_old(db, since):
            return
        last = self._ids.log.expired(since)
        if last:
            db.execute("DELETE FROM seen_log WHERE id <= ?", (last,))
            self._commit.append(lambda: self._ids.log.drop(last))
        merging = {source.id for merge in self._merges.values() for source in merge.sources}
        for run in self._ids.runs.all.values():
            if run.newest <= since and run.id not in merging:
                db.execute("DELETE FROM seen_runs WHERE id = ?", (run.id,))
                self._commit.append(lambda run=run: self._drop(run))  # type: ignore[misc]
        self._commit.append(lambda: self._swept(now))

    def _expire_old(self, db: sqlite3.Connection, since: int) -> bool:
        """A portion of the table of format 2, oldest first. Whether that is all for now."""
        removed = db.execute(
            "DELETE FROM seen WHERE id IN"
            " (SELECT id FROM (SELECT id, at FROM seen ORDER BY id LIMIT ?) WHERE at <= ?)",
            (SWEEP_ROWS, since),
        ).rowcount
        if not removed:
            has_old = db.execute("SELECT 1 FROM seen LIMIT 1").fetchone() is not None
            self._commit.append(lambda: setattr(self._ids, "has_old", has_old))
        return removed < SWEEP_ROWS

    def _write_run(self, db: sqlite3.Connection) -> None:
        """Of the log, but for what this transaction added."""
        log = self._ids.log
        last, newest = log.last
        run = write(db, self._take_number(), log.keys(), newest)
        db.execute("DELETE FROM seen_log WHERE id <= ?", (last,))

        def wrote() -> None:
            log.drop(last)
            self._ids.runs.all[run.id] = run

        # Before what this transaction added gets into the log.
        self._commit.insert(0, wrote)

    def _merge(self, db: sqlite3.Connection, since: int) -> None:
        by_level: dict[int, list[Run]] = {}
        for run in self._ids.runs.all.values():
            by_level.setdefault(run.level, []).append(run)
        for level, runs in by_level.items():
            merge = self._merges.get(level)
            if merge is None and len(runs) >= FANOUT:
                merge = self._merges[level] = Merge(self._take_number(), sorted(runs)[:FANOUT])
            if merge is not None and merge.step(db, MERGE_ENTRIES + 2 * self._added, since):
                self._commit.append(lambda level=level: self._merged(level))  # type: ignore[misc]

    def _merged(self, level: int) -> None:
        merge = self._merges.pop(level)
        self._ids.runs.all[merge.run.id] = merge.run
        for source in merge.sources:
            self._drop(source)

    def _drop(self, run: Run) -> None:
        """*run* is none any more."""
        self._ids.runs.all.pop(run.id, None)
        self._dropped.append(run.id)

    def _swept(self, now: int) -> None:
        self._next_sweep = now + SWEEP_EVERY_MS

    def _take_number(self) -> int:
        self._next_run += 1
        return self._next_run - 1


def _runs_with_parts(db: sqlite3.Connection) -> Iterator[int]:
    """The runs that have parts, whole or not: one look for each."""
    after = 0
    while row := db.execute(
        "SELECT id >> 32 FROM seen_parts WHERE id >= ? ORDER BY id LIMIT 1", (after,)
    ).fetchone():
        yield row[0]
        after = (row[0] + 1) << 32


class Siblings:
    """
    Read-only looks into what other workers' files know, opened when they appear.

    A worker that is killed while its commit goes to the disk leaves a commit that is whole, and hidden while anybody has
    the file open: only the first to open it looks through its log. Whoever had sent those events sends them again, to
    another worker. So all files are let go of when a worker has ended.

    Two workers that get the same id in the same moment both take it: neither can see what the other has not committed.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(paths)
        self._open: dict[Path, _Sibling] = {}

    def add_known(self, found: set[bytes], keys: Sequence[bytes], since: int) -> set[bytes]:
        """*found* with those of *keys* that a sibling knows."""
        for path in self._paths:
            sibling = self._sibling(path)
            if sibling is None:
                continue
            try:
                found |= sibling.known(keys, since)
            except sqlite3.Error:  # just being made, or gone: the next commit looks again
                self._forget(path)
        return found

    def close(self) -> None:
        for path in list(self._open):
            self._forget(path)

    def _sibling(self, path: Path) -> _Sibling | None:
        try:
            inode = path.stat().st_ino
        except OSError:
            self._forget(path)
            return None
        sibling = self._open.get(path)
        if sibling is not None:
            if sibling.inode == inode:
                return sibling
            self._forget(path)
        try:
            sibling = self._open[path] = _Sibling(path, inode)
        except sqlite3.Error:
            return None
        return sibling

    def _forget(self, path: Path) -> None:
        sibling = self._open.pop(path, None)
        if sibling:
            sibling.close()


class _Sibling:
    """A file that another process writes."""

    def __init__(self, path: Path, inode: int) -> None:
        self.inode = inode
        self._db = read_only(path)
        self._ids = _Ids()

    def known(self, keys: Sequence[bytes], since: int) -> set[bytes]:
        """Raises sqlite3.Error."""
        db = self._db
        # Of one moment: what goes from the log to a run is in one of them.
        db.execute("BEGIN")
        try:
            self._ids.load(db)
            return self._ids.known(db, keys, since)
        finally:
            db.execute("ROLLBACK")

    def close(self) -> None:
        self._db.close()
