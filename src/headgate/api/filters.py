"""Destination filters and their preview (SPEC 9.1, 12.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from headgate.api.errors import invalid
from headgate.api.operation import STABLE, Operation
from headgate.api.pagination import page_of
from headgate.api.preview import PAYLOAD_DEPTH
from headgate.api.times import iso
from headgate.filters import FilterChain, Rule
from headgate.filters.actions import kind_of
from headgate.registry import canonical, filters

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from headgate.api.call import Call
    from headgate.registry import records


class Action(BaseModel):
    """*type* is DROP, SAMPLE, DROP_PROPERTIES, ALLOW_PROPERTIES, or the older name of one (SPEC 9.1)."""

    model_config = ConfigDict(strict=True)

    type: str
    fields: dict[str, Any] | None = None
    percent: float | None = None
    path: str | None = None


class CreateFilter(BaseModel):
    """*sourceId* must be the source of the destination."""

    model_config = ConfigDict(strict=True)

    sourceId: str
    query: str = Field(alias="if")
    actions: list[Action]
    title: str
    enabled: bool
    description: str | None = None


class UpdateFilter(BaseModel):
    """Omitted fields keep their values; a *description* of null removes it."""

    model_config = ConfigDict(strict=True)

    query: str | None = Field(alias="if", default=None)
    actions: list[Action] | None = None
    title: str | None = None
    enabled: bool | None = None
    description: str | None = None


class Tried(BaseModel):
    model_config = ConfigDict(strict=True)

    query: str = Field(alias="if")
    actions: list[Action]


class Preview(BaseModel):
    """Asks what *filter* would do to the event *payload*."""

    model_config = ConfigDict(strict=True)

    filter: Tried
    payload: dict[str, Any]


def create(call: Call) -> dict[str, Any]:
    body: CreateFilter = call.body
    destination = call.destination(call.path["destinationId"], "admin")
    if call.source(body.sourceId, "read").id != destination.source:
        raise invalid("must be the source of the destination", "sourceId")
    made = filters.create(
        call.change,
        destination.id,
        query=body.query,
        actions=_wire(body.actions),
        title=body.title,
        description=body.description or "",
        enabled=body.enabled,
    )
    return {"filter": shown(made, destination)}


def listed(call: Call) -> dict[str, Any]:
    destination = call.destination(call.path["destinationId"], "read")
    page = page_of(call.query.get("pagination"), int)
    found = filters.listed(call.view, destination.id, page.span)
    total = filters.total(call.view, destination.id)
    some, pagination = page.cut(found, lambda each: (each.position,), total)
    return {"filters": [shown(each, destination) for each in some], "pagination": pagination}


def get(call: Call) -> dict[str, Any]:
    destination = call.destination(call.path["destinationId"], "read")
    return {"filter": shown(_filter(call, destination), destination)}


def modify(call: Call) -> dict[str, Any]:
    body: UpdateFilter = call.body
    destination = call.destination(call.path["destinationId"], "admin")
    description = body.description
    if description is None and "description" in body.model_fields_set:
        description = ""
    new = filters.modify(
        call.change,
        _filter(call, destination).id,
        query=body.query,
        actions=None if body.actions is None else _wire(body.actions),
        title=body.title,
        description=description,
        enabled=body.enabled,
    )
    return {"filter": shown(new, destination)}


def remove(call: Call) -> dict[str, Any]:
    destination = call.destination(call.path["destinationId"], "admin")
    filters.remove(call.change, _filter(call, destination).id)
    return {"status": "SUCCESS"}


def preview(call: Call) -> dict[str, Any]:
    body: Preview = call.body
    canonical.check_depth(body.payload, "payload", PAYLOAD_DEPTH)
    actions = _wire(body.filter.actions)
    filters.check_rule(body.filter.query, actions)
    result = FilterChain([Rule(body.filter.query, actions)]).apply(body.payload)
    return {"inputPayload": body.payload, "result": result}


def shown(each: records.Filter, destination: records.Destination) -> dict[str, Any]:
    return {
        "id": each.id,
        "sourceId": destination.source,
        "destinationId": destination.id,
        "if": each.query,
        "actions": [_action_shown(action) for action in each.actions],
        "title": each.title,
        "description": each.description,
        "enabled": each.enabled,
        "createdAt": iso(each.created_at),
        "updatedAt": iso(each.updated_at),
    }


def _action_shown(action: Mapping[str, Any]) -> dict[str, Any]:
    """The action with the current name of its type; a manifest may have used an older one."""
    return {**action, "type": kind_of(action["type"])}


def _wire(actions: Iterable[Action]) -> list[dict[str, Any]]:
    return [
        {**action.model_dump(exclude_none=True), "type": kind_of(action.type) or action.type}
        for action in actions
    ]


def _filter(call: Call, destination: records.Destination) -> records.Filter:
    return filters.get(call.view, call.path["filterId"], destination=destination.id)


_ALL: Final = "/destination/{destinationId}/filters"
_ONE: Final = _ALL + "/{filterId}"

OPERATIONS = (
    Operation(
        "preview_destination_filter",
        "POST",
        "/destination/filters/preview",
        STABLE,
        "any token",
        preview,
        body=Preview,
        reads_only=True,
    ),
    Operation(
        "list_filters_from_destination",
        "GET",
        _ALL,
        STABLE,
        "source read-only",
        listed,
        query=("pagination",),
    ),
    Operation(
        "create_filter_for_destination", "POST", _ALL, STABLE, "source admin", create, body=CreateFilter
    ),
    Operation("get_filter_in_destination", "GET", _ONE, STABLE, "source read-only", get),
    Operation(
        "update_filter_for_destination", "PATCH", _ONE, STABLE, "source admin", modify, body=UpdateFilter
    ),
    Operation("remove_filter_from_destination", "DELETE", _ONE, STABLE, "source admin", remove),
)
