"""
Delivery metrics of a destination (SPEC 11.2, D14, D29).

    successes               delivered, by attempt: `successes.attempt.N`
    errors.discarded        discarded after an error that is not retried, by error: `errors.discarded.400`
    errors.awaiting-retry   first attempted in this range and still waiting for a retry, by last error
    expired                 given up after the last attempt, by error
    latency.p50, p95, p99   from acceptance to the destination's response, in ms; absent without deliveries

Each event of the range counts in one of the first four, unless it was filtered or has not been attempted yet. Errors have
their names in SPEC 3.3, where they are listed there.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from headgate.api import catalog
from headgate.api.errors import invalid, not_found
from headgate.api.operation import Operation
from headgate.api.overview import reported
from headgate.api.ranges import range_of
from headgate.queue.latency import percentile
from headgate.queue.model import Step
from headgate.queue.reports import Question

if TYPE_CHECKING:
    from headgate.api.call import Call
    from headgate.api.services import Services
    from headgate.queue.reports import Reports, Window

FILTERED: Final = frozenset(
    (
        "FILTERED_BY_RULES",
        "FILTERED_BY_INTEGRATIONS_OBJECT",
        "filtered_at_insert_function",
    )
)
"""Reasons that mean an event was filtered on purpose, which is not an error (SPEC D14)."""

RETRIED: Final = frozenset(
    (
        "429",
        "502",
        "503",
        "EREFUSED",
        "ECONNRESET",
        "ENOTFOUND",
        "ETIMEDOUT",
        "INTERNAL",
        "RETRY",
        "retry",
        "gateway_timeout",
        "too_many_requests",
    )
)
"""Reasons that are retried: an event that ends with one ran out of attempts."""

_NAMES: Final = {
    "502": "5xx",
    "503": "5xx",
    "EREFUSED": "ECONNREFUSED",
    "invalid_settings": "INVALID_SETTINGS",
    "message_rejected": "MESSAGE_REJECTED",
}
"""The names in SPEC 3.3 of errors for which our codes differ."""

_PERCENTILES: Final = (50, 95, 99)


@dataclass(frozen=True, slots=True)
class Asked:
    window: Window
    question: Question
    source: str
    destination: str
    kind: str


def handler(call: Call) -> Asked:
    named = call.query.get("sourceId")
    if not named:
        raise invalid("is required", "sourceId")
    destination = call.destination(call.path["destinationId"], "read")
    if destination.source != named:
        raise not_found("destination of this source")
    window = range_of(call.query, call.view.now, usual=True).window
    steps = (Step.DELIVERED, Step.FAILED_DELIVERY, Step.FILTERED_AT_DESTINATION)
    question = Question(steps, (destination.source,), destination.id)
    kind = catalog.destination_metadata(destination.kind)["id"]
    return Asked(window, question, destination.source, destination.id, kind)


async def run(asked: Asked, services: Services) -> dict[str, Any]:
    return await reported(_report, asked, services)


def _report(asked: Asked, reports: Reports) -> dict[str, Any]:
    successes: Counter[str] = Counter()
    discarded: Counter[str] = Counter()
    expired: Counter[str] = Counter()
    awaiting: Counter[str] = Counter()
    for (_, (step, reason)), events in reports.events(
        asked.window, asked.question, ("step", "reason")
    ).items():
        if step == Step.DELIVERED:
            successes[reason] += events
        elif reason in RETRIED:
            expired[f"expired.{_NAMES.get(reason, reason)}"] += events
        elif reason not in FILTERED:
            discarded[f"errors.discarded.{_NAMES.get(reason, reason)}"] += events
    for (_, (reason,)), events in reports.pending(asked.window, asked.question, ("reason",)).items():
        awaiting[f"errors.awaiting-retry.{_NAMES.get(reason, reason)}"] += events
    metrics = [
        _metric("successes", successes),
        _metric("errors.discarded", discarded),
        _metric("errors.awaiting-retry", awaiting),
        _metric("expired", expired),
    ]
    if buckets := reports.latencies(asked.window, asked.destination):
        metrics += [
            {"metricName": f"latency.p{share}", "total": round(percentile(buckets, share / 100), 3)}
            for share in _PERCENTILES
        ]
    return {
        "deliveryMetricsSummary": {
            "sourceId": asked.source,
            "destinationMetadataId": asked.kind,
            "metrics": metrics,
        }
    }


def _metric(name: str, breakdown: Counter[str]) -> dict[str, Any]:
    return {
        "metricName": name,
        "total": breakdown.total(),
        "breakdown": [{"metricName": each, "value": value} for each, value in breakdown.most_common()],
    }


OPERATIONS: Final = (
    Operation(
        "list_delivery_metrics_summary_from_destination",
        "GET",
        "/destinations/{destinationId}/delivery-metrics",
        ("v1beta", "v1alpha"),
        "source read-only",
        handler,
        query=("sourceId*", "startTime", "endTime", "granularity"),
        runs=run,
    ),
)
