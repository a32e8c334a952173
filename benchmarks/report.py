"""Text for people: the table and the short sections below it."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TextIO

from benchmarks.crowd import MEMORY_NAME
from benchmarks.figures import Spread, percentile
from benchmarks.neighbour import LOOPERS
from benchmarks.throughput import HERMETIC, NATIVE, NATIVE_FRESH, WARM
from benchmarks.workload import TITLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks import boundary, compiling, hashing
    from benchmarks.administration import Administration
    from benchmarks.coldstart import ColdStarts
    from benchmarks.crowd import Crowds
    from benchmarks.machine import Machine
    from benchmarks.neighbour import Neighbour
    from benchmarks.neighbours import Neighbours
    from benchmarks.retries import Retries
    from benchmarks.targets import Target
    from benchmarks.throughput import Throughput

BUSY: Final = 1.15
"""A spin this much slower than the fastest counts as a disturbed one."""


@dataclass(frozen=True, slots=True)
class Paint:
    """Escape sequences, or nothing."""

    bold: str = ""
    good: str = ""
    bad: str = ""
    dim: str = ""
    off: str = ""

    @classmethod
    def of(cls, stream: TextIO) -> Paint:
        """Colours on a terminal only, and not where NO_COLOR is set."""
        if not stream.isatty() or os.environ.get("NO_COLOR"):
            return cls()
        return cls("\x1b[1m", "\x1b[32m", "\x1b[31m", "\x1b[2m", "\x1b[0m")


class Report:
    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._paint = Paint.of(self._stream)

    def _line(self, text: str = "") -> None:
        self._stream.write(f"{text}\n")
        self._stream.flush()

    def _heading(self, title: str, remark: str = "") -> None:
        paint = self._paint
        self._line(
            f"\n{paint.bold}{title}{paint.off}" + (f"  {paint.dim}{remark}{paint.off}" if remark else "")
        )

    def _table(self, head: Sequence[str], rows: Iterable[Sequence[str]], texts: int = 1) -> None:
        """The first *texts* columns are text, the rest figures."""
        lines = [head, *rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
        for number, line in enumerate(lines):
            cells = [
                cell.ljust(width) if column < texts else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(line, widths, strict=True))
            ]
            text = "  ".join(cells).rstrip()
            self._line(f"{self._paint.dim}{text}{self._paint.off}" if number == 0 else text)

    def machine(self, machine: Machine) -> None:
        commit = f" at {machine.commit}" if machine.commit else ""
        self._line(
            f"Headgate {machine.headgate}{commit}, engine {machine.engine[:12]}, wasmtime {machine.wasmtime};"
            f" quickjs-ng {machine.quickjs_ng}; {machine.python}"
        )
        load = ", ".join(f"{value:.1f}" for value in machine.load)
        self._line(f"{machine.processor}, {machine.cores} cores, {machine.system}; load {load}")

    def throughput(self, found: Throughput) -> None:
        rounds = len(found.rows[0].cpu_s)
        self._heading(
            "Events per CPU-second of one core",
            f"median, least and most of {rounds} rounds; outputs as the reference",
        )
        rows = []
        for name, title in TITLES.items():
            for row in (row for row in found.rows if row.name == name):
                rate = row.per_second
                against = {HERMETIC: NATIVE_FRESH}.get(row.kind, NATIVE)
                native = (
                    ""
                    if row.kind in (NATIVE, NATIVE_FRESH)
                    else _times(found.faster(name, row.kind, against))
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
        self._table(
            (
                *("function", "contestant", "events/s", "least", "most", "us", "to native", "to warm"),
                *("p50 us", "p99 us", "wall p99", "fuel"),
            ),
            rows,
            texts=2,
        )
        self._note(
            "to native: warm by native warm, hermetic by native fresh. p50, p99: single events, without the time the"
            " thread waited for a core that others had; wall p99: with it."
        )
        spin = Spread.of(found.spin_s)
        disturbed = sum(seconds > BUSY * spin.least for seconds in found.spin_s) / len(found.spin_s)
        self._note(
            f"calibration: {spin.least * 1e3:.1f} ms at best, {spin.median * 1e3:.1f} ms median,"
            f" {spin.greatest * 1e3:.1f} ms at worst; {disturbed:.0%} of {len(found.spin_s)} spins were more than"
            f" {BUSY - 1:.0%} slower than the best"
        )

    def _note(self, text: str) -> None:
        self._line(f"{self._paint.dim}{text}{self._paint.off}")

    def cold_starts(self, found: ColdStarts) -> None:
        self._heading(
            "First result, engine loaded", f"{len(found.source.own)} starts of F1 to F3 in turn, ms"
        )
        ways = {"source": "from source", "image": "from a saved image", "file": "from an image file"}
        rows = [
            (
                title,
                *(
                    f"{percentile(values, share):.2f}"
                    for values in (getattr(found, way).own, getattr(found, way).wall)
                    for share in (0.5, 0.99)
                ),
                f"{percentile(found.cpu_ms[way], 0.5):.2f}",
            )
            for way, title in ways.items()
        ]
        self._table(("way", "p50", "p99", "wall p50", "wall p99", "CPU p50"), rows)

    def crowds(self, found: Crowds) -> None:
        self._heading("Many warm sandboxes", "each a tenant's own, round robin; KB and microseconds of CPU")
        rows = []
        for crowd in found.crowds:
            slower = Spread.of(found.slower(crowd.name, crowd.count))
            memory = crowd.memory if crowd.count > 1 else None
            rows.append(
                (
                    crowd.name.upper(),
                    f"{crowd.count:,}",
                    f"{memory.private / 1024:,.0f}" if memory else "",
                    f"{memory.linear / 1024:,.0f}" if memory and memory.linear else "",
                    f"{memory.later / 1024:,.0f}" if memory else "",
                    f"{Spread.of(crowd.cpu_s).median * 1e6:,.1f}",
                    f"{slower.median:.2f}" if crowd.count > 1 else "",
                )
            )
        head = (
            "function",
            "alive",
            "private KB",
            "in linear memory",
            "after the rounds",
            "us an event",
            "to one",
        )
        self._table(head, rows)
        self._note(f"the target for memory counts on {MEMORY_NAME.upper()}, after one event each")

    def neighbour(self, found: Neighbour) -> None:
        self._heading(
            "A neighbour of endless loops",
            f"F1, {found.rate:,} events/s from another process, ms; median of {len(found.rounds)} rounds",
        )
        rows = []
        for loopers in LOOPERS:
            added = found.added(loopers, 0.99, own=True)
            rows.append(
                (
                    {0: "none", 1: "one loop"}.get(loopers, f"{loopers} loops at once"),
                    *(f"{found.percentile(loopers, share, own=True).median:.2f}" for share in (0.5, 0.99)),
                    f"{added.median:.2f}" if loopers else "",
                    f"{added.least:.2f} to {added.greatest:.2f}" if loopers else "",
                    f"{found.percentile(loopers, 0.99, own=False).median:.2f}",
                )
            )
        self._table(("beside", "p50", "p99", "added p99", "range", "wall p99"), rows)

    def boundary(self, found: list[boundary.Row]) -> None:
        self._heading("The boundary alone", "per event; microseconds of CPU")
        self._table(
            ("what", "fuel", "us", "native us"),
            [
                (
                    row.what,
                    f"{row.fuel:,.0f}",
                    f"{Spread.of(row.cpu_s).median * 1e6:,.1f}",
                    f"{Spread.of(row.native_cpu_s).median * 1e6:,.1f}" if row.native_cpu_s else "",
                )
                for row in found
            ],
        )

    def compiling(self, found: list[compiling.Row]) -> None:
        self._heading("Compiling, and what libraries cost", "medians of CPU time; KB")
        self._table(
            (
                "source",
                "compile ms",
                "a CPU-second",
                "image KB",
                "memory KB",
                "image ready ms",
                "us an event",
            ),
            [
                (
                    row.name.upper() if row.name in TITLES else f"with {row.name}",
                    f"{(compile_s := Spread.of(row.compile_cpu_s).median) * 1e3:.1f}",
                    f"{1 / compile_s:,.0f}",
                    f"{row.image_bytes / 1024:,.0f}",
                    f"{row.memory_bytes / 1024:,.0f}",
                    f"{Spread.of(row.ready_cpu_s).median * 1e3:.1f}",
                    f"{Spread.of(row.event_cpu_s).median * 1e6:,.1f}",
                )
                for row in found
            ],
        )
        self._note("aws signs a URL for each event; lodash renames keys, moment converts a time")

    def hashing(self, found: list[hashing.Row]) -> None:
        self._heading("Hashing inside the guest", "an operation; microseconds of CPU")
        rows = []
        for row in found:
            us = Spread.of(seconds * 1e6 for seconds in row.cpu_s)
            rows.append(
                (
                    row.what,
                    f"{row.fuel:,.0f}",
                    *(f"{each:.1f}" for each in (us.median, us.least, us.greatest)),
                )
            )
        self._table(("what", "fuel", "us", "least", "most"), rows)

    def neighbours(self, found: Neighbours) -> None:
        self._heading(
            "Twenty-nine destinations beside twenty-one bad ones",
            f"a whole server; {found.rate:g} events/s to each; ms from sending to arrival",
        )
        rows = []
        for number, name in enumerate(("by themselves", "10 hang, 10 answer 500, 1 never ends")):
            parts = [parts[number] for parts in found.rounds]
            arrival = [
                Spread.of(percentile(part.latencies_ms, share) for part in parts)
                for share in (0.5, 0.9, 0.99)
            ]
            accepted = Spread.of(percentile(part.accepted_ms, 0.99) for part in parts)
            rows.append(
                (
                    name,
                    f"{Spread.of(part.per_second for part in parts).median:,.1f}",
                    *(f"{each.median:.1f}" for each in arrival),
                    f"{accepted.median:.1f}",
                    " ".join(f"{sort} {count}" for sort, count in parts[-1].others.items()),
                )
            )
        self._table(
            ("the others", "deliveries/s", "p50", "p90", "p99", "accepted p99", "requests to them"), rows
        )
        added = [found.added(share) for share in (0.5, 0.99)]
        self._note(
            "added, median, least and most of the rounds: "
            + "; ".join(
                f"{name} {each.median:.1f} ms ({each.least:.1f} to {each.greatest:.1f})"
                for name, each in zip(("p50", "p99"), added, strict=True)
            )
        )

    def retries(self, found: Retries) -> None:
        self._heading(
            "Outstanding retries",
            f"{found.events:,} events in batches, through a function, to a file; medians of {len(found.turns)} rounds",
        )
        rows = []
        for which, count in enumerate((0, found.outstanding)):
            turns = [turns[which] for turns in found.turns]
            rows.append(
                (
                    f"{count:,}",
                    *(
                        f"{found.events / Spread.of(getattr(turn, name) for turn in turns).median:,.0f}"
                        for name in ("accepted_s", "arrived_s")
                    ),
                    f"{Spread.of(turn.cpu_s for turn in turns).median / found.events * 1e6:,.0f}",
                    f"{found.start_s[which]:.1f}",
                )
            )
        self._table(("retries", "accepted/s", "delivered/s", "CPU us an event", "start s"), rows)

    def administration(self, found: Administration) -> None:
        self._heading(
            "Management API",
            f"{found.functions:,} functions, {found.instances:,} instances, {found.events:,} audit events; milliseconds",
        )
        rows = [
            (
                row.operation,
                f"{row.page or 'as it comes'}",
                f"{row.p50:.1f}",
                f"{percentile(row.ms, 0.95):.1f}",
                f"{row.bytes:,}",
            )
            for row in sorted(found.rows, key=lambda row: -row.p50)
        ]
        self._table(("operation", "page", "p50", "p95", "bytes"), rows, texts=2)

    def targets(self, targets: list[Target]) -> None:
        self._heading("Targets")
        paint = self._paint
        rows = []
        for target in targets:
            figure = target.figure
            spread = (
                f"{_figure(figure.least)} to {_figure(figure.greatest)}"
                if figure.least < figure.greatest
                else ""
            )
            rows.append(
                (
                    target.what,
                    f"{_figure(figure.median)} {target.unit}",
                    spread,
                    f"at {target.sense} {target.bound:g} {target.unit}",
                    "reached" if target.reached else "missed",
                )
            )
        widths = [max(len(row[column]) for row in rows) for column in range(5)] if rows else []
        for target, (what, reached, spread, bound, verdict) in zip(targets, rows, strict=True):
            colour = paint.good if target.reached else paint.bad
            self._line(
                f"{what:<{widths[0]}}  {reached:>{widths[1]}}  {spread:>{widths[2]}}  {bound:<{widths[3]}}"
                f"  {colour}{verdict}{paint.off}"
            )


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"


def _us(value_ms: float | None) -> str:
    return "" if value_ms is None else f"{value_ms * 1e3:,.1f}"


def _times(values: Sequence[float]) -> str:
    return f"{Spread.of(values).median:.2f} x"
