"""
The whole pipeline: a server accepts events durably, passes them through a filter and a function, and delivers them to a
webhook on loopback. Measures the sustained rate on one core, latencies at half of that rate and close to it, and CPU time by
stage.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from benchmarks.effort import Scale
from benchmarks.figures import Spread, percentile
from benchmarks.load.testbed import BATCH, BATCH_WAIT_MS, Setup, Testbed, open_testbed
from benchmarks.spin import Spin, note
from benchmarks.table import Plot, Table, bars
from benchmarks.target import Target

if TYPE_CHECKING:
    from benchmarks.load.sender import Sent
    from benchmarks.progress import Progress

CELLS: Final = 4_000_000
"""Most events that one server is sent in total."""

WINDOW: Final = 6_000
"""Most events between sender and receiver while the maximum rate is measured, which bounds the backlog."""

WARM: Final = 2_000
"""Events that warm up each server: its function is compiled, connections are made."""

SHARES: Final = (0.5, 0.9)
"""Shares of the maximum rate at which latencies are measured."""

ONE_BY_ONE: Final = 1

CONNECTIONS: Final = {BATCH: 16, ONE_BY_ONE: 64}


@dataclass(frozen=True, slots=True)
class Effort:
    """
    cases        names in CASES
    latencies    those whose latencies are measured
    rounds       in each of which every case has a turn
    turn_s       wall seconds of a turn
    open_s       wall seconds at each rate at which latencies are measured
    """

    cases: tuple[str, ...]
    latencies: tuple[str, ...]
    rounds: int
    turn_s: float
    open_s: float


EFFORTS: Final = {
    Scale.QUICK: Effort(
        cases=("accept", "deliver", "f1", "f2", "single"),
        latencies=("f1", "f2", "single"),
        rounds=2,
        turn_s=1.6,
        open_s=1.5,
    ),
    Scale.FULL: Effort(
        cases=("accept", "filter", "deliver", "f1", "f2", "single", "track", "ones"),
        latencies=("f1", "f2", "single", "track", "ones"),
        rounds=5,
        turn_s=2.0,
        open_s=5.0,
    ),
    Scale.SMOKE: Effort(
        cases=("f1",),
        latencies=("f1",),
        rounds=1,
        turn_s=0.05,
        open_s=0.05,
    ),
}


@dataclass(frozen=True, slots=True)
class Case:
    """*batch*: events per request to the event API. *above*: cases that this one extends; it is compared with the first measured."""

    title: str
    setup: Setup
    batch: int = BATCH
    above: tuple[str, ...] = ()

    @property
    def arrives(self) -> bool:
        return self.setup.destination and not self.setup.drops


CASES: Final = {
    "accept": Case("accepted", Setup(destination=False)),
    "filter": Case("and filtered out", Setup(drops=True), above=("accept",)),
    "deliver": Case("and stored, dispatched, delivered", Setup(), above=("filter", "accept")),
    "f1": Case("and F1", Setup(function="f1"), above=("deliver",)),
    "f2": Case("and F2", Setup(function="f2"), above=("deliver",)),
    "single": Case("F1, delivered one by one", Setup(function="f1", batch=ONE_BY_ONE), above=("f1",)),
    "track": Case("F1, accepted one by one", Setup(function="f1"), batch=ONE_BY_ONE, above=("f1",)),
    "ones": Case(
        "F1, both one by one", Setup(function="f1", batch=ONE_BY_ONE), batch=ONE_BY_ONE, above=("single",)
    ),
}
"""The first five are stages, each of which does more than the one above it."""

STAGES: Final = ("accept", "filter", "deliver", "f1", "f2")


@dataclass(frozen=True, slots=True)
class Turn:
    """Events a second, from the first one sent to the last arrival, and CPU microseconds of the server for each."""

    per_second: float
    loop_us: float
    other_us: float

    @property
    def cpu_us(self) -> float:
        return self.loop_us + self.other_us


@dataclass(frozen=True, slots=True)
class Latencies:
    """At *rate* events a second: ms from when an event was due to be sent to its arrival; *late_ms* of the sender's own."""

    rate: float
    p50: float
    p99: float
    p999: float
    late_ms: float


@dataclass(frozen=True, slots=True)
class Found:
    """By case: turns, and latencies at each of SHARES. *compared*: deliveries whose content was looked at."""

    turns: dict[str, list[Turn]]
    latencies: dict[str, list[Latencies]]
    compared: int
    spins: list[float] = field(default_factory=list)

    def spread(self, case: str, of: str) -> Spread:
        return Spread.of(getattr(turn, of) for turn in self.turns[case])


def measure(effort: Effort, progress: Progress) -> Found:
    """Raises Mismatch for a wrong output, RuntimeError for an event that is refused, lost or doubled."""
    names = effort.cases
    turns: dict[str, list[Turn]] = {name: [] for name in names}
    latencies: dict[str, list[Latencies]] = {}
    spin = Spin()
    compared = 0
    with contextlib.ExitStack() as stack:
        testbeds: dict[Setup, Testbed] = {}
        for name in names:
            setup = CASES[name].setup
            if setup not in testbeds:
                testbeds[setup] = stack.enter_context(open_testbed(setup, CELLS))
                _send(testbeds[setup], CASES[name], WARM)
                compared += testbeds[setup].check(setup.function) if CASES[name].arrives else 0
        for number in range(effort.rounds):
            for name in names[:: -1 if number % 2 else 1]:
                progress.step(f"pipeline, {name}", number, effort.rounds)
                spin()
                turns[name].append(_turn(testbeds[CASES[name].setup], CASES[name], effort.turn_s))
        for name in effort.latencies:
            most = Spread.of(turn.per_second for turn in turns[name]).median
            latencies[name] = []
            for share in SHARES:
                progress.step(f"pipeline, {name} at {share:.0%}", 0, 1)
                spin()
                found = _latencies(testbeds[CASES[name].setup], CASES[name], share * most, effort.open_s)
                latencies[name].append(found)
    return Found(turns, latencies, compared, spin.seconds)


