"""
Arrival times of events, in shared memory that the receiver writes and other processes read. Messages would take time of
the core on which the load is generated.
"""

from __future__ import annotations

import mmap
import os
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

_HEAD: Final = 4
"""Cells before those of the events: arrived, duplicates, requests, and one unused."""

_CELL: Final = 8


class ArrivalTable:
    """
    Maps the file *path*, which is created if it does not exist, with a cell for each of *events* events. `times_ns[number]`
    is when that event first arrived, in nanoseconds of the monotonic clock; 0 before that.
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
        self.times_ns = self._cells[_HEAD:]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.times_ns.release()
        self._cells.release()
        self._map.close()

    @property
    def arrived(self) -> int:
        """Events that have arrived, each counted once."""
        return self._cells[0]

    @property
    def duplicates(self) -> int:
        """Arrivals of events that had arrived before."""
        return self._cells[1]

    @property
    def requests(self) -> int:
        return self._cells[2]

    def record(self, numbers: list[int], now_ns: int) -> None:
        """Records the arrival of a request with the events *numbers*."""
        times_ns, fresh = self.times_ns, 0
        for number in numbers:
            if not times_ns[number]:
                times_ns[number] = now_ns
                fresh += 1
        self._cells[1] += len(numbers) - fresh
        self._cells[2] += 1
        # Last: a process that reads this count finds the cells filled.
        self._cells[0] += fresh
