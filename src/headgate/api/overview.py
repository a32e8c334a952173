"""
The delivery overview (SPEC 11.3, 12.3): the outcomes of events at each step.

The metrics of failed deliveries include `retryCount`: the events now waiting for a retry, in the period of their first
attempt. Once such an event is delivered, discarded or filtered, it is no longer counted there.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from headgate.api.errors import ApiError, invalid, not_found
from headgate.api.operation import BETA, Operation
from headgate.api.pagination import page_of
from headgate.api.query import strings
from headgate.api.ranges import range_of
from headgate.api.series import groups, kinds_of, place, points
from headgate.queue.model import Step
from headgate.queue.protocol import QueueBroken
from headgate.queue.reports import Question

if TYPE_CHECKING:
    from collections.abc import Callable

    from headgate.api.call import Call
    from headgate.api.pagination import Page
    from headgate.api.services import Services
    from headgate.queue.reports import Column, Reports, Sums, Window

_log: Final = logging.getLogger(__name__)

COLUMNS: Final[dict[str, Column]] = {
    "eventName": "event_name",
    "eventType": "event_type",
    "discardReason": "reason",
    "appVersion": "app_version",
}

ABSENT: Final = ("subscriptionId", "activationId", "audienceId", "spaceId")
"""Dimensions of destinations that Headgate does not have: no event has a value."""


@dataclass(frozen=True, slots=True)
class Asked:
    """*nothing* is set if the filter requires a dimension in ABSENT: no event can match."""

    window: Window
    question: Question
    by: tuple[str, ...]
    page: Page
    pending: bool
    nothing: bool


def _handler(step: Step, *, egress: bool) -> Callable[[Call], Asked]:
    def handler(call: Call) -> Asked:
        source = call.source(_required(call, "sourceId"), "read")
        destination = None
        if egress:
            destination = call.destination(_required(call, "destinationConfigId"), "read")
            if destination.source != source.id:
                raise not_found("destination of this source")
        known = (*COLUMNS, *(ABSENT if egress else ()))
        among = _filter(call.query.get("filter"), known)
        question = Question(
            (step,),
            (source.id,),
            destination.id if destination else None,
            tuple((COLUMNS[name], values) for name, values in among.items() if name in COLUMNS),
        )
        by = tuple(name for name in names(call.query.get("groupBy"), "groupBy", known) if name in COLUMNS)
        return Asked(
            range_of(call.query, call.view.now).window,
            question,
            by,
            page_of(call.query.get("pagination"), *kinds_of(by)),
            step is Step.FAILED_DELIVERY,
            any(name in ABSENT for name in among),
        )

    return handler


async def run(asked: Asked, services: Services) -> dict[str, Any]:
    return await reported(_report, asked, services)


async def reported(make: Callable[..., dict[str, Any]], asked: Any, services: Services) -> dict[str, Any]:
    """The result of *make*, called with *asked* and the counters in a thread. Raises ApiError 503."""
    try:
        return await asyncio.to_thread(make, asked, services.reports)
    except QueueBroken as error:
        _log.warning("a report failed: %s", error)
        raise ApiError(503, "the counters cannot be read at the moment") from None


def names(value: Any, field: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """The names in a list, each once. Raises ApiError 422 for one that is not *known*."""
    found = tuple(dict.fromkeys(strings(value, field)))
    for name in found:
        if name not in known:
            raise invalid(f"must be of {', '.join(known)}", field)
    return found


def _report(asked: Asked, reports: Reports) -> dict[str, Any]:
    columns = tuple(COLUMNS[name] for name in asked.by)
    events: Sums = Counter()
    pending: Sums = Counter()
    if not asked.nothing:
        events = reports.events(asked.window, asked.question, columns)
        if asked.pending:
            pending = reports.pending(asked.window, asked.question, columns)
    found = groups(events, pending)
    some, pagination = asked.page.of(found, place)
    return {
        "total": sum(group.counts.total() for group in found),
        "dataset": [
            {name: value for name, value in zip(asked.by, group.key, strict=True) if value}
            | {"total": group.counts.total(), "series": points(group, retries=asked.pending)}
            | ({"totalRetryCount": group.retries.total()} if asked.pending else {})
            for group in some
        ],
        "pagination": pagination,
    }


def _required(call: Call, field: str) -> str:
    value = call.query.get(field)
    if not value:
        raise invalid("is required", field)
    if not isinstance(value, str):
        raise invalid("must be one id", field)
    return value


def _filter(value: Any, known: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    if value is None or value == "":
        return {}
    if not isinstance(value, dict):
        raise invalid("must be an object", "filter")
    names(list(value), "filter", known)
    # Not split at commas, which event names may contain: a single string is a single value.
    lists = {name: [each] if isinstance(each, str) else each for name, each in value.items()}
    return {name: tuple(strings(each, f"filter.{name}")) for name, each in lists.items() if each}


_QUERY: Final = ("sourceId*", "startTime*", "endTime*", "granularity*", "groupBy", "filter", "pagination")
_EGRESS_QUERY: Final = ("sourceId*", "destinationConfigId*", *_QUERY[1:])


def _operation(name: str, step: Step, *, egress: bool = False) -> Operation:
    return Operation(
        f"get_{name}_metrics_from_delivery_overview",
        "GET",
        f"/delivery-overview/{step}",
        BETA,
        "source read-only",
        _handler(step, egress=egress),
        query=_EGRESS_QUERY if egress else _QUERY,
        runs=run,
    )


OPERATIONS: Final = (
    _operation("ingress_success", Step.RECEIVED),
    _operation("ingress_failed", Step.FAILED_ON_INGEST),
    _operation("filtered_at_source", Step.FILTERED_AT_SOURCE),
    _operation("filtered_at_destination", Step.FILTERED_AT_DESTINATION, egress=True),
    _operation("egress_failed", Step.FAILED_DELIVERY, egress=True),
    _operation("egress_success", Step.DELIVERED, egress=True),
)
