"""
Counters per minute, written in the transaction that decides what
they count, and aggregated by hour and day.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from headgate.queue import latency
from headgate.queue.labels import Known, joined, others, parts
from headgate.queue.limits import DAY_MS, HOUR_MS, MINUTE_MS
from headgate.queue.model import Step, Tally, TallyRow
from headgate.queue.statements import insert

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

_ADD: Final = insert(
    "tallies",
    ("minute", "key", "events", "latency_ms"),
    conflict="ON CONFLICT (minute, key) DO UPDATE SET"
    " events = events + excluded.events, latency_ms = latency_ms + excluded.latency_ms",
)
_ADD_LATENCIES: Final = insert(
    "latencies",
    ("minute", "destination", "bucket", "events"),
    conflict="ON CONFLICT (minute, destination, bucket) DO UPDATE SET events = events + excluded.events",
)
_KEY_ID: Final = """
    SELECT id FROM tally_keys
    WHERE (source, destination, step, event_type, reason, attempt, event_name, app_version) = (?, ?, ?, ?, ?, ?, ?, ?)
"""
_ADD_KEY: Final = """
    INSERT INTO tally_keys (source, destination, step, event_type, reason, attempt, event_name, app_version)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_ROWS: Final = """
    SELECT
        minute, source, destination, step, event_type, reason, attempt, event_name, app_version, events, latency_ms
    FROM tallies JOIN tally_keys ON tally_keys.id = tallies.key WHERE minute >= ? ORDER BY minute, key
"""
# Only minutes that are over are aggregated: nothing is counted for them afterwards.
_SUM_UP: Final = """
    INSERT INTO tally_@ (key, at, events, latency_ms)
    SELECT key, minute / ?, sum(events), sum(latency_ms) FROM tallies WHERE minute > ? AND minute < ? GROUP BY 1, 2
    ON CONFLICT (key, at) DO UPDATE SET
        events = events + excluded.events, latency_ms = latency_ms + excluded.latency_ms
"""
_SUM_UP_LATENCIES: Final = """
    INSERT INTO latency_@ (at, destination, bucket, events)
    SELECT minute / ?, destination, bucket, sum(events) FROM latencies WHERE minute > ? AND minute < ? GROUP BY 1, 2, 3
    ON CONFLICT (at, destination, bucket) DO UPDATE SET events = events + excluded.events
"""
_FORGET: Final = "DELETE FROM tally_@ WHERE key > ? AND key <= ? AND at < ?"
_FORGET_LATENCIES: Final = "DELETE FROM latency_@ WHERE at < ?"
_PERIODS: Final = (("hours", HOUR_MS), ("days", DAY_MS))

KEYS_MAX: Final = 50_000
"""Key ids cached in memory; beyond this the cache is emptied."""

MINUTES_KEPT_MS: Final = 49 * HOUR_MS
"""How long counters of single minutes are kept: they can be queried for 48 hours (SPEC 12.3)."""

SWEEP_ROWS: Final = 1_000
SWEEP_KEYS: Final = 200
SWEEP_EVERY_MS: Final = MINUTE_MS


