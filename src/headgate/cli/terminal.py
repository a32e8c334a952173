"""Output to a terminal: colour, and a progress bar."""

from __future__ import annotations

import os
import shutil
import sys
from typing import Final, TextIO

COLOURS: Final = {"red": 31, "green": 32, "yellow": 33, "blue": 34, "bold": 1, "dim": 2}

_ERASE: Final = "\r\x1b[K"


def printable(text: str, size_max: int = 200) -> str:
    """*text* on one line and without control characters, which could steer a terminal; cut at *size_max*."""
    line = text.split("\n", 1)[0][: size_max + 1]
    line = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in line)
    return line if len(line) <= size_max else f"{line[: size_max - 1]}…"


class Terminal:
    """
    stderr: plain lines always; colour and the bar only when it is a terminal (and NO_COLOR is not set). With another
    *stream*, colour for that one.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self.interactive = (stream or sys.stderr).isatty() and os.environ.get("TERM") != "dumb"
        self._colour = self.interactive and not os.environ.get("NO_COLOR")
        self._drawn = False

    def paint(self, text: str, *names: str) -> str:
        if not self._colour:
            return text
        return f"\x1b[{';'.join(str(COLOURS[name]) for name in names)}m{text}\x1b[0m"

    def line(self, text: str) -> None:
        """Prints *text*, above the bar if one is drawn."""
        self.erase()
        print(text, file=sys.stderr, flush=True)

    def bar(self, share: float | None, text: str) -> None:
        """Draws the progress bar, filled to *share*; None if the total is unknown. Does nothing without a terminal."""
        if not self.interactive:
            return
        columns = max(20, shutil.get_terminal_size().columns - 1)
        if share is None:
            drawn = text[:columns]
        else:
            width = max(5, min(30, columns - len(text) - 8))
            full = round(min(1.0, max(0.0, share)) * width)
            bar = self.paint("━" * full, "green") + self.paint("━" * (width - full), "dim")
            drawn = f"{bar} {share:4.0%} {text[: max(0, columns - width - 6)]}"
        sys.stderr.write(_ERASE + drawn)
        sys.stderr.flush()
        self._drawn = True

    def erase(self) -> None:
        if self._drawn:
            sys.stderr.write(_ERASE)
            sys.stderr.flush()
            self._drawn = False
