"""The command line: `python -m benchmarks [--full] [--only SECTION,...]`."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import (
    administration,
    boundary,
    coldstart,
    compiling,
    crowd,
    hashing,
    machine,
    neighbour,
    neighbours,
    retries,
    targets,
    throughput,
    workload,
)
from benchmarks.effort import FULL, QUICK, Effort
from benchmarks.progress import Progress
from benchmarks.report import Report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.targets import Target

QUICK_SECTIONS = ("throughput", "coldstart", "crowd", "neighbour", "boundary", "hashing", "compiling")

SERVICE_SECTIONS = ("neighbours", "retries", "administration")
"""Of the whole service; they take minutes, so they are measured where they are asked for, or everything is."""

SECTIONS = (*QUICK_SECTIONS, *SERVICE_SECTIONS)

RESULTS = Path(__file__).parent / "results"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measures Headgate beside native QuickJS-ng. Prints a table; writes every figure to a JSON file.",
    )
    parser.add_argument(
        "--full",
        action="store_true",
        help="measure everything, and for longer: steadier figures, half an hour",
    )
    parser.add_argument("--only", metavar="SECTIONS", help=f"some of {', '.join(SECTIONS)}")
    parser.add_argument(
        "--results", metavar="FOLDER", type=Path, default=RESULTS, help="where the JSON file goes"
    )
    chosen = parser.parse_args(arguments)
    usual = SECTIONS if chosen.full else QUICK_SECTIONS
    sections = chosen.only.split(",") if chosen.only else usual
    if unknown := set(sections) - set(SECTIONS):
        parser.error(f"no such section: {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    try:
        path = run(FULL if chosen.full else QUICK, sections, chosen.results, Report(), Progress())
    except workload.Mismatch as mismatch:
        print(mismatch, file=sys.stderr)
        return 1
    print(f"\n{path}")
    return 0


def run(effort: Effort, sections: Sequence[str], results: Path, report: Report, progress: Progress) -> Path:
    """Measures *sections*, reports, and returns where the figures were written. Raises Mismatch for a wrong output."""
    work, facts, start = workload.load(), machine.facts(), time.monotonic()
    found: dict[str, Any] = {}
    reached: list[Target] = []
    if "throughput" in sections:
        found["throughput"] = asyncio.run(throughput.measure(work, effort, progress))
        reached += targets.of_throughput(found["throughput"])
    if "coldstart" in sections:
        found["cold_starts"] = asyncio.run(coldstart.measure(work, effort, progress))
        reached += targets.of_cold_starts(found["cold_starts"])
    if "crowd" in sections:
        found["crowds"] = crowd.measure(effort, progress)
        reached += targets.of_crowds(found["crowds"], crowd.MEMORY_NAME)
    if "neighbour" in sections:
        found["neighbour"] = asyncio.run(neighbour.measure(work, effort, progress))
        reached += targets.of_neighbour(found["neighbour"])
    if "boundary" in sections:
        found["boundary"] = asyncio.run(boundary.measure(work, effort, progress))
    if "hashing" in sections:
        found["hashing"] = asyncio.run(hashing.measure(effort, progress))
        reached += targets.of_hashing(found["hashing"])
    if "compiling" in sections:
        found["compiling"] = asyncio.run(compiling.measure(work, effort, progress))
        reached += targets.of_compiling(found["compiling"])
    if "neighbours" in sections:
        found["neighbours"] = asyncio.run(neighbours.measure(effort, progress))
        reached += targets.of_neighbours(found["neighbours"])
    if "retries" in sections:
        found["retries"] = asyncio.run(retries.measure(effort, progress))
        reached += targets.of_retries(found["retries"])
    if "administration" in sections:
        found["administration"] = administration.measure(effort, progress)
        reached += targets.of_administration(found["administration"])
    progress.done()
    report.machine(facts)
    for section, figures in found.items():
        getattr(report, section)(figures)
    report.targets(reached)
    return _write(results, facts, effort, found, reached, time.monotonic() - start)


def _write(
    results: Path,
    facts: machine.Machine,
    effort: Effort,
    found: dict[str, Any],
    reached: list[Target],
    seconds: float,
) -> Path:
    document = {
        "machine": facts,
        "load_after": machine.load(),
        "seconds": round(seconds, 1),
        "effort": effort,
        "targets": [{**dataclasses.asdict(target), "reached": target.reached} for target in reached],
        **found,
    }
    results.mkdir(parents=True, exist_ok=True)
    path = results / f"{facts.at.replace(':', '')}.json"
    path.write_text(json.dumps(document, default=dataclasses.asdict, indent=1) + "\n")
    return path


if __name__ == "__main__":
    sys.exit(main())
