"""The source debugger (SPEC 11.4): the latest events of each source, in memory and lost at a restart."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headgate.queue.model import NewEvent
    from headgate.tracking.intake import Arrival
    from headgate_runtime import Clock

EVENTS: Final = 500
"""Events kept per source (SPEC 11.4)."""

PER_SECOND: Final = 20
"""Events per second and source that are kept; the others are skipped."""

BYTES: Final = 32 << 20
"""Maximum bytes for all sources; the sources without events for longest lose theirs first."""


class Seen(NamedTuple):
    """
    An event.

    at        when it was accepted, ms since the epoch
    number    counts the events that one worker kept
    body      JSON text of the event as accepted
    """

    at: int
    number: int
    message_id: str
    event_type: str
    body: bytes


def place(seen: Seen) -> tuple[int, int, str]:
    """The sort key by which the newest events come first."""
    return -seen.at, -seen.number, seen.message_id


class _Ring:
    __slots__ = ("bytes", "left", "second", "seen")

    def __init__(self) -> None:
        self.seen: collections.deque[Seen] = collections.deque()
        self.bytes = 0
        self.second = 0
        self.left = 0


class SourceDebugger:
    """The latest events that one worker accepted."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rings: collections.OrderedDict[str, _Ring] = collections.OrderedDict()
        self._bytes = 0
        self._number = 0

    def saw(self, source: str, arrivals: Iterable[Arrival | NewEvent]) -> None:
        """Adds the events of a request. Called for every request, so it must be fast."""
        at = int(self._clock.wall_ms())
        ring = self._rings.get(source)
        if ring is None:
            ring = self._rings[source] = _Ring()
        if ring.second != at // 1_000:
            ring.second, ring.left = at // 1_000, PER_SECOND
            self._rings.move_to_end(source)
        if not ring.left:
            return
        for arrival in arrivals:
            self._number += 1
            self._add(ring, Seen(at, self._number, arrival.message_id, arrival.event_type, arrival.body))
            ring.left -= 1
            if not ring.left:
                break
        while self._bytes > BYTES:
            self._drop_oldest()

    def recent(self, source: str) -> list[Seen]:
        """The events kept of *source*, newest first."""
        ring = self._rings.get(source)
        return [] if ring is None else [*reversed(ring.seen)]

    def _add(self, ring: _Ring, seen: Seen) -> None:
        ring.seen.append(seen)
        self._grow(ring, len(seen.body))
        if len(ring.seen) > EVENTS:
            self._grow(ring, -len(ring.seen.popleft().body))

    def _grow(self, ring: _Ring, size: int) -> None:
        ring.bytes += size
        self._bytes += size

    def _drop_oldest(self) -> None:
        source, ring = next(iter(self._rings.items()))
        if len(self._rings) > 1:
            self._bytes -= ring.bytes
            del self._rings[source]
        else:
            self._grow(ring, -len(ring.seen.popleft().body))


def merged(parts: Iterable[list[Seen]]) -> list[Seen]:
    """Merges what several workers kept of a source into the newest EVENTS, newest first."""
    return sorted((seen for part in parts for seen in part), key=place)[:EVENTS]


def to_json(seen: Seen) -> list[Any]:
    *facts, body = seen
    return [*facts, body.decode()]


def from_json(value: list[Any]) -> Seen:
    *facts, body = value
    return Seen._make((*facts, body.encode()))
