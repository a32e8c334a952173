"""Where the build happens: a cache directory of finished steps, the programs it runs, and what it says meanwhile."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

KEPT_RESULTS = 2
"""Finished results kept per step, so that going back and forth between two versions rebuilds neither."""

HEARTBEAT_SECONDS = 10
"""How often a step that takes long says so where the output is no terminal."""


OUTPUT_LINES = 60
"""How much of a failed program's output is shown: its last lines."""


class BuildError(Exception):
    """The guest cannot be built. The message is for the person who asked for it."""


class Workshop:
    """
    *cache* holds the results of the steps, each under the digest of its inputs, and the downloads. Lines about the
    progress go to *out*.
    """

    def __init__(self, cache: Path, out: TextIO = sys.stderr) -> None:
        self.cache = cache
        self.out = out
        self._label = ""
        self._started = time.monotonic()

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """One build at a time: waits for another one that uses the same cache."""
        self.cache.mkdir(parents=True, exist_ok=True)
        with (self.cache / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.say("waiting for another build to finish")
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def say(self, line: str) -> None:
        print(line, file=self.out, flush=True)

    def step(self, label: str, name: str, digest: str, build: Callable[[Path], None]) -> Path:
        """
        The directory with what *build* made of the inputs with *digest*: as it was, if it was made before.

        *build* gets an empty directory to fill. What it leaves there when it raises is thrown away.
        """
        shelf = self.cache / "steps" / name
        result = shelf / digest
        self._label = label
        if result.is_dir():
            os.utime(result)
            self.say(f"{label}: unchanged")
            return result
        self._started = time.monotonic()
        self.say(f"{label} ...")
        shelf.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="unfinished-", dir=shelf) as scratch:
            draft = Path(scratch) / "result"
            draft.mkdir()
            build(draft)
            draft.rename(result)
        self.say(f"{label}: done in {time.monotonic() - self._started:.1f} s")
        self._tidy(shelf)
        return result

    def _tidy(self, shelf: Path) -> None:
        by_age = sorted(shelf.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
        for old in by_age[KEPT_RESULTS:]:
            shutil.rmtree(old)

    def run(self, *commands: Sequence[str | Path], cwd: Path, env: Mapping[str, str] | None = None) -> None:
        """
        Runs *commands*, as many at once as there are processors, telling now and then that they still run.
        BuildError with the output of one that fails, once those already running have ended.
        """
        environment = {**os.environ, **(env or {})}
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            running = {pool.submit(_execute, command, cwd, environment) for command in commands}
            try:
                self._watch(running)
            finally:
                pool.shutdown(cancel_futures=True)

    def _watch(self, running: set[Future[None]]) -> None:
        terminal = self.out.isatty()
        while running:
            done, running = wait(running, 1 if terminal else HEARTBEAT_SECONDS, FIRST_COMPLETED)
            for program in done:
                program.result()
            seconds = time.monotonic() - self._started
            if terminal:
                print(f"\r{self._label} ... {seconds:.0f} s", end="", file=self.out, flush=True)
            elif not done:
                self.say(f"{self._label} ... {seconds:.0f} s so far")
        if terminal:
            print("\r\033[K", end="", file=self.out, flush=True)


def _execute(command: Sequence[str | Path], cwd: Path, environment: Mapping[str, str]) -> None:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        shown = "\n".join(done.stdout.splitlines()[-OUTPUT_LINES:])
        name = " ".join(str(part) for part in command[:4])
        raise BuildError(f"{name} ... failed with status {done.returncode}:\n{shown}")


def digest_of(*inputs: Path | str) -> str:
    """
    One digest of file contents and texts, in this order. A directory stands for all files below it, by name.
    A path that does not exist is an input too: its absence counts.
    """
    total = hashlib.sha256()
    for entry in inputs:
        if isinstance(entry, str):
            _feed(total, b"text", entry.encode())
        elif entry.is_dir():
            for path in files_below(entry):
                _feed(total, path.relative_to(entry).as_posix().encode(), path.read_bytes())
        elif entry.exists():
            _feed(total, entry.name.encode(), entry.read_bytes())
        else:
            _feed(total, b"absent", entry.name.encode())
    return total.hexdigest()[:32]


def _feed(total: hashlib._Hash, *parts: bytes) -> None:
    for part in parts:
        total.update(len(part).to_bytes(8, "little"))
        total.update(part)


def files_below(directory: Path) -> list[Path]:
    """Every source file below *directory*, sorted; what Python and editors leave behind is not one."""
    return sorted(
        path
        for path in directory.rglob("*")
        if path.is_file()
        and "__pycache__" not in path.parts
        and not path.name.startswith(".")
        and not path.name.endswith("~")
    )
