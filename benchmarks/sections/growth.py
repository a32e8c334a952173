"""
The cost of an event as the event itself, the source, the settings, the outstanding retries and the stored hours of
counters grow. The first three are measured in an executor, the others in servers that take turns.
"""

from __future__ import annotations

import contextlib
import gc
import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.effort import Scale
from benchmarks.figures import Spread, ratios
from benchmarks.load import manifest
from benchmarks.peers.contestants import image_of, output_of
from benchmarks.sections import retries
from benchmarks.table import Plot, Point, Series, Table
from benchmarks.target import Target
from headgate.paths import DataDirectory
from headgate.queue.schema import connect
from headgate_runtime import Executor

if TYPE_CHECKING:
    from benchmarks.progress import Progress
    from benchmarks.sections.retries import Retries, Turn
    from headgate_runtime import Function

EVENT_BYTES: Final = (200, 1_000, 5_000, 20_000, 100_000, 500_000)
SOURCE_BYTES: Final = (200, 1_000, 10_000, 100_000, 500_000)
SETTINGS: Final = (0, 10, 100, 1_000)

KEYS: Final = 40
"""Combinations of source, destination, step and the like that are counted every minute, in the history."""

SOURCE: Final = """
function onTrack(event, settings) {
  event.properties.seen = true
  return event
}
"""

_HISTORY: Final = (
    retries.NUMBERS.replace(":count", str(KEYS))
    + " INSERT INTO tally_keys (source, destination, step, event_type, reason, attempt, event_name, app_version)"
    + " SELECT 'source', 'destination ' || i, 'success', 'track', '', 1, 'E', '' FROM n",
    retries.NUMBERS
    + " INSERT INTO tallies (minute, key, events, latency_ms)"
    + " SELECT :minute - :count - 1 + i, tally_keys.id, 100, 1000.0 FROM n, tally_keys",
    retries.NUMBERS
    + " INSERT INTO latencies (minute, destination, bucket, events)"
    + " SELECT :minute - :count - 1 + i, destination, 10, 100 FROM n, tally_keys",
    "INSERT INTO tally_hours SELECT key, minute / 60, sum(events), sum(latency_ms) FROM tallies GROUP BY 1, 2",
    "INSERT INTO tally_days SELECT key, minute / 1440, sum(events), sum(latency_ms) FROM tallies GROUP BY 1, 2",
    "UPDATE rolled SET minute = :minute - 1",
)


@dataclass(frozen=True, slots=True)
class Effort:
    """
    rounds     in each of which every size has a turn
    turn_s     CPU seconds of a turn in an executor
    retries    numbers of outstanding retries
    hours      of counters that are stored
    events     of a server's turn
    """

    rounds: int
    turn_s: float
    retries: tuple[int, ...]
    hours: tuple[int, ...]
    events: int


EFFORTS: Final = {
    Scale.QUICK: Effort(
        rounds=3,
        turn_s=0.02,
        retries=(100_000,),
        hours=(48,),
        events=1_000,
    ),
    Scale.FULL: Effort(
        rounds=9,
        turn_s=0.1,
        retries=(10_000, 100_000, 1_000_000),
        hours=(1, 12, 48),
        events=2_000,
    ),
    Scale.SMOKE: Effort(
        rounds=1,
        turn_s=0.001,
        retries=(),
        hours=(1,),
        events=40,
    ),
}


@dataclass(frozen=True, slots=True)
class Step:
    """CPU seconds per event, a figure per round, where what grows is *size*."""

    size: int
    cpu_s: list[float]


@dataclass(frozen=True, slots=True)
class History:
    """Turns of a server without counters of earlier minutes, and of one with *hours* of them, round by round."""

    hours: int
    rows: int
    turns: list[tuple[Turn, Turn]]


@dataclass(frozen=True, slots=True)
class Growth:
    """Bytes of an event, bytes of a source, number of settings; servers beside retries, and with a history."""

    events: list[Step]
    sources: list[Step]
    settings: list[Step]
    retries: list[Retries]
    events_per_turn: int
    histories: list[History]


