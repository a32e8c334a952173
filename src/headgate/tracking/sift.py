"""Splits the JSON of a request into accepted events and counter rows for the rejected ones (SPEC 8.5)."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from headgate.queue.model import NO_LABELS, Step, Tally
from headgate.tracking import document, reasons
from headgate.tracking.intake import Arrival
from headgate.tracking.labels import labels_of
from headgate.tracking.normalise import complete, tidy
from headgate.tracking.routes import EVENT_TYPES
from headgate.tracking.trim import trim
from headgate.tracking.validate import fault_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headgate.tracking.limits import TrackingLimits
    from headgate.tracking.normalise import Envelope
    from headgate_runtime import Entropy

_SHORTEST_VALUE: Final = 2
"""Bytes of the shortest value with the comma after it."""

PORTION: Final = 256
"""Items of a batch processed before the event loop gets a turn: a few milliseconds' worth."""

SURPLUS_PORTION: Final = 16_384
"""The same for items that are only counted."""


class Sifted(NamedTuple):
    """
    The result for one request: *failed* has a row for each bad item
    and at most one for the request itself.
    """

    arrivals: list[Arrival]
    failed: list[Tally]


def type_of(item: object) -> str:
    """The event type that *item* claims; "" if it is missing or unknown."""
    claimed = item.get("type") if isinstance(item, dict) else None
    return claimed if isinstance(claimed, str) and claimed in EVENT_TYPES else ""


def failure(source: str, event_type: str, reason: str, item: object = None) -> Tally:
    """A counter row for one event or one request. *item* is the event, if there is one."""
    labels = labels_of(item, event_type) if isinstance(item, dict) else NO_LABELS
    return Tally(source, "", Step.FAILED_ON_INGEST, event_type, reason, labels=labels)


def sift_single(
    call: Mapping[str, Any], event_type: str, around: Envelope, limits: TrackingLimits, entropy: Entropy
) -> Sifted:
    """Processes a single call. *event_type* is that of the path and overrides the type in *call*."""
    found = _examine(call, event_type, around, limits, entropy)
    if isinstance(found, str):
        return Sifted([], [failure(around.project, event_type, found, call)])
    return Sifted([found], [])


async def sift_batch(
    batch: Mapping[str, Any], around: Envelope, limits: TrackingLimits, entropy: Entropy, body_bytes: int
) -> Sifted:
    """
    Processes a batch, and yields to the event loop after every portion of items. *body_bytes* is the size of
    the text that *batch* was parsed from, which bounds the size of each item.
    """
    items = items_of(batch)
    if items is None:
        return Sifted([], [failure(around.project, "", reasons.BAD_REQUEST)])
    if not items:
        return Sifted([], [failure(around.project, "", reasons.EMPTY_BATCH)])
    arrivals: list[Arrival] = []
    failed: list[Tally] = []
    project = around.project
    large = body_bytes > limits.event_bytes
    taken = _number_taken(around, limits)
    for number, item in enumerate(items[:taken], 1):
        event_type = type_of(item)
        found = _examine(item, event_type, around, limits, entropy) if event_type else reasons.BAD_REQUEST
        if large and not isinstance(found, str) and not _fits(item, found.body, limits.event_bytes):
            found = reasons.BAD_REQUEST
        if isinstance(found, str):
            failed.append(failure(project, event_type, found, item))
        else:
            arrivals.append(found)
        if number % PORTION == 0:
            await asyncio.sleep(0)
    for start in range(taken, len(items), SURPLUS_PORTION):
        for event_type, count in Counter(map(type_of, items[start : start + SURPLUS_PORTION])).items():
            failed += [failure(project, event_type, reasons.BAD_REQUEST)] * count
        await asyncio.sleep(0)
    if failed:
        of_request = reasons.MULTI_USER_ERROR if arrivals else reasons.EMPTY_BATCH_RESULT
        failed.append(failure(project, "", of_request))
    return Sifted(arrivals, failed)


def _number_taken(around: Envelope, limits: TrackingLimits) -> int:
    """How many items of a batch are accepted at most, given `batch_events` and `batch_shared_bytes`."""
    if not (around.context or around.integrations):
        return limits.batch_events
    try:
        shared = len(document.encode(around.context)) + len(document.encode(around.integrations))
    except document.TooDeep:
        return 0
    return min(limits.batch_events, limits.batch_shared_bytes // shared)


def _fits(item: Mapping[str, Any], body: bytes, size_max: int) -> bool:
    """
    Whether *item* is at most *size_max* bytes. Its *body* is never smaller, so few items must be encoded to
    find out.
    """
    if len(body) <= size_max:
        return True
    try:
        return len(document.encode(item)) <= size_max
    except document.TooDeep:
        return False


def items_of(batch: Mapping[str, Any]) -> list[Any] | None:
    """The items of a batch; empty if there is no `batch`, None if it is not an array."""
    items = batch.get("batch")
    if items is None:
        return []
    return items if isinstance(items, list) else None


def _examine(
    item: Mapping[str, Any], event_type: str, around: Envelope, limits: TrackingLimits, entropy: Entropy
) -> Arrival | str:
    """The event made from *item*, or the reason code of its rejection."""
    event = tidy(item)
    fault = fault_of(event, event_type, limits.message_id_chars)
    if fault is not None:
        return fault
    complete(event, event_type, around, entropy)
    try:
        body = document.encode(event)
    except document.TooDeep:
        return reasons.BAD_REQUEST
    if len(body) > limits.properties * _SHORTEST_VALUE and trim(event, limits.properties):
        body = document.encode(event)
    return Arrival(event["messageId"], event_type, event, body)
