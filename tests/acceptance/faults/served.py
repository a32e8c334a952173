"""`headgate serve` as a process that can be killed at any moment."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import threading
import urllib.request
from pathlib import Path

from tests.acceptance import command, forked
from tests.acceptance.faults.waiting import Waiter

LISTENING = "headgate: listening on "

FLAGS = (
    "--allow-private",
    "--port",
    "0",
    "--grace-ms",
    "4000",
    "--retry-base-ms",
    "20",
    "--retry-attempts",
    "100",
)
"""Short retry delays, and so many attempts that no event dies of what is done to the server."""


class Served:
    """
    Successive servers on the directory *data*.

    url    of the one that listens; kept when it is gone, as by a client that knows nothing of that
    log    what all of them said
    """

    def __init__(self, data: Path, waiter: Waiter, *flags: str, workers: int = 1) -> None:
        self.data = data
        self.url = ""
        self.log: list[str] = []
        self._waiter = waiter
        self._flags = (*FLAGS, "--workers", str(workers), *flags)
        self._workers = workers
        self._process: subprocess.Popen[str] | None = None
        self._readers: list[threading.Thread] = []
        self._listens = False

    @property
    def process(self) -> subprocess.Popen[str]:
        assert self._process is not None
        return self._process

    def start(self) -> None:
        """Starts a server; returns when it listens. It may first have to wait for workers that outlived their supervisor."""
        while True:
            self.begin()
            self._waiter.until(lambda: self._listens or self.process.poll() is not None, "the server's start")
            if self._listens:
                return
            status = self.wait()
            said = self.log[-1] if self.log else ""
            assert "is in use by process" in said, f"exit status {status}: {self.log[-5:]}"

    def begin(self) -> None:
        """Starts a server without waiting for it."""
        assert self._process is None, "there is one already"
        self._listens = False
        self._process = process = forked.Popen(
            "serve",
            "--data",
            self.data,
            *self._flags,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        reader = threading.Thread(target=self._read, args=(process,))
        reader.start()
        self._readers.append(reader)

    def workers(self) -> list[int]:
        """Process ids of the workers; empty if the server is a single process."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in path.read_text().split()]

    def jobs(self) -> int | None:
        """Number of jobs in the queues; None while not all workers answer."""
        lines = self._metrics()
        counts = [line for line in lines if line.startswith("headgate_queue_jobs{")]
        # Those of workers that are gone have been adopted by others, and are counted with them.
        return sum(int(float(line.split()[-1])) for line in counts) if len(counts) == self._workers else None

    def state(self) -> str:
        """The queues lane by lane and the last lines of the log, to diagnose a test that times out."""
        lines = [line for line in self._metrics() if line.startswith("headgate_queue_")]
        return "\n".join([*lines, *self.log[-20:]])

    def _metrics(self) -> list[str]:
        """Empty while the server does not answer."""
        try:
            with urllib.request.urlopen(self.url + "/metrics", timeout=10) as answer:
                return str(answer.read().decode()).splitlines()
        except (OSError, http.client.HTTPException):
            return []

    def kill(self) -> None:
        """Kills the started process and waits for it; its workers may outlive it."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self._forget()

    def stop(self) -> int:
        """Stops the server with SIGTERM; returns its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        """Waits for the server to end; returns its exit status."""
        try:
            return self.process.wait(30)
        finally:
            self._forget()

    def close(self) -> None:
        """Kills all processes of the server, in whatever state they are."""
        if self._process is not None:
            workers = self.workers() if self._process.poll() is None else []
            self.kill()
            for pid in workers:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
        for reader in self._readers:
            reader.join()

    def _forget(self) -> None:
        if self._process is not None and self._process.poll() is not None:
            self._process = None

    def _read(self, process: subprocess.Popen[str]) -> None:
        """Reads the log until no process is left that could write to it."""
        assert process.stderr is not None
        with process.stderr:
            for line in process.stderr:
                self.log.append(line.rstrip())
                if line.startswith(LISTENING):
                    self.url = line.removeprefix(LISTENING).strip()
                    self._listens = True
                self._waiter.notify()


def apply(folder: Path, manifest: str, data: Path, **files: str) -> None:
    """As `headgate apply` of *manifest*, whose functions are *files*: `name_js="..."`."""
    for name, content in files.items():
        (folder / name.replace("_", ".")).write_text(content)
    path = folder / "headgate.toml"
    path.write_text(manifest)
    command.apply(path, data)