async def measure(effort: Effort, progress: Progress) -> Growth:
    """Raises RuntimeError for an event that is not forwarded, not accepted, or lost."""
    groups: list[list[Step]] = []
    makers = ((EVENT_BYTES, _of_event_size), (SOURCE_BYTES, _of_source_size), (SETTINGS, _of_settings))
    async with Executor() as executor:
        for number, (sizes, make) in enumerate(makers):
            progress.step("sizes", number, len(makers))
            made = [(size, *make(executor, size)) for size in sizes]
            groups.append(await _rounds(executor, made, effort.rounds, effort.turn_s))
    beside = []
    for count in effort.retries:
        few = retries.Effort(outstanding=count, rounds=effort.rounds, events=effort.events)
        beside.append(await retries.measure(few, progress))
    histories = [await _history(hours, effort, progress) for hours in effort.hours]
    events, sources, settings = groups
    return Growth(events, sources, settings, beside, effort.events, histories)


def _event(text_bytes: int) -> bytes:
    properties = {"number": 1}
    event = {"type": "track", "messageId": "m", "userId": "u", "event": "E", "properties": properties}
    bare = len(json.dumps(event, separators=(",", ":")))
    items = {f"item {number}": "x" * 40 for number in range(max(0, text_bytes - bare) // 54)}
    return json.dumps({**event, "properties": {**properties, **items}}, separators=(",", ":")).encode()


def _of_event_size(executor: Executor, size: int) -> tuple[Function, bytes]:
    return executor.function(image_of(SOURCE), tenant=f"event {size}"), _event(size)


def _of_source_size(executor: Executor, size: int) -> tuple[Function, bytes]:
    line = "function unused%06d(event) { return event.properties.value * 2 + 1 }\n"
    lines = (line % number for number in range(max(0, size - len(SOURCE)) // len(line % 0)))
    return executor.function(image_of(SOURCE + "".join(lines)), tenant=f"source {size}"), _event(1_000)


def _of_settings(executor: Executor, size: int) -> tuple[Function, bytes]:
    settings = {f"setting{number}": f"value {number}" for number in range(size)}
    return executor.function(image_of(SOURCE), settings, tenant=f"settings {size}"), _event(1_000)


async def _rounds(
    executor: Executor, made: list[tuple[int, Function, bytes]], rounds: int, seconds: float
) -> list[Step]:
    """Turns of *seconds* CPU each."""
    steps = [Step(size, []) for size, _, _ in made]
    for number in range(rounds + 1):  # the first warms up
        turns = list(zip(steps, made, strict=True))
        gc.collect()
        for step, (_, function, event) in reversed(turns) if number % 2 else turns:
            count, start = 0, time.process_time()
            while (spent := time.process_time() - start) < seconds or not count:
                for _ in range(10):
                    output = output_of(await executor.invoke(function, event))
                count += 10
                if output is None or b'"seen":true' not in output:
                    raise RuntimeError(f"an event was not forwarded: {output!r:.200}")
            if number:
                step.cpu_s.append(spent / count)
    return steps


async def _history(hours: int, effort: Effort, progress: Progress) -> History:
    turns: list[tuple[Turn, Turn]] = []
    with contextlib.ExitStack() as stack:
        servers = []
        for minutes in (0, hours * 60):
            root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            manifest.apply(root, retries.MANIFEST)
            if minutes:
                _remember(root / "data", minutes)
            server = retries.Server(root)
            stack.callback(server.stop)
            servers.append(server)
            await server.turn(retries.CALL_EVENTS)
        for number in range(effort.rounds):
            progress.step("history", number, effort.rounds)
            order = (1, 0) if number % 2 else (0, 1)
            found = {which: await servers[which].turn(effort.events) for which in order}
            turns.append((found[0], found[1]))
    return History(hours, hours * 60 * KEYS, turns)


def _remember(data: Path, minutes: int) -> None:
    """Counters of so many minutes, up to this one, as the service itself would have stored them."""
    values = {"minute": int(time.time() // 60), "count": minutes}
    with contextlib.closing(connect(DataDirectory(data).queue(0))) as db:
        db.execute("BEGIN")
        for statement in _HISTORY:
            db.execute(statement, values)
        db.execute("COMMIT")


def tables(found: Growth) -> list[Table]:
    sizes = (
        ("growth-events", "Larger events", "bytes of the event's text", "bytes", found.events),
        (
            "growth-sources",
            "Larger sources",
            "bytes of source, of which the event's handler uses none",
            "bytes",
            found.sources,
        ),
        (
            "growth-settings",
            "More settings",
            "an instance's settings, none of which the handler reads",
            "settings",
            found.settings,
        ),
    )
    shown = [_of_steps(*each) for each in sizes]
    beside: list[tuple[int, list[tuple[Turn, Turn]]]] = [
        (each.outstanding, each.turns) for each in found.retries
    ]
    if beside:
        shown.append(
            _of_turns("growth-retries", "More outstanding retries", "retries", beside, found.events_per_turn)
        )
    histories = [(each.hours, each.turns) for each in found.histories]
    if histories:
        shown.append(
            _of_turns(
                "growth-history", "More hours of counters stored", "hours", histories, found.events_per_turn
            )
        )
    return shown


def _of_steps(name: str, question: str, remark: str, unit: str, steps: list[Step]) -> Table:
    first = steps[0]
    rows = [
        (
            f"{step.size:,}",
            f"{Spread.of(step.cpu_s).median * 1e6:,.1f}",
            f"{Spread.of(ratios(step.cpu_s, first.cpu_s)).median:.2f}",
        )
        for step in steps
    ]
    points = [Point(float(max(step.size, 1)), Spread.of(each * 1e6 for each in step.cpu_s)) for step in steps]
    plot = Plot(
        question,
        "microseconds of CPU",
        "lines",
        [Series("an event", points)],
        unit,
        log=True,
        log_across=True,
    )
    return Table(
        name,
        question,
        f"{remark}; microseconds of CPU an event",
        (unit, "us an event", "to the first"),
        rows,
        plot,
    )


def _of_turns(
    name: str, question: str, unit: str, pairs: list[tuple[int, list[tuple[Turn, Turn]]]], events: int
) -> Table:
    rows = [
        (
            f"{size:,}",
            *(f"{_cost([turns[which] for turns in turned], events).median:,.0f}" for which in (0, 1)),
            *(f"{_slower(turned, field).median:.2f}" for field in ("cpu_s", "arrived_s")),
        )
        for size, turned in pairs
    ]
    series = [
        Series(
            label,
            [Point(float(size), _cost([turns[which] for turns in turned], events)) for size, turned in pairs],
        )
        for which, label in enumerate(("without", "with"))
    ]
    plot = Plot(question, "microseconds of CPU", "lines", series, unit, log_across=True)
    return Table(
        name,
        question,
        f"{events:,} events in batches, through a function, to a file; two servers in turns; CPU of the whole server",
        (unit, "us an event without", "with", "CPU by without", "time by without"),
        rows,
        plot,
    )


def _cost(turns: list[Turn], events: int) -> Spread:
    return Spread.of(turn.cpu_s / events * 1e6 for turn in turns)


def _slower(turns: list[tuple[Turn, Turn]], field: str) -> Spread:
    """*field* of a Turn with what grows, by the same without, round by round."""
    without, beside = ([max(getattr(pair[which], field), 1e-9) for pair in turns] for which in (0, 1))
    return Spread.of(ratios(beside, without))


def targets(found: Growth) -> list[Target]:
    pairs = [(f"{each.outstanding:,} retries", each.turns) for each in found.retries[-1:]]
    pairs += [(f"{each.hours:,} hours of counters", each.turns) for each in found.histories[-1:]]
    return [
        Target(f"CPU of an event beside {what}, by without", _slower(turns, "cpu_s"), "most", 1.2, "times")
        for what, turns in pairs
    ]
