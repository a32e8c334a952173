"""
Manages the lanes: made for a destination's first event, kept in
step with the registry, dropped when idle.
"""

from __future__ import annotations

import asyncio
import collections
import itertools
import logging
from typing import TYPE_CHECKING, Final

from headgate.pipeline.allowance import Allowance
from headgate.pipeline.lane import LaneRun
from headgate.pipeline.observer import NoObserver
from headgate.pipeline.plan import SINGLE_JOBS
from headgate.queue.dispatcher import Dispatcher
from headgate.queue.model import Error

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from headgate.pipeline.directory import Directory
    from headgate.pipeline.meter import Meter
    from headgate.pipeline.observer import Observer
    from headgate.pipeline.plan import Plan, Planner
    from headgate.pipeline.verdict import Judge
    from headgate.queue.model import Job, Lane
    from headgate.queue.protocol import Queue
    from headgate_runtime import Clock, Executor

_log = logging.getLogger("headgate.pipeline")

LANES: Final = 1_024
"""
Lanes kept with their functions and connections; beyond it those idle longest are dropped, unless their
destination is being spared: a breaker or a rate that started afresh would spare it no longer.
"""

LANES_MAX: Final = 16_384
"""Lanes kept at most, of destinations that are being spared, too."""

_EXAMINED: Final = 4
"""Lanes examined for being dropped whenever one is made, so that nobody waits for a look at all of them."""

SETTLING_MS: Final = 5_000.0
"""Time to store the settlements when draining. On a full disk they wait for room that may never come."""


class _Entry:
    """A lane. *waiting* are the jobs that arrived while its plan was being made."""

    __slots__ = ("plan", "preparing", "run", "waiting")

    def __init__(self) -> None:
        self.plan: Plan | None = None
        self.run: LaneRun | None = None
        self.preparing: asyncio.Task[None] | None = None
        self.waiting: list[Job] = []


class Pipeline:
    """
    A Runner with its Dispatcher. `run` works until it is cancelled or `drain` is called.

    now    returns the queue's time, ms since the epoch, in which `first_at` and latencies are measured
    """

    def __init__(
        self,
        queue: Queue,
        directory: Directory,
        executor: Executor,
        planner: Planner,
        judge: Judge,
        clock: Clock,
        now: Callable[[], int],
        meter: Meter,
        observer: Observer | None = None,
        allowance: Allowance | None = None,
    ) -> None:
        self._directory = directory
        self._executor = executor
        self._planner = planner
        self._judge = judge
        self._clock = clock
        self._now = now
        self._meter = meter
        self._observer = observer or NoObserver()
        self._allowance = allowance or Allowance(directory, self._observer.fuel_today)
        self._queue = queue
        self._entries: collections.OrderedDict[Lane, _Entry] = collections.OrderedDict()
        self.dispatcher = Dispatcher(queue, self, clock)

    async def run(self) -> None:
        """Runs due jobs. Raises what the queue raises."""
        await self.dispatcher.run()

    async def drain(self, timeout_ms: float) -> bool:
        """
        Stops starting jobs and gives those in flight *timeout_ms* to end; then cancels the rest, which are
        due again after a restart. All settlements are durable on return, unless the queue cannot store them
        within SETTLING_MS. Returns whether all jobs ended by themselves and are settled.
        """
        self.dispatcher.stop()
        idle = asyncio.ensure_future(self.dispatcher.idle())
        try:
            await self._clock.wait({idle}, timeout_ms)  # type: ignore[arg-type]
            ended = idle.done()
        finally:
            idle.cancel()
        for entry in self._entries.values():
            self._release(entry)
        settled = asyncio.ensure_future(self._queue.settled())
        try:
            await self._clock.wait({settled}, SETTLING_MS)  # type: ignore[arg-type]
            if settled.done():
                settled.result()
            return ended and settled.done()
        finally:
            settled.cancel()

    def capacity(self, lane: Lane) -> int:
        entry = self._entries.get(lane)
        return entry.plan.capacity if entry is not None and entry.plan is not None else SINGLE_JOBS

    def start(self, lane: Lane, jobs: Sequence[Job]) -> None:
        entry = self._entries.get(lane)
        if entry is None:
            entry = self._entries[lane] = _Entry()
            self._drop_idle()
        self._entries.move_to_end(lane)
        if entry.run is None:
            entry.run = LaneRun(
                lane,
                lambda: entry.plan,
                self._executor,
                self.dispatcher,
                self._judge,
                self._clock,
                self._now,
                self._meter,
                self._observer,
                self._allowance,
            )
        if entry.preparing is None and self._is_in_step(lane, entry):
            entry.run.start(jobs)
            return
        entry.waiting.extend(jobs)
        if entry.preparing is None:
            entry.preparing = asyncio.create_task(self._prepare(lane, entry, entry.run))

    def _is_in_step(self, lane: Lane, entry: _Entry) -> bool:
        """
        Whether the plan is up to date. Unchanged parts of the registry are the same objects in the next
        snapshot.
        """
        if not self._directory.is_current:
            return False
        destination = self._directory.snapshot.destinations.get(lane.destination)
        return entry.plan is not None and entry.plan.destination is destination

    async def _prepare(self, lane: Lane, entry: _Entry, run: LaneRun) -> None:
        try:
            snapshot = await self._directory.current()
            destination = snapshot.destinations.get(lane.destination)
            if destination is None or not destination.enabled:
                entry.plan = None
            elif entry.plan is None or entry.plan.destination is not destination:
                entry.plan = await self._planner.plan(destination, snapshot.workspaces[lane.workspace])
                run.reshape(entry.plan)
                # Until now the lane had room for SINGLE_JOBS, which may be less than a batch.
                self.dispatcher.poll_again()
        except Exception:  # noqa: BLE001 - a fault of the server; the jobs must still be settled
            _log.exception("no plan for a destination", extra={"destination": lane.destination})
            now = self._now()
            error = Error("internal", "the server failed")
            self.dispatcher.settle(*(self._judge.fault(job, error, now, now) for job in entry.waiting))
            entry.waiting = []
        finally:
            entry.preparing = None
        waiting, entry.waiting = entry.waiting, []
        run.start(waiting)

    def _drop_idle(self) -> None:
        excess = len(self._entries) - LANES
        for lane in list(itertools.islice(self._entries, max(0, min(excess, _EXAMINED)))):
            entry = self._entries[lane]
            if self._may_drop(lane, entry):
                del self._entries[lane]
                self.dispatcher.forget(lane)
                self._planner.forget(lane.destination)
            else:
                # Examined again when it is the oldest next, so that it keeps no other from being dropped.
                self._entries.move_to_end(lane)

    def _may_drop(self, lane: Lane, entry: _Entry) -> bool:
        if entry.preparing is not None or (entry.run is not None and not entry.run.is_idle):
            return False
        if len(self._entries) > LANES_MAX:
            return True
        return self.dispatcher.is_at_rest(lane) and (entry.plan is None or entry.plan.carrier.is_at_rest)

    def _release(self, entry: _Entry) -> None:
        if entry.preparing is not None:
            entry.preparing.cancel()
        if entry.run is not None:
            entry.run.start(entry.waiting)
            entry.waiting = []
            entry.run.release()
