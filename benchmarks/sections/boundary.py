"""
The cost of getting an event into the sandbox and out again with nothing done in between; and of JSON parsing and printing
alone, beside the engine's own implementation.

The engine's own JSON.parse and JSON.stringify serve calls with an argument that is left undefined or empty, so both
ways can be measured from within one function. Fuel is exact: the same on every machine and in every run.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import quickjs

from benchmarks import workload
from benchmarks.effort import Scale
from benchmarks.figures import Spread
from benchmarks.peers.contestants import image_of, output_of
from benchmarks.table import Plot, Table, bars
from benchmarks.workload import Mismatch, Work
from headgate_runtime import Executor, Function

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.progress import Progress
    from benchmarks.target import Target

EMPTY_EVENT: Final = b'{"type":"track"}'

UNTOUCHED: Final = "async function onTrack(event) { return event; }"
UNCOVERED: Final = "async function onTrack(event) { return JSON.parse(JSON.stringify(event)); }"

IN_USER_CODE: Final = {
    "JSON.parse": "JSON.parse(texts[i])",
    "JSON.parse, the engine's own": "JSON.parse(texts[i], undefined)",
    "JSON.stringify": "JSON.stringify(values[i])",
    "JSON.stringify, the engine's own": "JSON.stringify(values[i], undefined, '')",
}
IDLE: Final = "i"

LOOP: Final = """
const texts = %s;
const values = texts.map((text) => JSON.parse(text));
function onTrack(event) {
  for (let i = 0; i < texts.length; i++) %s;
  return event;
}
"""

PASSES: Final = 16
"""Calls of each function per round."""


@dataclass(frozen=True, slots=True)
class Effort:
    """*rounds* are measured, after one that warms up."""

    rounds: int


EFFORTS: Final = {
    Scale.QUICK: Effort(
        rounds=7,
    ),
    Scale.FULL: Effort(
        rounds=31,
    ),
    Scale.SMOKE: Effort(
        rounds=1,
    ),
}


@dataclass(frozen=True, slots=True)
class Row:
    """
    One way over the boundary, or one operation, per event.

    fuel            exact
    cpu_s           CPU seconds, a figure per round
    native_cpu_s    the same of native QuickJS-ng; empty where there is nothing to compare
    """

    what: str
    fuel: float
    cpu_s: list[float]
    native_cpu_s: list[float]


@dataclass(frozen=True, slots=True)
class Boundary:
    rows: list[Row]


async def measure(effort: Effort, progress: Progress) -> Boundary:
    """Raises Mismatch when an event does not come out as it went in."""
    work = workload.load()
    texts = json.dumps([event.decode() for event in work.events], ensure_ascii=False)
    async with Executor() as executor:

        def function(source: str) -> Function:
            return executor.function(image_of(source), work.settings, isolation="warm")

        crossings = {
            "an event of one property, in and out": (function(UNTOUCHED), [EMPTY_EVENT] * len(work.events)),
            "an event, untouched": (function(f"{UNTOUCHED} //"), work.events),
            "an event, read whole and written anew": (function(UNCOVERED), work.events),
        }
        loops = {what: function(LOOP % (texts, body)) for what, body in {"": IDLE, **IN_USER_CODE}.items()}
        native = {what: _native(LOOP % (texts, body)) for what, body in {"": IDLE, **IN_USER_CODE}.items()}
        fuel: dict[str, float] = {}
        cpu: dict[str, list[float]] = {what: [] for what in (*crossings, *loops)}
        native_cpu: dict[str, list[float]] = {what: [] for what in (*crossings, *loops)}
        for number in range(effort.rounds + 1):
            progress.step("boundary", number, effort.rounds + 1)
            for what, (crossing, events) in crossings.items():
                used, seconds = await _invoke(executor, crossing, events, work)
                fuel.setdefault(
                    what, used / len(events)
                )  # of the first round: later ones depend on their number
                cpu[what].append(seconds / len(events))
            for what, loop in loops.items():
                used, seconds = await _invoke(executor, loop, [EMPTY_EVENT], work)
                fuel.setdefault(what, used / len(work.events))
                cpu[what].append(seconds / len(work.events))
                start = time.process_time()
                for _ in range(PASSES):
                    native[what]()
                native_cpu[what].append((time.process_time() - start) / PASSES / len(work.events))
    rows = [Row(what, fuel[what], cpu[what][1:], []) for what in crossings]
    for what in IN_USER_CODE:  # without what the loop itself costs; the first round was for warming up
        of_it, of_loop = cpu[what][1:], cpu[""][1:]
        of_native, of_native_loop = native_cpu[what][1:], native_cpu[""][1:]
        rows.append(
            Row(
                what,
                fuel[what] - fuel[""],
                [one - idle for one, idle in zip(of_it, of_loop, strict=True)],
                [one - idle for one, idle in zip(of_native, of_native_loop, strict=True)],
            )
        )
    return Boundary(rows)


def _native(source: str) -> Callable[[], object]:
    context = quickjs.Context()
    context.eval(source)
    called: Callable[[], object] = context.eval("() => { onTrack(); }")
    return called


async def _invoke(
    executor: Executor, function: Function, events: list[bytes], work: Work
) -> tuple[int, float]:
    """Per pass over *events*, which must come out as they went in: fuel of the last of PASSES, mean CPU seconds."""
    outputs = []
    start = time.process_time()
    for _ in range(PASSES):
        fuel = 0
        for event in events:
            outcome = await executor.invoke(function, event)
            fuel += outcome.fuel
            outputs.append(output_of(outcome))
    spent = time.process_time() - start
    if events is work.events:
        work.check("f1", "boundary", outputs)
    elif set(outputs) != set(events):
        raise Mismatch(f"boundary: {events[0]!r} came out as {set(outputs)!r:.200}")
    return fuel, spent / PASSES


def tables(found: Boundary) -> list[Table]:
    rows = [
        (
            row.what,
            f"{row.fuel:,.0f}",
            f"{Spread.of(row.cpu_s).median * 1e6:,.1f}",
            f"{Spread.of(row.native_cpu_s).median * 1e6:,.1f}" if row.native_cpu_s else "",
        )
        for row in found.rows
    ]
    plot = Plot(
        "The boundary alone",
        "microseconds of CPU per event",
        "bars",
        bars(
            [row.what for row in found.rows],
            {
                "Headgate": [_us(row.cpu_s) for row in found.rows],
                "native": [_us(row.native_cpu_s) for row in found.rows],
            },
        ),
    )
    head = ("what", "fuel", "us", "native us")
    return [
        Table("boundary", "The boundary alone", "per event; microseconds of CPU", head, rows, plot),
    ]


def targets(found: Boundary) -> list[Target]:  # noqa: ARG001 - none of its own
    return []


def _us(seconds: list[float]) -> Spread | None:
    return Spread.of(each * 1e6 for each in seconds) if seconds else None
