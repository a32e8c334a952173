"""The audit trail (SPEC 13.2): paged as official clients read it, and exported as CSV."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any, Final

from headgate.api.download import Download
from headgate.api.errors import invalid
from headgate.api.operation import STABLE, Operation
from headgate.api.pagination import page_of
from headgate.api.times import iso, parsed
from headgate.registry import audit
from headgate.registry.audit import Wanted
from headgate.registry.spans import Span

if TYPE_CHECKING:
    from headgate.api.call import Call
    from headgate.registry.records import AuditEvent, Place
    from headgate.registry.store import View

ROWS: Final = 1_000
"""How many rows of the export are read at a time."""

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
"""Characters at the beginning of a cell for which a spreadsheet may take it for a formula; the last four are full-width forms."""


def listed(call: Call) -> dict[str, Any]:
    call.owner()
    wanted = _wanted(call)
    page = page_of(call.query.get("pagination"), int, int, int)
    found = audit.listed(call.view, call.workspace, wanted=wanted, span=page.span)
    some, pagination = page.cut(found, lambda each: each.place)
    return {"events": [shown(each) for each in some], "pagination": pagination}


def exported(call: Call) -> Download:
    call.owner()
    wanted = _wanted(call)
    workspace = call.workspace

    def part(view: View, place: Place | None) -> tuple[bytes, Place | None]:
        found = audit.listed(view, workspace, wanted=wanted, span=Span(ROWS, place or ()))
        text = io.StringIO()
        rows = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
        if place is None:
            rows.writerow(COLUMNS)
        for event in found:
            values = shown(event)
            rows.writerow([_cell(values.get(name)) for name in COLUMNS])
        return text.getvalue().encode(), found[-1].place if len(found) == ROWS else None

    return Download("audit-events.csv", part)


def shown(event: AuditEvent) -> dict[str, Any]:
    """*actorType*, *before* and *after* are extensions of Headgate."""
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
            raise invalid("must be a single string", name)
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


def _cell(value: str | None) -> str:
    """*value*, quoted if a spreadsheet might take it for a formula: users choose names freely."""
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
