"""
The thread that owns the writing connection. It does group commit:
all waiting batches share one transaction.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import shutil
import sqlite3
import threading
from typing import TYPE_CHECKING, Final

from headgate.queue import census
from headgate.queue.batch import Batch, Report
from headgate.queue.protocol import QueueBroken, QueueFull
from headgate.queue.schema import connect, explain
from headgate.queue.seen import Siblings
from headgate.queue.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from headgate.queue.batch import Ask, Put
    from headgate.queue.census import LaneCount
    from headgate.queue.clock import ServiceClock
    from headgate.queue.limits import QueueLimits
    from headgate.queue.model import Settlement

_log: Final = logging.getLogger(__name__)

RETRY_S: Final = 0.25
"""How often a broken store is tried again, even if nothing is put."""

RETRY_AFTER_S: Final = 10
"""The delay that senders are told when the disk is almost full."""

DISK_EVERY_MS: Final = 500
"""How often free disk space is checked while there are puts."""

CLOCK_EVERY_MS: Final = 1_000
"""How far the stored time may lag behind the clock."""

_BROKEN: Final = (sqlite3.OperationalError, sqlite3.DatabaseError)
"""
Exactly these types mean that the disk failed. Other subclasses of
DatabaseError are faults of our own code.
"""


def _is_broken(error: Exception) -> bool:
    return type(error) in _BROKEN


class CommitThread:
    """
    Takes batches by `submit` from one thread, and calls the *post* given to `start` with a report of each, in
    order, in its own thread. Batches that wait while a commit is made are merged and get one report.

    Settlements survive a store that cannot be written: they are kept in memory and retried until stored.
    Their number is bounded by the jobs handed out, and no more jobs are handed out meanwhile.
    """

    def __init__(
        self, path: Path, clock: ServiceClock, limits: QueueLimits, siblings: Sequence[Path]
    ) -> None:
        self._path = path
        self._clock = clock
        self._limits = limits
        self._siblings = Siblings(siblings)
        self._inbox: queue.SimpleQueue[Batch] = queue.SimpleQueue()
        self._post: Callable[[Report], None] = lambda _report: None
        self._carried: list[Settlement] = []
        self._broken: QueueBroken | None = None
        self._dropped = 0
        self._now = 0
        self._clock_written = 0
        self._disk_checked = 0
        self._full = False
        self._thread = threading.Thread(target=self._run, name=f"queue {path.name}", daemon=True)
        self._db: sqlite3.Connection
        self._store: Store

    def open(self) -> list[LaneCount]:
        """Opens the file and counts its jobs. Call before `start`, in any thread. Raises QueueBroken."""
        self._db = connect(self._path)
        try:
            self._store = Store(self._db, self._limits, self._siblings)
            self._clock.not_before(self._store.last_time(self._db))
            return census.counts(self._db)
        except sqlite3.Error as error:
            self._db.close()
            raise QueueBroken(explain(self._path, error)) from error
        except BaseException:
            self._db.close()
            raise

    def start(self, post: Callable[[Report], None]) -> None:
        self._post = post
        self._thread.start()

    def submit(self, batch: Batch) -> None:
        """Queues *batch*. No batch may follow one that is *closing*."""
        self._inbox.put(batch)

    def join(self) -> None:
        """Returns when the thread has ended, which it does after a batch that is *closing*."""
        self._thread.join()

    def _run(self) -> None:
        closing = False
        while not closing:
            batch = self._take()
            closing = batch.closing
            now = self._now = max(self._now, self._clock.now())
            settled: list[Settlement] | None = None
            try:
                settled = self._commit(batch, now)
                self._read(batch, now)
            except Exception as error:  # noqa: BLE001 - callers must get an answer
                _log.exception("a batch of %s failed", self._path)
                self._fail_all(batch, error, carry=settled is None)
            if closing:
                self._close()
            self._post(Report(batch, now, settled or [], self._dropped, self._broken))
            self._dropped = 0

    def _take(self) -> Batch:
        """All waiting batches as one. Empty if the store is broken and it is time to try it again."""
        try:
            batch = self._inbox.get(timeout=RETRY_S if self._broken else None)
        except queue.Empty:
            return Batch()
        with contextlib.suppress(queue.Empty):
            while not batch.closing:
                batch.add(self._inbox.get_nowait())
        return batch

    def _commit(self, batch: Batch, now: int) -> list[Settlement]:
        """
        Commits everything in one transaction; if that fails, as much as possible in several. Returns the
        settlements stored.
        """
        settlements = self._carried + batch.settlements
        puts = batch.puts
        asks = [ask for ask in batch.asks if ask.writes]
        if not (settlements or puts or asks or self._broken):
            return []
        if puts and self._is_full(now):
            refusal = QueueFull("the disk is almost full", RETRY_AFTER_S)
            for put in puts:
                put.result = refusal
            puts = []
        error = self._transaction(settlements, puts, asks, now)
        if error is None:
            self._carried = []
            return settlements
        stored = self._settle(settlements, error, now)
        if (puts or asks) and not (self._broken and self._carried):
            error = self._transaction([], puts, asks, now) if settlements else error
        if error is not None and _is_broken(error):
            self._fail(puts, asks, error)
        elif error is not None:
            for put in puts:
                self._fail([put], [], self._transaction([], [put], [], now))
            for ask in asks:
                self._fail([], [ask], self._transaction([], [], [ask], now))
        return stored

    def _settle(self, settlements: list[Settlement], error: Exception, now: int) -> list[Settlement]:
        """
        Stores *settlements* without the rest of a batch that failed: they free space, and the cause may have
        been a put. Keeps those that fail because of the disk for later, and drops those that can never be
        stored. Returns those stored.
        """
        self._carried = []
        if not settlements:
            return []
        if self._transaction(settlements, [], [], now) is None:
            return settlements
        if self._broken and _is_broken(error):
            self._carried = settlements
            return []
        stored: list[Settlement] = []
        for one in settlements:
            fault = self._transaction([one], [], [], now)
            if fault is None:
                stored.append(one)
            elif _is_broken(fault):
                self._carried.append(one)
            else:
                self._dropped += 1
                _log.error("the settlement of job %d cannot be stored", one.job.id, exc_info=fault)
        return stored

    def _transaction(
        self, settlements: list[Settlement], puts: Sequence[Put], asks: Sequence[Ask], now: int
    ) -> Exception | None:
        db, store = self._db, self._store
        try:
            db.execute("BEGIN IMMEDIATE")
            if settlements:
                store.settle(db, settlements, now)
            if puts:
                flags = iter(store.put(db, [event for put in puts for event in put.events], now))
                for put in puts:
                    store.tallies.count(put.tallies)
                    put.result = [next(flags) for _ in put.events]
            for ask in asks:
                ask.result = ask.work(db, store, now)
            store.tallies.write(db, now)
            store.seen.sweep(db, now)
            store.dead.sweep(db, now)
            if now - self._clock_written >= CLOCK_EVERY_MS or self._broken:
                db.execute("UPDATE clock SET at = ?", (now,))
            db.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - the callers get the error
            self._roll_back(error)
            return error
        if now - self._clock_written >= CLOCK_EVERY_MS:
            self._clock_written = now
        store.after_commit(settlements, now)
        if self._broken:
            _log.warning("%s can be written again", self._path)
            self._broken = None
        return None

    def _roll_back(self, error: Exception) -> None:
        try:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            self._store.after_rollback()
        except sqlite3.Error as second:
            _log.error("%s cannot be rolled back: %s", self._path, second)
        if _is_broken(error):
            self._break(error)

    def _break(self, error: Exception) -> None:
        text = explain(self._path, error)
        if self._broken is None:
            _log.error("nothing is accepted: %s", text)
        self._broken = QueueBroken(text)
        self._broken.__cause__ = error

    def _fail(self, puts: Sequence[Put], asks: Sequence[Ask], error: Exception | None) -> None:
        told = self._broken if error and self._broken and _is_broken(error) else error
        if told is None:
            return
        for put in puts:
            put.result = told
        for ask in asks:
            ask.error = told

    def _fail_all(self, batch: Batch, error: Exception, *, carry: bool) -> None:
        """Fails all requests of *batch* without a result. *carry*: its settlements are not stored and must be kept."""
        asks = [ask for ask in batch.asks if ask.result is None]
        self._fail([put for put in batch.puts if put.result is None], asks, error)
        if carry:
            known = set(map(id, self._carried))
            self._carried += [one for one in batch.settlements if id(one) not in known]

    def _read(self, batch: Batch, now: int) -> None:
        """
        Runs polls and reading asks. While the store is broken no jobs are leased, since they could not be
        settled.
        """
        for poll in batch.polls:
            if self._broken:
                continue
            try:
                poll.found = self._store.read(self._db, poll.plan, now)
            except sqlite3.Error as error:
                self._break(error)
        for ask in batch.asks:
            if not ask.writes:
                try:
                    ask.result = ask.work(self._db, self._store, now)
                except sqlite3.Error as error:
                    ask.error = QueueBroken(explain(self._path, error))

    def _is_full(self, now: int) -> bool:
        if self._full or now - self._disk_checked >= DISK_EVERY_MS:
            self._disk_checked = now
            free = shutil.disk_usage(self._path.parent).free
            (pages,) = self._db.execute("PRAGMA freelist_count").fetchone()
            (page,) = self._db.execute("PRAGMA page_size").fetchone()
            self._full = free + pages * page < self._limits.disk_reserve_bytes
        return self._full

    def _close(self) -> None:
        if self._carried:
            _log.error("%d jobs were done and will be done again: %s", len(self._carried), self._broken)
        for close in (self._siblings.close, self._db.close):
            try:
                close()
            except sqlite3.Error as error:
                _log.error("%s: %s", self._path, error)
