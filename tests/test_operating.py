"""The pages for operators name only what exists: commands, options, metrics and limits; their sessions print what they say."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from headgate.cli import arguments
from headgate.fql import budget, glob
from headgate.fql import functions as fql_functions
from headgate.queue.backoff import Backoff
from headgate.queue.limits import DAY_MS, HOUR_MS, QueueLimits
from headgate.registry import limits as registry_limits
from headgate.service import bounded
from headgate.service.metrics import Metrics
from headgate.tracking.limits import TrackingLimits
from headgate_runtime.fetch.limits import TENANT_LOOKUPS, TOTAL_LOOKUPS
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


def test_every_limit_is_what_the_page_says() -> None:
    tracking, queue, backoff, units = (
        TrackingLimits(),
        QueueLimits(),
        Backoff(),
        {"KiB": 10, "MiB": 20, "GiB": 30},
    )

    def size(amount: int, unit: str) -> str:
        assert amount % (1 << units[unit]) == 0
        return f"{amount >> units[unit]} {unit}"

    expected = {
        "one event": size(tracking.event_bytes, "KiB"),
        "a batch": f"{size(tracking.batch_bytes, 'KiB')}, {tracking.batch_events:,} events",
        "work of one filter for one event": f"{budget.STEPS:,} steps, about 4 ms",
        "a pattern of `match` in a filter": f"{glob.PATTERN_CHARS:,} characters",
        "text that `string` makes in a filter": size(fql_functions.STRING_BYTES, "KiB"),
        "connections to one worker": f"{bounded.CONNECTIONS:,}, or half of the files it may open (`LimitNOFILE`)",
        "name look-ups in progress": f"{TENANT_LOOKUPS} of a workspace, {TOTAL_LOOKUPS} in one worker",
        "waiting in a workspace": f"{queue.workspace_rows:,} jobs, {size(queue.workspace_bytes, 'GiB')}",
        "waiting for a destination": f"{queue.lane_rows:,} jobs, {size(queue.lane_bytes, 'GiB')}",
        "free disk": f"{size(queue.disk_reserve_bytes, 'MiB')} are kept",
        "message ids are remembered": f"{queue.seen_ms // HOUR_MS} hours",
        "attempts": f"{backoff.attempts} within {backoff.window_ms // HOUR_MS} hours"
        " (`--retry-attempts`, `--retry-window-ms`)",
        "dead letters": f"{queue.dead_ms // DAY_MS} days, {queue.dead_rows:,} for each destination",
        "counters and delivery reports": f"{queue.tallies_ms // DAY_MS} days",
        "audit trail": f"{registry_limits.AUDIT_MS // DAY_MS} days",
        "functions of a workspace": f"{registry_limits.FUNCTIONS_PER_WORKSPACE} (`headgate quota --functions N`)",
    }

    table = OPERATING.partition("| limit | value | past it |\n|---|---|---|\n")[2].partition("\n\n")[0]
    stated = dict(row.strip("| ").split(" | ")[:2] for row in table.splitlines())
    assert stated == expected


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
