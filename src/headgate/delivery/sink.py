"""
Delivers events to a JSON Lines file, for trials. Each event is
one line, written completely or not at all.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from typing import TYPE_CHECKING, Final

from headgate.delivery.carrier import Batching, Receipt

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from headgate.delivery.carrier import Parcel

BATCH_EVENTS: Final = 1_000
"""Maximum number of waiting events that are written and synced together."""


class Sink:
    """A Carrier that appends to *path*. Several processes may append to the same file."""

    concurrency = 1
    is_at_rest = True

    def __init__(self, path: Path) -> None:
        self._path = path
        self.batching = Batching(events=BATCH_EVENTS)

    async def deliver(self, parcels: Sequence[Parcel]) -> Receipt:
        lines = b"".join(parcel.body + b"\n" for parcel in parcels)
        try:
            await asyncio.to_thread(self._append, lines)
        except OSError as error:
            return Receipt("retry", "INTERNAL", f"{error.strerror}: {self._path.name}", is_outage=True)
        return Receipt("delivered")

    async def aclose(self) -> None:
        pass

    def _append(self, lines: bytes) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            end = os.lseek(file, 0, os.SEEK_END)
            # A writer that was killed may have left an incomplete line: overwrite it.
            if end and os.pread(file, 1, end - 1) != b"\n":
                end = _last_line(file, end)
            try:
                _write_all(file, lines, end)
                os.ftruncate(file, end + len(lines))
                os.fdatasync(file)
            except OSError:
                os.ftruncate(file, end)
                raise
        finally:
            os.close(file)


def _last_line(file: int, end: int) -> int:
    """The offset at which the incomplete line before *end* begins."""
    while end:
        start = max(0, end - (64 << 10))
        found = os.pread(file, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def _write_all(file: int, content: bytes, offset: int) -> None:
    view = memoryview(content)
    while view:
        written = os.pwrite(file, view, offset)
        view = view[written:]
        offset += written
