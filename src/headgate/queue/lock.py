"""One process at a time: a lock that goes with the process, however it ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType


class InUse(Exception):
    """Another process has the lock. The message says which, for people."""


class FileLock:
    """
    Held from creation to `close`, or the end of the process. The file stays: removing it would let two processes hold
    locks on two files of the same name.

    Raises InUse, and OSError where the file cannot be made.
    """

    def __init__(self, path: Path, what: str) -> None:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(descriptor, 32).decode(errors="replace").strip()
            os.close(descriptor)
            by = f"process {owner}" if owner else "another process"
            raise InUse(f"{what} is in use by {by}; stop it first") from None
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor: int | None = descriptor
        with contextlib.suppress(OSError):  # only for the message: on a full disk the lock holds as well
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)

    def close(self) -> None:
        """Lets the next process have it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