class Tallies:
    """
    Collects the counts of a transaction (events and their summed latencies), and caches the ids of tally
    keys.
    """

    def __init__(self, keep_ms: int) -> None:
        self._sweeper = _Sweeper(keep_ms)
        self._known = Known()
        self._rolled: int | None = None
        self._minute = -1
        self._ids: dict[Tally, int] = {}
        self._current: dict[Tally, int] = {}
        self._sums: dict[Tally, list[float]] = {}
        self._buckets: dict[tuple[str, int], int] = {}
        self._new: list[Tally] = []

    def count(self, tallies: Iterable[Tally], events: int = 1) -> None:
        """Counts each of *tallies* for *events* events in the current transaction."""
        for tally in tallies:
            self._add(tally, events, 0.0)

    def count_deliveries(self, tally: Tally, latencies_ms: Sequence[float]) -> None:
        """Counts one event for each latency, and the latencies themselves."""
        self._add(tally, len(latencies_ms), sum(latencies_ms))
        destination, buckets = tally.destination, self._buckets
        for bucket, events in Counter(map(latency.bucket_of, latencies_ms)).items():
            buckets[destination, bucket] = buckets.get((destination, bucket), 0) + events

    def _add(self, tally: Tally, events: int, latency_ms: float) -> None:
        entry = self._sums.get(tally)
        if entry is None:
            self._sums[tally] = [events, latency_ms]
        else:
            entry[0] += events
            entry[1] += latency_ms

    def write(self, db: sqlite3.Connection, now: int) -> None:
        """
        Adds the counts to the minute of *now*, and aggregates
        earlier minutes into their hours and days.
        """
        if not self._sums:
            return
        minute = self._begin(db, now)
        values: list[float] = []
        for tally, sums in self._sums.items():
            values += (minute, self._current.get(tally) or self._key(db, tally), *sums)
        _ADD.run(db, values)
        if self._buckets:
            _ADD_LATENCIES.run(
                db, [value for key, number in self._buckets.items() for value in (minute, *key, number)]
            )
        if self._sweeper.sweep(db, now, minute):
            self._forget()

    def after_commit(self) -> None:
        """Forgets the counts, which are stored."""
        self._sums = {}
        self._buckets = {}
        self._new = []

    def after_rollback(self) -> None:
        """Forgets the counts and the key ids of a transaction that was rolled back."""
        for tally in self._new:
            self._ids.pop(tally, None)
        self._current = {}
        self._rolled = None
        self._minute = -1
        self.after_commit()

    def rows(self, db: sqlite3.Connection, since_minute: int) -> list[TallyRow]:
        return [
            TallyRow(
                minute,
                Tally(source, destination, Step(step), kind, reason, attempt, joined(name, app)),
                *sums,
            )
            for minute, source, destination, step, kind, reason, attempt, name, app, *sums in db.execute(
                _ROWS, (since_minute,)
            )
        ]

    def _begin(self, db: sqlite3.Connection, now: int) -> int:
        """
        The minute to count for: that of *now*, or the first that is
        not aggregated yet if that is later.
        """
        if self._rolled is None:
            (self._rolled,) = db.execute("SELECT minute FROM rolled").fetchone()
        minute = max(now // MINUTE_MS, self._rolled + 1)
        if minute != self._minute:
            if self._rolled < minute - 1:
                for name, period in _PERIODS:
                    for statement in (_SUM_UP, _SUM_UP_LATENCIES):
                        db.execute(statement.replace("@", name), (period // MINUTE_MS, self._rolled, minute))
                db.execute("UPDATE rolled SET minute = ?", (minute - 1,))
                self._rolled = minute - 1
            self._minute = minute
            self._current = {}
            self._known.turn(db, minute)
        return minute

    def _key(self, db: sqlite3.Connection, tally: Tally) -> int:
        counted = tally
        if tally.labels and not self._known.admits(tally.source, tally.labels):
            counted = tally._replace(labels=others(tally.labels))
        key = self._ids.get(counted)
        if key is None:
            if len(self._ids) > KEYS_MAX:
                self._forget()
            values = (*counted[:-1], *parts(counted.labels))
            row = db.execute(_KEY_ID, values).fetchone()
            key = int(row[0] if row else db.execute(_ADD_KEY, values).lastrowid or 0)
            self._new.append(counted)
            self._ids[counted] = key
        if counted is tally:
            self._current[tally] = key
        return key

    def _forget(self) -> None:
        self._ids.clear()
        self._current.clear()


class _Sweeper:
    """Removes counters older than *keep_ms*, a portion with each commit."""

    def __init__(self, keep_ms: int) -> None:
        self._keep_ms = keep_ms
        self._next = 0
        self._after_key = 0

    def sweep(self, db: sqlite3.Connection, now: int, minute: int) -> bool:
        """
        Removes a portion; returns whether keys were removed too. *minute* is the first that is not
        aggregated.
        """
        if now < self._next:
            return False
        first = now - self._keep_ms
        first_minute = max(first, now - MINUTES_KEPT_MS) // MINUTE_MS
        removed = db.execute(
            "DELETE FROM tallies WHERE (minute, key) IN"
            " (SELECT minute, key FROM tallies WHERE minute < ? ORDER BY minute, key LIMIT ?)",
            (first_minute, SWEEP_ROWS),
        ).rowcount
        if removed < SWEEP_ROWS:
            self._next = now + SWEEP_EVERY_MS
        db.execute("DELETE FROM latencies WHERE minute < ?", (first_minute,))
        for name, period in _PERIODS:
            db.execute(_FORGET_LATENCIES.replace("@", name), (first // period,))
        return self._sweep_keys(db, first, minute)

    def _sweep_keys(self, db: sqlite3.Connection, first: int, minute: int) -> bool:
        """
        Removes expired hours and days of the next keys in turn, and those keys under which nothing is counted
        any more. Returns whether any keys were removed.
        """
        after = self._after_key
        (last,) = db.execute(
            "SELECT max(id) FROM (SELECT id FROM tally_keys WHERE id > ? ORDER BY id LIMIT ?)",
            (after, SWEEP_KEYS),
        ).fetchone()
        self._after_key = last or 0
        if last is None:
            return False
        for name, period in _PERIODS:
            db.execute(_FORGET.replace("@", name), (after, last, first // period))
        return bool(
            db.execute(
                "DELETE FROM tally_keys WHERE id > ? AND id <= ?"
                " AND NOT EXISTS (SELECT 1 FROM tally_days WHERE key = tally_keys.id)"
                " AND id NOT IN (SELECT key FROM tallies WHERE minute >= ?)",
                (after, last, minute),
            ).rowcount
        )
