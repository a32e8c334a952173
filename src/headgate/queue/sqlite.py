"""The queue on one SQLite file, used by one process."""

from __future__ import annotations

import asyncio
import contextlib
import math
import sqlite3
from typing import TYPE_CHECKING, Any, Final

from headgate.queue import census
from headgate.queue.batch import Ask, Batch, Poll, Put
from headgate.queue.commits import CommitThread
from headgate.queue.lanes import LaneIndex
from headgate.queue.limits import QueueLimits
from headgate.queue.lock import FileLock
from headgate.queue.model import Again, Done, LaneStats, Release, Stats
from headgate.queue.protocol import QueueBroken
from headgate.queue.quotas import Quotas
from headgate.queue.store import due_again

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from headgate.queue.batch import Report
    from headgate.queue.census import LaneCount
    from headgate.queue.clock import ServiceClock
    from headgate.queue.lanes import LaneState
    from headgate.queue.model import DeadJob, Job, Lane, NewEvent, Settlement, Tally, TallyRow
    from headgate.queue.store import Store

DEFAULT_LIMITS: Final = QueueLimits()

LINGER_S: Final = 0.005
"""
How long settlements wait to share a commit with others, or with a put or poll: nobody waits for them, and a
commit costs about the same for one as for a hundred. Deliveries settled in this time are repeated after a
crash, like those in flight.
"""


