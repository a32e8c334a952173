"""
The synchronous endpoint beside other servers that run a function over HTTP: a POST with one event or a hundred is answered
with the function's outputs. CPU time is that of the server's whole process.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from benchmarks import spin, workload
from benchmarks.effort import Scale
from benchmarks.figures import Spread, ratios
from benchmarks.load.posts import answers, load_generator
from benchmarks.load.testbed import sides
from benchmarks.peers.judging import judged
from benchmarks.peers.transformers import CONTESTANTS, ECHO, HEADGATE, WORKERD
from benchmarks.table import Plot, Table, bars
from benchmarks.target import Target
from benchmarks.workload import TITLES, Mismatch, Work

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.load.posts import Autocannon, SingleConnection
    from benchmarks.peers.transformers import Kind, Transformer
    from benchmarks.progress import Progress

ONE, MANY = 1, 100
"""Events of a POST."""

CONNECTIONS: Final = {ONE: 32, MANY: 4}
"""Connections; each has one request in flight."""

WARM: Final = {ONE: 2_000, MANY: 40}
"""Requests before any counts: compilers of V8's kind want some hundred events."""

RUDDERSTACK: Final = {"f1": 6_800, "f2": 4_500, "f3": 6_400, "f4": 300}
"""
Events per CPU-second of RudderStack's transformer 1.145 with 100 events in a POST, by function. These were measured once,
outside of this suite, on a machine of the same kind; a run does not repeat them.
"""

RUDDERSTACK_TIMES: Final = 3
"""The target, as a multiple of RUDDERSTACK."""


@dataclass(frozen=True, slots=True)
class Effort:
    """
    functions    whose names they are in the workload
    kinds        contestants that take part; None: all, which have to be fetched
    rounds       in each of which every contestant has its turn, for single events and for arrays
    turn_s       wall seconds of a turn
    """

    functions: tuple[str, ...]
    kinds: tuple[str, ...] | None
    rounds: int
    turn_s: float


EFFORTS: Final = {
    Scale.QUICK: Effort(
        functions=("f1",),
        kinds=None,
        rounds=3,
        turn_s=0.25,
    ),
    Scale.FULL: Effort(
        functions=("f1", "f2", "f3", "f4"),
        kinds=None,
        rounds=7,
        turn_s=0.5,
    ),
    Scale.SMOKE: Effort(
        functions=("f1",),
        kinds=(HEADGATE, ECHO),
        rounds=1,
        turn_s=0.005,
    ),
}


@dataclass(frozen=True, slots=True)
class Row:
    """
    A contestant on one function, *batch* events in a POST. A figure per round; none when it has failed, in a word or two,
    with *why* at length.

    cpu_s, wall_s    seconds per event: of the server's processor time, and on the wall
    """

    name: str
    kind: str
    batch: int
    cpu_s: list[float] = field(default_factory=list)
    wall_s: list[float] = field(default_factory=list)
    failed: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """*load*: what sent the requests, in words; *cores*: whether the server had one to itself."""

    rows: list[Row]
    load: str
    cores: bool
    spin_s: list[float]

    def row(self, name: str, kind: str, batch: int) -> Row | None:
        return next(
            (row for row in self.rows if (row.name, row.kind, row.batch) == (name, kind, batch)), None
        )

    @property
    def names(self) -> list[str]:
        return list(dict.fromkeys(row.name for row in self.rows))

    @property
    def kinds(self) -> list[str]:
        return list(dict.fromkeys(row.kind for row in self.rows))


