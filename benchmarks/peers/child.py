"""A peer in a process of its own, which reads orders as lines of JSON; programs/serve.mjs and serve.py are its side."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any, Final

from benchmarks.runqueue import Latencies
from guest.build.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PATIENCE_S: Final = 60.0
"""A peer that takes longer to answer has failed."""


class Failed(Exception):
    """A peer ended or does not answer; the message is the last line it wrote."""


def process_cpu_s(pid: int) -> float:
    """
    CPU seconds of process *pid* so far, including threads that have ended. Reads the process's CPU clock, which is finer
    than /proc. Raises OSError if the process has ended, and on systems other than Linux.
    """
    if sys.platform != "linux":
        raise OSError("only Linux has the CPU clock of another process")
    return time.clock_gettime(~pid << 3 | 2)


class Child:
    """A Contestant: *command* started with the pipes. Raises Failed when it does not begin."""

    def __init__(self, kind: str, name: str, command: Sequence[str | Path]) -> None:
        self.kind, self.name = kind, name
        self._said = b""
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._complaints
        )
        try:
            self._answer()
        except BaseException:
            self.close()
            raise

    def cpu_s(self) -> float:
        return process_cpu_s(self._process.pid)

    async def serve(self, first: int, count: int) -> None:
        self._ask(first=first, count=count)

    async def outputs(self) -> list[bytes | None]:
        given = self._ask(outputs=True)["outputs"]
        return [None if output is None else output.encode() for output in given]

    async def latencies(self, count: int) -> Latencies:  # noqa: ARG002 - the pipe would be measured
        return Latencies()

    def close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            with contextlib.suppress(BrokenPipeError):
                stream.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._complaints.close()

    def _ask(self, **order: object) -> Any:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise Failed(self._last_words()) from error
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        parts = [self._said]
        while b"\n" not in parts[-1]:
            ready, _, _ = select.select([pipe], [], [], PATIENCE_S)
            part = os.read(pipe, 1 << 20) if ready else b""
            if not part:
                raise Failed(self._last_words() if ready else f"no answer for {PATIENCE_S:.0f} s")
            parts.append(part)
        line, _, self._said = b"".join(parts).partition(b"\n")
        try:
            return json.loads(line)
        except ValueError as error:
            raise Failed(f"no answer of a peer's: {line!r:.200}") from error

    def _last_words(self) -> str:
        self._complaints.seek(0)
        lines = self._complaints.read().decode(errors="replace").strip().splitlines()
        return next((line for line in lines if "Error" in line), lines[-1] if lines else "it ended")
