"""Counters per minute, written in the transaction that decides what they count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from headgate.queue.limits import MINUTE_MS
from headgate.queue.model import Step, Tally, TallyRow
from headgate.queue.statements import insert

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

_ADD: Final = insert(
    "tallies",
    ("minute", "key", "events", "latency_ms"),
    conflict="ON CONFLICT (minute, key) DO UPDATE SET"
    " events = events + excluded.events, latency_ms = latency_ms + excluded.latency_ms",
)
_KEY_ID: Final = "SELECT id FROM tally_keys WHERE (source, destination, step, event_type, reason, attempt) = (?, ?, ?, ?, ?, ?)"
_ADD_KEY: Final = "INSERT INTO tally_keys (source, destination, step, event_type, reason, attempt) VALUES (?, ?, ?, ?, ?, ?)"

KEYS_MAX: Final = 50_000
"""Keys kept in memory; when there are more, all are looked up anew."""

SWEEP_ROWS: Final = 1_000
SWEEP_EVERY_MS: Final = MINUTE_MS


class Tallies:
    """What is counted in a transaction, and the ids of the keys counted under."""

    def __init__(self, keep_ms: int) -> None:
        self._keep_ms = keep_ms
        self._next_sweep = 0
        self._ids: dict[Tally, int] = {}
        self._events: dict[Tally, int] = {}
        self._latency: dict[Tally, float] = {}
        self._new: list[Tally] = []

    def count(self, tallies: Iterable[Tally]) -> None:
        """Each once, with the commit that is being made."""
        events = self._events
        for tally in tallies:
            events[tally] = events.get(tally, 0) + 1

    def delay(self, tally: Tally, latency_ms: float) -> None:
        """Adds to the latencies of *tally*."""
        self._latency[tally] = self._latency.get(tally, 0.0) + latency_ms

    def write(self, db: sqlite3.Connection, now: int) -> None:
        """Adds what was counted to the minute of *now*."""
        events = self._events
        if not events:
            return
        self._number(db)
        minute = now // MINUTE_MS
        values: list[float] = []
        for tally, number in events.items():
            values += (minute, self._ids[tally], number, self._latency.get(tally, 0.0))
        _ADD.run(db, values)
        self._sweep(db, now)

    def after_commit(self) -> None:
        """What was counted is stored."""
        self._events = {}
        self._latency = {}
        self._new = []

    def after_rollback(self) -> None:
        """Nothing of it is, and the ids that were given out do not hold."""
        for tally in self._new:
            self._ids.pop(tally, None)
        self.after_commit()

    def rows(self, db: sqlite3.Connection, since_minute: int) -> list[TallyRow]:
        found = db.execute(
            "SELECT minute, source, destination, step, event_type, reason, attempt, events, latency_ms"
            " FROM tallies JOIN tally_keys ON tally_keys.id = tallies.key WHERE minute >= ? ORDER BY minute, key",
            (since_minute,),
        )
        return [
            TallyRow(minute, Tally(source, destination, Step(step), kind, reason, attempt), events, latency)
            for minute, source, destination, step, kind, reason, attempt, events, latency in found
        ]

    def _number(self, db: sqlite3.Connection) -> None:
        ids = self._ids
        if len(ids) > KEYS_MAX:
            ids.clear()
        for tally in self._events:
            if tally not in ids:
                row = db.execute(_KEY_ID, tally).fetchone()
                self._new.append(tally)
                ids[tally] = row[0] if row else db.execute(_ADD_KEY, tally).lastrowid or 0

    def _sweep(self, db: sqlite3.Connection, now: int) -> None:
        if now < self._next_sweep:
            return
        removed = db.execute(
            "DELETE FROM tallies WHERE (minute, key) IN"
            " (SELECT minute, key FROM tallies WHERE minute < ? ORDER BY minute, key LIMIT ?)",
            ((now - self._keep_ms) // MINUTE_MS, SWEEP_ROWS),
        ).rowcount
        if removed < SWEEP_ROWS:
            self._next_sweep = now + SWEEP_EVERY_MS
