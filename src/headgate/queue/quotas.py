"""Admission to the queue: quotas per workspace and lane, and a bound on what waits for the disk."""

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
"""Retry-After when a workspace or lane is full: deliveries must free space first."""

BUSY_RETRY_S: Final = 1
"""Retry-After when too much waits for the disk."""


class Quotas:
    """
    Counts events from the call of `put` on, before their commit, so that concurrent calls cannot exceed the
    limits.
    """

    def __init__(self, limits: QueueLimits, lanes: LaneIndex) -> None:
        self._limits = limits
        self._lanes = lanes
        self._waiting: dict[Put, None] = {}
        self._waiting_events = 0
        self._waiting_bytes = 0

    def claim(self, events: Sequence[NewEvent], now_ms: float) -> Claims:
        """
        Counts *events* and returns what they take from each lane. Raises QueueFull, in which case nothing is
        counted.
        """
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
        """Takes back *claims* that were not stored."""
        for lane, rows, size in claims:
            lane.add(-rows, -size)

    def took(self, put: Put, fresh: Sequence[bool]) -> list[LaneState]:
        """
        Takes back the claims of the events of *put* that are duplicates; *fresh* tells which are not. Returns
        the lanes that have new jobs.
        """
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
        """Counts *put* as waiting for the disk."""
        self._waiting[put] = None
        self._waiting_events += len(put.events)
        self._waiting_bytes += put.bytes

    def waited(self, put: Put) -> None:
        """*put* does not wait for the disk any more."""
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
