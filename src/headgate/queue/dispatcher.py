"""
Takes due jobs from a queue and gives them to a runner, fairly and within bounds. Independent of the queue's
storage engine (QUEUE-STUDY 6, DESIGN 6).
"""

from __future__ import annotations

import asyncio
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, Protocol

from headgate.queue.breaker import Breaker
from headgate.queue.model import Release

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.queue.model import Job, Lane, Settlement
    from headgate.queue.protocol import Queue
    from headgate_runtime import Clock

SLOTS: Final = 16_384
"""Maximum number of jobs in flight."""

SLOT_BYTES: Final = 256 << 20
"""Maximum bytes of bodies in flight, over all lanes. One poll may exceed it by what it returns."""

LANE_BYTES: Final = 16 << 20
"""The same for one lane."""

WORKSPACE_SHARE: Final = 0.25
"""The share of the slots that one workspace may use."""

POLL_JOBS: Final = 1_024
"""Maximum number of jobs in one poll."""

_ITEM_BYTES: Final = 1_024
"""Memory of a job besides its body."""

_LANE_OF: Final = attrgetter("lane")


class Runner(Protocol):
    """Runs jobs. It must pass every started job to `Dispatcher.settle` exactly once."""

    def capacity(self, lane: Lane) -> int:
        """How many jobs of *lane* it can run at once."""

    def start(self, lane: Lane, jobs: Sequence[Job]) -> None: ...


class _LaneState:
    __slots__ = ("breaker", "bytes", "in_flight", "low")

    def __init__(self) -> None:
        self.breaker = Breaker()
        self.in_flight = 0
        self.bytes = 0
        self.low = 0
        """When the jobs in flight fall to this number, the dispatcher polls for more."""