class _Entry:
    """A contestant on one function, until it fails."""

    def __init__(self, kind: Kind, work: Work, name: str, load: Autocannon | SingleConnection) -> None:
        self._kind, self._work, self._name, self._load = kind, work, name, load
        self._server: Transformer | None = None
        self._counts: dict[int, int] = {}
        self._failed: tuple[str, str] = ("", "")
        self._rows = {batch: Row(name, kind.name, batch) for batch in (ONE, MANY)}

    def begin(self, effort: Effort, side: frozenset[int]) -> None:
        """Starts it, compares its outputs with the reference, warms it up, and finds how many requests fill a turn."""
        with judged(self._out):
            self._server = self._kind.make(self._work, self._name, side)
            self._check(self._server)
            for batch in (ONE, MANY):
                few = max(1, round(WARM[batch] * min(1.0, effort.turn_s)))
                self._load.send(self._server, self._bodies(batch), few, CONNECTIONS[batch])
                sent = self._load.send(self._server, self._bodies(batch), few, CONNECTIONS[batch])
                fill = round(sent.requests * effort.turn_s / sent.seconds)
                self._counts[batch] = max(self._load.least * CONNECTIONS[batch], fill)

    def turn(self, batch: int) -> None:
        with judged(self._out):
            if (server := self._server) is not None:
                before = server.cpu_s()
                sent = self._load.send(server, self._bodies(batch), self._counts[batch], CONNECTIONS[batch])
                used, events = server.cpu_s() - before, sent.requests * batch
                self._rows[batch].cpu_s.append(used / events)
                self._rows[batch].wall_s.append(sent.seconds / events)

    def end(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def rows(self) -> Iterator[Row]:
        failed, why = self._failed
        for batch, row in self._rows.items():
            yield Row(self._name, self._kind.name, batch, failed=failed, why=why) if failed else row

    def _bodies(self, batch: int) -> list[bytes]:
        events = self._work.events
        if batch == ONE:
            return events
        return [b"[%b]" % b",".join(events[place % len(events)] for place in range(batch))]

    def _check(self, server: Transformer) -> None:
        """Raises Mismatch."""
        bodies = [*self._work.events, *self._bodies(MANY)]
        *singly, together = answers(server, iter(bodies))
        outputs = [server.output(body) for body in singly]
        places = [place % len(outputs) for place in range(MANY)]
        many = server.many(together, [outputs[place] for place in places])
        if self._kind.name == ECHO:
            if (outputs, many) != (self._work.events, [self._work.events[place] for place in places]):
                raise Mismatch(f"{ECHO}: the answer is not what was sent")
            return
        self._work.check(self._name, self._kind.name, outputs)
        self._work.check(self._name, self._kind.name, many)
        if len(many) != MANY:
            raise Mismatch(f"{self._kind.name}, {self._name}: {len(many)} outputs for {MANY} events")

    def _out(self, failed: str, why: str) -> None:
        self._failed = (failed, why)
        self.end()


def measure(effort: Effort, progress: Progress) -> Found:
    work, calibration = workload.load(), spin.Spin()
    server_side, client_side = sides()
    kinds = [kind for kind in CONTESTANTS if effort.kinds is None or kind.name in effort.kinds]
    rows: list[Row] = []
    load, word = load_generator(client_side, fetched=effort.kinds is None)
    with contextlib.closing(load):
        for name in effort.functions:
            entries = [_Entry(kind, work, name, load) for kind in kinds]
            with contextlib.ExitStack() as stack:
                for number, entry in enumerate(entries):
                    progress.step(f"transform, {name.upper()}: starting", number, len(entries))
                    stack.callback(entry.end)
                    entry.begin(effort, server_side)
                for number in range(effort.rounds):
                    progress.step(f"transform, {name.upper()}", number, effort.rounds)
                    for batch in (ONE, MANY):
                        # Every other round in reverse order, so that no contestant always runs after the same one.
                        for entry in entries if number % 2 == 0 else reversed(entries):
                            calibration()
                            entry.turn(batch)
            rows += [row for entry in entries for row in entry.rows()]
    return Found(rows, word, bool(server_side), calibration.seconds)


def tables(found: Found) -> list[Table]:
    return [
        _table(found, ONE, "transform-one", "What does a server serve with one event in a POST?"),
        _table(found, MANY, "transform-many", f"And with {MANY} events in a POST?"),
    ]


def _table(found: Found, batch: int, name: str, question: str) -> Table:
    """A row per contestant: its rates on each function, and how many times that Headgate's is."""
    rows, rates = [], {}
    for kind in found.kinds:
        cells, rates[kind] = [kind], [_rate(found.row(each, kind, batch)) for each in found.names]
        for each, rate in zip(found.names, rates[kind], strict=True):
            row = found.row(each, kind, batch)
            if row is None or rate is None:
                cells += ["" if row is None else row.failed, "", "", ""]
                continue
            ahead = _ahead(found, each, kind, batch) if kind not in (HEADGATE, ECHO) else None
            wall = Spread.of(1 / seconds for seconds in row.wall_s)
            spread = f"{rate.least:,.0f} to {rate.greatest:,.0f}"
            factor = "" if ahead is None else f"{ahead.median:.2f} x"
            cells += [f"{rate.median:,.0f}", spread, factor, f"{wall.median:,.0f}"]
        rows.append(tuple(cells))
    head = ["contestant"]
    for each in found.names:
        head += [each.upper(), "least to most", "Headgate", "a second"]
    rounds = max(len(row.cpu_s) for row in found.rows)
    failures = {f"{row.kind}, {row.failed}: {row.why}": None for row in found.rows if row.failed}
    return Table(
        name,
        question,
        f"events per CPU-second of the server, median, least and most of {rounds} rounds",
        tuple(head),
        rows,
        Plot(
            f"Events per CPU-second of the server, {batch} in a POST",
            "events per CPU-second",
            "bars",
            bars(
                [f"{each.upper()} {TITLES[each]}" for each in found.names],
                {kind: figures for kind, figures in rates.items() if any(figures)},
            ),
        ),
        [
            *failures,
            "Headgate: how many times as many Headgate, warm, serves within a round; a second: events a second on the wall",
            "every server's outputs, one by one and together, are as the reference; peers answer with the bare outputs",
            f"the load is {found.load}: {CONNECTIONS[batch]} at once"
            + ("; it has the other core" if found.cores else ""),
            spin.note(found.spin_s),
        ],
    )


def _rate(row: Row | None) -> Spread | None:
    return Spread.of(1 / seconds for seconds in row.cpu_s) if row is not None and row.cpu_s else None


def _ahead(found: Found, name: str, kind: str, batch: int) -> Spread | None:
    """How many times as many events as *kind* Headgate serves per CPU-second, within a round."""
    own, other = found.row(name, HEADGATE, batch), found.row(name, kind, batch)
    if own is None or other is None or not own.cpu_s or not other.cpu_s:
        return None
    return Spread.of(ratios(other.cpu_s, own.cpu_s))


def targets(found: Found) -> list[Target]:
    why = "one of them has no figures"
    return [
        *(
            Target(
                f"{name.upper()}, one event in a POST: by {WORKERD}, per server CPU-second",
                _ahead(found, name, WORKERD, ONE),
                "least",
                1.0,
                "x",
                why,
            )
            for name in found.names
        ),
        *(
            Target(
                f"{name.upper()}, {MANY} events in a POST: {RUDDERSTACK_TIMES} x RudderStack's, per server CPU-second",
                _rate(found.row(name, HEADGATE, MANY)),
                "least",
                RUDDERSTACK_TIMES * RUDDERSTACK[name],
                "events",
                why,
            )
            for name in found.names
        ),
    ]
