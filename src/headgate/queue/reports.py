"""
Queries over the counters of all queue files of a server, through read-only connections: what any worker has
committed counts at once.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from headgate.queue.census import read_only
from headgate.queue.labels import OTHER, PER_HOUR, parts
from headgate.queue.limits import DAY_MS, HOUR_MS, MINUTE_MS
from headgate.queue.protocol import QueueBroken
from headgate.queue.schema import explain

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
    from pathlib import Path

    from headgate.queue.model import Step

Column = Literal["step", "source", "event_type", "event_name", "app_version", "reason"]
"""
The columns by which counters can be grouped. The reason of a
success is `successes.attempt.N` (SPEC 11.3).
"""

Sums = Counter[tuple[int, tuple[str, ...]]]
"""
Numbers of events, by the beginning of their period (ms since the epoch) and the values of the grouping
columns.
"""

# Only these names of columns and tables are interpolated into SQL, never input.
_COLUMNS: Final[dict[Column, str]] = {
    "step": "step",
    "source": "source",
    "event_type": "event_type",
    "event_name": "event_name",
    "app_version": "app_version",
    "reason": "CASE step WHEN 'successful-delivery' THEN 'successes.attempt.' || attempt ELSE reason END",
}
_AMONG: Final = " AND @column IN (SELECT value FROM json_each(?))"
_PERIODS: Final = {HOUR_MS: "hours", DAY_MS: "days"}

_OF_MINUTES: Final = """
    SELECT minute / ?, sum(events)@columns FROM tallies CROSS JOIN tally_keys ON tally_keys.id = tallies.key
    WHERE minute > ? AND minute >= ? AND minute < ? @conditions GROUP BY 1 @groups
"""
_OF_KEYS: Final = """
    WITH RECURSIVE minutes (at) AS (SELECT ? UNION ALL SELECT at + 1 FROM minutes WHERE at + 1 < ?)
    SELECT at, sum(events)@columns
    FROM tally_keys CROSS JOIN minutes CROSS JOIN tallies ON minute = at AND key = tally_keys.id
    WHERE TRUE @conditions GROUP BY 1 @groups
"""
_COUNT_KEYS: Final = "SELECT count(*) FROM (SELECT 1 FROM tally_keys WHERE TRUE @conditions LIMIT ?)"
_OF_PERIODS: Final = """
    SELECT at, sum(events)@columns FROM tally_keys CROSS JOIN tally_@period AS sums ON sums.key = tally_keys.id
    WHERE at >= ? AND at < ? @conditions GROUP BY 1 @groups
"""
_LATENCIES_OF_MINUTES: Final = """
    SELECT bucket, sum(events) FROM latencies
    WHERE ? > 0 AND minute > ? AND minute >= ? AND minute < ? AND destination = ? GROUP BY 1
"""
_LATENCIES_OF_PERIODS: Final = """
    SELECT bucket, sum(events) FROM latency_@period WHERE at >= ? AND at < ? AND destination = ? GROUP BY 1
"""
_PENDING: Final = """
    SELECT first_at / ?, event_type, labels, coalesce(reason, ''), count(*) FROM lanes
    CROSS JOIN jobs INDEXED BY jobs_again ON jobs.lane = lanes.id JOIN bodies ON bodies.id = jobs.body
    WHERE destination = ? AND source = ? AND attempts > 0 AND first_at >= ? AND first_at < ? GROUP BY 1, 2, 3, 4
