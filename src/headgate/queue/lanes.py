"""
An in-memory index of the lanes that have due jobs, and of whose turn it is; used on the event loop only. A
lane with due jobs is in the ring of its workspace, others are in a heap by their next due time, so a poll
does no work for jobs that are not due.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from headgate.queue.model import Lane

ROOMS_MAX: Final = 1_000
"""
Lanes examined in one plan, once it has found a job: thousands of lanes without room must not block the event
loop.
"""


class WorkspaceState:
    """
    rows, bytes    jobs and their bodies, stored or being put
    ring           lanes that may have due jobs
    poll           number of the plan for which the next two are valid
    unseen         lanes of the ring that this plan has not examined yet
    eligible       lanes that this plan has examined and that have room left
    """

    __slots__ = ("bytes", "eligible", "name", "poll", "ring", "rows", "unseen")

    def __init__(self, name: str) -> None:
        self.name = name
        self.rows = 0
        self.bytes = 0
        self.ring: deque[LaneState] = deque()
        self.poll = 0
        self.unseen = 0
        self.eligible: deque[LaneState] = deque()


class LaneState:
    """
    rows, bytes    jobs and their bodies, stored or being put
    leased         jobs handed out
    retrying       jobs that are not handed out and have been attempted
    next_due       when the first job that is not handed out is due; infinite if there is none
    queued_due     due time of the lane's valid entry in the heap; infinite if it has none
    ringed         whether it is in the ring of its workspace
    granted        jobs that the current plan asks of it
    room           jobs that the current plan may still ask of it
    """

    __slots__ = (
        "bytes",
        "granted",
        "key",
        "leased",
        "next_due",
        "queued_due",
        "retrying",
        "ringed",
        "room",
        "rows",
        "workspace",
    )

    def __init__(self, key: Lane, workspace: WorkspaceState) -> None:
        self.key = key
        self.workspace = workspace
        self.rows = 0
        self.bytes = 0
        self.leased = 0
        self.retrying = 0
        self.next_due = math.inf
        self.queued_due = math.inf
        self.ringed = False
        self.granted = 0
        self.room = 0

    def add(self, rows: int, size: int) -> None:
        """Adds *rows* and *size* bytes, which may be negative, to the lane and its workspace."""
        self.rows += rows
        self.bytes += size
        self.workspace.rows += rows
        self.workspace.bytes += size


class LaneIndex:
    """All lanes used since the start."""

    def __init__(self) -> None:
        self._lanes: dict[Lane, LaneState] = {}
        self._workspaces: dict[str, WorkspaceState] = {}
        self._ring: deque[WorkspaceState] = deque()
        self._heap: list[tuple[float, int, LaneState]] = []
        self._pushed = 0
        self._polls = 0
        self._looked = 0

    def __iter__(self) -> Iterator[LaneState]:
        return iter(self._lanes.values())

    def lane(self, key: Lane) -> LaneState:
        lane = self._lanes.get(key)
        if lane is None:
            workspace = self._workspaces.get(key.workspace)
            if workspace is None:
                workspace = self._workspaces[key.workspace] = WorkspaceState(key.workspace)
            lane = self._lanes[key] = LaneState(key, workspace)
        return lane

    @property
    def next_due(self) -> float:
        """A lower bound of the due times of the lanes in the heap."""
        return self._heap[0][0] if self._heap else math.inf

    @property
    def is_due(self) -> bool:
        """Whether any lane may have due jobs."""
        return bool(self._ring)

    def earlier(self, lane: LaneState, due: float, now: float) -> None:
        """Records that *lane* has one more job, due at *due*."""
        if due < lane.next_due:
            self.exactly(lane, due, now)

    def exactly(self, lane: LaneState, due: float, now: float) -> None:
        """Sets the due time of the first job of *lane* to *due*, whatever it was."""
        lane.next_due = due
        if due <= now:
            if not lane.ringed:
                self._enter_ring(lane)
        elif due < lane.queued_due:
            self._enter_heap(lane)

    def wake(self, now: float) -> bool:
        """Moves the lanes that have become due into the rings. Returns whether there were any."""
        woken = False
        heap = self._heap
        while heap and heap[0][0] <= now:
            _, _, lane = heapq.heappop(heap)
            lane.queued_due = math.inf
            self.exactly(lane, lane.next_due, now)
            woken = woken or lane.next_due <= now
        return woken

    def plan(self, room: Callable[[Lane], int], limit: int, now: float) -> list[tuple[Lane, int]]:
        """
        How many jobs to lease from each lane: round robin over workspaces and, within each, over its lanes,
        one job a turn, until *limit* or the room of every lane is reached. Stops early after examining
        ROOMS_MAX lanes; the next plan goes on from there.
        """
        self.wake(now)
        self._polls += 1
        self._looked = 0
        granted: list[LaneState] = []
        ring = self._ring
        nothing = 0
        while limit > 0 and nothing < len(ring) and (self._looked < ROOMS_MAX or not granted):
            workspace = ring[0]
            lane = self._turn(workspace, room, now)
            if not workspace.ring:
                ring.popleft()
                continue
            ring.rotate(-1)
            if lane is None:
                nothing += 1
                continue
            nothing = 0
            limit -= 1
            if not lane.granted:
                granted.append(lane)
            lane.granted += 1
            if len(ring) == 1 and not workspace.unseen and len(workspace.eligible) == 1:
                # Only this lane is left: give it all remaining turns at once.
                lane = workspace.eligible[0]
                most = min(limit, lane.room)
                if most and not lane.granted:
                    granted.append(lane)
                lane.granted += most
                lane.room -= most
                limit -= most
                if not lane.room:
                    workspace.eligible.clear()
        plan = [(lane.key, lane.granted) for lane in granted]
        for lane in granted:
            lane.granted = 0
        return plan

    def _turn(self, workspace: WorkspaceState, room: Callable[[Lane], int], now: float) -> LaneState | None:
        """The lane of *workspace* whose turn it is; None if none has room left."""
        if workspace.poll != self._polls:
            workspace.poll = self._polls
            workspace.unseen = len(workspace.ring)
            workspace.eligible.clear()
        while workspace.unseen:
            workspace.unseen -= 1
            lane = workspace.ring.popleft()
            if lane.next_due > now:
                lane.ringed = False
                self.exactly(lane, lane.next_due, now)
                continue
            workspace.ring.append(lane)
            self._looked += 1
            lane.room = min(room(lane.key), lane.rows - lane.leased)
            if lane.room > 0:
                lane.room -= 1
                if lane.room:
                    workspace.eligible.append(lane)
                return lane
        if not workspace.eligible:
            return None
        lane = workspace.eligible.popleft()
        lane.room -= 1
        if lane.room:
            workspace.eligible.append(lane)
        return lane

    def _enter_ring(self, lane: LaneState) -> None:
        lane.ringed = True
        workspace = lane.workspace
        if not workspace.ring:
            self._ring.append(workspace)
        workspace.ring.append(lane)

    def _enter_heap(self, lane: LaneState) -> None:
        if len(self._heap) > 2 * len(self._lanes) + 64:
            current = {entry[2].key: entry for entry in self._heap if entry[0] == entry[2].queued_due}
            self._heap = list(current.values())
            heapq.heapify(self._heap)
        lane.queued_due = lane.next_due
        self._pushed += 1
        heapq.heappush(self._heap, (lane.next_due, self._pushed, lane))
