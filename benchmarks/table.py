"""What a section shows: a question, rows of text that answer it, and the figures of one plot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.figures import Spread


@dataclass(frozen=True, slots=True)
class Point:
    """*at* is a category of a plot of bars, a number on the axis of a plot of lines."""

    at: str | float
    figure: Spread


@dataclass(frozen=True, slots=True)
class Series:
    """What has one colour; *name* stands in the legend. A plot of bars may lack points, which leaves a gap."""

    name: str
    points: Sequence[Point]


@dataclass(frozen=True, slots=True)
class Plot:
    """
    Figures of one unit.

    unit       of the figures, on the axis upwards
    kind       "bars": a group per category, a bar per series; "lines": a line per series
    across     what the other axis shows
    log        the axis upwards is logarithmic; *log_across* the other one (of lines only)
    """

    title: str
    unit: str
    kind: Literal["bars", "lines"]
    series: Sequence[Series]
    across: str = ""
    log: bool = False
    log_across: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """
    name        one word or several-with-hyphens, of this table alone: what its plot's file is called
    question    what it answers, as a heading
    remark      how it was taken, beside the heading; units
    rows        text, ready to be shown, one for each column of *head*
    texts       so many columns from the left are text, the rest figures
    notes       below it
    """

    name: str
    question: str
    remark: str
    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    plot: Plot
    notes: Sequence[str] = ()
    texts: int = 1

    def __post_init__(self) -> None:
        """Raises ValueError for a row that does not fit the head."""
        for row in self.rows:
            if len(row) != len(self.head):
                raise ValueError(f"{self.name}: {len(row)} cells below {len(self.head)} columns: {row}")


def bars(categories: Sequence[str], figures: Mapping[str, Sequence[Spread | None]]) -> list[Series]:
    """A series per entry of *figures*, with a figure for each of *categories* or None where there is none."""
    return [
        Series(
            name,
            [
                Point(category, figure)
                for category, figure in zip(categories, values, strict=True)
                if figure is not None
            ],
        )
        for name, values in figures.items()
    ]
