"""Test suites that a package archive carries, fetched by name and hash."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def archive(lock: Path, folder: Path, *options: str) -> Iterator[Path]:
    """The one archive that *lock* pins, downloaded below *folder* with more *options* of pip, and deleted afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        quietly = ("--quiet", "--disable-pip-version-check", "--no-input")
        pinned = ("--no-deps", "--require-hashes", "--requirement", lock, "--dest", scratch)
        subprocess.run([sys.executable, "-m", "pip", "download", *quietly, *options, *pinned], check=True)
        (downloaded,) = Path(scratch).iterdir()
        yield downloaded
