"""The tour of examples/api, as printed: with curl where there is one, and with a stand-in everywhere."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from tests.acceptance.api.served import served
from tests.acceptance.command import EXAMPLES

TOUR = EXAMPLES / "api" / "tour.sh"

STAND_IN = Path(__file__).with_name("curl.py")

TOOLS = ["stand-in", *(["curl"] if shutil.which("curl") else [])]


@pytest.mark.parametrize("tool", TOOLS)
def test_the_tour_goes_as_printed(tmp_path: Path, tool: str) -> None:
    path = os.environ["PATH"]
    if tool == "stand-in":
        script = tmp_path / "bin" / "curl"
        script.parent.mkdir()
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{STAND_IN}" "$@"\n')
        script.chmod(0o755)
        path = f"{script.parent}:{path}"
    with served(tmp_path / "data") as place:
        done = subprocess.run(
            ["sh", TOUR],
            env={"PATH": path, "HEADGATE_URL": place.url, "HEADGATE_TOKEN": place.token},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
        events = [
            orjson.loads(line)["properties"]
            for line in (tmp_path / "data" / "sinks" / "default" / "orders.jsonl").read_bytes().splitlines()
        ]
        assert events == [{"total": 12}, {"total": 24}, {"total": 48}, {"total": 50, "gross": 60}]
        for path in ("/sources", "/destinations", "/functions?resourceType=INSERT_DESTINATION"):
            (things,) = (
                each for each in place.http.get(path).json()["data"].values() if isinstance(each, list)
            )
            assert things == []
    answers = [orjson.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    delivered, filtered = (each["data"] for each in answers if "dataset" in each.get("data", {}))
    assert (delivered["total"], filtered["total"]) == (4, 1)
    assert [each["discardReason"] for each in filtered["dataset"]] == ["FILTERED_BY_RULES"]
    said = re.findall(r"^== (.+)$", done.stdout, re.MULTILINE)
    assert said == re.findall(r"^say '(.+)'$", TOUR.read_text(), re.MULTILINE)


def test_the_readme_tells_how() -> None:
    text = (TOUR.parent / "README.md").read_text()
    assert all(name in text for name in re.findall(r"HEADGATE_\w+", TOUR.read_text()))
    assert f"sh {TOUR.name}" in text
