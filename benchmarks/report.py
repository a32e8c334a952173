"""Tables and targets as text for a terminal."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.machine import Machine
    from benchmarks.table import Table
    from benchmarks.target import Target


@dataclass(frozen=True, slots=True)
class Paint:
    """Escape sequences; empty without colours."""

    bold: str = ""
    good: str = ""
    bad: str = ""
    dim: str = ""
    off: str = ""

    @classmethod
    def of(cls, stream: TextIO) -> Paint:
        """Colours only on a terminal, and not if NO_COLOR is set."""
        if not stream.isatty() or os.environ.get("NO_COLOR"):
            return cls()
        return cls("\x1b[1m", "\x1b[32m", "\x1b[31m", "\x1b[2m", "\x1b[0m")


class Report:
    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._paint = Paint.of(self._stream)

    def machine(self, machine: Machine) -> None:
        commit = f" at {machine.commit}" if machine.commit else ""
        self._line(
            f"Headgate {machine.headgate}{commit}, engine {machine.engine[:12]}; {machine.python}; "
            + ", ".join(f"{name} {version}" for name, version in machine.packages.items())
        )
        load = ", ".join(f"{value:.1f}" for value in machine.load)
        self._line(f"{machine.processor}, {machine.cores} cores, {machine.system}; load {load}")

    def table(self, table: Table) -> None:
        self._heading(table.question, table.remark)
        for number, text in enumerate(_lines([table.head, *table.rows], table.texts)):
            self._line(f"{self._paint.dim}{text}{self._paint.off}" if number == 0 else text)
        for note in table.notes:
            self._line(f"{self._paint.dim}{note}{self._paint.off}")

    def targets(self, targets: Sequence[Target]) -> None:
        self._heading("Targets")
        rows = [(target.what, *target.found, target.aim) for target in targets]
        widths = [max(len(row[column]) for row in rows) for column in range(4)] if rows else []
        for target, (what, figure, spread, aim) in zip(targets, rows, strict=True):
            colour = self._paint.good if target.verdict == "reached" else self._paint.bad
            self._line(
                f"{what:<{widths[0]}}  {figure:>{widths[1]}}  {spread:>{widths[2]}}  {aim:<{widths[3]}}"
                f"  {colour}{target.verdict}{self._paint.off}"
            )

    def _heading(self, title: str, remark: str = "") -> None:
        paint = self._paint
        self._line(
            f"\n{paint.bold}{title}{paint.off}" + (f"  {paint.dim}{remark}{paint.off}" if remark else "")
        )

    def _line(self, text: str = "") -> None:
        self._stream.write(f"{text}\n")
        self._stream.flush()


def _lines(lines: Sequence[Sequence[str]], texts: int) -> list[str]:
    """Aligned columns: the first *texts* to the left, the others to the right."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return [
        "  ".join(
            cell.ljust(width) if column < texts else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
