"""The cost of `crypto` for a kilobyte, inside the guest."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks.effort import Scale
from benchmarks.figures import Spread
from benchmarks.peers.contestants import image_of
from benchmarks.table import Plot, Table, bars
from benchmarks.target import Target
from benchmarks.workload import Mismatch
from headgate_runtime import Executor, Function

if TYPE_CHECKING:
    from benchmarks.progress import Progress

SHA256: Final = "sha256 of 1 KB"

OPERATIONS: Final = {
    SHA256: "crypto.createHash('sha256').update(data).digest('hex')",
    "hmac-sha256 of 1 KB": "crypto.createHmac('sha256', 'key').update(data).digest('hex')",
}
IDLE: Final = "i"

EVENT: Final = b'{"type":"track"}'

DATA: Final = bytes([*b"x" * 1023, 255])
"""The input of a function's last operation."""

LOOP: Final = """
const data = Buffer.alloc(1024, 'x');
const used = crypto;
function onTrack(event) {
  for (let i = 0; i < 256; i++) {
    data[1023] = i;
    event.last = %s;
  }
  return event;
}
"""
OPERATIONS_EACH: Final = 256


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
    One operation.

    fuel     exact
    cpu_s    CPU seconds, a figure per round; without what the loop around it costs
    """

    what: str
    fuel: float
    cpu_s: list[float]

    @property
    def us(self) -> Spread:
        return Spread.of(seconds * 1e6 for seconds in self.cpu_s)


@dataclass(frozen=True, slots=True)
class Hashing:
    rows: list[Row]


async def measure(effort: Effort, progress: Progress) -> Hashing:
    """Raises Mismatch for a wrong digest."""
    async with Executor() as executor:
        functions = {
            what: executor.function(image_of(LOOP % code), isolation="warm")
            for what, code in {"": IDLE, **OPERATIONS}.items()
        }
        fuel: dict[str, float] = {}
        cpu: dict[str, list[float]] = {what: [] for what in functions}
        for number in range(effort.rounds + 1):
            progress.step("hashing", number, effort.rounds + 1)
            for what, function in functions.items():
                used, seconds = await _invoke(executor, what, function)
                fuel.setdefault(what, used / OPERATIONS_EACH)
                cpu[what].append(seconds / OPERATIONS_EACH)
    # The first round was for warming up.
    rows = [
        Row(
            what,
            fuel[what] - fuel[""],
            [one - idle for one, idle in zip(cpu[what][1:], cpu[""][1:], strict=True)],
        )
        for what in OPERATIONS
    ]
    return Hashing(rows)


async def _invoke(executor: Executor, what: str, function: Function) -> tuple[int, float]:
    start = time.process_time()
    outcome = await executor.invoke(function, EVENT)
    spent = time.process_time() - start
    expected = {
        "": 255,
        SHA256: hashlib.sha256(DATA).hexdigest(),
    }.get(what, hmac.digest(b"key", DATA, "sha256").hex())
    if outcome.output is None or json.loads(outcome.output)["last"] != expected:
        raise Mismatch(f"{what or 'the loop'}: wrong output: {outcome!r:.200}")
    return outcome.fuel, spent


def tables(found: Hashing) -> list[Table]:
    rows = [
        (
            row.what,
            f"{row.fuel:,.0f}",
            *(f"{each:.1f}" for each in (row.us.median, row.us.least, row.us.greatest)),
        )
        for row in found.rows
    ]
    plot = Plot(
        "Hashing inside the guest",
        "microseconds of CPU",
        "bars",
        bars([row.what for row in found.rows], {"Headgate": [row.us for row in found.rows]}),
    )
    head = ("what", "fuel", "us", "least", "most")
    return [
        Table(
            "hashing",
            "Hashing inside the guest",
            "an operation; microseconds of CPU",
            head,
            rows,
            plot,
        )
    ]


def targets(found: Hashing) -> list[Target]:
    (row,) = (row for row in found.rows if row.what == SHA256)
    return [Target(f"{row.what} inside the guest", row.us, "most", 15.0, "us")]
