"""One run: measures sections one after the other, prints them, and writes them with the facts of the machine."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import time
from typing import TYPE_CHECKING, Any

from benchmarks import document, machine, result
from benchmarks.result import Answer, Result

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.effort import Scale
    from benchmarks.progress import Progress
    from benchmarks.report import Report
    from benchmarks.sections import Module, Section


def run(scale: Scale, sections: Sequence[Section], results: Path, report: Report, progress: Progress) -> Path:
    """
    Measures *sections* and reports; returns the JSON with the figures, in a new folder of *results* which has a page and
    pictures, too. Raises Mismatch for a wrong output.
    """
    facts, start = machine.facts(), time.monotonic()
    report.machine(facts)
    answers = []
    for section in sections:
        module, began = section.module(), time.monotonic()
        found = _measure(module, scale, progress)
        progress.done()
        tables, targets = module.tables(found), module.targets(found)
        for table in tables:
            report.table(table)
        seconds = round(time.monotonic() - began, 1)
        answers.append(Answer(section.name, seconds, 0, tables, targets, found))
    report.targets([target for answer in answers for target in answer.targets])
    taken_on = {
        "machine": dataclasses.asdict(facts),
        "effort": scale.value,
        "seconds": round(time.monotonic() - start, 1),
        "load_after": machine.load(),
    }
    whole = Result([taken_on], answers)
    folder = results / facts.at.replace(":", "")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "result.json"
    result.write(whole, path)
    document.write(whole, folder / "REPORT.md", folder)
    return path


def _measure(module: Module, scale: Scale, progress: Progress) -> Any:
    found = module.measure(module.EFFORTS[scale], progress)
    return asyncio.run(found) if inspect.iscoroutine(found) else found
