"""Pictures, and the page: what is measured must be seen there, the same figures as the same files."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree as ET

import pytest

from benchmarks import __main__, document, machine, plot, result
from benchmarks.figures import Spread
from benchmarks.result import Answer, Result
from benchmarks.sections import SECTIONS
from benchmarks.table import Plot, Point, Series, Table, bars
from benchmarks.target import Target

SPREAD = Spread(20.0, 10.0, 40.0)

BARS = Plot(
    "Rates", "events/s", "bars", bars(["F1", "F2"], {"ours": [SPREAD, SPREAD], "theirs": [SPREAD, None]})
)

LINES = Plot(
    "Growth",
    "us",
    "lines",
    [Series("ours", [Point(at, SPREAD) for at in (0, 1_000, 1_000_000)])],
    across="retries",
    log_across=True,
)

TABLE = Table("rates", "How many?", "per second; a | b", ("who", "F1"), [("ours", "20")], BARS, ["a note"])

REACHED = Target("ours by theirs", SPREAD, "least", 5.0, "x")
MISSED = dataclasses.replace(REACHED, sense="most")
UNKNOWN = Target("ours by nobody's", None, "least", 5.0, "x", "nobody took part")

RUN = {
    "machine": dataclasses.asdict(machine.facts()),
    "effort": "quick",
    "seconds": 1.5,
    "load_after": [0.0, 0.0, 0.0],
}


def texts(svg: str) -> list[str]:
    return [
        "".join(node.itertext()).strip() for node in ET.fromstring(svg).iter() if node.tag.endswith("}text")
    ]


@pytest.mark.parametrize("figures", [BARS, LINES], ids=["bars", "lines"])
def test_a_picture_says_what_it_shows_and_is_the_same_each_time(figures: Plot) -> None:
    drawn = plot.svg(figures)

    assert {figures.title, figures.unit} <= set(texts(drawn))
    assert drawn == plot.svg(figures)
    assert re.search(r"\d{4}-\d\d-\d\d", drawn) is None


def test_bars_have_their_categories_series_and_figures() -> None:
    assert {"F1", "F2", "ours", "theirs", "20"} <= set(texts(plot.svg(BARS)))


def test_a_long_name_of_a_category_is_whole() -> None:
    name = "an event, read whole and written anew"

    assert name in texts(plot.svg(Plot("Costs", "us", "bars", bars([name, "b"], {"ours": [SPREAD, SPREAD]}))))


@pytest.mark.parametrize("kind", ["bars", "lines"])
def test_figures_on_a_logarithmic_axis_may_be_nothing(kind: Literal["bars", "lines"]) -> None:
    points = [Point(at, Spread(0.0, 0.0, float(at))) for at in (0, 1, 2)]

    plot.svg(Plot("Waits", "ms", kind, [Series("ours", points)], log=True, log_across=True))


def test_a_plot_without_figures_is_refused() -> None:
    with pytest.raises(ValueError, match="no figures: Rates"):
        plot.svg(dataclasses.replace(BARS, series=bars(["F1"], {"ours": [None]})))


def test_a_row_must_fit_its_head() -> None:
    with pytest.raises(ValueError, match="rates: 1 cells below 2 columns"):
        dataclasses.replace(TABLE, rows=[("ours",)])


@pytest.mark.parametrize(
    ("target", "verdict"), [(REACHED, "reached"), (MISSED, "missed"), (UNKNOWN, "not measured")]
)
def test_a_target_is_judged_by_the_median(target: Target, verdict: str) -> None:
    assert target.verdict == verdict


def test_a_result_is_read_as_it_was_written(tmp_path: Path) -> None:
    whole = Result([RUN], [Answer("executor", 2.0, 0, [TABLE], [REACHED, UNKNOWN], {"rows": [1]})])
    result.write(whole, tmp_path / "result.json")

    read = result.read(tmp_path / "result.json")

    assert read.answers[0].tables[0].plot == BARS
    assert read.answers[0].targets == [REACHED, UNKNOWN]
    assert read.answers[0].found == {"rows": [1]}
    assert document_of(read, tmp_path / "a") == document_of(whole, tmp_path / "b")


def document_of(whole: Result, folder: Path) -> str:
    document.write(whole, folder / "REPORT.md", folder)
    return (folder / "REPORT.md").read_text()


def test_the_page_has_machine_tables_pictures_notes_and_targets(tmp_path: Path) -> None:
    page = document_of(
        Result([RUN], [Answer("executor", 2.0, 0, [TABLE], [REACHED, MISSED, UNKNOWN])]), tmp_path
    )

    assert f"| engine | `{RUN['machine']['engine'][:12]}` |" in page  # type: ignore[index]
    assert "## Targets: 1 of 3 reached" in page
    assert "| ours by nobody's | nobody took part |  | at least 5 x | **not measured** |" in page
    assert "## Executor\n" in page
    assert "### How many?\n\nPer second; a | b.\n\n| who | F1 |\n| --- | --: |\n| ours | 20 |\n" in page
    assert "![Rates](rates.svg)" in page
    assert "- A note." in page
    assert (tmp_path / "rates.svg").is_file()


def test_the_command_makes_one_page_of_several_results(tmp_path: Path) -> None:
    older = Answer("executor", 2.0, 0, [TABLE], [MISSED])
    newer = Answer("executor", 3.0, 0, [TABLE], [REACHED])
    sandboxes = Answer(
        "sandboxes", 4.0, 0, [dataclasses.replace(TABLE, name="sandboxes")], [], {"much": [0] * 1000}
    )
    paths = []
    for number, answers in enumerate([[older, sandboxes], [newer]]):
        paths.append(tmp_path / f"{number}.json")
        result.write(Result([{**RUN, "seconds": number}], answers), paths[-1])

    assert __main__.main(["report", *map(str, paths), "--to", str(tmp_path)]) == 0

    page = (tmp_path / "REPORT.md").read_text()
    assert "## Targets: 1 of 1 reached" in page
    assert page.index("## Executor") < page.index("## Sandboxes")
    assert "took 3 s, in run 2." in page
    assert "![Rates](report/rates.svg)" in page
    kept = json.loads((tmp_path / "report" / "result.json").read_text())
    assert [answer["section"] for answer in kept["answers"]] == ["executor", "sandboxes"]
    assert all("found" not in answer for answer in kept["answers"])


def test_the_command_refuses_what_is_no_result(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.json").write_text("{}")

    with pytest.raises(SystemExit):
        __main__.main(["report", str(tmp_path / "a.json"), "--to", str(tmp_path)])

    assert "no result of a run" in capsys.readouterr().err


def test_the_readme_names_every_section() -> None:
    readme = (Path(__main__.__file__).parent / "README.md").read_text()

    assert [section.name for section in SECTIONS if f"| `{section.name}` | " not in readme] == []


def table_below(page: str, heading: str) -> dict[str, list[str]]:
    """Rows by their first cell."""
    lines = page.split(heading)[1].split("\n## ", maxsplit=1)[0].splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return {first: rest for first, *rest in cells}


def test_the_figures_that_the_readme_tells_are_those_of_the_report() -> None:
    """Three digits of them."""
    root = Path(__file__).parents[2]
    readme, report = (root / "README.md").read_text(), (root / "benchmarks/REPORT.md").read_text()
    told = list(table_below(readme, "\n## How fast\n").values())[2:]
    warm = table_below(report, "How many events does a CPU-second serve, in a sandbox that stays?")
    fresh = table_below(report, "How many events does a CPU-second serve, each in a fresh state?")
    measured = [
        [row[place].replace(",", "") for place in range(1, len(row), 3)]
        for row in (
            warm["Headgate, warm"],
            fresh["Headgate, hermetic"],
            warm["native, warm"],
            fresh["native, fresh"],
            warm["isolated-vm, warm"],
            fresh["isolated-vm, fresh context"],
        )
    ]

    assert [[float(f"{float(cell):.3g}") for cell in row] for row in measured] == [
        [float(cell.replace(",", "")) for cell in row] for row in told
    ]
