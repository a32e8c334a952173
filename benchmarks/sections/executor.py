"""
Events per CPU-second of F1 to F4, warm and hermetic, beside the alternatives; latency of single events; fuel. For each
contestant the CPU time of its own process counts.
"""

from __future__ import annotations

import contextlib
import gc
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks import spin, workload
from benchmarks.effort import Scale
from benchmarks.figures import Spread, geometric_means, ratios
from benchmarks.peers.contestants import Native, NativeFresh, image_of
from benchmarks.peers.roster import FETCHED, HERMETIC, INCLUDED, ISOLATED_VM, WARM, ours
from benchmarks.peers.running import Entry, Row, Timing
from benchmarks.table import Plot, Table, bars
from benchmarks.target import Target
from benchmarks.workload import TITLES, Work
from headgate_runtime import Executor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.progress import Progress
    from headgate_runtime.function import Isolation

HEADGATE: Final = ("Headgate",)
OTHERS: Final = ("native", "Wasm", "V8")

ALL: Final = ("f1", "f2", "f3", "f4")
LIGHT: Final = ("f1", "f2", "f3")


@dataclass(frozen=True, slots=True)
class Effort:
    """
    peers     whether the peers that have to be fetched take part
    rounds    in each of which every contestant has its turn
    timing    how long warm-ups and turns take
    """

    peers: bool
    rounds: int
    timing: Timing


EFFORTS: Final = {
    Scale.QUICK: Effort(
        peers=True,
        rounds=5,
        timing=Timing(warm_up_s=0.25, round_s=0.05, latency_s=0.03),
    ),
    Scale.FULL: Effort(
        peers=True,
        rounds=17,
        timing=Timing(warm_up_s=0.5, round_s=0.06, latency_s=0.06),
    ),
    Scale.SMOKE: Effort(
        peers=False,
        rounds=2,
        timing=Timing(warm_up_s=0.001, round_s=0.001, latency_s=0.001),
    ),
}


@dataclass(frozen=True, slots=True)
class Throughput:
    rows: list[Row]
    spin_s: list[float]

    def row(self, name: str, kind: str) -> Row:
        """Raises LookupError."""
        return next(iter(row for row in self.rows if (row.name, row.kind) == (name, kind)))

    def kinds(self, *, fresh: bool) -> list[str]:
        return list(dict.fromkeys(row.kind for row in self.rows if row.fresh == fresh))

    def fastest(self, name: str, *, fresh: bool, engines: tuple[str, ...]) -> Row | None:
        """By the median; None when none has a figure."""
        rows = [
            (spread.median, row)
            for row in self.rows
            if (row.name, row.fresh) == (name, fresh)
            and row.engine in engines
            and (spread := row.per_second) is not None
        ]
        return max(rows, key=lambda pair: pair[0])[1] if rows else None

    def mean_faster(self, names: tuple[str, ...], kind: str, than: str) -> Spread | None:
        """How many times the throughput of *than* has *kind*, round by round, as a geometric mean over *names*."""
        series = [ratios(self.row(name, than).cpu_s, self.row(name, kind).cpu_s) for name in names]
        return Spread.of(geometric_means(series)) if all(series) else None


async def measure(effort: Effort, progress: Progress) -> Throughput:
    work, calibration = workload.load(), spin.Spin()
    rows: list[Row] = []
    async with Executor() as executor:
        peers = [*ours(executor), *INCLUDED, *(FETCHED if effort.peers else ())]
        for name in TITLES:
            fuel = await _fuel(work, name, executor)
            entries = [Entry(peer, work, name, effort.timing) for peer in peers]
            with contextlib.ExitStack() as stack:
                for number, entry in enumerate(entries):
                    progress.step(f"executor, {name.upper()}: warming up", number, len(entries))
                    stack.callback(entry.close)
                    await entry.begin()
                gc.collect()
                gc.freeze()  # what is there by now need not be looked through before every turn
                stack.callback(gc.unfreeze)
                for number in range(effort.rounds):
                    progress.step(f"executor, {name.upper()}", number, effort.rounds)
                    # Every other round in reverse order, so that no contestant always runs after the same one.
                    for entry in entries if number % 2 == 0 else reversed(entries):
                        gc.collect()
                        calibration()
                        await entry.turn()
            rows += [entry.row(fuel.get(entry.peer.kind)) for entry in entries]
    return Throughput(rows, calibration.seconds)


async def _fuel(work: Work, name: str, executor: Executor) -> dict[str, float]:
    """Mean fuel per event, by isolation, of a sandbox that has served the workload once; the same on every machine."""
    image = image_of(work.sources[name])
    found = {}
    isolations: dict[str, Isolation] = {WARM: "warm", HERMETIC: "hermetic"}
    for kind, isolation in isolations.items():
        function = executor.function(image, work.settings, isolation=isolation, tenant="fuel")
        for _ in range(2):
            used = [(await executor.invoke(function, event)).fuel for event in work.events]
        found[kind] = sum(used) / len(used)
    return found


def tables(found: Throughput) -> list[Table]:
    return [
        _rates(
            found,
            "executor-warm",
            "How many events does a CPU-second serve, in a sandbox that stays?",
            fresh=False,
        ),
        _rates(
            found,
            "executor-fresh",
            "How many events does a CPU-second serve, each in a fresh state?",
            fresh=True,
        ),
        _events(found),
    ]


