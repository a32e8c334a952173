"""
When each event arrived, in memory that the receiver writes and everybody else reads: no messages, which would cost the
core that the load comes from.
"""

from __future__ import annotations

import mmap
import os
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

_HEAD: Final = 4
"""Cells before those of the events: arrived, arrived again, requests, one that is free."""

_CELL: Final = 8


class Board:
    """
    Cells for *events* in the file *path*, which is made if need be. `arrivals[number]` is when that event came first, in
    nanoseconds of the monotonic clock, 0 while it has not.
    """

    def __init__(self, path: Path, events: int) -> None:
        size = (_HEAD + events) * _CELL
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(file).st_size < size:
                os.ftruncate(file, size)
            self._map = mmap.mmap(file, size)
        finally:
            os.close(file)
        self._cells = memoryview(self._map).cast("q")
        self.arrivals = self._cells[_HEAD:]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.arrivals.release()
        self._cells.release()
        self._map.close()

    @property
    def arrived(self) -> int:
        """Events, each counted once."""
        return self._cells[0]

    @property
    def again(self) -> int:
        """Arrivals of events that had arrived."""
        return self._cells[1]

    @property
    def requests(self) -> int:
        return self._cells[2]

    def note(self, numbers: list[int], now_ns: int) -> None:
        """A request with these events."""
        arrivals, fresh = self.arrivals, 0
        for number in numbers:
            if not arrivals[number]:
                arrivals[number] = now_ns
                fresh += 1
        self._cells[1] += len(numbers) - fresh
        self._cells[2] += 1
        # Last: whoever reads it finds the cells filled.
        self._cells[0] += fresh
