"""
The message ids put in the last 24 hours (SPEC 8.7), for de-duplication.

The latest ids, at most `runs.RUN_ENTRIES`, are in memory and in a log to which each commit appends a row;
older ones are in sorted runs. So a commit writes its keys sequentially, however many are stored. The memory
needed is 1 MB plus two bytes for each id of the window, and as much again for the file of each sibling.
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

# The table that files of format 2 used. Nothing is added to it any more.
_KNOWN_OF_OLD: Final = ListStatement("SELECT key FROM seen WHERE at > ? AND key")

# Many rows come as one, see statements.py.
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
"""Maximum number of expired rows of format 2 removed in one commit."""

SWEEP_EVERY_MS: Final = 1_000
"""How often expired ids are looked for."""

DROP_PARTS: Final = 64
"""Parts of expired or merged runs removed in one commit."""

MERGE_ENTRIES: Final = 256
"""
Each commit that adds keys merges this many entries at each level, plus twice as many as it adds, so that
merging keeps up with the keys that arrive.
"""


def key(workspace: str, message_id: str) -> bytes:
    """A 16-byte hash of a message id. The probability of any collision among 10^9 ids is 10^-21."""
    return blake2b(f"{workspace}\0{message_id}".encode(), digest_size=KEY_BYTES).digest()


class _Log:
    """
    The rows of a file's log, in memory.

    times    when each key was last put, ms since the epoch
    """

    def __init__(self) -> None:
        self.times: dict[bytes, int] = {}
        self._rows: deque[tuple[int, int, Sequence[bytes]]] = deque()

    @property
    def last(self) -> tuple[int, int]:
        """The id of the last row and the time when it was put; (0, 0) if there are no rows."""
        return (self._rows[-1][0], self._rows[-1][1]) if self._rows else (0, 0)

    def add(self, number: int, at: int, keys: Sequence[bytes]) -> None:
        self._rows.append((number, at, keys))
        self.times.update(dict.fromkeys(keys, at))

    def drop(self, last: int) -> None:
        """Removes the rows with ids up to *last*."""
        rows, times = self._rows, self.times
        if rows and rows[-1][0] <= last:
            rows.clear()
            times.clear()
        while rows and rows[0][0] <= last:
            _, at, keys = rows.popleft()
            for one in keys:
                if times.get(one) == at:  # else it was put again later
                    del times[one]

    def keys(self) -> Iterator[tuple[int, Sequence[bytes]]]:
        """The keys of each row, with the time they were put."""
        return ((at, keys) for _, at, keys in self._rows)

    def expired(self, since: int) -> int:
        """The id of the last row put at *since* or before; 0 if there is none."""
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
    """The ids in one file as of the last `load`."""

    def __init__(self) -> None:
        self.log = _Log()
        self.runs = Runs()
        self.has_old: object = False
        """Whether the table of format 2 has rows."""
        self._read = 0

    def load(self, db: sqlite3.Connection) -> None:
        """Reads what was added and removed since the last call."""
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
    """
    The ids of one file, and look-ups in the files of its siblings. Changes made in a transaction take effect
    in memory at `after_commit`.
    """

    def __init__(self, db: sqlite3.Connection, window_ms: int, siblings: Siblings) -> None:
        self._window_ms = window_ms
        self._siblings = siblings
        self._next_sweep = 0
        self._ids = _Ids()
        self._ids.load(db)
        self._merges: dict[int, Merge] = {}
        """The merges in progress, by the level of their sources."""
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
        """When the latest id was put, ms since the epoch."""
        (at,) = db.execute(
            "SELECT max(coalesce((SELECT at FROM seen_log ORDER BY id DESC LIMIT 1), 0),"
            " coalesce((SELECT max(newest) FROM seen_runs), 0),"
            " coalesce((SELECT at FROM seen ORDER BY id DESC LIMIT 1), 0))"
        ).fetchone()
        return int(at)

    def known(self, db: sqlite3.Connection, keys: Sequence[bytes], now: int) -> set[bytes]:
        """The *keys* that were put less than the window ago, here or in a sibling's file."""
        since = now - self._window_ms
        return self._siblings.add_known(self._ids.known(db, keys, since), keys, since)

    def look_anew(self) -> None:
        """Closes the siblings' files, so that the next look-up reopens them: see Siblings."""
        self._siblings.close()

    def add(self, db: sqlite3.Connection, keys: Sequence[bytes], now: int) -> None:
        """Stores *keys* as put at *now*."""
        if keys:
            cursor = db.execute("INSERT INTO seen_log (at, keys) VALUES (?, ?)", (now, b"".join(keys)))
            number = cursor.lastrowid or 0
            self._added += len(keys)
            self._commit.append(lambda: self._ids.log.add(number, now, keys))

    def sweep(self, db: sqlite3.Connection, now: int) -> None:
        """
        Does a portion of the maintenance: expires, drops, writes and merges runs. Call it last in a
        transaction. It writes runs only in transactions that add keys, because these have checked that the
        disk has space.
        """
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
        """
        Removes up to SWEEP_ROWS expired rows of the table of format 2. Returns whether no expired ones are
        left.
        """
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
        """Moves the log to a new run, except for the keys added in this transaction."""
        log = self._ids.log
        last, newest = log.last
        run = write(db, self._take_number(), log.keys(), newest)
        db.execute("DELETE FROM seen_log WHERE id <= ?", (last,))

        def wrote() -> None:
            log.drop(last)
            self._ids.runs.all[run.id] = run

        # Must run before the keys of this transaction are added to the log.
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
        """Forgets *run* and schedules the removal of its parts."""
        self._ids.runs.all.pop(run.id, None)
        self._dropped.append(run.id)

    def _swept(self, now: int) -> None:
        self._next_sweep = now + SWEEP_EVERY_MS

    def _take_number(self) -> int:
        self._next_run += 1
        return self._next_run - 1


