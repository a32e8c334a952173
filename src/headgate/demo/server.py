"""A server of one's own, as a child process."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

LISTENING: Final = "headgate: listening on "

STOP_S: Final = 15.0
"""For the server to end when it is told to."""


class ServerFailed(Exception):
    """The server could not start. The message is what it said."""


class ChildServer:
    """
    `headgate serve` on *data* with *flags*, begun on entry and stopped on exit.

    url    where it listens
    log    what it said, line by line
    """

    def __init__(self, data: Path, port: int = 0, *flags: str) -> None:
        self._arguments = ("serve", "--data", str(data), "--port", str(port), *flags)
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self.url = ""
        self.log: list[str] = []

    def __enter__(self) -> Self:
        """Returns when it listens. Raises ServerFailed."""
        self._process = process = self._begin()
        assert process.stderr is not None
        for line in process.stderr:
            self.log.append(line.rstrip())
            if line.startswith(LISTENING):
                self.url = line.removeprefix(LISTENING).strip()
                break
        else:
            process.wait()
            process.stderr.close()
            raise ServerFailed("\n".join(self.log) or f"it ended with status {process.returncode}")
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def _begin(self) -> subprocess.Popen[str]:
        main = "import sys; from headgate.cli import main; sys.exit(main())"
        # A session of its own: Ctrl-C is for whoever holds this object, who then stops it in good order.
        return subprocess.Popen(  # noqa: S603 - this very interpreter
            [sys.executable, "-c", main, *self._arguments],
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._reader is not None:
            self._reader.join()
        if self._process.stderr is not None:
            self._process.stderr.close()

    def _read(self) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.log.append(line.rstrip())
