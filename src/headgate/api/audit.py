"""
The audit trail (SPEC 13.2): a list as official clients read it, and all of it as a spreadsheet.

Pages begin at an event, not at a count of events: what happens while somebody reads on moves nothing.
"""

from __future__ import annotations

import base64
import binascii
import csv
import io
import re
from typing import TYPE_CHECKING, Any, Final

from headgate.api.download import Download
from headgate.api.errors import invalid
from headgate.api.operation import STABLE, Operation
from headgate.api.pagination import cursor_of, page_of
from headgate.api.times import iso, parsed
from headgate.registry import audit
from headgate.registry.audit import Wanted
from headgate.registry.records import Place

if TYPE_CHECKING:
    from headgate.api.call import Call
    from headgate.registry.records import AuditEvent
    from headgate.registry.store import View

ROWS: Final = 1_000
"""Of one part of a spreadsheet."""

COLUMNS: Final = (
    "timestamp",
    "type",
    "actorType",
    "actor",
    "actorEmail",
    "resourceType",
    "resourceId",
    "resourceName",
    "before",
    "after",
    "id",
)

_FORMULA: Final = re.compile(r"[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""What a spreadsheet may take a cell that begins with it for; the last four are the first ones in full width."""

_PLACE: Final = re.compile(r"(\d{1,18})\.(\d{1,18})\.(\d{1,9})")


def listed(call: Call) -> dict[str, Any]:
    call.owner()
    wanted = _wanted(call)
    size, begin = _page(call.query.get("pagination"))
    found = audit.listed(call.view, call.workspace, wanted=wanted, begin=begin, count=size + 1)
    pagination = {"current": cursor_of(0) if begin is None else _cursor(begin)}
    if len(found) > size:
        pagination["next"] = _cursor(found[size].place)
    if begin is not None:
        previous = audit.before(call.view, call.workspace, wanted, begin, size)
        pagination["previous"] = cursor_of(0) if previous is None else _cursor(previous)
    return {"events": [shown(each) for each in found[:size]], "pagination": pagination}


def exported(call: Call) -> Download:
    call.owner()
    wanted = _wanted(call)
    workspace = call.workspace

    def part(view: View, place: Place | None) -> tuple[bytes, Place | None]:
        found = audit.listed(view, workspace, wanted=wanted, begin=place, count=ROWS + 1)
        text = io.StringIO()
        rows = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
        if place is None:
            rows.writerow(COLUMNS)
        for event in found[:ROWS]:
            values = shown(event)
            rows.writerow([_cell(values.get(name)) for name in COLUMNS])
        more = found[ROWS].place if len(found) > ROWS else None
        return text.getvalue().encode(), more

    return Download("audit-events.csv", part)


def shown(event: AuditEvent) -> dict[str, Any]:
    """*actorType*, *before* and *after* are Headgate's own."""
    return {
        "id": event.id,
        "timestamp": iso(event.at),
        "type": event.type,
        "actor": event.actor.id,
        "actorType": event.actor.type,
        **({} if event.actor_email is None else {"actorEmail": event.actor_email}),
        "resourceId": event.resource_id,
        "resourceType": event.resource_type,
        "resourceName": event.resource_name,
        "before": event.before,
        "after": event.after,
    }


def _wanted(call: Call) -> Wanted:
    def text(name: str) -> str | None:
        value = call.query.get(name)
        if value in (None, ""):
            return None
        if not isinstance(value, str):
            raise invalid("must be one text", name)
        return value

    def time(name: str) -> int | None:
        value = text(name)
        return None if value is None else parsed(value, name)

    return Wanted(
        since=time("startTime"),
        until=time("endTime"),
        resource_id=text("resourceId"),
        resource_type=text("resourceType"),
        actor=text("actor"),
        action=text("type"),
    )


def _page(value: Any) -> tuple[int, Place | None]:
    """How many events, and which is the first; None: the newest there is. Raises ApiError 422."""
    if not isinstance(value, dict):
        return page_of(value).size, None
    cursor = value.get("cursor")
    size = page_of({name: each for name, each in value.items() if name != "cursor"}).size
    if not cursor or cursor == cursor_of(0):
        return size, None
    try:
        found = _PLACE.fullmatch(base64.b64decode(cursor, validate=True).decode("ascii"))
    except (TypeError, ValueError, binascii.Error):
        found = None
    if found is None:
        raise invalid("is not a cursor of this API", "pagination.cursor")
    return size, Place(*(int(part) for part in found.groups()))


def _cursor(place: Place) -> str:
    return base64.b64encode(".".join(map(str, place)).encode()).decode()


def _cell(value: str | None) -> str:
    """A text that no spreadsheet takes for a formula: names are whatever somebody chose."""
    text = value or ""
    return f"'{text}" if _FORMULA.match(text) else text


_FILTERS: Final = ("startTime", "endTime", "resourceId", "resourceType", "actor", "type")

OPERATIONS = (
    Operation(
        "list_audit_events",
        "GET",
        "/audit-events",
        STABLE,
        "owner",
        listed,
        query=(*_FILTERS, "pagination"),
    ),
    Operation(
        "export_audit_events",
        "GET",
        "/audit-events.csv",
        STABLE,
        "owner",
        exported,
        query=_FILTERS,
        download="text/csv",
    ),
)