def _runs_with_parts(db: sqlite3.Connection) -> Iterator[int]:
    """The ids of the runs that have parts, complete or not. Takes one look-up for each run."""
    after = 0
    while row := db.execute(
        "SELECT id >> 32 FROM seen_parts WHERE id >= ? ORDER BY id LIMIT 1", (after,)
    ).fetchone():
        yield row[0]
        after = (row[0] + 1) << 32


class Siblings:
    """
    Read-only look-ups of ids in the files of other workers, which are opened when they appear.

    A worker that is killed during a commit may leave a complete commit in the write-ahead log that stays
    hidden as long as any connection to the file is open: only the first connection recovers the log. The
    sender, who got no answer, sends these events again to another worker. So all files are closed when a
    worker has ended.

    Two workers that receive the same id at the same moment both accept it, since neither sees what the other
    has not committed.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(paths)
        self._open: dict[Path, _Sibling] = {}

    def add_known(self, found: set[bytes], keys: Sequence[bytes], since: int) -> set[bytes]:
        """Adds to *found* the *keys* that a sibling knows, and returns it."""
        for path in self._paths:
            sibling = self._sibling(path)
            if sibling is None:
                continue
            try:
                found |= sibling.known(keys, since)
            except sqlite3.Error:  # just being created, or removed: the next commit tries again
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
    """A read-only view of a file that another process writes."""

    def __init__(self, path: Path, inode: int) -> None:
        self.inode = inode
        self._db = read_only(path)
        self._ids = _Ids()

    def known(self, keys: Sequence[bytes], since: int) -> set[bytes]:
        """As `_Ids.known`, after loading the changes. Raises sqlite3.Error."""
        db = self._db
        # One read transaction, so that keys moved from the log to a run are found in one of the two.
        db.execute("BEGIN")
        try:
            self._ids.load(db)
            return self._ids.known(db, keys, since)
        finally:
            db.execute("ROLLBACK")

    def close(self) -> None:
        self._db.close()
