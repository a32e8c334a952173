"""
A cache of jobs that were put recently and not handed out yet, so that the jobs of a destination that keeps up
are handed out without reading the file.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from headgate.queue.model import Job

LANE_BYTES: Final = 16 << 20
"""Maximum bytes cached for one lane. A lane that exceeds it is read from the file until it catches up."""

BYTES: Final = 64 << 20
"""Maximum bytes cached for all lanes."""

_ITEM_BYTES: Final = 512
"""Memory of a cached job besides its body."""


class Lease(NamedTuple):
    """A stored job: the row id of its body, whether other jobs share the body, its size in bytes, its lane's number."""

    body: int
    shared: bool
    size: int
    lane: int


Waiting = tuple["Job", Lease]
"""A cached job, due since it was put (`accepted_at`), and what the store has to know to end it."""


class _Lane:
    __slots__ = ("bytes", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[Waiting] = deque()
        self.bytes = 0


class Recent:
    """
    Caches the jobs of each lane that is *followed*: all jobs put since then and not handed out, in the order
    of due time and id. A followed lane is *caught up* when the file has no waiting jobs besides those cached.
    """

    def __init__(self, lane_bytes: int = LANE_BYTES, bytes_max: int = BYTES) -> None:
        self._lane_bytes = lane_bytes
        self._bytes_max = bytes_max
        self._followed: dict[int, bool] = {}
        """For each followed lane, whether it is caught up."""
        self._lanes: dict[int, _Lane] = {}
        """The followed lanes that have cached jobs."""
        self._bytes = 0
        self._put: list[tuple[int, list[Waiting]]] = []

    def __contains__(self, lane: int) -> bool:
        return lane in self._followed

    def is_caught_up(self, lane: int) -> bool:
        return self._followed.get(lane, False)

    def first(self, lane: int) -> int | None:
        """The id of the first cached job of *lane*, or None. Older jobs are in the file only."""
        own = self._lanes.get(lane)
        return own.waiting[0][0].id if own is not None else None

    def follow(self, lane: int) -> None:
        """Starts to cache jobs put to *lane*, which must have no waiting job that is due later than now."""
        self._followed.setdefault(lane, False)

    def catch_up(self, lane: int) -> None:
        """Marks *lane* as caught up: the cached jobs are all that wait."""
        self._followed[lane] = True

    def leave(self, lane: int) -> None:
        """
        Stops following *lane*: it has a waiting job that is not cached
        and may be due later than cached ones.
        """
        self._followed.pop(lane, None)
        left = self._lanes.pop(lane, None)
        if left is not None:
            self._bytes -= left.bytes

    def put(self, lane: int, waiting: list[Waiting]) -> None:
        """
        Adds jobs of *lane*, which is followed, once the current transaction commits. They must be later than
        all that were put before, and in order.
        """
        self._put.append((lane, waiting))

    def after_commit(self) -> None:
        for number, waiting in self._put:
            if number not in self._followed:
                continue
            lane = self._lanes.get(number)
            if lane is None:
                lane = self._lanes[number] = _Lane()
            size = _bytes_of(waiting)
            if lane.bytes + size > self._lane_bytes or self._bytes + size > self._bytes_max:
                self.leave(number)
                continue
            lane.waiting += waiting
            lane.bytes += size
            self._bytes += size
        self._put = []

    def after_rollback(self) -> None:
        self._put = []

    def take(self, lane: int, most: int) -> tuple[list[Waiting], int | None]:
        """
        Removes up to *most* first jobs of a lane that is caught up. Returns them and the due time of the
        next, or None.
        """
        own = self._lanes.get(lane)
        if own is None:
            return [], None
        waiting = own.waiting
        taken = [waiting.popleft() for _ in range(min(most, len(waiting)))]
        size = _bytes_of(taken)
        own.bytes -= size
        self._bytes -= size
        if waiting:
            return taken, waiting[0][0].accepted_at
        del self._lanes[lane]
        return taken, None


def _bytes_of(waiting: list[Waiting]) -> int:
    return sum([lease.size for _, lease in waiting]) + len(waiting) * _ITEM_BYTES
