"""
The revision of the registry in 8 bytes of a shared file, where every process can see it without querying the database.

The cell holds twice the last committed revision, plus one while the next is being committed. The database is
authoritative: a reader consults it whenever the cell is odd, or differs from what the reader saw last. A writer holds a
lock on the file; if the cell is odd and the lock is free, the writer died.
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
"""How long a change waits for another one."""

_BYTES: Final = 8
_PAUSE_S: Final = 0.002


class RevisionCell:
    """The cell in file *path*, which is created if needed. Raises OSError."""

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
        """Announces *revision* as the last committed one. Requires `lock`."""
        self._cell[0] = 2 * revision

    def unsettle(self) -> None:
        """Announces that the next revision is being committed. Requires `lock`."""
        self._cell[0] |= 1

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """
        Exclusive among all threads and processes; released when its process dies. Waits for its turn; raises Unavailable
        if that takes too long.
        """
        deadline = time.monotonic() + WAIT_MS / 1e3
        while True:
            with self.lock_if_free() as free:
                if free:
                    yield
                    return
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"the registry has been locked by another change for {WAIT_MS / 1e3:g} s; try again"
                )
            time.sleep(_PAUSE_S)  # flock has no timeout

    @contextlib.contextmanager
    def lock_if_free(self) -> Iterator[bool]:
        """As `lock`, without waiting: yields False if it is taken."""
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
