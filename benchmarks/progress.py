"""Progress on stderr: a line that is updated on a terminal, otherwise a line when a step begins."""

from __future__ import annotations

import sys
import time
from typing import TextIO


class Progress:
    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty()
        self._start = time.monotonic()
        self._step = ""

    def step(self, name: str, done: int, total: int) -> None:
        """Reports that *done* of *total* parts of step *name* are complete."""
        if self._live:
            self._stream.write(f"\r\x1b[2K{name} {done}/{total} ({time.monotonic() - self._start:.0f} s)")
        elif name != self._step:
            self._stream.write(f"{time.monotonic() - self._start:5.0f} s  {name}\n")
        self._step = name
        self._stream.flush()

    def done(self) -> None:
        """Leaves the terminal clean."""
        if self._live:
            self._stream.write("\r\x1b[2K")
            self._stream.flush()
