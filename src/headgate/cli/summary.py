"""Counts outcomes: as a table for people, and as one line for logs."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from headgate.cli.terminal import printable

if TYPE_CHECKING:
    from headgate.cli.terminal import Terminal
    from headgate_runtime import Outcome

WORDS: Final = {
    "forward": ("forwarded", "green"),
    "filtered": ("filtered", "blue"),
    "discard": ("discarded", "red"),
    "retry": ("left for retry", "yellow"),
}

ROWS_MAX: Final = 20
"""Most kinds of errors that are distinguished, since the function chooses their names."""


@dataclasses.dataclass(slots=True)
class Row:
    """A kind of outcome: how often it occurred, and the line and message of the first."""

    outcome: str
    category: str
    error_name: str | None
    line: int
    message: str | None
    count: int = 0

    def describe(self) -> str:
        words = [self.category] if self.category != "Bad Request" or not self.error_name else []
        if self.error_name:
            words.append(self.error_name)
        if self.message:
            words.append(printable(self.message, 90))
        return ": ".join(words)


class Summary:
    """Counts outcomes, in the order of the input."""

    def __init__(self) -> None:
        self.events = 0
        self.invocations = 0
        self.counts = dict.fromkeys(WORDS, 0)
        self.malformed = 0
        self.first_malformed = 0
        self.logs_dropped = 0
        self.fuel = 0
        self.fuel_max = 0
        self.rows: dict[tuple[str, str, str | None], Row] = {}

    def count(self, line: int, outcome: Outcome) -> None:
        self.events += 1
        self.counts[outcome.outcome] += 1
        if outcome.outcome == "forward":
            return
        category = outcome.category or ""
        key = (outcome.outcome, category, outcome.error_name)
        if key not in self.rows and len(self.rows) >= ROWS_MAX:
            key = (outcome.outcome, "Others", None)
        row = self.rows.get(key)
        if row is None:
            message = outcome.message if key[1] == category else None
            row = self.rows[key] = Row(key[0], key[1], key[2], line, message)
        row.count += 1

    def count_invocation(self, outcome: Outcome) -> None:
        """*outcome* is any outcome of the invocation: each event of a batch carries the usage of the whole batch."""
        self.invocations += 1
        self.fuel += outcome.fuel
        self.fuel_max = max(self.fuel_max, outcome.fuel)
        self.logs_dropped += outcome.logs_dropped

    def count_malformed(self, line: int) -> None:
        self.malformed += 1
        self.first_malformed = self.first_malformed or line

    @property
    def imperfect(self) -> bool:
        return bool(self.malformed or self.counts["discard"] or self.counts["retry"])

    def line(self, seconds: float) -> str:
        """Everything on one line, with the first error."""
        parts = [f"{self.counts[name]} {word}" for name, (word, _) in WORDS.items()]
        if self.malformed:
            parts.append(f"{self.malformed} malformed")
        text = f"headgate: {_plural(self.events, 'event')} in {seconds:.2f} s: {', '.join(parts)}"
        if self.logs_dropped:
            text += f"; {self.logs_dropped} console lines over the limit"
        wrong = [row for row in self.rows.values() if row.outcome in ("discard", "retry")]
        if wrong:
            text += f"; first at line {wrong[0].line}: {wrong[0].describe()}"
        return text

    def table(self, seconds: float, terminal: Terminal) -> str:
        rate = f", {self.events / seconds:,.0f} a second" if seconds > 0.05 else ""
        lines = [terminal.paint(f"{_plural(self.events, 'event')} in {seconds:.2f} s{rate}", "bold")]
        for name, (word, colour) in WORDS.items():
            count = self.counts[name]
            lines.append(terminal.paint(f"  {word:<15}{count:>10,}", colour if count else "dim"))
            for row in self.rows.values():
                if row.outcome == name:
                    where = terminal.paint(f"(first: line {row.line})", "dim")
                    lines.append(f"  {'':15}{row.count:>10,}  {row.describe()} {where}")
        if self.malformed:
            where = terminal.paint(f"(first: line {self.first_malformed})", "dim")
            malformed = terminal.paint(f"  {'malformed':<15}{self.malformed:>10,}", "red")
            lines.append(f"{malformed}  {where}")
        if self.invocations:
            mean = self.fuel // self.invocations
            lines.append(f"  {'fuel per call':<15}{mean:>10,}  at most {self.fuel_max:,}")
        if self.logs_dropped:
            lines.append(f"  {self.logs_dropped:,} console lines were over the limit and dropped")
        return "\n".join(lines)


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