class SqliteQueue:
    """
    Implements the Queue protocol; see there for the contract of each method.

    The requests of one iteration of the event loop are passed to the commit thread at its end, and all
    batches that arrive there during a commit share the next one.
    """

    def __init__(
        self, path: Path, lock: FileLock, thread: CommitThread, clock: ServiceClock, limits: QueueLimits
    ) -> None:
        """Used by `open`."""
        self._path = path
        self._lock = lock
        self._thread = thread
        self._clock = clock
        self._lanes = LaneIndex()
        self._quotas = Quotas(limits, self._lanes)
        self._loop = asyncio.get_running_loop()
        self._batch = Batch()
        self._handing_over = False
        self._lingering: asyncio.TimerHandle | None = None
        self._callbacks: list[Callable[[], None]] = []
        self._timer: asyncio.Task[None] | None = None
        self._timer_due = math.inf
        self._out: set[int] = set()
        self._flushes: list[tuple[int, asyncio.Future[None]]] = []
        self._given = 0
        self._stored = 0
        self._leased = 0
        self._closed: asyncio.Future[None] | None = None
        self._broken: QueueBroken | None = None

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        clock: ServiceClock,
        limits: QueueLimits = DEFAULT_LIMITS,
        siblings: Sequence[Path] = (),
    ) -> SqliteQueue:
        """
        Opens the queue in *path*, creating the file if necessary. *siblings* are the files of other workers,
        which need not exist yet: an event put there is a duplicate here.

        Raises InUse if another process has the queue open, and QueueBroken if it cannot be opened; both
        messages say what to do.
        """
        try:
            lock = FileLock(path.with_name(path.name + ".lock"), f"the queue {path}")
        except OSError as error:
            raise QueueBroken(f"{path} cannot be opened: {error}") from error
        try:
            thread = CommitThread(path, clock, limits, siblings)
            counts = await asyncio.to_thread(thread.open)
        except BaseException:
            lock.close()
            raise
        queue = cls(path, lock, thread, clock, limits)
        queue._begin(counts)
        return queue

    @property
    def broken(self) -> QueueBroken | None:
        """Why nothing is accepted at present; None if the store can be written."""
        return self._broken

    async def put(self, events: Sequence[NewEvent], tallies: Sequence[Tally] = ()) -> list[bool]:
        self._must_be_open()
        now = self._loop.time() * 1e3
        claims = self._quotas.claim(events, now)
        size = sum(each for _, _, each in claims)
        put = Put(events, tallies, claims, size, now, self._loop.create_future())
        self._quotas.wait(put)
        self._batch.puts.append(put)
        if claims:
            # Call back now rather than after the commit: a poll that follows goes into the same batch as this
            # put and saves a round trip to the thread.
            due = self._clock.now()
            for lane, _, _ in claims:
                self._lanes.earlier(lane, due, due)
            self._call_back()
        self._hand_over_soon()
        return await put.done

    async def poll(self, room: Callable[[Lane], int], limit: int) -> list[Job]:
        if self._closed:
            return []
        plan = self._lanes.plan(room, limit, self._clock.now())
        self._arm()
        if not plan or self._broken:
            return []
        poll = Poll(plan, self._loop.create_future())
        self._batch.polls.append(poll)
        self._hand_over_soon()
        try:
            return await poll.done
        except asyncio.CancelledError:
            if poll.done.done() and not poll.done.cancelled():  # answered, but the caller will not run
                self.settle(*map(Release, poll.done.result()))
            raise

    def on_due(self, callback: Callable[[], None]) -> None:
        self._callbacks.append(callback)

    def settle(self, *settlements: Settlement) -> None:
        ids = {settlement.job.id for settlement in settlements}
        if len(ids) < len(settlements) or not ids <= self._out:
            wrong = [each.job.id for each in settlements if each.job.id not in self._out]
            raise ValueError(f"not handed out, or settled twice: jobs {wrong or sorted(ids)}")
        self._out -= ids
        if self._closed is not None:  # the last batch is on its way: these jobs are due after the next start
            return
        self._given += len(settlements)
        self._batch.settlements += settlements
        if self._lingering is None and not self._handing_over:
            self._lingering = self._loop.call_later(LINGER_S, self._hand_over)

    async def settled(self) -> None:
        if self._stored >= self._given:
            return
        if self._closed is not None and self._closed.done():
            raise self._broken or QueueBroken(f"{self._path} is closed")
        self._hand_over_soon()
        done: asyncio.Future[None] = self._loop.create_future()
        self._flushes.append((self._given, done))
        await done

    async def stats(self) -> Stats:
        oldest: dict[Lane, int] = {}
        dead: int = await self._ask(lambda db, store, _: store.dead.count(db))
        with contextlib.suppress(sqlite3.Error):  # the disk cannot be read: see `broken`
            oldest = await asyncio.to_thread(census.oldest, self._path)
        lanes = {
            lane.key: LaneStats(lane.rows - lane.leased, lane.retrying, oldest.get(lane.key))
            for lane in self._lanes
            if lane.rows
        }
        return Stats(sum(lane.rows for lane in self._lanes), self._leased, dead, self._size(), lanes)

    async def tallies(self, since_minute: int = 0) -> list[TallyRow]:
        rows: list[TallyRow] = await self._ask(lambda db, store, _: store.tallies.rows(db, since_minute))
        return rows

    async def dead(self, *, lane: Lane | None = None, after: int = 0, limit: int = 100) -> list[DeadJob]:
        page: list[DeadJob] = await self._ask(lambda db, store, _: store.dead.page(db, lane, after, limit))
        return page

    async def redrive(self, ids: Sequence[int]) -> int:
        def work(db: sqlite3.Connection, store: Store, now: int) -> tuple[list[tuple[Lane, int]], int]:
            return store.redrive(db, ids, now), now

        def apply(result: tuple[list[tuple[Lane, int]], int]) -> None:
            found, now = result
            for key, size in found:
                lane = self._lanes.lane(key)
                lane.add(1, size)
                self._lanes.earlier(lane, now, now)
            if found:
                self._call_back()

        found, _ = await self._ask(work, writes=True, apply=apply)
        return len(found)

    async def sibling_ended(self) -> None:
        """To be called when the process of a sibling has ended: reopens the siblings' files."""
        await self._ask(lambda _db, store, _now: store.seen.look_anew())

    async def close(self) -> None:
        if self._closed is None:
            self._closed = self._loop.create_future()
            if self._timer:
                self._timer.cancel()
            self._batch.closing = True
            self._hand_over()
        await asyncio.shield(self._closed)

    def _begin(self, counts: Sequence[LaneCount]) -> None:
        now = self._clock.now()
        for count in counts:
            lane = self._lanes.lane(count.lane)
            lane.add(count.rows, count.bytes)
            lane.retrying = count.retrying
            self._lanes.exactly(lane, count.next_due, now)
        self._thread.start(self._post)
        self._arm()

    def _must_be_open(self) -> None:
        if self._closed:
            raise QueueBroken(f"{self._path} is closed")

    async def _ask(
        self,
        work: Callable[[sqlite3.Connection, Store, int], Any],
        *,
        writes: bool = False,
        apply: Callable[[Any], None] | None = None,
    ) -> Any:
        self._must_be_open()
        ask = Ask(work, writes, self._loop.create_future(), apply)
        self._batch.asks.append(ask)
        self._hand_over_soon()
        return await ask.done

    def _hand_over_soon(self) -> None:
        if not self._handing_over:
            self._handing_over = True
            self._loop.call_soon(self._hand_over)

    def _hand_over(self) -> None:
        self._handing_over = False
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None
        batch = self._batch
        if batch.closing or batch.puts or batch.settlements or batch.polls or batch.asks:
            self._batch = Batch()
            self._thread.submit(batch)

    def _post(self, report: Report) -> None:
        """Receives a report in the commit thread and passes it to the event loop."""
        with contextlib.suppress(RuntimeError):  # the loop was closed before the queue
            self._loop.call_soon_threadsafe(self._take, report)

    def _take(self, report: Report) -> None:
        """Applies a report: updates the index and the quotas and resolves the futures."""
        recovered = self._broken is not None and report.broken is None
        self._broken = report.broken
        new: list[LaneState] = []
        for put in report.batch.puts:
            new += self._took_put(put, report.now)
        due = self._took_settlements(report.settled, report.now) or recovered
        for poll in report.batch.polls:
            due |= self._took_poll(poll, report.now)
        # A poll of the same batch may already have leased everything that was put.
        due = due or any(lane.next_due <= report.now for lane in new)
        for ask in report.batch.asks:
            if ask.apply is not None and ask.error is None:
                ask.apply(ask.result)
            _resolve(ask.done, ask.error or ask.result)
        self._stored += len(report.settled) + report.dropped
        while self._flushes and self._flushes[0][0] <= self._stored:
            _resolve(self._flushes.pop(0)[1], None)
        self._arm()
        if due and self._lanes.is_due:
            self._call_back()
        if report.batch.closing:
            self._ended()

    def _took_put(self, put: Put, now: int) -> list[LaneState]:
        """Applies the result of *put*; returns the lanes that have new jobs."""
        self._quotas.waited(put)
        result = put.result
        if not isinstance(result, list):
            self._quotas.give_back(put.claims)
            _resolve(put.done, result or QueueBroken(f"{self._path}: nothing was stored"))
            return []
        lanes = self._quotas.took(put, result)
        for lane in lanes:
            self._lanes.earlier(lane, now, now)
        _resolve(put.done, result)
        return lanes

    def _took_settlements(self, settlements: Sequence[Settlement], now: int) -> bool:
        """Applies stored settlements; returns whether any of the jobs is due again."""
        over: dict[Lane, list[int]] = {}
        is_due = False
        for settlement in settlements:
            job = settlement.job
            if type(settlement) is Done:
                entry = over.get(job.lane)
                if entry is None:
                    entry = over[job.lane] = [0, 0]
                entry[0] += 1
                entry[1] += len(job.body)
            else:
                is_due |= self._took_back(settlement, now)
        for key, (rows, size) in over.items():
            lane = self._lanes.lane(key)
            lane.leased -= rows
            self._leased -= rows
            lane.add(-rows, -size)
        return is_due

    def _took_back(self, settlement: Settlement, now: int) -> bool:
        """Applies an Again or Release; returns whether the job is due."""
        job = settlement.job
        lane = self._lanes.lane(job.lane)
        lane.leased -= 1
        self._leased -= 1
        if not isinstance(settlement, Again):
            lane.retrying += job.attempts > 0
            self._lanes.earlier(lane, now, now)
            return True
        if settlement.body is not None:
            lane.add(0, len(settlement.body) - len(job.body))
        lane.retrying += settlement.attempts > 0
        due = due_again(settlement, now)
        self._lanes.earlier(lane, due, now)
        return due <= now

    def _took_poll(self, poll: Poll, now: int) -> bool:
        """
        Applies the result of *poll*. Returns whether any lane had fewer jobs than planned, so that another
        poll may find more elsewhere.
        """
        jobs: list[Job] = []
        less = False
        for (key, wanted), found in zip(poll.plan, poll.found, strict=False):
            lane = self._lanes.lane(key)
            lane.leased += len(found.jobs)
            lane.retrying -= sum(job.attempts > 0 for job in found.jobs)
            self._lanes.exactly(lane, math.inf if found.next_due is None else found.next_due, now)
            less |= len(found.jobs) < wanted
            jobs += found.jobs
        self._leased += len(jobs)
        self._out.update([job.id for job in jobs])
        if poll.done.cancelled():
            self.settle(*map(Release, jobs))
        _resolve(poll.done, jobs)
        return less

    def _arm(self) -> None:
        """Sets the timer that calls the callbacks when the next lane falls due."""
        due = self._lanes.next_due
        if due >= self._timer_due or self._closed:
            return
        if self._timer:
            self._timer.cancel()
        self._timer_due = due
        self._timer = self._loop.create_task(self._fall_due())

    async def _fall_due(self) -> None:
        while (due := self._lanes.next_due) < math.inf:
            self._timer_due = due
            if (delay := due - self._clock.now()) > 0:
                await self._clock.wait(delay)
            if self._lanes.wake(self._clock.now()):
                self._call_back()
        self._timer_due = math.inf
        self._timer = None

    def _call_back(self) -> None:
        for callback in self._callbacks:
            callback()

    def _size(self) -> int:
        size = 0
        for suffix in ("", "-wal"):
            with contextlib.suppress(OSError):
                size += self._path.with_name(self._path.name + suffix).stat().st_size
        return size

    def _ended(self) -> None:
        self._thread.join()
        self._lock.close()
        for _, done in self._flushes:
            _resolve(done, self._broken or QueueBroken(f"{self._path} is closed"))
        assert self._closed is not None
        _resolve(self._closed, None)


def _resolve(future: asyncio.Future[Any], result: object) -> None:
    """Sets the result or exception of *future*, unless it was cancelled."""
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
