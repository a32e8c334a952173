"""
The process that commands are forked from: it has imported all of Headgate, and does nothing else. See forked.py.

It is asked on the socket whose descriptor is its argument: four bytes of length, with which come descriptors of the new
process's standard streams and of a pipe, and JSON. Into the pipe it writes the process's number, and how it ended.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import io
import json
import os
import pkgutil
import select
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, NoReturn

LATER: Final = ("fastapi", "headgate", "headgate_runtime", "httpx")
"""What is imported here, and all that is within Headgate: a command does so when it first needs it."""


def import_all() -> None:
    for name in LATER:
        package = importlib.import_module(name)
        if name.startswith("headgate"):
            for module in pkgutil.walk_packages(package.__path__, f"{name}."):
                if ".migrations." not in module.name:  # scripts, run by alembic
                    importlib.import_module(module.name)


class Forking:
    """`serve` returns in every new process, with its command line, and never in this one."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._waken, self._waking = os.pipe()
        self._children: dict[int, int] = {}
        """The pipe that the end of each is written to."""

    def serve(self) -> list[str]:
        for descriptor in (self._waken, self._waking):
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(self._waking, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        while True:
            ready, _, _ = select.select([self._control.fileno(), self._waken], [], [])
            if self._waken in ready:
                os.read(self._waken, 4_096)
                self._reap()
            if self._control.fileno() in ready:
                length, given, _, _ = socket.recv_fds(self._control, 4, 4)
                if not length:
                    os._exit(0)
                *streams, pipe = given
                wanted = self._read(int.from_bytes(length))
                pid = os.fork()
                if pid == 0:
                    self._leave(pipe)
                    become(streams, **wanted)
                    return [str(part) for part in wanted["arguments"]]
                os.write(pipe, b"%d\n" % pid)
                self._children[pid] = pipe
                for stream in streams:
                    os.close(stream)

    def _read(self, length: int) -> Any:
        content = b""
        while len(content) < length:
            content += self._control.recv(length - len(content))
        return json.loads(content)

    def _reap(self) -> None:
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            pipe = self._children.pop(pid)
            try:
                os.write(pipe, b"%d\n" % os.waitstatus_to_exitcode(status))
            except BrokenPipeError:
                pass
            finally:
                os.close(pipe)

    def _leave(self, pipe: int) -> None:
        """In a new process: nothing of this one's work stays with it."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self._control.close()
        for descriptor in (pipe, self._waken, self._waking, *self._children.values()):
            os.close(descriptor)


def become(
    streams: Iterable[int], *, cwd: str | None, env: dict[str, str], session: bool, **_: object
) -> None:
    """Makes this process what it were if it had been started so."""
    if session:
        os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(env)
    if cwd is not None:
        os.chdir(cwd)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        was: io.TextIOWrapper = getattr(sys, name)
        now = io.TextIOWrapper(
            open(number, "rb" if number == 0 else "wb", closefd=False),  # noqa: SIM115 - as long as the process lives
            encoding=was.encoding,
            errors=was.errors,
            line_buffering=number == 2 or os.isatty(number),
        )
        setattr(sys, name, now)
        setattr(sys, f"__{name}__", now)


def end(main: Callable[[], int]) -> NoReturn:
    """
    Ends as the interpreter does, but for taking all modules apart: that they were made in another process makes it
    longer than many a command.
    """
    try:
        status = main()
    except SystemExit as leaving:
        if not isinstance(leaving.code, int):
            raise
        status = leaving.code
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(status)


if __name__ == "__main__":
    # What nohup ignores is ignored by its children: servers are tested as a terminal starts them.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    import_all()
    from headgate.cli import main

    assert threading.active_count() == len(list(Path("/proc/self/task").glob("*"))) == 1, (
        "threads are not forked"
    )
    gc.collect()
    gc.freeze()
    sys.argv[:] = ["headgate", *Forking(socket.socket(fileno=int(sys.argv[1]))).serve()]
    end(main)
