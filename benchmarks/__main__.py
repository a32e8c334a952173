"""The command line: `python -m benchmarks [--full] [--only SECTION,...]`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import run, workload
from benchmarks.effort import FULL, QUICK
from benchmarks.progress import Progress
from benchmarks.report import Report
from benchmarks.sections import SECTIONS, chosen

if TYPE_CHECKING:
    from collections.abc import Sequence

RESULTS = Path(__file__).parent / "results"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measures Headgate beside what people would take in its place: tables, and every figure as JSON.",
    )
    parser.add_argument("--full", action="store_true", help="measure everything, and for longer")
    parser.add_argument(
        "--only",
        metavar="SECTIONS",
        help=f"some of {', '.join(section.name for section in SECTIONS)}",
    )
    parser.add_argument(
        "--results", metavar="FOLDER", type=Path, default=RESULTS, help="where the JSON file goes"
    )
    given = parser.parse_args(arguments)
    try:
        sections = chosen(given.only.split(",") if given.only else None, full=given.full)
    except ValueError as error:
        parser.error(str(error))
    try:
        path = run.run(FULL if given.full else QUICK, sections, given.results, Report(), Progress())
    except workload.Mismatch as mismatch:
        print(mismatch, file=sys.stderr)
        return 1
    print(f"\n{path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
