"""
What was put and is not handed out yet, in memory as well: a destination that keeps up is handed its jobs without a look
at the file.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from headgate.queue.model import Job

LANE_BYTES: Final = 16 << 20
"""Kept of one lane at most. One that has more is read from the file until it has caught up."""

BYTES: Final = 64 << 20
"""Kept of all lanes at most."""

_ITEM_BYTES: Final = 512
"""What a job weighs beside its body, which is its event's own."""


class Waiting(NamedTuple):
    """A job with what its file says of its body."""

    job: Job
    due: int
    body: int
    shared: bool


class _Lane:
    __slots__ = ("bytes", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[Waiting] = deque()
        self.bytes = 0


class Recent:
    """
    Of each lane that is followed the last of its jobs that are not handed out, by due time and id: all that were put since
    it is. Once nothing older waits it is caught up, and these are all there are.
    """

    def __init__(self, lane_bytes: int = LANE_BYTES, bytes_max: int = BYTES) -> None:
        self._lane_bytes = lane_bytes
        self._bytes_max = bytes_max
        self._followed: dict[int, bool] = {}
        """Whether it is caught up."""
        self._lanes: dict[int, _Lane] = {}
        """Of those that are followed, the ones that have something."""
        self._bytes = 0
        self._put: list[tuple[int, Waiting]] = []

    def __contains__(self, lane: int) -> bool:
        return lane in self._followed

    def is_caught_up(self, lane: int) -> bool:
        return self._followed.get(lane, False)

    def first(self, lane: int) -> int | None:
        """The id of the first job here, where there is one; older ones are in the file alone."""
        own = self._lanes.get(lane)
        return own.waiting[0].job.id if own is not None else None

    def follow(self, lane: int) -> None:
        """Nothing of *lane* waits that is due later than now."""
        self._followed.setdefault(lane, False)

    def catch_up(self, lane: int) -> None:
        """Nothing of *lane* waits but what is here."""
        self._followed[lane] = True

    def leave(self, lane: int) -> None:
        """Something of *lane* waits that was not put lately, and may be due later than what was."""
        self._followed.pop(lane, None)
        left = self._lanes.pop(lane, None)
        if left is not None:
            self._bytes -= left.bytes

    def put(self, lane: int, waiting: Waiting) -> None:
        """In a transaction that is under way, and later than all that was put of *lane*, which is followed."""
        self._put.append((lane, waiting))

    def after_commit(self) -> None:
        for number, waiting in self._put:
            if number not in self._followed:
                continue
            lane = self._lanes.get(number)
            if lane is None:
                lane = self._lanes[number] = _Lane()
            size = len(waiting.job.body) + _ITEM_BYTES
            if lane.bytes + size > self._lane_bytes or self._bytes + size > self._bytes_max:
                self.leave(number)
                continue
            lane.waiting.append(waiting)
            lane.bytes += size
            self._bytes += size
        self._put = []

    def after_rollback(self) -> None:
        self._put = []

    def take(self, lane: int, most: int) -> tuple[list[Waiting], int | None]:
        """The first jobs of a lane that is caught up, and when the next one that is left is due."""
        own = self._lanes.get(lane)
        if own is None:
            return [], None
        waiting = own.waiting
        taken = [waiting.popleft() for _ in range(min(most, len(waiting)))]
        size = sum([len(each.job.body) for each in taken]) + len(taken) * _ITEM_BYTES
        own.bytes -= size
        self._bytes -= size
        if waiting:
            return taken, waiting[0].due
        del self._lanes[lane]
        return taken, None
