"""One run: sections are measured one after the other, shown, and written as JSON with what they were taken on."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import json
import time
from typing import TYPE_CHECKING, Any

from benchmarks import machine

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.effort import Effort
    from benchmarks.progress import Progress
    from benchmarks.report import Report
    from benchmarks.sections import Module, Section
    from benchmarks.target import Target


def run(
    effort: Effort, sections: Sequence[Section], results: Path, report: Report, progress: Progress
) -> Path:
    """Measures *sections*, reports, and returns where the figures were written. Raises Mismatch for a wrong output."""
    facts, start = machine.facts(), time.monotonic()
    report.machine(facts)
    document: dict[str, Any] = {"machine": facts, "effort": effort, "sections": {}}
    aims: list[Target] = []
    for section in sections:
        module, began = section.module(), time.monotonic()
        found = _measure(module, effort, progress)
        progress.done()
        tables, targets = module.tables(found), module.targets(found)
        for table in tables:
            report.table(table)
        aims += targets
        document["sections"][section.name] = {
            "seconds": round(time.monotonic() - began, 1),
            "tables": tables,
            "targets": [{**dataclasses.asdict(target), "verdict": target.verdict} for target in targets],
            "found": found,
        }
    report.targets(aims)
    document |= {"seconds": round(time.monotonic() - start, 1), "load_after": machine.load()}
    results.mkdir(parents=True, exist_ok=True)
    path = results / f"{facts.at.replace(':', '')}.json"
    path.write_text(json.dumps(document, default=dataclasses.asdict, indent=1) + "\n")
    return path


def _measure(module: Module, effort: Effort, progress: Progress) -> Any:
    found = module.measure(effort, progress)
    return asyncio.run(found) if inspect.iscoroutine(found) else found