"""


KEYS_FEW: Final = 1_000
"""
With up to this many matching keys, each is looked up in each
minute; with more, the minutes are scanned.
"""


@dataclass(frozen=True, slots=True)
class Window:
    """
    The time from *begin_ms* to *end_ms* (exclusive), widened to whole periods of *period_ms*: minutes, hours
    or days in UTC.
    """

    period_ms: int
    begin_ms: int
    end_ms: int

    @property
    def first(self) -> int:
        """The number of the first period, counted from the epoch."""
        return self.begin_ms // self.period_ms

    @property
    def end(self) -> int:
        """The number of the first period after the window."""
        return -(-self.end_ms // self.period_ms)

    @property
    def minutes(self) -> tuple[int, int]:
        """The numbers of the first minute of the window and of the first minute after it."""
        minutes = self.period_ms // MINUTE_MS
        return self.first * minutes, self.end * minutes


@dataclass(frozen=True, slots=True)
class Question:
    """
    Selects counters.

    destination    None is any, and steps before the fan-out
    among          columns with the values that are accepted in each
    """

    steps: Collection[Step]
    sources: Collection[str]
    destination: str | None = None
    among: tuple[tuple[Column, tuple[str, ...]], ...] = ()

    def conditions(self) -> tuple[str, list[str]]:
        """The SQL conditions, each preceded by AND, and their parameters."""
        wanted: list[tuple[Column, Collection[str]]] = [
            ("step", self.steps),
            ("source", self.sources),
            *self.among,
        ]
        text = "".join(_AMONG.replace("@column", _COLUMNS[column]) for column, _ in wanted)
        values = [json.dumps(list(each)) for _, each in wanted]
        if self.destination is None:
            return text, values
        return f"{text} AND destination = ?", [*values, self.destination]


class Reports:
    """
    Queries the files that *queues* returns. All methods block, so call them in a thread, and raise
    QueueBroken if a file cannot be read.
    """

    def __init__(self, queues: Callable[[], Iterable[Path]]) -> None:
        self._queues = queues

    def events(self, window: Window, question: Question, by: tuple[Column, ...]) -> Sums:
        """
        The numbers of events in *window* that match *question*,
        grouped by period and by the columns *by*.
        """
        conditions, values = question.conditions()
        columns = "".join(f", {_COLUMNS[column]}" for column in by)
        groups = "".join(f", {number}" for number in range(3, 3 + len(by)))

        def asked(text: str, parameters: tuple[int, ...]) -> tuple[str, list[Any]]:
            text = (
                text.replace("@columns", columns)
                .replace("@conditions", conditions)
                .replace("@groups", groups)
            )
            return text, [*parameters, *values]

        sums: Sums = Counter()

        def few_keys(db: sqlite3.Connection) -> bool:
            text = _COUNT_KEYS.replace("@conditions", conditions)
            return bool(db.execute(text, (*values, KEYS_FEW + 1)).fetchone()[0] <= KEYS_FEW)

        def read(db: sqlite3.Connection) -> None:
            statements = _statements(db, window, _OF_MINUTES, _OF_PERIODS)
            if window.period_ms == MINUTE_MS and few_keys(db):
                statements = iter([(_OF_KEYS, window.minutes)])
            for text, parameters in statements:
                for at, events, *key in db.execute(*asked(text, parameters)):
                    sums[at * window.period_ms, tuple(key)] += events

        self._each(read)
        return sums

    def pending(self, window: Window, question: Question, by: tuple[Column, ...]) -> Sums:
        """
        The numbers of jobs that currently wait for a retry, of the question's single source and its
        destination. The period is that of their first attempt, the reason that of their last failure.
        """
        (source,) = question.sources
        period = window.period_ms
        range_ms = window.first * period, window.end * period
        among = [(column, frozenset(values)) for column, values in question.among]
        sums: Sums = Counter()
        names: set[str] = set()

        def read(db: sqlite3.Connection) -> None:
            for at, event_type, labels, reason, events in db.execute(
                _PENDING, (period, question.destination, source, *range_ms)
            ):
                found = _values(event_type, labels, reason, names)
                if all(found[column] in values for column, values in among):
                    sums[at * period, tuple(found[column] for column in by)] += events

        self._each(read)
        return sums

    def latencies(self, window: Window, destination: str) -> Counter[int]:
        """The numbers of deliveries by latency bucket (headgate.queue.latency)."""
        buckets: Counter[int] = Counter()

        def read(db: sqlite3.Connection) -> None:
            for text, parameters in _statements(db, window, _LATENCIES_OF_MINUTES, _LATENCIES_OF_PERIODS):
                for bucket, events in db.execute(text, (*parameters, destination)):
                    buckets[bucket] += events

        self._each(read)
        return buckets

    def _each(self, read: Callable[[sqlite3.Connection], None]) -> None:
        """Calls *read* with each file, in one read transaction per file."""
        for path in self._queues():
            try:
                with closing(read_only(path)) as db:
                    (version,) = db.execute("PRAGMA user_version").fetchone()
                    if version:  # 0: the file is being created and is empty
                        db.execute("BEGIN")
                        read(db)
            except sqlite3.Error as error:
                raise QueueBroken(explain(path, error)) from error


def _statements(
    db: sqlite3.Connection, window: Window, of_minutes: str, of_periods: str
) -> Iterator[tuple[str, tuple[int, ...]]]:
    """
    The statements with their parameters: hours and days are stored
    as sums except for the latest minutes.
    """
    minutes = window.period_ms // MINUTE_MS
    summed_up = -1
    if minutes > 1:
        (summed_up,) = db.execute("SELECT minute FROM rolled").fetchone()
        yield of_periods.replace("@period", _PERIODS[window.period_ms]), (window.first, window.end)
    yield of_minutes, (minutes, summed_up, *window.minutes)


def _values(event_type: str, labels: str, reason: str, names: set[str]) -> Mapping[Column, str]:
    """
    The column values of a job. *names* collects the distinct labels seen: beyond PER_HOUR of them the rest
    become OTHER, as in the counters.
    """
    event_name, app_version = parts(labels)
    if labels and labels not in names:
        if len(names) < PER_HOUR:
            names.add(labels)
        else:
            event_name, app_version = event_name and OTHER, app_version and OTHER
    return {"event_type": event_type, "event_name": event_name, "app_version": app_version, "reason": reason}
