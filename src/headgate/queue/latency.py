"""Histograms of delivery latencies, from which percentiles are estimated."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

GROWTH: Final = 1.25
"""Ratio of successive bucket bounds: percentiles are off by less than 25 %."""

BOUNDS: Final = tuple(GROWTH**number for number in range(92))
"""Upper bounds of the buckets in ms, from 1 ms to a week."""


def bucket_of(latency_ms: float) -> int:
    """The number of the bucket, from 0 to len(BOUNDS); the last bucket has no upper bound."""
    return bisect_left(BOUNDS, latency_ms)


def percentile(buckets: Mapping[int, int], share: float) -> float:
    """
    Estimates the latency in ms that a *share* (0 to 1) of all events did not exceed, by linear interpolation
    within the bucket. *buckets* maps bucket numbers to events; 0 if it is empty.
    """
    wanted = share * sum(buckets.values())
    passed = 0
    for bucket, events in sorted(buckets.items()):
        if events and passed + events >= wanted:
            if bucket == len(BOUNDS):
                return BOUNDS[-1]
            low = BOUNDS[bucket - 1] if bucket else 0.0
            return low + (BOUNDS[bucket] - low) * max(0.0, wanted - passed) / events
        passed += events
    return 0.0
