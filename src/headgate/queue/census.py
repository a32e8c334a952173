"""
Counts the jobs in a queue file by lane. Reads only the indexes, so a million jobs take a fraction of a
second.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final, NamedTuple

from headgate.queue.model import Lane

if TYPE_CHECKING:
    from pathlib import Path

_COUNT: Final = """
    SELECT workspace, destination, sum(rows), sum(bytes), sum(again), min(due) FROM (
        SELECT lane, count(*) AS rows, sum(size) AS bytes, 0 AS again, min(due) AS due
        FROM jobs INDEXED BY jobs_new WHERE attempts = 0 GROUP BY lane
        UNION ALL SELECT lane, count(*), sum(size), count(*), min(due)
        FROM jobs INDEXED BY jobs_again WHERE attempts > 0 GROUP BY lane
    ) JOIN lanes ON lanes.id = lane GROUP BY lane
"""
_OLDEST: Final = """
    SELECT workspace, destination, accepted_at FROM (
        SELECT min(id) AS first FROM (
            SELECT lane, min(id) AS id FROM jobs INDEXED BY jobs_new WHERE attempts = 0 GROUP BY lane
            UNION ALL SELECT lane, min(id) FROM jobs INDEXED BY jobs_again WHERE attempts > 0 GROUP BY lane
        ) GROUP BY lane
    ) JOIN jobs ON jobs.id = first JOIN bodies ON bodies.id = jobs.body JOIN lanes ON lanes.id = jobs.lane
"""


class LaneCount(NamedTuple):
    """
    The jobs of one lane when the file is opened.

    bytes       of the bodies
    retrying    jobs that have been attempted
    next_due    when the first job is due, ms since the epoch
    """

    lane: Lane
    rows: int
    bytes: int
    retrying: int
    next_due: int


def counts(db: sqlite3.Connection) -> list[LaneCount]:
    """The counts of all lanes that have jobs."""
    return [LaneCount(Lane(workspace, name), *numbers) for workspace, name, *numbers in db.execute(_COUNT)]


def oldest(path: Path) -> dict[Lane, int]:
    """
    When the event of the oldest job of each lane was accepted, in ms since the epoch. Uses its own
    connection, so that the commit thread does not wait.
    """
    with closing(read_only(path)) as db:
        return {Lane(workspace, name): at for workspace, name, at in db.execute(_OLDEST)}


def read_only(path: Path) -> sqlite3.Connection:
    """
    Opens a connection that can neither write nor checkpoint. Only the writing connection may checkpoint:
    SQLite before 3.51.3 can corrupt a file that two connections write or checkpoint. Does not create the
    file.
    """
    db = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
    )
    db.execute("PRAGMA query_only = ON")
    db.execute("PRAGMA wal_autocheckpoint = 0")
    return db
