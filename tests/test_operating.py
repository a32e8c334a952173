"""The pages for operators name only commands, options and metrics that exist, and their sessions print what they say."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from headgate.cli import arguments
from headgate.service.metrics import Metrics
from tests.test_docs import BLOCK, ROOT, shell, steps, timeless

OPERATING = (ROOT / "src" / "OPERATING.md").read_text()

MIGRATING = (ROOT / "src" / "MIGRATING.md").read_text()

PAGES = {"OPERATING.md": OPERATING, "MIGRATING.md": MIGRATING}


def described(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        arguments.parse([command, "--help"])
    assert ended.value.code == 0, command
    return capsys.readouterr().out


def test_a_session_prints_what_the_page_says(tmp_path: Path) -> None:
    ran = 0
    for block in BLOCK.finditer(MIGRATING):
        if block["file"]:
            (tmp_path / block["file"]).write_text(block["body"])
            continue
        for command, expected in steps(block["body"]):
            assert shell(command, tmp_path) == timeless(expected), command
            ran += 1

    assert ran == MIGRATING.count("\n$ ") >= 3


@pytest.mark.parametrize("page", PAGES)
def test_every_command_exists(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    commands = set(re.findall(r"(?:^\$ |`|/bin/|^)headgate ([a-z]+)", PAGES[page], re.MULTILINE))

    assert len(commands) >= 5
    for command in commands:
        described(command, capsys)


@pytest.mark.parametrize("page", PAGES)
def test_every_option_exists(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    known = " ".join(
        described(command, capsys) for command in ("serve", "quota", "export", "backup", "apply", "run")
    )
    prose = re.sub(r"^```(?:sh|dockerfile)\n.*?^```$", "", PAGES[page], flags=re.DOTALL | re.MULTILINE)
    wanted = set(re.findall(r"`(?:headgate [a-z]+ (?:[A-Z]+ )?)?(--[a-z-]+)", prose))

    assert wanted
    assert {option for option in wanted if option not in known} <= {"--role"}  # of `headgate token create`


def test_every_metric_exists() -> None:
    exposed = {family.name for family in Metrics(0).registry.collect()}
    exposed |= {"headgate_destination_info", "headgate_worker_up"}
    named = {
        re.sub(r"_(?:total|bucket)$", "", name)
        for name in re.findall(r"headgate_[a-z_]+", OPERATING)
        if not name.endswith("_runtime")
    }

    assert len(named) >= 10
    assert named <= exposed


def test_the_unit_starts_a_server_with_flags_that_exist() -> None:
    (unit,) = [block["body"] for block in BLOCK.finditer(OPERATING) if block["file"] == "headgate.service"]
    (line,) = re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    (grace_s,) = re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)

    parsed = arguments.parse(shlex.split(line)[1:])

    assert (parsed.command, parsed.data, parsed.proxy) == ("serve", "/var/lib/headgate", ["127.0.0.1"])
    assert int(grace_s) * 1_000 > parsed.grace_ms


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", PAGES[page])

    assert links
    assert [link for link in links if not (ROOT / "src" / link).exists()] == []


def test_the_readme_leads_to_both() -> None:
    readme = (ROOT / "README.md").read_text()

    assert {"src/OPERATING.md", "src/MIGRATING.md"} <= set(re.findall(r"\]\(([^)]+)\)", readme))
