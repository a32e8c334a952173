"""The whole pipeline with one worker process and with more. Nothing is pinned: sender and receiver share the cores."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks.effort import Scale
from benchmarks.figures import Spread
from benchmarks.load.testbed import BATCH, Setup, Testbed, open_testbed
from benchmarks.machine import cores
from benchmarks.sections.pipeline import CELLS, WARM, WINDOW
from benchmarks.spin import Spin, note
from benchmarks.table import Plot, Table, bars

if TYPE_CHECKING:
    from benchmarks.progress import Progress
    from benchmarks.target import Target


@dataclass(frozen=True, slots=True)
class Effort:
    """
    workers    numbers of worker processes
    rounds     in each of which every server has a turn
    turn_s     wall seconds of a turn
    """

    workers: tuple[int, ...]
    rounds: int
    turn_s: float


EFFORTS: Final = {
    Scale.QUICK: Effort(
        workers=(1, 2),
        rounds=3,
        turn_s=1.0,
    ),
    Scale.FULL: Effort(
        workers=(1, 2),
        rounds=7,
        turn_s=3.0,
    ),
    Scale.SMOKE: Effort(
        workers=(2,),
        rounds=1,
        turn_s=0.05,
    ),
}


@dataclass(frozen=True, slots=True)
class Turn:
    """*cores*: the number of cores that the server used, on average."""

    per_second: float
    cpu_us: float
    cores: float


@dataclass(frozen=True, slots=True)
class Found:
    """By number of workers."""

    turns: dict[int, list[Turn]]
    cores: int
    spins: list[float]

    def spread(self, workers: int, of: str) -> Spread:
        return Spread.of(getattr(turn, of) for turn in self.turns[workers])


def measure(effort: Effort, progress: Progress) -> Found:
    """Raises Mismatch and RuntimeError as the section `pipeline` does."""
    turns: dict[int, list[Turn]] = {workers: [] for workers in effort.workers}
    setup, spin = Setup(function="f1"), Spin()
    with contextlib.ExitStack() as stack:
        testbeds = {}
        for workers in turns:
            testbeds[workers] = stack.enter_context(open_testbed(setup, CELLS, workers=workers, apart=False))
            _, sent = testbeds[workers].send(WARM, window=WINDOW)
            testbeds[workers].await_arrivals(sent)
            testbeds[workers].check(setup.function)
        for number in range(effort.rounds):
            for workers in list(turns)[:: -1 if number % 2 else 1]:
                progress.step(f"processes, {workers}", number, effort.rounds)
                spin()
                turns[workers].append(_turn(testbeds[workers], effort.turn_s))
    return Found(turns, cores(), spin.seconds)


def _turn(of: Testbed, seconds: float) -> Turn:
    before = of.cpu()
    report, sent = of.send(round(seconds * 50_000), window=WINDOW, seconds=seconds, connections=32)
    of.await_arrivals(sent)
    used = of.cpu() - before
    wall_s = (max(of.table.times_ns[sent.start : sent.stop]) - report.start_ns) / 1e9
    return Turn(len(sent) / wall_s, used.total_s / len(sent) * 1e6, used.total_s / wall_s)


def tables(found: Found) -> list[Table]:
    rows = []
    for workers in found.turns:
        rate, cpu, busy = (found.spread(workers, of) for of in ("per_second", "cpu_us", "cores"))
        rows.append(
            (
                str(workers),
                f"{rate.median:,.0f}",
                f"{rate.least:,.0f} to {rate.greatest:,.0f}",
                f"{cpu.median:.0f} us",
                f"{busy.median:.2f}",
            )
        )
    return [
        Table(
            name="processes",
            question="What do more worker processes bring on this machine?",
            remark=f"F1, batches of {BATCH} on both sides; {found.cores} cores, which sender and receiver share",
            head=("workers", "events/s", "range", "CPU/event", "cores used"),
            rows=rows,
            notes=(note(found.spins),),
            plot=Plot(
                "Events a second by worker processes",
                "events/s",
                "bars",
                bars(
                    [str(workers) for workers in found.turns],
                    {"": [found.spread(workers, "per_second") for workers in found.turns]},
                ),
            ),
        )
    ]


def targets(found: Found) -> list[Target]:  # noqa: ARG001 - every section has them
    return []
