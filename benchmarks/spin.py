"""A fixed piece of work between measurements, which shows how fast the machine is at that moment."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from benchmarks.figures import Spread

if TYPE_CHECKING:
    from collections.abc import Sequence

TURNS: Final = 40_000

BUSY: Final = 1.15
"""A spin this much slower than the fastest counts as a disturbed one."""


class Spin:
    """*seconds* holds the CPU time of every turn so far."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self) -> None:
        start = time.process_time()
        value, table = 1, bytearray(1 << 16)
        for _ in range(TURNS):
            value = (value * 1_103_515_245 + 12_345) & 0x7FFF_FFFF
            table[value & 0xFFFF] ^= value & 0xFF
        self.seconds.append(time.process_time() - start)


def note(seconds: Sequence[float]) -> str:
    """How steady the machine was, in words: what a table says below it."""
    spin = Spread.of(seconds)
    disturbed = sum(each > BUSY * spin.least for each in seconds) / len(seconds)
    return (
        f"calibration: {spin.least * 1e3:.1f} ms at best, {spin.median * 1e3:.1f} ms median,"
        f" {spin.greatest * 1e3:.1f} ms at worst; {disturbed:.0%} of {len(seconds)} spins were more than"
        f" {BUSY - 1:.0%} slower than the best"
    )