def _rates(found: Throughput, name: str, question: str, *, fresh: bool) -> Table:
    """A row per contestant, with its rate on each function and how many times that Headgate's fastest way is."""
    rows, kinds = [], found.kinds(fresh=fresh)
    best = {each: found.fastest(each, fresh=fresh, engines=HEADGATE) for each in TITLES}
    for kind in kinds:
        cells = [kind, found.row("f1", kind).engine]
        for each in TITLES:
            row, own = found.row(each, kind), best[each]
            rate = row.per_second
            if rate is None:
                cells += [row.failed, "", ""]
                continue
            faster = "" if own is None or row.engine == "Headgate" else _times(row.cpu_s, own.cpu_s)
            cells += [f"{rate.median:,.0f}", f"{rate.least:,.0f} to {rate.greatest:,.0f}", faster]
        rows.append(tuple(cells))
    head = ["contestant", "engine"]
    for each in TITLES:
        head += [each.upper(), "least to most", "Headgate"]
    plot = Plot(
        "Events per CPU-second, " + ("each in a fresh state" if fresh else "in a sandbox that stays"),
        "events per CPU-second",
        "bars",
        bars(
            [f"{each.upper()} {title}" for each, title in TITLES.items()],
            {
                kind: figures
                for kind in kinds
                if any(figures := [found.row(each, kind).per_second for each in TITLES])
            },
        ),
        log=True,
    )
    rounds = max(len(row.cpu_s) for row in found.rows)
    return Table(
        name,
        question,
        f"of the whole process; median, least and most of {rounds} rounds; every output as the reference",
        tuple(head),
        rows,
        plot,
        [
            *_reasons(row for row in found.rows if row.fresh == fresh),
            "Headgate: how many times as many the faster of its ways serves, within a round",
            spin.note(found.spin_s),
        ],
        texts=2,
    )


def _reasons(rows: Iterable[Row]) -> list[str]:
    """Why contestants have no figures, each reason once."""
    return list(dict.fromkeys(f"{row.kind}, {row.failed}: {row.why}" for row in rows if row.failed))


def _times(theirs: list[float], ours: list[float]) -> str:
    return f"{Spread.of(ratios(theirs, ours)).median:.2f} x"


def _events(found: Throughput) -> Table:
    """Of those in this process, what one event by itself takes."""
    kinds = [kind for fresh in (False, True) for kind in found.kinds(fresh=fresh)]
    timed = [kind for kind in kinds if found.row("f1", kind).latency]
    rows = []
    for name, title in TITLES.items():
        for kind in timed:
            row = found.row(name, kind)
            rows.append(
                (
                    f"{name.upper()} {title}" if kind == timed[0] else "",
                    kind,
                    *(
                        f"{row.latency[key] * 1e3:,.1f}" if row.latency else ""
                        for key in ("own_p50_ms", "own_p99_ms", "wall_p99_ms")
                    ),
                    "" if row.fuel is None else f"{row.fuel:,.0f}",
                )
            )
    plot = Plot(
        "One event by itself, p50 to p99",
        "us",
        "bars",
        bars(
            [f"{name.upper()} {title}" for name, title in TITLES.items()],
            {kind: [_middle(found.row(name, kind)) for name in TITLES] for kind in timed},
        ),
        log=True,
    )
    return Table(
        "executor-events",
        "What does one event take by itself?",
        "microseconds; fuel is exact",
        ("function", "contestant", "p50", "p99", "wall p99", "fuel"),
        rows,
        plot,
        [
            "p50, p99: without the time the thread waited for a core that others had; wall p99: with it",
        ],
        texts=2,
    )


def _middle(row: Row) -> Spread | None:
    if not row.latency:
        return None
    p50, p99 = (row.latency[key] * 1e3 for key in ("own_p50_ms", "own_p99_ms"))
    return Spread(p50, p50, p99)


def targets(found: Throughput) -> list[Target]:
    native, native_fresh = Native.kind, NativeFresh.kind
    return [
        Target(
            "warm by native warm, mean of F1 to F3",
            found.mean_faster(LIGHT, WARM, native),
            "least",
            1.0,
            "x",
            "one of them has no figures",
        ),
        Target(
            "hermetic by warm, mean of F1 to F4",
            found.mean_faster(ALL, HERMETIC, WARM),
            "least",
            0.8,
            "x",
            "one of them has no figures",
        ),
        Target(
            "hermetic by native fresh, mean of F1 to F4",
            found.mean_faster(ALL, HERMETIC, native_fresh),
            "least",
            4.0,
            "x",
            "one of them has no figures",
        ),
        *(_ahead(found, name, 5.0, OTHERS, fresh=True) for name in LIGHT),
        *(_ahead(found, name, 2.0, ("Wasm",), fresh=False) for name in ALL),
        _ahead(found, "f1", 1.0, (), fresh=False, kind=ISOLATED_VM),
    ]


def _ahead(
    found: Throughput, name: str, bound: float, engines: tuple[str, ...], *, fresh: bool, kind: str = ""
) -> Target:
    """Headgate's fastest way by that of others with *engines*, or by *kind*."""
    own = found.fastest(name, fresh=fresh, engines=HEADGATE)
    if kind:
        other = next((row for row in found.rows if (row.name, row.kind) == (name, kind) and row.cpu_s), None)
    else:
        other = found.fastest(name, fresh=fresh, engines=engines)
    among = "fresh state" if fresh else "warm Wasm"
    which = kind or (f"the fastest {among} ({other.kind})" if other else f"the fastest {among}")
    what = f"{name.upper()}: {'hermetic' if fresh else 'warm'} by {which}"
    figure = Spread.of(ratios(other.cpu_s, own.cpu_s)) if own and other else None
    return Target(what, figure, "least", bound, "x", "nobody to compare with has figures")
