"""The last events of each source, to be looked at while one sets things up (SPEC 11.4). In memory: a restart forgets."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headgate.queue.model import NewEvent
    from headgate.tracking.intake import Arrival
    from headgate_runtime import Clock

EVENTS: Final = 500
"""Of a source (SPEC 11.4)."""

PER_SECOND: Final = 20
"""Of a source that are kept; those beyond are passed over."""

BYTES: Final = 32 << 20
"""Of all sources; those that had no event for longest lose theirs first."""


class Seen(NamedTuple):
    """
    *at* in ms since the epoch, and *number* counts those that one worker kept; *body* is the event's JSON text, as it was
    accepted.
    """

    at: int
    number: int
    message_id: str
    event_type: str
    body: bytes


def place(seen: Seen) -> tuple[int, int, str]:
    """Where it stands in the order of all: the newest come first."""
    return -seen.at, -seen.number, seen.message_id


class _Ring:
    __slots__ = ("bytes", "left", "second", "seen")

    def __init__(self) -> None:
        self.seen: collections.deque[Seen] = collections.deque()
        self.bytes = 0
        self.second = 0
        self.left = 0


class SourceDebugger:
    """What one worker saw."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rings: collections.OrderedDict[str, _Ring] = collections.OrderedDict()
        self._bytes = 0
        self._number = 0

    def saw(self, source: str, arrivals: Iterable[Arrival | NewEvent]) -> None:
        """Called for every request with events: must be quick."""
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
        """The newest first."""
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
    """What several workers saw of a source: the newest EVENTS, the newest first."""
    return sorted((seen for part in parts for seen in part), key=place)[:EVENTS]


def to_json(seen: Seen) -> list[Any]:
    *facts, body = seen
    return [*facts, body.decode()]


def from_json(value: list[Any]) -> Seen:
    *facts, body = value
    return Seen._make((*facts, body.encode()))
