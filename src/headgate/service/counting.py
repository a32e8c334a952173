"""
Counters and histograms for Prometheus that are updated for every event. An update costs two dictionary
operations. The client library's own metrics take ten times as long, because they lock and look labels up by
text.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from prometheus_client import Metric


class Counts(Collector):
    """A counter for each tuple of label values; the first label is always *worker*. Not thread-safe."""

    def __init__(self, name: str, text: str, labels: Sequence[str], worker: str) -> None:
        self._name = name
        self._text = text
        self._labels = labels
        self._worker = worker
        self._counts: dict[tuple[str, ...], int] = {}

    def add(self, labels: tuple[str, ...], number: int = 1) -> None:
        self._counts[labels] = self._counts.get(labels, 0) + number

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily(self._name, self._text, labels=self._labels)
        for labels, number in self._counts.items():
            family.add_metric((self._worker, *labels), number)
        yield family


class Durations(Collector):
    """A histogram with upper *bounds* in seconds and a last bucket without bound. Not thread-safe."""

    def __init__(self, name: str, text: str, bounds: Sequence[float], worker: str) -> None:
        self._name = name
        self._text = text
        self._bounds = bounds
        self._worker = worker
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self._sum += seconds

    def observe_all(self, seconds: Sequence[float]) -> None:
        counts, bounds = self._counts, self._bounds
        for each in seconds:
            counts[bisect_left(bounds, each)] += 1
        self._sum += sum(seconds)

    def collect(self) -> Iterator[Metric]:
        family = HistogramMetricFamily(self._name, self._text, labels=("worker",))
        if any(self._counts):
            names = [*map(floatToGoString, self._bounds), "+Inf"]
            buckets = list(zip(names, accumulate(self._counts), strict=True))
            family.add_metric((self._worker,), buckets, self._sum)
        yield family
