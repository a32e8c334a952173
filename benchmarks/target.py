"""A target: a bound for a figure or for a ratio within one run, and whether the run reached it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from benchmarks.figures import Spread


@dataclass(frozen=True, slots=True)
class Target:
    """
    *figure* in *unit* must be at *least* or at *most* the *bound*.

    figure    None if it was not measured; then *why* says what was missing
    """

    what: str
    figure: Spread | None
    sense: Literal["least", "most"]
    bound: float
    unit: str
    why: str = ""

    @property
    def verdict(self) -> Literal["reached", "missed", "not measured"]:
        """Judged by the median of the figure."""
        if self.figure is None:
            return "not measured"
        if self.sense == "least":
            reached = self.figure.median >= self.bound
        else:
            reached = self.figure.median <= self.bound
        return "reached" if reached else "missed"

    @property
    def aim(self) -> str:
        return f"at {self.sense} {self.bound:,g} {self.unit}"

    @property
    def found(self) -> tuple[str, str]:
        """The figure and its range, if it has one; or *why* and nothing."""
        figure = self.figure
        if figure is None:
            return self.why, ""
        ranged = figure.least < figure.greatest
        spread = f"{rounded(figure.least)} to {rounded(figure.greatest)}" if ranged else ""
        return f"{rounded(figure.median)} {self.unit}", spread


def rounded(value: float) -> str:
    """*value* with at most two decimals, and without any from 100 on."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"
