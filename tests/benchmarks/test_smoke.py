"""The benchmarks run, and what they measure gives the right outputs. No figure is judged here."""

from __future__ import annotations

import asyncio
import io
import json
import re
from pathlib import Path

import pytest

from benchmarks import __main__, figures, libraries, reference, result, runqueue, workload
from benchmarks.effort import Scale
from benchmarks.load import manifest
from benchmarks.peers import contestants
from benchmarks.progress import Progress
from benchmarks.report import Report
from benchmarks.run import run as run_sections
from benchmarks.sections import SECTIONS, Section, executor
from headgate.demo.server import ChildServer
from tests.acceptance import forked
from tests.acceptance.service.project import Server
from tests.stage import Stage

COLD_START = "pipeline"
"""The section whose server starts as in a real run; those of the others are forked from a prepared process."""


def applied(root: Path, text: str) -> None:
    (root / "headgate.toml").write_text(text)
    done = forked.run("apply", "--yes", "--data", root / "data", cwd=root, capture_output=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("section", [pytest.param(section, id=section.name) for section in SECTIONS])
def test_every_section_measures_reports_and_writes(
    section: Section, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if section.name != COLD_START:
        monkeypatch.setattr(ChildServer, "_begin", Server._begin)
        monkeypatch.setattr(manifest, "apply", applied)
    printed, progress = io.StringIO(), io.StringIO()

    path = run_sections(Scale.SMOKE, [section], tmp_path, Report(printed), Progress(progress))

    written = result.read(path)
    assert written.runs[0]["machine"]["engine"]
    (answer,) = written.answers
    assert answer.found
    page = (path.parent / "REPORT.md").read_text()
    assert answer.tables
    for table in answer.tables:
        assert table.question in printed.getvalue()
        assert f"### {table.question}" in page
        assert table.plot.title in (path.parent / f"{table.name}.svg").read_text()
    assert "\x1b" not in printed.getvalue() + progress.getvalue()  # no terminal, no colours
    assert '"failed": "disqualified"' not in path.read_text()
    targets = [target.what for target in answer.targets]
    verdicts = re.findall(r"^(.+?)  .*  (?:reached|missed|not measured)$", printed.getvalue(), re.MULTILINE)
    assert [verdict.strip() for verdict in verdicts] == targets


def lie_about(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference wants something else of the first event than *name* gives."""
    work = workload.load()
    lying = work._replace(digests={**work.digests, name: ["0" * 16, *work.digests[name][1:]]})
    monkeypatch.setattr(workload, "load", lambda: lying)


def test_a_wrong_output_ends_the_run_of_a_section_without_contestants(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lie_about("f1", monkeypatch)

    assert __main__.main(["--only", "coldstart"]) == 1
    assert "cold start, f1: wrong output for event 1: b'{" in capsys.readouterr().err


def test_a_contestant_with_a_wrong_output_is_disqualified_in_the_table(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lie_about("f2", monkeypatch)

    found = asyncio.run(executor.measure(executor.EFFORTS[Scale.SMOKE], Progress(io.StringIO())))

    assert {row.name for row in found.rows if row.failed == "disqualified"} == {"f2"}
    assert all(row.failed == "" for row in found.rows if row.name != "f2")
    warm, fresh, _ = executor.tables(found)
    for table in (warm, fresh):
        f2 = table.head.index("F2")
        assert {row[f2] for row in table.rows} == {"disqualified"}
        assert any("f2: wrong output for event 1" in note for note in table.notes)
    verdicts = {target.what: target.verdict for target in executor.targets(found)}
    assert verdicts["warm by native warm, mean of F1 to F3"] == "not measured"


def test_what_a_library_gives_is_checked() -> None:
    event = {"messageId": "m", "timestamp": "2026-07-01T12:00:00Z", "properties": {"orderId": 1}}
    given = [json.dumps(event).encode()]

    def made(**properties: object) -> list[bytes | None]:
        return [json.dumps({**event, "properties": properties}).encode()]

    libraries.check("lodash", given, made(order_id=1))
    libraries.check("moment", given, made(orderId=1, localTime="2026-07-01T14:00:00+02:00"))
    mistakes: list[tuple[str, list[bytes | None]]] = [
        ("lodash", made(orderId=1)),
        ("moment", made(orderId=1, localTime="2026-07-01T13:00:00+01:00")),
        ("lodash", [None]),
    ]
    for name, wrong in mistakes:
        with pytest.raises(workload.Mismatch, match=f"with {name}: wrong output for event 1"):
            libraries.check(name, given, wrong)


def test_an_outcome_neither_forwarded_nor_filtered_counts_as_a_wrong_output(run: Stage) -> None:
    dropped = run("function onTrack() { throw new DropEvent('not this one') }")
    refused = run("function onTrack() { throw new Error('no') }")

    assert contestants.output_of(dropped) is None
    assert contestants.output_of(refused) == b"discard: no"


def test_waiting_for_a_core_is_taken_from_a_latency_in_the_way_that_flatters_least() -> None:
    clock = runqueue.SamplingClock()
    clock._moments, clock._waited = [0, 100, 200, 300], [0, 50, 50, 80]

    # Sent at 10, in a gap of which 50 were waited: all at once from 0 on, or right before 100.
    assert clock.waited_between(10, 250, asleep=False) == 40
    assert clock.waited_between(10, 250, asleep=True) == 50
    assert clock.waited_between(70, 320, asleep=False) == 0 + 30
    assert clock.waited_between(70, 320, asleep=True) == 30 + 30
    assert clock.waited_between(110, 190, asleep=False) == 0


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1), (0.5, 50), (0.99, 99), (1.0, 100)])
def test_percentiles_are_values_that_occurred(share: float, expected: float) -> None:
    assert figures.percentile(list(range(1, 101)), share) == expected


@pytest.mark.parametrize(
    ("shares", "expected"), [([3, 3, 3, 3], 1), ([1, 0, 0, 0], 1 / 4), ([2, 1], 9 / 10), ([0, 0], 0)]
)
def test_fairness_is_one_where_all_have_the_same(shares: list[float], expected: float) -> None:
    assert figures.jain(shares) == pytest.approx(expected)


def test_the_reference_is_what_another_engine_gives() -> None:
    assert workload.load().digests == reference.compute()
