"""Events per CPU-second of F1 to F4, warm and hermetic, beside native QuickJS-ng; wall time of single events; fuel."""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks import spin, workload
from benchmarks.figures import Spread, geometric_means, ratios
from benchmarks.peers.contestants import Contestant, Headgate, HeadgateAtOnce, Native, NativeFresh
from benchmarks.runqueue import Latencies
from benchmarks.table import Plot, Table, bars
from benchmarks.target import Target
from benchmarks.workload import TITLES, Work
from headgate_runtime import Executor, Image, compile  # noqa: A004 - the field's word

if TYPE_CHECKING:
    from benchmarks.effort import Effort
    from benchmarks.progress import Progress

WARM, AT_ONCE, HERMETIC = "warm", "warm, 64 at once", "hermetic"
NATIVE, NATIVE_FRESH = Native.kind, NativeFresh.kind

ALL: Final = ("f1", "f2", "f3", "f4")
LIGHT: Final = ("f1", "f2", "f3")

LATENCIES_MIN = 64


@dataclass(frozen=True, slots=True)
class Row:
    """
    One contestant on one function.

    cpu_s       CPU seconds per event, a figure per round
    latency     of single events, over all rounds (Latencies.summary); empty where it means nothing
    fuel        per event, mean over the workload; None for native code
    """

    name: str
    kind: str
    cpu_s: list[float]
    latency: dict[str, float]
    fuel: float | None

    @property
    def per_second(self) -> Spread:
        """Events per CPU-second."""
        return Spread.of(1 / seconds for seconds in self.cpu_s)


@dataclass(frozen=True, slots=True)
class Throughput:
    rows: list[Row]
    spin_s: list[float]

    def row(self, name: str, kind: str) -> Row:
        return next(row for row in self.rows if (row.name, row.kind) == (name, kind))

    def faster(self, name: str, kind: str, than: str) -> list[float]:
        """How many times the throughput of *than* the contestant *kind* has on *name*, round by round."""
        return ratios(self.row(name, than).cpu_s, self.row(name, kind).cpu_s)

    def mean_faster(self, names: tuple[str, ...], kind: str, than: str) -> Spread:
        """The same as a geometric mean over the functions *names*."""
        return Spread.of(geometric_means([self.faster(name, kind, than) for name in names]))


def image_of(source: str) -> Image:
    """Raises RuntimeError for a source that does not compile."""
    image = compile(source)
    if not isinstance(image, Image):
        raise RuntimeError(f"the workload does not compile: {image}")  # noqa: TRY004 - no matter of types
    return image


async def measure(effort: Effort, progress: Progress) -> Throughput:
    """Raises Mismatch when a contestant gives another output than the reference; it then has no figures."""
    work = workload.load()
    async with Executor() as executor:
        contestants = [contestant for name in TITLES for contestant in _contestants(work, name, executor)]
        counts = {}
        for contestant in contestants:
            counts[contestant] = await _warm_up(contestant, work, effort)
            progress.step("throughput: warming up", len(counts), len(contestants))
        fuel = {name: await _fuel(work, name, executor) for name in TITLES}
        cpu: dict[Contestant, list[float]] = {contestant: [] for contestant in contestants}
        latencies = {contestant: Latencies() for contestant in contestants}
        calibration = spin.Spin()
        for number in range(effort.rounds):
            progress.step("throughput", number, effort.rounds)
            # Every other round backwards, so that nobody always runs in another's wake.
            for contestant in contestants if number % 2 == 0 else reversed(contestants):
                gc.collect()
                calibration()
                cpu[contestant].append(await _turn(contestant, work, counts[contestant]))
                timed = counts[contestant] * effort.latency_s / effort.round_s
                latencies[contestant].extend(await contestant.latencies(max(LATENCIES_MIN, int(timed))))
        progress.step("throughput", effort.rounds, effort.rounds)
    return Throughput(
        [
            Row(
                contestant.name,
                contestant.kind,
                cpu[contestant],
                latencies[contestant].summary(),
                fuel[contestant.name].get(contestant.kind),
            )
            for contestant in contestants
        ],
        calibration.seconds,
    )


def _contestants(work: Work, name: str, executor: Executor) -> list[Contestant]:
    """Those whose ratios matter lie next to each other."""
    image = image_of(work.sources[name])
    warm = executor.function(image, work.settings)
    hermetic = executor.function(image, work.settings, isolation="hermetic")
    return [
        Native(work, name),
        Headgate(WARM, work, name, executor, warm),
        HeadgateAtOnce(AT_ONCE, work, name, executor, warm),
        Headgate(HERMETIC, work, name, executor, hermetic),
        NativeFresh(work, name),
    ]