def _send(
    to: Testbed, case: Case, events: int, *, seconds: float = 60.0, rate: float | None = None
) -> tuple[Sent, range]:
    """Sends events; returns when all have arrived, if the case has a destination."""
    report, sent = to.send(
        events,
        batch=case.batch,
        rate=rate,
        window=WINDOW if case.batch > 1 else WINDOW // 10,
        arrive=case.arrives,
        seconds=seconds,
        connections=CONNECTIONS[case.batch],
    )
    if case.arrives:
        to.await_arrivals(sent)
    return report, sent


def _turn(of: Testbed, case: Case, seconds: float) -> Turn:
    before = of.cpu()
    report, sent = _send(of, case, round(seconds * 50_000), seconds=seconds)
    used = of.cpu() - before
    end = max(of.table.times_ns[sent.start : sent.stop]) if case.arrives else report.end_ns
    events = len(sent)
    per_second = events / (end - report.start_ns) * 1e9
    return Turn(per_second, used.loop_s / events * 1e6, used.other_s / events * 1e6)


def _latencies(of: Testbed, case: Case, rate: float, seconds: float) -> Latencies:
    report, sent = _send(of, case, max(case.batch * 2, round(rate * seconds)), rate=rate)
    arrivals = of.table.times_ns
    step = case.batch / rate * 1e9
    took = [
        (arrivals[number] - report.start_ns - round((number - sent.start) // case.batch * step)) / 1e6
        for number in sent
    ]
    p50, p99, p999 = (percentile(took, share) for share in (0.5, 0.99, 0.999))
    return Latencies(rate, p50, p99, p999, report.late_ms)


def tables(found: Found) -> list[Table]:
    return [_rates(found), _stages(found)]


def _rates(found: Found) -> Table:
    names = [name for name in found.turns if CASES[name].setup.function is not None]
    rows = []
    for name in names:
        case, rate, cpu = CASES[name], found.spread(name, "per_second"), found.spread(name, "cpu_us")
        function = case.setup.function or ""
        row = (
            f"{case.batch}, {function.upper()}, {case.setup.batch}",
            f"{rate.median:,.0f}",
            f"{rate.least:,.0f} to {rate.greatest:,.0f}",
            f"{cpu.median:.0f} us",
        )
        known = found.latencies.get(name)
        taken = [f"{each.p50:.0f} / {each.p99:.0f} / {each.p999:.0f} ms" for each in known or ()]
        rows.append((*row, *(taken or ["not measured"] * len(SHARES))))
    return Table(
        name="pipeline",
        question="How many events a second go the whole way, on one core?",
        remark="accepted, function, delivered; synced before the answer; p50 / p99 / p99.9 from when an event was due",
        head=("path", "events/s", "range", "CPU/event", *(f"at {share:.0%}" for share in SHARES)),
        rows=rows,
        notes=(
            f"{BATCH}: POST /v1/batch of {BATCH}; a webhook with batch_max_count = {BATCH}, batch_wait_ms = {BATCH_WAIT_MS}",
            "1: POST /v1/track; a webhook that takes single events",
            f"every event arrived, and once; the content of {found.compared:,} was compared with what it should be",
            note(found.spins),
        ),
        plot=Plot(
            "Events a second, end to end",
            "events/s",
            "bars",
            bars(
                [CASES[name].title for name in names],
                {"": [found.spread(name, "per_second") for name in names]},
            ),
        ),
    )


def _stages(found: Found) -> Table:
    rows = []
    names = [name for name in STAGES if name in found.turns]
    for name in names:
        case = CASES[name]
        loop, other, cpu = (found.spread(name, of).median for of in ("loop_us", "other_us", "cpu_us"))
        above = next((each for each in case.above if each in found.turns), None)
        more = f"{cpu - found.spread(above, 'cpu_us').median:.0f} us" if above else ""
        rows.append(
            (case.title, f"{cpu:.0f} us", more, f"{loop:.0f} us", f"{other:.0f} us", f"{1e6 / cpu:,.0f}")
        )
    return Table(
        name="pipeline-stages",
        question="Where does the processor's time of an event go?",
        remark="of the server alone; batches of a hundred on both sides",
        head=("an event is", "CPU", "more than before", "event loop", "store", "events/CPU-s"),
        rows=rows,
        notes=("F1 and F2 are both compared with what was stored and delivered without a function",),
        plot=Plot(
            "Processor time of an event by stage",
            "us",
            "bars",
            bars(
                [CASES[name].title for name in names],
                {
                    "event loop": [found.spread(name, "loop_us") for name in names],
                    "store": [found.spread(name, "other_us") for name in names],
                },
            ),
        ),
    )


def targets(found: Found) -> list[Target]:
    aims = []
    for name in ("f1", "f2"):
        rate = found.spread(name, "per_second") if name in found.turns else None
        known = found.latencies.get(name)
        p99 = Spread.of([known[0].p99]) if known else None
        what = f"{name.upper()}, batches of {BATCH} on both sides"
        missing = "not part of this run"
        aims.append(Target(f"{what}: sustained on one core", rate, "least", 10_000, "events/s", missing))
        aims.append(Target(f"{what}: p99 at half of the maximum", p99, "most", 100, "ms", missing))
    return aims
