"""What is made of raw measurements."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


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


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile, *share* from 0 to 1."""
    found = sorted(values)
    return found[min(len(found) - 1, max(0, round(share * len(found) + 0.5) - 1))]
