"""The whole pipeline on this machine with one worker process and with more. Nothing is pinned: the load takes its part."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.figures import Spread
from benchmarks.load.plant import BATCH, Plant, Setup, plant
from benchmarks.machine import cores
from benchmarks.sections.pipeline import CELLS, WARM, WINDOW
from benchmarks.spin import Spin, note
from benchmarks.table import Plot, Table, bars

if TYPE_CHECKING:
    from benchmarks.effort import Effort
    from benchmarks.progress import Progress
    from benchmarks.target import Target


@dataclass(frozen=True, slots=True)
class Turn:
    """*cores*: that the server had the use of, on average."""

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
    turns: dict[int, list[Turn]] = {workers: [] for workers in effort.processes}
    setup, spin = Setup(function="f1"), Spin()
    with contextlib.ExitStack() as stack:
        plants = {}
        for workers in turns:
            plants[workers] = stack.enter_context(plant(setup, CELLS, workers=workers, apart=False))
            _, sent = plants[workers].fire(WARM, window=WINDOW)
            plants[workers].await_arrivals(sent)
            plants[workers].check(setup.function)
        for number in range(effort.processes_rounds):
            for workers in list(turns)[:: -1 if number % 2 else 1]:
                progress.step(f"processes, {workers}", number, effort.processes_rounds)
                spin()
                turns[workers].append(_turn(plants[workers], effort.processes_s))
    return Found(turns, cores(), spin.seconds)


def _turn(of: Plant, seconds: float) -> Turn:
    before = of.cpu()
    fired, sent = of.fire(round(seconds * 50_000), window=WINDOW, seconds=seconds, connections=32)
    of.await_arrivals(sent)
    used = of.cpu() - before
    wall_s = (max(of.board.arrivals[sent.start : sent.stop]) - fired.start_ns) / 1e9
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
