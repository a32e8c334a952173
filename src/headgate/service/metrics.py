"""The metrics of a worker, in Prometheus' text format."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from headgate.queue.model import Again, Done
from headgate.service.counting import Counts, Durations

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from headgate.delivery.carrier import Receipt
    from headgate.queue.dispatcher import Dispatcher
    from headgate.queue.model import Settlement, Stats, Tally
    from headgate.registry.snapshot import Destination
    from headgate.tracking.api import TrackingApi
    from headgate_runtime import Executor, Outcome

_SECONDS: Final = (0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0)
_LONG_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600, 3_600, 14_400)


class Metrics:
    """A Meter for the pipeline. All metrics are of one worker and are labelled with its number."""

    def __init__(self, worker: int) -> None:
        self.registry = CollectorRegistry()
        self._worker = str(worker)
        self._events = self._counter(
            "headgate_events",
            "Events decided on, by step and reason; without a destination, of the event API",
            "destination",
            "step",
            "reason",
        )
        self._duplicates = self._counter("headgate_duplicates", "Events that had been accepted before")
        self._retries = self._counter(
            "headgate_retries", "Attempts that will be repeated, by reason", "destination", "reason"
        )
        self._invocations = self._counter(
            "headgate_invocations", "Events through functions, by outcome", "destination", "outcome"
        )
        self._fuel = self._counter("headgate_fuel", "Fuel that functions used", "destination")
        self._function_seconds = self._histogram(
            "headgate_function_seconds", "Wall time of invocations", _SECONDS
        )
        self._delivery_seconds = self._histogram(
            "headgate_delivery_seconds", "From sending to the destination's answer", _LONG_SECONDS
        )
        self._end_to_end_seconds = self._histogram(
            "headgate_end_to_end_seconds", "From acceptance to the destination's answer", _LONG_SECONDS
        )
        self._refused = self._gauge(
            "headgate_requests_refused", "Requests the event API turned away, since the start", "code"
        )
        self._broken_off = self._gauge(
            "headgate_connections_refused",
            "Connections refused or broken off before a request was complete, by limit, since the start",
            "limit",
        )
        self._jobs = self._gauge("headgate_queue_jobs", "Jobs stored")
        self._leased = self._gauge("headgate_queue_leased", "Jobs under way")
        self._dead = self._gauge("headgate_queue_dead", "Dead letters kept")
        self._bytes = self._gauge("headgate_queue_bytes", "Size of the queue's files")
        self._waiting = self._gauge("headgate_queue_waiting", "Jobs waiting, by destination", "destination")
        self._retrying = self._gauge(
            "headgate_queue_retrying", "Jobs waiting to be retried, by destination", "destination"
        )
        self._age = self._gauge(
            "headgate_queue_age_seconds", "Age of the oldest job that waits, by destination", "destination"
        )
        self._broken = self._gauge(
            "headgate_breaker_open", "1 while a destination gets only probes", "destination"
        )
        self._sandboxes = self._gauge("headgate_sandboxes", "Sandboxes alive", "state")
        self._evictions = self._gauge(
            "headgate_sandbox_evictions", "Sandboxes closed to make room, since the start"
        )

    def _counter(self, name: str, text: str, *labels: str) -> Counts:
        counts = Counts(name, text, ("worker", *labels), self._worker)
        self.registry.register(counts)
        return counts

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, ("worker", *labels), registry=self.registry)

    def _histogram(self, name: str, text: str, bounds: tuple[float, ...]) -> Durations:
        durations = Durations(name, text, bounds, self._worker)
        self.registry.register(durations)
        return durations

    def tallied(self, tally: Tally, events: int = 1) -> None:
        self._events.add((tally.destination, tally.step, tally.reason), events)

    def duplicate(self) -> None:
        self._duplicates.add(())

    def invoked(self, destination: Destination, outcomes: Sequence[Outcome]) -> None:
        for name, number in Counter([outcome.outcome for outcome in outcomes]).items():
            self._invocations.add((destination.id, name), number)
        self._function_seconds.observe_all([outcome.wall_ms / 1e3 for outcome in outcomes])
        self._fuel.add((destination.id,), sum([outcome.fuel for outcome in outcomes]))

    def delivered(self, destination: Destination, receipt: Receipt, events: int, wall_ms: float) -> None:  # noqa: ARG002 - a Meter's
        self._delivery_seconds.observe(wall_ms / 1e3)

    def settled(self, settlements: Sequence[Settlement]) -> None:
        # Grouped by identity: jobs of a batch share the same object, and hashing a tally is slow.
        alike: dict[int, list[Any]] = {}
        seconds: list[float] = []
        for settlement in settlements:
            if type(settlement) is Done:
                _, tally, latency_ms, _ = settlement
                counted = alike.get(id(tally))
                if counted is None:
                    counted = alike[id(tally)] = [tally, 0]
                counted[1] += 1
                if latency_ms is not None:
                    seconds.append(latency_ms / 1e3)
            elif isinstance(settlement, Again):
                self._retries.add((settlement.job.lane.destination, settlement.error.reason))
        for tally, number in alike.values():
            self.tallied(tally, number)
        self._end_to_end_seconds.observe_all(seconds)

    def text(
        self,
        stats: Iterable[Stats],
        dispatchers: Iterable[Dispatcher],
        executor: Executor,
        tracking: TrackingApi,
        broken_off: Mapping[str, int],
        now: int,
    ) -> bytes:
        """
        The current metrics as text. *broken_off* is that of Connections; *now* the queue's time, ms since the
        epoch.
        """
        all_stats = list(stats)
        worker = self._worker
        for gauge, name in (
            (self._jobs, "jobs"),
            (self._leased, "leased"),
            (self._dead, "dead"),
            (self._bytes, "bytes"),
        ):
            gauge.labels(worker).set(sum(getattr(each, name) for each in all_stats))
        for gauge in (self._waiting, self._retrying, self._age, self._broken):
            gauge.clear()
        breakers = list(dispatchers)
        for each in all_stats:
            for lane, lane_stats in each.lanes.items():
                destination = lane.destination
                self._waiting.labels(worker, destination).inc(lane_stats.waiting)
                self._retrying.labels(worker, destination).inc(lane_stats.retrying)
                if lane_stats.oldest_at is not None:
                    self._age.labels(worker, destination).set(max(0, now - lane_stats.oldest_at) / 1e3)
                if any(dispatcher.is_open(lane) for dispatcher in breakers):
                    self._broken.labels(worker, destination).set(1)
        self._sandboxes.labels(worker, "idle").set(executor.idle)
        self._sandboxes.labels(worker, "busy").set(executor.live - executor.idle)
        self._evictions.labels(worker).set(executor.evicted)
        for code, count in tracking.turned_away.items():
            self._refused.labels(worker, code).set(count)
        for limit, count in broken_off.items():
            self._broken_off.labels(worker, limit).set(count)
        return generate_latest(self.registry)
