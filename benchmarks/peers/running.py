"""Runs a contestant: creates it, warms it up, gives it its turns, and disqualifies it with a reason when it fails."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from benchmarks.figures import Spread
from benchmarks.peers.judging import judged
from benchmarks.runqueue import Latencies
from benchmarks.workload import Mismatch

if TYPE_CHECKING:
    from benchmarks.peers.contestants import Contestant
    from benchmarks.peers.roster import Peer
    from benchmarks.workload import Work

LATENCIES_MIN: Final = 64


@dataclass(frozen=True, slots=True)
class Timing:
    """
    warm_up_s    CPU seconds that a contestant serves before anything counts
    round_s      CPU seconds of a turn
    latency_s    wall seconds per turn in which every event is timed by itself
    """

    warm_up_s: float
    round_s: float
    latency_s: float


@dataclass(frozen=True, slots=True)
class Row:
    """
    One contestant on one function.

    engine      as in Peer
    fresh       as in Peer
    cpu_s       CPU seconds per event, a figure per round; empty if it failed
    latency     of single events, over all rounds (Latencies.summary); empty if it was not measured
    fuel        per event, mean over the workload; None for all but Headgate
    failed      a short word for why it has no figures, with *why* in full; empty if it has figures
    """

    name: str
    kind: str
    engine: str
    fresh: bool
    cpu_s: list[float] = field(default_factory=list)
    latency: dict[str, float] = field(default_factory=dict)
    fuel: float | None = None
    failed: str = ""
    why: str = ""

    @property
    def per_second(self) -> Spread | None:
        """Events per CPU-second."""
        return Spread.of(1 / seconds for seconds in self.cpu_s) if self.cpu_s else None


class Entry:
    """A contestant on one function, until it fails."""

    def __init__(self, peer: Peer, work: Work, name: str, timing: Timing) -> None:
        self.peer, self.name = peer, name
        self._work, self._timing = work, timing
        self._contestant: Contestant | None = None
        self._next = 0
        self._count = 1
        self._cpu: list[float] = []
        self._latencies = Latencies()
        self._failed = self._why = ""

    async def begin(self) -> None:
        """Creates and warms up the contestant, and finds the number of events that fill a turn."""
        with judged(self._out):
            self._contestant = self.peer.make(self._work, self.name)
            spent = seconds = 0.0
            # What begins anew with every event gets no warmer than the program around it.
            enough = self._timing.warm_up_s / (4 if self.peer.fresh else 1)
            while (left := enough - spent) > 0:
                if seconds:
                    self._count = max(1, min(2 * self._count, round(left / seconds)))
                seconds = await self._serve(self._contestant)
                spent += seconds * self._count
            self._count = max(1, round(self._timing.round_s / seconds))
            if self._count > (once := len(self._work.events)):
                self._count -= self._count % once

    async def turn(self) -> None:
        with judged(self._out):
            if self._contestant is not None:
                self._cpu.append(await self._serve(self._contestant))
                timed = int(self._count * self._timing.latency_s / self._timing.round_s)
                self._latencies.extend(await self._contestant.latencies(max(LATENCIES_MIN, timed)))

    async def _serve(self, contestant: Contestant) -> float:
        """CPU seconds per event of a turn, whose outputs were found right. Raises Mismatch."""
        first, count = self._next, self._count
        self._next += count
        start = contestant.cpu_s()
        await contestant.serve(first, count)
        seconds = contestant.cpu_s() - start
        outputs = await contestant.outputs()
        if len(outputs) != count:
            raise Mismatch(f"{self.peer.kind}, {self.name}: {len(outputs)} outputs for {count} events")
        self._work.check(self.name, self.peer.kind, outputs, first)
        return seconds / count

    def _out(self, failed: str, why: str) -> None:
        self._failed, self._why = failed, why
        self.close()

    def close(self) -> None:
        if self._contestant is not None:
            self._contestant.close()
            self._contestant = None

    def row(self, fuel: float | None = None) -> Row:
        peer = self.peer
        if self._failed:
            return Row(self.name, peer.kind, peer.engine, peer.fresh, failed=self._failed, why=self._why)
        latency = self._latencies.summary()
        return Row(self.name, peer.kind, peer.engine, peer.fresh, self._cpu, latency, fuel)
