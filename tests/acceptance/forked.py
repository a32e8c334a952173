"""
The command `headgate` as a process of its own that need not import anything first: importing takes most of the time of
nearly every command, and hundreds are started. It is forked from a process that has done so (forking.py), with streams,
environment and folder of its own, and runs, ends and is ended as any other.

Commands are started from nothing where the process is what is tested (test_cli_streams, test_wheel), wherever a shell
starts them (all that documents and help print), and everywhere with HEADGATE_START=cold in the environment of the
tests, or on a system without /proc.
"""

from __future__ import annotations

import atexit
import functools
import inspect
import json
import os
import select
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Final

HEADGATE: Final = Path(sys.executable).with_name("headgate")

FORKING: Final = Path(__file__).with_name("forking.py")

COLD: Final = os.environ.get("HEADGATE_START") == "cold" or not Path("/proc/self/task").exists()

AT_START: Final = ("DYLD_", "LANG", "LC_", "LD_", "PYTHON")
"""
What the loader and the interpreter look for when they start, as a forked process did long ago: whoever differs in these
is forked from a process of its own.
"""


class Popen(subprocess.Popen[Any]):
    """As subprocess.Popen, of `headgate` with *arguments*."""

    _pipe = -1
    """Which tells of its end; -1 for a process that was started from nothing."""

    def __init__(self, *arguments: str | Path, **options: Any) -> None:
        super().__init__([HEADGATE, *arguments], **options)

    def _execute_child(self, *given: Any) -> None:
        start = super()._execute_child  # type: ignore[misc]  # private: nothing else knows all the kinds of streams
        wanted = inspect.signature(start).bind(*given).arguments
        if COLD:
            start(*given)
            return
        env = {
            os.fsdecode(name): os.fsdecode(value)
            for name, value in (os.environ if wanted["env"] is None else wanted["env"]).items()
        }
        streams = [wanted["p2cread"], wanted["c2pwrite"], wanted["errwrite"]]
        self._pipe, writing = os.pipe()
        try:
            _forking(*sorted(item for item in env.items() if item[0].startswith(AT_START))).ask(
                [*(number if own == -1 else own for number, own in enumerate(streams)), writing],
                arguments=[str(part) for part in wanted["args"][1:]],
                cwd=str(wanted["cwd"] or Path.cwd()),
                env=env,
                session=wanted["start_new_session"],
            )
        finally:
            os.close(writing)
            names = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")
            self._close_pipe_fds(*(wanted[name] for name in names))  # type: ignore[attr-defined]
        self.pid = int(self._line())
        self._child_created = True

    def _line(self) -> bytes:
        return b"".join(iter(lambda: os.read(self._pipe, 1).strip(), b""))

    def _wait(self, timeout: float | None) -> int:
        if self._pipe < 0:
            status: int = super()._wait(timeout)  # type: ignore[misc]
            return status
        with self._waitpid_lock:  # type: ignore[attr-defined]
            if self.returncode is None:
                if not select.select([self._pipe], [], [], timeout)[0]:
                    assert timeout is not None
                    raise subprocess.TimeoutExpired(self.args, timeout)
                self.returncode = int(self._line())
                os.close(self._pipe)
        return self.returncode

    def _internal_poll(self, *given: Any, **named: Any) -> int | None:
        if self._pipe < 0:
            status: int | None = super()._internal_poll(*given, **named)  # type: ignore[misc]
            return status
        try:
            return self._wait(0)
        except subprocess.TimeoutExpired:
            return None


def run(
    *arguments: str | Path,
    input: str | bytes | None = None,  # noqa: A002 - its name there
    timeout: float | None = 120,
    **options: Any,
) -> subprocess.CompletedProcess[Any]:
    """As subprocess.run, of `headgate` with *arguments*."""
    if input is not None:
        options["stdin"] = subprocess.PIPE
    if options.pop("capture_output", False):
        options |= {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with Popen(*arguments, **options) as process:
        try:
            out, err = process.communicate(input, timeout)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


class _Forking:
    """With these in its environment, and what else there is."""

    def __init__(self, *at_start: tuple[str, str]) -> None:
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", FORKING, str(theirs.fileno())],
                env={name: value for name, value in os.environ.items() if not name.startswith(AT_START)}
                | dict(at_start),
                pass_fds=[theirs.fileno()],
            )
        self._lock = threading.Lock()
        atexit.register(self.close)

    def ask(self, descriptors: list[int], **wanted: object) -> None:
        content = json.dumps(wanted).encode()
        with self._lock:
            socket.send_fds(self._control, [len(content).to_bytes(4)], descriptors)
            self._control.sendall(content)

    def close(self) -> None:
        self._control.close()
        self._process.wait()


_forking = functools.cache(_Forking)
