"""A fixed piece of work, done between measurements: how fast is this machine at this moment?"""

from __future__ import annotations

import time
from typing import Final

TURNS: Final = 40_000


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
