"""Cuts a stream of bytes into lines without ever holding more of a line than a limit allows."""

from __future__ import annotations

import codecs
from typing import NamedTuple


class Line(NamedTuple):
    """
    A line that is not blank.

    number    counted from 1, blank lines included
    text      without the space around it; None when it was longer than the limit
    size      bytes, its end not counted
    end       offset in the stream just after it
    """

    number: int
    text: bytes | None
    size: int
    end: int


class Lines:
    """`feed` chunks of any size, then `close`; both return the lines that became complete. A leading BOM is dropped."""

    def __init__(self, size_max: int) -> None:
        self._size_max = size_max
        self._number = 0
        self._end = 0
        self._parts: list[bytes] = []
        self._size = 0  # of the line that is not complete yet

    def feed(self, chunk: bytes) -> list[Line]:
        *complete, rest = chunk.split(b"\n")
        found = []
        for piece in complete:
            line = self._finish(piece, 1)
            if line is not None:
                found.append(line)
        self._keep(rest)
        return found

    def close(self) -> list[Line]:
        line = self._finish(b"", 0)
        return [] if line is None else [line]

    def _keep(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._size_max:
            self._parts.clear()
        elif piece:
            self._parts.append(piece)

    def _finish(self, piece: bytes, newline: int) -> Line | None:
        self._keep(piece)
        size, self._size = self._size, 0
        parts, self._parts = self._parts, []
        self._number += 1
        self._end += size + newline
        if size > self._size_max:
            return Line(self._number, None, size, self._end)
        text = parts[0] if len(parts) == 1 else b"".join(parts)
        if self._number == 1:
            text = text.removeprefix(codecs.BOM_UTF8)
        text = text.strip()
        return Line(self._number, text, size, self._end) if text else None
