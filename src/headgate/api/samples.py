"""Samples of failures (SPEC 11.2, 11.3), an extension: the hosted API has no operation for them."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from headgate.api.errors import invalid
from headgate.api.operation import ALPHA, Operation
from headgate.api.pagination import page_of
from headgate.api.times import iso
from headgate.queue.model import Step
from headgate.samples.reading import place

if TYPE_CHECKING:
    from headgate.api.call import Call
    from headgate.api.pagination import Page
    from headgate.api.services import Services
    from headgate.samples.reading import Kept

STEPS = (str(Step.FILTERED_AT_DESTINATION), str(Step.FAILED_DELIVERY))


class _Wanted(NamedTuple):
    destination: str
    reason: str | None
    step: str | None
    page: Page


def wanted(call: Call) -> _Wanted:
    destination = call.destination(call.path["destinationId"], "read")
    reason, step = call.query.get("discardReason"), call.query.get("step")
    if reason is not None and not isinstance(reason, str):
        raise invalid("must be a string", "discardReason")
    if step is not None and step not in STEPS:
        raise invalid(f"must be one of {', '.join(STEPS)}", "step")
    return _Wanted(
        destination.id, reason, step, page_of(call.query.get("pagination"), int, str, str, str, int)
    )


async def listed(asked: _Wanted, services: Services) -> dict[str, Any]:
    found = await asyncio.to_thread(
        services.samples.samples,
        asked.destination,
        int(services.clock.wall_ms()),
        reason=asked.reason,
        step=asked.step,
    )
    some, pagination = asked.page.of(found, place)
    return {"samples": [_shown(each) for each in some], "pagination": pagination}


def _shown(kept: Kept) -> dict[str, Any]:
    content = kept.content
    event: Any = content["event"]
    # It stays text if it was truncated, if redaction removed more than the content of a string, or if a function nested it
    # deeper than can be written again.
    with contextlib.suppress(orjson.JSONDecodeError, orjson.JSONEncodeError):
        parsed = orjson.loads(event)
        orjson.dumps(parsed)
        event = parsed
    return {
        "sourceId": kept.source,
        "destinationId": kept.destination,
        "step": kept.step,
        "discardReason": kept.reason,
        "time": iso(kept.at),
        "messageId": kept.message_id,
        "eventType": kept.event_type,
        "attempt": kept.attempt,
        **content,
        "event": event,
    }


OPERATIONS = (
    Operation(
        "list_delivery_samples",
        "GET",
        "/destinations/{destinationId}/samples",
        ALPHA,
        "source read-only",
        wanted,
        query=("discardReason", "step", "pagination"),
        runs=listed,
    ),
)
