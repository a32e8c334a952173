"""
How far the registry has come, where every process can see it without asking the database: 8 bytes in a shared file.

The cell holds twice the revision that was committed last; plus one while somebody is committing the next. The truth is
the database: a cell that is odd, or not what a reader saw last, makes the reader look there. Who changes holds a lock on
the file, so a cell left odd by a process that died is known by the lock being free.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import time
from typing import TYPE_CHECKING, Final

from headgate.registry.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WAIT_MS: Final = 10_000
"""How long a change waits for the change of another."""

_BYTES: Final = 8
_PAUSE_S: Final = 0.002


class RevisionCell:
    """The cell in file *path*, which is made if it is not there. Raises OSError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(descriptor).st_size < _BYTES:
                os.ftruncate(descriptor, _BYTES)
            self._map = mmap.mmap(descriptor, _BYTES)
        finally:
            os.close(descriptor)
        self._cell = memoryview(self._map).cast("Q")

    @property
    def value(self) -> int:
        return self._cell[0]

    def settle(self, revision: int) -> None:
        """Says that *revision* is the last one. Only within `lock`."""
        self._cell[0] = 2 * revision

    def unsettle(self) -> None:
        """Says that the next revision is being committed. Only within `lock`."""
        self._cell[0] |= 1

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """
        Held by one at a time, of all threads and processes; ends with its process. Waits for its turn; raises Unavailable
        when that takes too long.
        """
        deadline = time.monotonic() + WAIT_MS / 1e3
        while True:
            with self.lock_if_free() as free:
                if free:
                    yield
                    return
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"somebody else has been changing the registry for {WAIT_MS / 1e3:g} s; try again"
                )
            time.sleep(_PAUSE_S)  # flock itself cannot be told to wait so long and no longer

    @contextlib.contextmanager
    def lock_if_free(self) -> Iterator[bool]:
        """As `lock`, without waiting: False when another holds it."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            os.close(descriptor)

    def close(self) -> None:
        self._cell.release()
        self._map.close()
