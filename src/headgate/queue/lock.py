"""A lock file that admits one process at a time and is released when the process ends, however it ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType


class InUse(Exception):
    """Another process holds the lock. The message names it."""


class FileLock:
    """
    Held from creation until `close` or the end of the process. The file itself is never removed: otherwise
    two processes could hold locks on two files of the same name.

    what    names the locked thing in the message of InUse

    Raises InUse, and OSError if the file cannot be created.
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
        with contextlib.suppress(OSError):  # the process id is only for messages; the lock holds without it
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)

    def close(self) -> None:
        """Releases the lock."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
