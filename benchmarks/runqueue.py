"""
Wall time, and the part of it for which this thread was runnable while others had the cores.

On a machine with other work, the kernel preempts a busy process for milliseconds at a time, so that a p99 of wall time
measures the machine. Linux counts the time for which a thread was runnable but did not run (/proc/thread-self/schedstat).
It is reported beside the wall time, never hidden. On other systems it counts as zero.
"""

from __future__ import annotations

import bisect
import os
import time
from dataclasses import dataclass, field

from benchmarks.figures import percentile
from headgate_runtime import SystemClock

try:
    _FILE = os.open("/proc/thread-self/schedstat", os.O_RDONLY | os.O_CLOEXEC)
except OSError:
    _FILE = -1


def waited_ns() -> int:
    """Nanoseconds for which the thread that imported this module has waited for a core so far."""
    return int(os.pread(_FILE, 64, 0).split()[1]) if _FILE >= 0 else 0


@dataclass(slots=True)
class Latencies:
    """Milliseconds per event: *wall* is wall time, *own* is wall time without waiting for a core."""

    wall: list[float] = field(default_factory=list)
    own: list[float] = field(default_factory=list)

    def add(self, wall_ns: int, waited: int, used_ns: int = 0) -> None:
        """*used_ns* is the CPU time of this thread, a lower bound of its own time."""
        self.wall.append(wall_ns / 1e6)
        self.own.append(min(wall_ns, max(used_ns, wall_ns - waited)) / 1e6)

    def extend(self, other: Latencies) -> None:
        self.wall += other.wall
        self.own += other.own

    def summary(self) -> dict[str, float]:
        """p50 and p99 of both, by name, such as "own_p99_ms"."""
        return {
            f"{kind}_p{round(share * 100)}_ms": percentile(values, share)
            for kind, values in (("wall", self.wall), ("own", self.own))
            for share in (0.5, 0.99)
            if values
        }


class Stopwatch:
    """Times work of this thread: `start`, the work, `stop`."""

    def __init__(self, latencies: Latencies) -> None:
        self._latencies = latencies
        self._start = self._used = self._waited = 0

    def start(self) -> None:
        self._waited = waited_ns()
        self._used = time.thread_time_ns()
        self._start = time.perf_counter_ns()

    def stop(self) -> None:
        wall = time.perf_counter_ns() - self._start
        used = time.thread_time_ns() - self._used
        self._latencies.add(wall, waited_ns() - self._waited, used)


class SamplingClock(SystemClock):
    """A clock for an executor, which reads it at every slice: each time, it samples how long the thread has waited so far."""

    def __init__(self) -> None:
        self._moments: list[int] = []
        self._waited: list[int] = []

    def monotonic_ms(self) -> float:
        self.sample()
        return super().monotonic_ms()

    def sample(self) -> None:
        # In this order, because the kernel often preempts a thread at the end of a call, and that wait belongs to what follows.
        self._moments.append(time.monotonic_ns())
        self._waited.append(waited_ns())

    def forget(self) -> None:
        self._moments.clear()
        self._waited.clear()

    def waited_between(self, sent: int, ended: int, *, asleep: bool) -> int:
        """
        Nanoseconds waited from *sent* to *ended* (monotonic clock, with samples before and after). Between the two
        samples around *sent* the order of waiting and running is unknown; the order that makes Headgate look worse is
        assumed. A busy process waited first; one that was *asleep*, the basis of the comparison, waited last.
        """
        before = bisect.bisect_right(self._moments, sent) - 1
        last = bisect.bisect_right(self._moments, ended) - 1
        if before < 0 or last <= before:
            return 0
        first = before + 1
        length = self._moments[first] - self._moments[before]
        gap = min(length, self._waited[first] - self._waited[before])
        if asleep:
            gap = min(gap, self._moments[first] - sent)
        else:
            gap = max(0, gap - (sent - self._moments[before]))
        return self._waited[last] - self._waited[first] + gap
