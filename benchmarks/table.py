"""A table of a section: a question, rows of text that answer it, and the data of one plot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.figures import Spread


@dataclass(frozen=True, slots=True)
class Point:
    """*at* is a category of a bar plot, or a position on the horizontal axis of a line plot."""

    at: str | float
    figure: Spread


@dataclass(frozen=True, slots=True)
class Series:
    """The points of one colour; *name* is in the legend. In a bar plot, a missing point leaves a gap."""

    name: str
    points: Sequence[Point]


@dataclass(frozen=True, slots=True)
class Plot:
    """
    Figures of one unit.

    unit          of the figures, on the vertical axis
    kind          "bars": a group per category, a bar per series; "lines": a line per series
    across        label of the horizontal axis
    log           whether the vertical axis is logarithmic
    log_across    whether the horizontal axis is, in a line plot
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
    name        unique, in kebab case; also the name of the plot's file
    question    the question that it answers, as a heading
    remark      beside the heading: how it was measured, and the units
    rows        formatted text, one for each column of *head*
    texts       number of columns from the left that are text; the others are figures
    notes       lines below the table
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
    """A series per entry of *figures*, which has a figure or None for each of *categories*."""
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
