"""What Headgate means to reach, each figure a ratio within one run or a bound, and whether this run reached it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from benchmarks import hashing
from benchmarks.figures import Spread, percentile
from benchmarks.throughput import HERMETIC, NATIVE, NATIVE_FRESH, WARM
from benchmarks.workload import TITLES

if TYPE_CHECKING:
    from benchmarks import compiling
    from benchmarks.administration import Administration
    from benchmarks.coldstart import ColdStarts
    from benchmarks.crowd import Crowds
    from benchmarks.neighbour import Neighbour
    from benchmarks.neighbours import Neighbours
    from benchmarks.retries import Retries
    from benchmarks.throughput import Throughput

ALL: Final = ("f1", "f2", "f3", "f4")
LIGHT: Final = ("f1", "f2", "f3")


@dataclass(frozen=True, slots=True)
class Target:
    """*figure* in *unit* must be at *least* or at *most* the *bound*."""

    what: str
    figure: Spread
    sense: Literal["least", "most"]
    bound: float
    unit: str

    @property
    def reached(self) -> bool:
        """Judged by the median."""
        if self.sense == "least":
            return self.figure.median >= self.bound
        return self.figure.median <= self.bound


def of_throughput(found: Throughput) -> list[Target]:
    return [
        Target(
            "warm by native warm, mean of F1 to F3", found.mean_faster(LIGHT, WARM, NATIVE), "least", 1.0, "x"
        ),
        Target(
            "hermetic by warm, mean of F1 to F4", found.mean_faster(ALL, HERMETIC, WARM), "least", 0.8, "x"
        ),
        Target(
            "hermetic by native fresh, mean of F1 to F4",
            found.mean_faster(ALL, HERMETIC, NATIVE_FRESH),
            "least",
            4.0,
            "x",
        ),
    ]


def of_cold_starts(found: ColdStarts) -> list[Target]:
    """Judged by the p50 without waiting for a core; the range is that of all starts."""
    image, source = (
        Spread(percentile(spent.own, 0.5), min(spent.own), max(spent.own))
        for spent in (found.image, found.source)
    )
    return [
        Target("first result from a saved image, p50", image, "most", 1.0, "ms"),
        Target("first result from source, p50", source, "most", 10.0, "ms"),
    ]


def of_crowds(found: Crowds, name: str) -> list[Target]:
    """*name* is the function whose sandboxes' memory counts."""
    targets = []
    counts = sorted({crowd.count for crowd in found.crowds if crowd.count > 1})
    for count in counts:
        memory = found.of(name, count).memory
        if memory is not None:
            kb = memory.private / 1024
            targets.append(
                Target(
                    f"private memory per warm sandbox, {count:,} alive",
                    Spread(kb, kb, kb),
                    "most",
                    128.0,
                    "KB",
                )
            )
    if counts:
        targets.append(
            Target(
                f"cost of an event, {counts[-1]:,} alive by one, mean of F1 to F3",
                found.mean_slower(counts[-1]),
                "most",
                1.2,
                "x",
            )
        )
    return targets


def of_hashing(found: list[hashing.Row]) -> list[Target]:
    (row,) = (row for row in found if row.what == hashing.SHA256)
    return [
        Target(f"{row.what} inside the guest", Spread.of(us * 1e6 for us in row.cpu_s), "most", 15.0, "us")
    ]


def of_compiling(found: list[compiling.Row]) -> list[Target]:
    """Of the functions that use no library; the range of the image is over them."""
    plain = [row for row in found if row.name in TITLES]
    return [
        Target(
            "image of a function without a library",
            Spread.of(row.image_bytes / 1e6 for row in plain),
            "most",
            1.0,
            "MB",
        ),
        Target(
            "compiling a function without a library, CPU",
            Spread.of(seconds * 1e3 for row in plain for seconds in row.compile_cpu_s),
            "most",
            10.0,
            "ms",
        ),
    ]


def of_neighbour(found: Neighbour) -> list[Target]:
    return [
        Target("added p99 beside an endless loop", found.added(1, 0.99, own=True), "most", 2.0, "ms"),
    ]


def of_neighbours(found: Neighbours) -> list[Target]:
    return [
        Target("29 destinations beside 21 bad ones by without", found.throughput, "least", 0.9, "x"),
        Target("added p99 of 29 destinations beside 21 bad ones", found.added(0.99), "most", 20.0, "ms"),
    ]


def of_administration(found: Administration) -> list[Target]:
    """Judged by the slowest; the range is that of all operations."""
    p50s = [row.p50 for row in found.rows]
    what = f"slowest list or get with {found.instances:,} instances, p50"
    return [Target(what, Spread(max(p50s), min(p50s), max(p50s)), "most", 20.0, "ms")]


def of_retries(found: Retries) -> list[Target]:
    beside = f"beside {found.outstanding:,} retries by without"
    return [
        Target(f"acceptance {beside}", found.slower("accepted_s"), "most", 1.2, "x"),
        Target(f"delivery {beside}", found.slower("arrived_s"), "most", 1.2, "x"),
    ]
