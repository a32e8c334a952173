"""The command line: `python -m benchmarks [--full] [--only SECTION,...]`, `python -m benchmarks report RESULT.json...`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import document, result, run, workload
from benchmarks.effort import Scale
from benchmarks.progress import Progress
from benchmarks.report import Report
from benchmarks.sections import SECTIONS, chosen

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).parent


def main(arguments: Sequence[str] | None = None) -> int:
    given = list(sys.argv[1:] if arguments is None else arguments)
    return _report(given[1:]) if given[:1] == ["report"] else _measure(given)


def _measure(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measures Headgate beside what people would take in its place: tables, and a folder with every"
        " figure as JSON, a page and pictures. `python -m benchmarks report` makes the page anew.",
    )
    parser.add_argument("--full", action="store_true", help="measure everything, and for longer")
    parser.add_argument(
        "--only",
        metavar="SECTIONS",
        help=f"some of {', '.join(section.name for section in SECTIONS)}",
    )
    parser.add_argument(
        "--results", metavar="FOLDER", type=Path, default=HERE / "results", help="where the new folder goes"
    )
    given = parser.parse_args(arguments)
    try:
        sections = chosen(given.only.split(",") if given.only else None, full=given.full)
    except ValueError as error:
        parser.error(str(error))
    try:
        path = run.run(
            Scale.FULL if given.full else Scale.QUICK, sections, given.results, Report(), Progress()
        )
    except workload.Mismatch as mismatch:
        print(mismatch, file=sys.stderr)
        return 1
    print(f"\n{path}")
    return 0


def _report(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks report",
        description="Writes REPORT.md, its pictures and the figures they are of, from results: of each section the last.",
    )
    parser.add_argument("results", metavar="RESULT.json", type=Path, nargs="+")
    parser.add_argument("--to", metavar="FOLDER", type=Path, default=HERE, help="where REPORT.md goes")
    given = parser.parse_args(arguments)
    try:
        whole = result.merged(
            [result.read(path) for path in given.results], [section.name for section in SECTIONS]
        )
    except (OSError, LookupError, TypeError, ValueError) as error:
        parser.error(f"no result of a run: {error!r}")
    pictures = given.to / "report"
    document.write(whole, given.to / "REPORT.md", pictures)
    result.write(whole, pictures / "result.json", found=False)
    print(given.to / "REPORT.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
