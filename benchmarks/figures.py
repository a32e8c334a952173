"""Statistics of raw measurements."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, least and greatest of several rounds."""

    median: float
    least: float
    greatest: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """Raises ValueError for no values."""
        found = sorted(values)
        if not found:
            raise ValueError("no values")
        return cls(statistics.median(found), found[0], found[-1])


def ratios(numerators: Sequence[float], denominators: Sequence[float]) -> list[float]:
    """
    Round by round: the two of a round ran within a second of each other, so a busy moment of the machine falls on
    both, which a ratio of two medians would not give.
    """
    return [over / under for over, under in zip(numerators, denominators, strict=True)]


def geometric_means(series: Sequence[Sequence[float]]) -> list[float]:
    """Of each round, over all *series*."""
    return [statistics.geometric_mean(values) for values in zip(*series, strict=True)]


def jain(shares: Sequence[float]) -> float:
    """
    How evenly *shares* are spread: 1 where all are equal, 1/n where one of n has everything. 0 where nobody has any.
    Jain, Chiu, Hawe: A Quantitative Measure of Fairness (DEC TR-301, 1984).
    """
    squares = sum(share * share for share in shares)
    return sum(shares) ** 2 / (len(shares) * squares) if squares else 0.0


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile, *share* from 0 to 1."""
    found = sorted(values)
    return found[max(0, math.ceil(share * len(found)) - 1)]
