"""Who may put how much: each workspace fills its own share, and nobody more than the disk can keep up with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from headgate.queue.protocol import QueueFull

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.queue.batch import Claims, Put
    from headgate.queue.lanes import LaneIndex, LaneState
    from headgate.queue.limits import QueueLimits
    from headgate.queue.model import Lane, NewEvent

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

    def claim(self, events: Sequence[NewEvent], now_ms: float) -> Claims:
        """What *events* take of each lane, which is counted from now on. Raises QueueFull, then nothing is counted."""
        limits = self._limits
        if self._waiting:
            if self._waiting_events + len(events) > limits.waiting_events:
                raise QueueFull("too many events wait for the disk", BUSY_RETRY_S)
            if now_ms - next(iter(self._waiting)).asked_ms > limits.commit_ms:
                raise QueueFull("the disk is too slow", BUSY_RETRY_S)
        claims = self._claims(events)
        if self._waiting and self._waiting_bytes + sum(size for _, _, size in claims) > limits.waiting_bytes:
            raise QueueFull("too much waits for the disk", BUSY_RETRY_S)
        for lane, rows, size in claims:
            lane.add(rows, size)
        for lane, _, _ in claims:
            if (full := self._over(lane)) is not None:
                self.give_back(claims)
                raise full
        return claims

    def give_back(self, claims: Claims) -> None:
        """What was claimed is not stored."""
        for lane, rows, size in claims:
            lane.add(-rows, -size)

    def took(self, put: Put, fresh: Sequence[bool]) -> list[LaneState]:
        """Which events of *put* were stored: the others are given back. The lanes that have something new."""
        claims = put.claims
        if not all(fresh):
            self.give_back(claims)
            claims = self._claims([event for event, is_new in zip(put.events, fresh, strict=True) if is_new])
            for lane, rows, size in claims:
                lane.add(rows, size)
        return [lane for lane, _, _ in claims]

    def _claims(self, events: Sequence[NewEvent]) -> Claims:
        found: dict[Lane, list[int]] = {}
        for event in events:
            for key, body in event.jobs:
                entry = found.get(key)
                if entry is None:
                    entry = found[key] = [0, 0]
                entry[0] += 1
                entry[1] += len(event.body if body is None else body)
        return [(self._lanes.lane(key), rows, size) for key, (rows, size) in found.items()]

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
