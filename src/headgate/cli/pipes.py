"""
Reads and writes file descriptors on an event loop without threads: descriptors that can block are waited for with the
loop, others (files on disk) are used directly. Invocations continue while a pipe is waited for.
"""

from __future__ import annotations

import asyncio
import os
import select
import stat
from typing import Final

from headgate.cli.errors import file_error

CHUNK_BYTES: Final = 256 << 10
"""Bytes read or written at a time."""


class Source:
    """
    Reads *fd* from its current position; *name* is for messages.

    size    bytes left to read; None if unknown
    """

    def __init__(self, fd: int, name: str = "stdin") -> None:
        self._fd = fd
        self._name = name
        status = os.fstat(fd)
        self._blocks = not stat.S_ISREG(status.st_mode)
        self.size = None if self._blocks else max(0, status.st_size - os.lseek(fd, 0, os.SEEK_CUR))

    async def read(self) -> bytes:
        """The next chunk, empty at the end. Raises CommandError."""
        if self._blocks and not _ready(self._fd, select.POLLIN):
            await _wait(self._fd, select.POLLIN)
        try:
            return os.read(self._fd, CHUNK_BYTES)
        except OSError as error:
            raise file_error(error, self._name) from None


class Sink:
    """Writes to *fd*. Raises OSError: BrokenPipeError once its reader has gone."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._blocks = not stat.S_ISREG(os.fstat(fd).st_mode)

    async def write(self, content: bytes) -> None:
        """Returns when all of *content* is written."""
        view = memoryview(content)
        while view:
            if not self._blocks:
                view = view[os.write(self._fd, view) :]
                continue
            if not _ready(self._fd, select.POLLOUT):
                await _wait(self._fd, select.POLLOUT)
            # A pipe that is ready takes this much without blocking (POSIX).
            view = view[os.write(self._fd, view[: select.PIPE_BUF]) :]


def _ready(fd: int, event: int) -> bool:
    poll = select.poll()
    poll.register(fd, event)
    return bool(poll.poll(0))  # an error or a hang-up counts: the call that follows will meet it


async def _wait(fd: int, event: int) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def settle() -> None:
        if not ready.done():
            ready.set_result(None)

    add, remove = (
        (loop.add_reader, loop.remove_reader)
        if event == select.POLLIN
        else (loop.add_writer, loop.remove_writer)
    )
    try:
        add(fd, settle)
    except PermissionError:  # a device that is always ready, such as /dev/null
        return
    try:
        await ready
    finally:
        remove(fd)
