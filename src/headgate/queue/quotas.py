"""Who may put how much: each workspace fills its own share, and nobody more than the disk can keep up with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from headgate.queue.protocol import QueueFull

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.queue.batch import Put
    from headgate.queue.lanes import LaneIndex, LaneState
    from headgate.queue.limits import QueueLimits
    from headgate.queue.model import NewEvent

BACKLOG_RETRY_S: Final = 30
"""For senders to a workspace that is full: deliveries have to make room."""

BUSY_RETRY_S: Final = 1
"""For senders when puts wait for the disk."""


class Quotas:
    """Counts what is put from before its commit, so that together calls take no more than one by one."""

    def __init__(self, limits: QueueLimits, lanes: LaneIndex) -> None:
        self._limits = limits
        self._lanes = lanes
        self._waiting: dict[Put, None] = {}
        self._waiting_events = 0
        self._waiting_bytes = 0

    def claim(
        self, events: Sequence[NewEvent], now_ms: float
    ) -> tuple[list[list[tuple[LaneState, int]]], int]:
        """Of each event the lanes and sizes of its jobs, and the bytes of all. Raises QueueFull, then nothing is counted."""
        limits = self._limits
        if self._waiting:
            if self._waiting_events + len(events) > limits.waiting_events:
                raise QueueFull("too many events wait for the disk", BUSY_RETRY_S)
            if now_ms - next(iter(self._waiting)).asked_ms > limits.commit_ms:
                raise QueueFull("the disk is too slow", BUSY_RETRY_S)
        claims: list[list[tuple[LaneState, int]]] = []
        total = 0
        full: QueueFull | None = None
        for event in events:
            claim: list[tuple[LaneState, int]] = []
            claims.append(claim)
            for key, body in event.jobs:
                size = len(event.body if body is None else body)
                lane = self._lanes.lane(key)
                lane.add(1, size)
                total += size
                claim.append((lane, size))
                full = full or self._over(lane)
        if self._waiting and self._waiting_bytes + total > limits.waiting_bytes:
            self.give_back(claims)
            raise QueueFull("too much waits for the disk", BUSY_RETRY_S)
        if full:
            self.give_back(claims)
            raise full
        return claims, total

    def give_back(self, claims: Sequence[Sequence[tuple[LaneState, int]]]) -> None:
        """What was claimed is not stored."""
        for claim in claims:
            for lane, size in claim:
                lane.add(-1, -size)

    def wait(self, put: Put) -> None:
        """*put* waits for the disk."""
        self._waiting[put] = None
        self._waiting_events += len(put.events)
        self._waiting_bytes += put.bytes

    def waited(self, put: Put) -> None:
        del self._waiting[put]
        self._waiting_events -= len(put.events)
        self._waiting_bytes -= put.bytes

    def _over(self, lane: LaneState) -> QueueFull | None:
        limits = self._limits
        workspace = lane.workspace
        if lane.rows > limits.lane_rows or lane.bytes > limits.lane_bytes:
            what = f"destination {lane.key.destination}"
        elif workspace.rows > limits.workspace_rows or workspace.bytes > limits.workspace_bytes:
            what = f"workspace {workspace.name}"
        else:
            return None
        return QueueFull(f"too much waits for {what}", BACKLOG_RETRY_S, workspace.name)
