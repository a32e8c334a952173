"""The source debugger (SPEC 11.4), an extension: the hosted API has no operation for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from headgate.api.operation import ALPHA, Operation
from headgate.api.pagination import page_of
from headgate.api.times import iso
from headgate.pipeline.debugger import place

if TYPE_CHECKING:
    from headgate.api.call import Call
    from headgate.api.pagination import Page
    from headgate.api.services import Services
    from headgate.pipeline.debugger import Seen


class _Wanted(NamedTuple):
    source: str
    page: Page


def wanted(call: Call) -> _Wanted:
    source = call.source(call.path["sourceId"], "read")
    return _Wanted(source.id, page_of(call.query.get("pagination"), int, int, str))


async def listed(asked: _Wanted, services: Services) -> dict[str, Any]:
    """The newest first; `payload` can be passed to a preview."""
    found = await services.recent_events(asked.source)
    some, pagination = asked.page.of(found, place)
    return {"events": [_shown(each) for each in some], "pagination": pagination}


def _shown(seen: Seen) -> dict[str, Any]:
    return {
        "messageId": seen.message_id,
        "type": seen.event_type,
        "receivedAt": iso(seen.at),
        "payload": orjson.Fragment(seen.body),
    }


OPERATIONS = (
    Operation(
        "list_source_debugger_events",
        "GET",
        "/sources/{sourceId}/debugger/events",
        ALPHA,
        "source read-only",
        wanted,
        query=("pagination",),
        runs=listed,
    ),
)