class Dispatcher:
    """
    `run` starts jobs until `stop` is called. Jobs in flight can still be settled afterwards.

    in_flight    number of jobs started and not settled
    """

    def __init__(self, queue: Queue, runner: Runner, clock: Clock, *, slots: int = SLOTS) -> None:
        self._queue = queue
        self._runner = runner
        self._clock = clock
        self._slots = slots
        self._workspace_slots = max(1, int(slots * WORKSPACE_SHARE))
        self._lanes: dict[Lane, _LaneState] = {}
        self._workspaces: dict[str, int] = {}
        self._granted: dict[str, int] = {}
        """By workspace, the room granted to its lanes in the current poll."""
        self._granted_all = 0
        self._paused: set[Breaker] = set()
        """Breakers whose pause may not be over: few, even with ten thousand lanes."""
        self._bytes = 0
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._stopping = False
        self.in_flight = 0
        queue.on_due(self._wake.set)

    def stop(self) -> None:
        """Stops starting jobs."""
        self._stopping = True
        self._wake.set()

    def poll_again(self) -> None:
        """Polls for more jobs: the runner's capacity for a lane has changed."""
        self._wake.set()

    async def idle(self) -> None:
        """Returns when no job is in flight."""
        await self._idle.wait()

    async def run(self) -> None:
        """Starts due jobs until `stop` is called. Raises what the queue raises."""
        while not self._stopping:
            self._wake.clear()
            self._granted.clear()
            self._granted_all = 0
            polled_at = self._clock.monotonic_ms()
            room = min(self._slots - self.in_flight, POLL_JOBS)
            jobs = await self._queue.poll(self._room, room) if room > 0 and self._bytes < SLOT_BYTES else []
            if self._stopping:
                # `stop` was called during the poll, and a caller of `idle` may have gone on: start nothing.
                self._queue.settle(*map(Release, jobs))
            elif jobs:
                self._start(jobs)
                # Yield, so that the started jobs and the event API get a turn before the next poll.
                await asyncio.sleep(0)
            else:
                await self._sleep(polled_at)

    def settle(self, *settlements: Settlement) -> None:
        """Passes the settlements of started jobs, all of one lane, to the queue and frees their slots."""
        if not settlements:
            return
        self._queue.settle(*settlements)
        count = len(settlements)
        size = count * _ITEM_BYTES + sum([len(settlement.job.body) for settlement in settlements])
        lane = settlements[0].job.lane
        state = self._lanes[lane]
        state.in_flight -= count
        state.bytes -= size
        self._bytes -= size
        self.in_flight -= count
        self._workspaces[lane.workspace] -= count
        if state.in_flight <= state.low:
            self._wake.set()
        if not self.in_flight:
            self._idle.set()

    def succeeded(self, lane: Lane) -> None:
        """Records that the destination of *lane* accepted a delivery."""
        self._state(lane).breaker.succeeded()

    def failed(self, lane: Lane) -> None:
        """Records that the destination of *lane* failed in a way that would affect other events too."""
        breaker = self._state(lane).breaker
        breaker.failed(self._clock.monotonic_ms())
        self._paused.add(breaker)

    def pause(self, lane: Lane, ms: float) -> None:
        """Starts nothing of *lane* for *ms*, because its destination asked for a pause."""
        breaker = self._state(lane).breaker
        breaker.pause(self._clock.monotonic_ms(), ms)
        self._paused.add(breaker)

    def is_open(self, lane: Lane) -> bool:
        """Whether the breaker of *lane* is open."""
        state = self._lanes.get(lane)
        return state is not None and state.breaker.is_open

    def is_at_rest(self, lane: Lane) -> bool:
        """Whether nothing of *lane* is in flight, and nothing known of its destination holds it back."""
        state = self._lanes.get(lane)
        if state is None:
            return True
        return not state.in_flight and state.breaker.is_at_rest(self._clock.monotonic_ms())

    def forget(self, lane: Lane) -> None:
        """Drops the state of *lane*, its breaker included, unless jobs are in flight."""
        state = self._lanes.get(lane)
        if state is not None and not state.in_flight:
            del self._lanes[lane]

    def _state(self, lane: Lane) -> _LaneState:
        state = self._lanes.get(lane)
        if state is None:
            state = self._lanes[lane] = _LaneState()
        return state

    def _room(self, lane: Lane) -> int:
        """
        How many more jobs of *lane* may start. A lane gets at most a third of what its workspace has left
        free, and a workspace at most as much as is left free in total, so that many lanes that hang still
        leave room for others (dynamic thresholds: Choudhury and Hahne, 1998).
        """
        state = self._state(lane)
        if state.bytes >= min(LANE_BYTES, SLOT_BYTES - self._bytes):
            return 0
        allowed = (
            state.breaker.room(self._clock.monotonic_ms(), self._runner.capacity(lane)) - state.in_flight
        )
        left = self._slots - self.in_flight - self._granted_all
        if allowed <= 0 or left <= 0:
            return 0
        workspace = lane.workspace
        granted = self._granted.get(workspace, 0)
        used = self._workspaces.get(workspace, 0) + granted
        free = min(self._workspace_slots, left) - used
        # A lane with nothing in flight always gets one job.
        room = max(min(allowed, (free - 3 * state.in_flight) // 4), 0 if state.in_flight else 1)
        self._granted[workspace] = granted + room
        self._granted_all += room
        return room

    def _start(self, jobs: list[Job]) -> None:
        self._idle.clear()
        for lane, group in groupby(jobs, key=_LANE_OF):
            own = list(group)
            state = self._state(lane)
            size = len(own) * _ITEM_BYTES + sum([len(job.body) for job in own])
            state.in_flight += len(own)
            state.bytes += size
            # Polls again when half of the jobs are settled: a poll costs the same for one job as for many.
            state.low = state.in_flight // 2
            self._bytes += size
            self.in_flight += len(own)
            self._workspaces[lane.workspace] = self._workspaces.get(lane.workspace, 0) + len(own)
            self._runner.start(lane, own)

    async def _sleep(self, polled_at: float) -> None:
        """Sleeps until something may be due or a breaker's pause is over that was not at *polled_at*."""
        # A pause that ended since then was still in force when the poll asked for room. To take it for over
        # would leave its lane alone until something else wakes the dispatcher, which may be never.
        self._paused = {breaker for breaker in self._paused if breaker.resume_at > polled_at}
        if not self._paused:
            await self._wake.wait()
            return
        left = min(breaker.resume_at for breaker in self._paused) - self._clock.monotonic_ms()
        if left <= 0:
            return
        woken: asyncio.Task[Any] = asyncio.ensure_future(self._wake.wait())
        try:
            await self._clock.wait({woken}, left)
        finally:
            woken.cancel()
