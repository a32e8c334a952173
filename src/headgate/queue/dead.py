"""
Dead letters: jobs whose delivery was given up, kept for a while
so that people can inspect and redrive them.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from headgate.queue.model import DeadJob, Lane
from headgate.queue.statements import ListStatement, insert

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from headgate.queue.model import Done

_COLUMNS: Final = (
    "lane",
    "source",
    "message_id",
    "event_type",
    "labels",
    "accepted_at",
    "died_at",
    "stage",
    "attempts",
    "reason",
    "message",
    "status",
    "body",
)
_ADD: Final = insert("dead", _COLUMNS)
_TAKE: Final = ListStatement(
    "DELETE FROM dead WHERE id",
    "RETURNING lane, source, message_id, event_type, labels, accepted_at, stage, body",
)
_PAGE: Final = """
    SELECT dead.id, workspace, destination, source, message_id, event_type, died_at, attempts, reason, message, body
    FROM dead JOIN lanes ON lanes.id = dead.lane WHERE dead.id > ? ORDER BY dead.id LIMIT ?
"""
_PAGE_OF_LANE: Final = """
    SELECT dead.id, workspace, destination, source, message_id, event_type, died_at, attempts, reason, message, body
    FROM lanes JOIN dead INDEXED BY dead_lane ON lanes.id = dead.lane
    WHERE dead.id > ? AND workspace = ? AND destination = ? ORDER BY dead.id LIMIT ?
"""

SWEEP_ROWS: Final = 1_000
SWEEP_EVERY_MS: Final = 60_000


class DeadLetters:
    """The dead jobs of all lanes: at most *rows_max* per lane, none older than *keep_ms*."""

    def __init__(self, keep_ms: int, rows_max: int) -> None:
        self._keep_ms = keep_ms
        self._rows_max = rows_max
        self._next_sweep = 0
        self._rows: Counter[int] | None = None

    def add(self, db: sqlite3.Connection, dead: Iterable[tuple[int, Done]], now: int) -> None:
        """Stores *dead*, pairs of a lane's number and a settlement with the error that ended the job."""
        rows = self._counted(db)
        values: list[Any] = []
        touched = set()
        for lane, settlement in dead:
            job, error = settlement.job, settlement.dead
            assert error is not None
            values += (lane, job.source, job.message_id, job.event_type, job.labels)
            values += (job.accepted_at, now)
            values += (
                job.stage == "delivery",
                settlement.tally.attempt,
                error.reason,
                _storable(error.message),
            )
            values += (error.status, job.body)
            rows[lane] += 1
            touched.add(lane)
        _ADD.run(db, values)
        for lane in touched:
            if (over := rows[lane] - self._rows_max) > 0:
                db.execute(
                    "DELETE FROM dead WHERE id IN (SELECT id FROM dead WHERE lane = ? ORDER BY id LIMIT ?)",
                    (lane, over),
                )
                rows[lane] -= over

    def take(self, db: sqlite3.Connection, ids: Sequence[int]) -> list[tuple[Any, ...]]:
        """Removes the dead jobs with *ids*. Returns the columns of _TAKE for each one found."""
        found = list(_TAKE.run(db, ids))
        self._counted(db).subtract(row[0] for row in found)
        return found

    def page(self, db: sqlite3.Connection, lane: Lane | None, after: int, limit: int) -> list[DeadJob]:
        """Up to *limit* dead jobs of *lane* (None: all lanes) with an id above *after*, by id."""
        found = (
            db.execute(_PAGE_OF_LANE, (after, *lane, limit)) if lane else db.execute(_PAGE, (after, limit))
        )
        return [DeadJob(row[0], Lane(row[1], row[2]), *row[3:]) for row in found]

    def count(self, db: sqlite3.Connection) -> int:
        return self._counted(db).total()

    def after_rollback(self) -> None:
        """Drops the counts, which may include rows that were rolled back."""
        self._rows = None

    def sweep(self, db: sqlite3.Connection, now: int) -> None:
        """Removes up to SWEEP_ROWS expired rows."""
        if now < self._next_sweep:
            return
        removed = [
            row[0]
            for row in db.execute(
                "DELETE FROM dead WHERE id IN"
                " (SELECT id FROM (SELECT id, died_at FROM dead ORDER BY id LIMIT ?) WHERE died_at <= ?)"
                " RETURNING lane",
                (SWEEP_ROWS, now - self._keep_ms),
            )
        ]
        self._counted(db).subtract(removed)
        if len(removed) < SWEEP_ROWS:
            self._next_sweep = now + SWEEP_EVERY_MS

    def _counted(self, db: sqlite3.Connection) -> Counter[int]:
        if self._rows is None:
            self._rows = Counter(dict(db.execute("SELECT lane, count(*) FROM dead GROUP BY lane")))
        return self._rows


def _storable(text: str) -> str:
    """*text* with lone surrogates escaped. User code may produce them, and SQLite cannot store them."""
    return text.encode(errors="backslashreplace").decode()