async def _warm_up(contestant: Contestant, work: Work, effort: Effort) -> int:
    """How many events fill a turn: whole passes over the workload, one at least."""
    once = len(work.events)
    await _turn(contestant, work, once)
    seconds = await _turn(contestant, work, once)
    return once * max(1, round(effort.round_s / (seconds * once)))


async def _turn(contestant: Contestant, work: Work, count: int) -> float:
    """CPU seconds per event, of outputs that were found right."""
    start = time.process_time()
    outputs = await contestant.serve(count)
    seconds = time.process_time() - start
    work.check(contestant.name, contestant.kind, outputs)
    if len(outputs) != count:
        raise RuntimeError(f"{contestant.kind}: {len(outputs)} outputs for {count} events")
    return seconds / count


async def _fuel(work: Work, name: str, executor: Executor) -> dict[str, float]:
    """Per event of a sandbox that has served the whole workload before; exact, and the same on every machine."""
    image = image_of(work.sources[name])
    found = {}
    for kind, isolation in ((WARM, "warm"), (HERMETIC, "hermetic")):
        function = executor.function(
            image,
            work.settings,
            isolation="warm" if isolation == "warm" else "hermetic",
            tenant="fuel",
        )
        for _ in range(2):
            used = [(await executor.invoke(function, event)).fuel for event in work.events]
        found[kind] = sum(used) / len(used)
    return found


def tables(found: Throughput) -> list[Table]:
    rows = []
    for name, title in TITLES.items():
        for row in (row for row in found.rows if row.name == name):
            rate = row.per_second
            against = {HERMETIC: NATIVE_FRESH}.get(row.kind, NATIVE)
            native = (
                "" if row.kind in (NATIVE, NATIVE_FRESH) else _times(found.faster(name, row.kind, against))
            )
            own = _times(found.faster(name, HERMETIC, WARM)) if row.kind == HERMETIC else ""
            rows.append(
                (
                    f"{name.upper()} {title}" if row.kind == NATIVE else "",
                    row.kind,
                    f"{rate.median:,.0f}",
                    f"{rate.least:,.0f}",
                    f"{rate.greatest:,.0f}",
                    f"{1e6 / rate.median:,.1f}",
                    native,
                    own,
                    _us(row.latency.get("own_p50_ms")),
                    _us(row.latency.get("own_p99_ms")),
                    _us(row.latency.get("wall_p99_ms")),
                    "" if row.fuel is None else f"{row.fuel:,.0f}",
                )
            )
    head = (
        *("function", "contestant", "events/s", "least", "most", "us", "to native", "to warm"),
        *("p50 us", "p99 us", "wall p99", "fuel"),
    )
    what = (
        "to native: warm by native warm, hermetic by native fresh. p50, p99: single events, without the time"
        " the thread waited for a core that others had; wall p99: with it."
    )
    kinds = list(dict.fromkeys(row.kind for row in found.rows))
    plot = Plot(
        "Events per CPU-second of one core",
        "events per CPU-second",
        "bars",
        bars(
            [f"{name.upper()} {title}" for name, title in TITLES.items()],
            {kind: [found.row(name, kind).per_second for name in TITLES] for kind in kinds},
        ),
        log=True,
    )
    rounds = len(found.rows[0].cpu_s)
    return [
        Table(
            "executor",
            "Events per CPU-second of one core",
            f"median, least and most of {rounds} rounds; outputs as the reference",
            head,
            rows,
            plot,
            [what, spin.note(found.spin_s)],
            texts=2,
        )
    ]


def targets(found: Throughput) -> list[Target]:
    fresh = found.mean_faster(ALL, HERMETIC, NATIVE_FRESH)
    return [
        Target(
            "warm by native warm, mean of F1 to F3", found.mean_faster(LIGHT, WARM, NATIVE), "least", 1.0, "x"
        ),
        Target(
            "hermetic by warm, mean of F1 to F4", found.mean_faster(ALL, HERMETIC, WARM), "least", 0.8, "x"
        ),
        Target("hermetic by native fresh, mean of F1 to F4", fresh, "least", 4.0, "x"),
    ]


def _us(value_ms: float | None) -> str:
    return "" if value_ms is None else f"{value_ms * 1e3:,.1f}"


def _times(values: list[float]) -> str:
    return f"{Spread.of(values).median:.2f} x"
