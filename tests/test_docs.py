"""
The README does what it says. In it, `<!-- file: NAME -->` before a code block makes that file, `<!-- run -->` runs the
`$` lines of a block in order, among those files, and compares all they print with what stands below them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from headgate_runtime import Cause, Limits

ROOT = Path(__file__).resolve().parents[1]

README = (ROOT / "README.md").read_text()

BLOCK = re.compile(
    r"<!-- (?:file: (?P<file>\S+)|(?P<run>run)) -->\n```\w+\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE
)

UNLIKELY = {Cause.INVALID_SETTINGS, Cause.LOCKED_OUT, Cause.THROTTLED}
"""Causes that only a service around the executor can bring about."""


def steps(block: str) -> list[tuple[str, str]]:
    """Commands with what they print."""
    parts = re.split(r"^\$ ", block, flags=re.MULTILINE)
    assert parts[0] == ""
    return [(command, printed) for command, _, printed in (part.partition("\n") for part in parts[1:])]


def timeless(text: str) -> str:
    return re.sub(r"\d+\.\d\d s\b", "N s", text)


def rows(heading: str, level: int = 2) -> list[list[str]]:
    """The cells of the table below *heading*, without its head."""
    _, _, after = README.partition(f"\n{'#' * level} {heading}\n")
    section = re.split(r"^#{2,3} ", after, maxsplit=1, flags=re.MULTILINE)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip().replace("`", "") for cell in line.strip("|").split("|")] for line in lines[2:]]


PORT = "8080"
"""Of the server in the README; here it is any that is free."""

ARRIVE_S = 20
"""For what a server does to be in a file that the README shows."""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """Where sessions run. A server that one of them started is stopped with it."""
    yield tmp_path
    lock = tmp_path / "headgate-data" / "lock"
    if lock.exists():
        pid = int(lock.read_text())
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        wait_for_end(pid)


def wait_for_end(pid: int) -> None:
    while Path(f"/proc/{pid}/stat").exists() and ") Z " not in Path(f"/proc/{pid}/stat").read_text():
        time.sleep(0.01)


def free_port() -> str:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return str(taken.getsockname()[1])


def shell(command: str, place: Path) -> str:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=place,
        env={**os.environ, "PATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return timeless(done.stdout)


def test_what_the_readme_prints_is_what_is_printed(place: Path) -> None:
    port = free_port()
    ran = 0
    for block in BLOCK.finditer(README):
        body = block["body"].replace(PORT, port)
        if block["file"]:
            (place / block["file"]).write_text(body)
            continue
        for command, expected in steps(body):
            command = command.replace("headgate serve", f"headgate serve --port {port}")
            printed = shell(command, place)
            until = time.monotonic() + ARRIVE_S
            # A reader looks when there is something to see; here it may not have arrived yet.
            while (
                printed != timeless(expected)
                and "headgate-data" in place_of(command)
                and time.monotonic() < until
            ):
                printed = shell(command, place)
            assert printed == timeless(expected), command
            ran += 1

    assert ran >= 5


def place_of(command: str) -> str:
    """The file that *command* only reads."""
    return command.removeprefix("cat ") if command.startswith("cat ") else ""


def test_every_guarantee_names_a_test_that_there_is() -> None:
    found = rows("What is guaranteed", level=3)

    assert len(found) >= 8
    for _, proofs in found:
        for proof in proofs.split(", "):
            path, _, name = proof.partition("::")
            assert (ROOT / path).is_file(), path
            assert re.search(
                rf"^ *(async )?def {name}\b|^class {name}\b", (ROOT / path).read_text(), re.MULTILINE
            ), proof


def test_every_block_that_looks_like_a_session_is_run() -> None:
    marked = sum(1 for block in BLOCK.finditer(README) if block["run"])

    assert marked == README.count("```console")
    assert sum(1 for block in BLOCK.finditer(README) if block["file"]) == len(
        re.findall("```(?:js|json|python|toml)\n", README)
    )


def test_the_commands_of_the_readme_are_in_the_makefile() -> None:
    commands = set(re.findall(r"\bmake ([a-z]+)\b", README))

    assert {"run", "test"} <= commands
    assert all(
        re.search(rf"^{command}:", (ROOT / "Makefile").read_text(), re.MULTILINE) for command in commands
    )


def test_the_limits_are_those_of_the_runtime() -> None:
    expected = [
        [field.name, f"{field.default:,}", re.sub(r" \(SPEC [^)]*\)", "", field.metadata["help"])]
        for field in dataclasses.fields(Limits)
    ]

    assert rows("Limits") == expected


def test_the_outcomes_are_those_of_the_runtime() -> None:
    shown = {(outcome, category, reason) for _, outcome, category, reason in rows("Outcomes")}

    assert shown == {
        (cause.outcome, cause.category or "", cause.reason or "") for cause in Cause if cause not in UNLIKELY
    }


ENDINGS = {
    "returns an object": "return event",
    "returns nothing": "throw new DropEvent('x')",
    "has no handler": "throw new EventNotSupported('x')",
    "throws InvalidEventPayload": "throw new InvalidEventPayload('x')",
    "throws anything else": "return [event]",
    "throws RetryError": "throw new RetryError('x')",
    "runs past": "await new Promise(() => {})",
    "runs out of memory": "const all = []; for (;;) all.push(new Uint8Array(1 << 20).fill(1))",
}


@pytest.mark.parametrize("row", rows("Outcomes"), ids=lambda row: row[0][:24])
def test_each_outcome_is_what_the_table_says(tmp_path: Path, row: list[str]) -> None:
    what, *expected = row
    (body,) = [body for start, body in ENDINGS.items() if what.startswith(start)]
    (tmp_path / "f.js").write_text(f"async function onTrack(event) {{ {body} }}")

    done = subprocess.run(
        [Path(sys.executable).with_name("headgate"), "run", "f.js", "--outcomes"],
        cwd=tmp_path,
        input='{"type":"track"}\n',
        capture_output=True,
        text=True,
        check=False,
    )

    outcome = json.loads(done.stdout)
    assert [outcome["outcome"], outcome["category"] or "", outcome["reason"] or ""] == expected
