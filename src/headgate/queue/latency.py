"""How long events took, as counts in buckets: enough for percentiles, and as small as a counter."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

GROWTH: Final = 1.25
"""Of each bucket's upper bound over the one before: a percentile is off by less than a quarter."""

BOUNDS: Final = tuple(GROWTH**number for number in range(92))
"""Upper bounds in ms, from 1 ms to a week."""


def bucket_of(latency_ms: float) -> int:
    """From 0 to len(BOUNDS); the last has no upper bound."""
    return bisect_left(BOUNDS, latency_ms)


def percentile(buckets: Mapping[int, int], share: float) -> float:
    """
    The latency in ms which *share* of all did not exceed, as far as *buckets* tell: between a bucket's bounds they are
    taken to be spread evenly. 0 when there are none.
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
