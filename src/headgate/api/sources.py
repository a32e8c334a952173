"""Sources, their labels and write keys (SPEC 12.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict

from headgate.api import catalog, destinations
from headgate.api.errors import invalid
from headgate.api.labels import Label  # noqa: TC001 - pydantic looks for it
from headgate.api.operation import ALPHA, STABLE, Operation
from headgate.api.pagination import page_of
from headgate.api.permissions import refused
from headgate.registry import destinations as destinations_of
from headgate.registry import labels, sources

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.api.call import Call
    from headgate.api.permissions import Level
    from headgate.registry import records


class CreateSource(BaseModel):
    """*name* is an extension of Headgate and defaults to the slug. *disconnectAllWarehouses* has no effect."""

    model_config = ConfigDict(strict=True)

    slug: str
    enabled: bool
    metadataId: str
    settings: dict[str, Any] | None = None
    disconnectAllWarehouses: bool | None = None
    name: str | None = None


class UpdateSource(BaseModel):
    """Omitted fields keep their values; *settings* is replaced as a whole."""

    model_config = ConfigDict(strict=True)

    name: str | None = None
    enabled: bool | None = None
    slug: str | None = None
    settings: dict[str, Any] | None = None


class Labels(BaseModel):
    """Each must be a label of the workspace."""

    model_config = ConfigDict(strict=True)

    labels: list[Label]


def create(call: Call) -> dict[str, Any]:
    body: CreateSource = call.body
    if not call.principal.may_source(None, (), "admin"):
        raise refused()
    source = sources.create(
        call.change,
        call.workspace,
        slug=body.slug,
        name=body.name,
        enabled=body.enabled,
        metadata={"id": catalog.checked_source(body.metadataId)},
        settings=body.settings,
    )
    return {"source": shown(call, source)}


def listed(call: Call) -> dict[str, Any]:
    page = page_of(call.query.get("pagination"))
    readable = call.readable_sources()
    found = sources.listed(call.view, call.workspace, among=readable, span=page.span)
    total = sources.total(call.view, call.workspace) if readable is None else len(readable)
    some, pagination = page.cut(found, lambda each: (each.id,), total)
    return {"sources": [shown(call, each) for each in some], "pagination": pagination}


def get(call: Call) -> dict[str, Any]:
    """Headgate has no tracking plans, but clients expect `trackingPlanId`."""
    return {"source": shown(call, _source(call, "read")), "trackingPlanId": None}


def modify(call: Call) -> dict[str, Any]:
    body: UpdateSource = call.body
    new = sources.modify(
        call.change,
        _source(call, "admin").id,
        slug=body.slug,
        name=body.name,
        enabled=body.enabled,
        settings=body.settings,
    )
    return {"source": shown(call, new)}


def remove(call: Call) -> dict[str, Any]:
    """Also removes its destinations, and everything that belongs to them."""
    sources.remove(call.change, _source(call, "admin").id)
    return {"status": "SUCCESS"}


def add_labels(call: Call) -> dict[str, Any]:
    source = _source(call, "admin")
    return _labelled(call, source, [*source.labels, *_known(call)])


def replace_labels(call: Call) -> dict[str, Any]:
    return _labelled(call, _source(call, "admin"), _known(call))


def add_key(call: Call) -> dict[str, Any]:
    return {"source": shown(call, sources.add_key(call.change, _source(call, "admin").id))}


def remove_key(call: Call) -> dict[str, Any]:
    sources.remove_key(call.change, _source(call, "admin").id, call.path["writeKey"])
    return {"status": "SUCCESS"}


def connected(call: Call) -> dict[str, Any]:
    source = _source(call, "read")
    page = page_of(call.query.get("pagination"))
    found = destinations_of.listed(call.view, source=source.id, span=page.span)
    total = destinations_of.total(call.view, source=source.id)
    some, pagination = page.cut(found, lambda each: (each.id,), total)
    return {"destinations": [destinations.shown(each) for each in some], "pagination": pagination}


def warehouses(call: Call) -> dict[str, Any]:
    """Headgate has no warehouses: the list is empty."""
    _source(call, "read")
    some, pagination = page_of(call.query.get("pagination")).of([], lambda _: ())
    return {"warehouses": some, "pagination": pagination}


def shown(call: Call, source: records.Source) -> dict[str, Any]:
    """Write keys are shown only to callers who may administer the source (SPEC 1.1)."""
    return {
        "id": source.id,
        "slug": source.slug,
        "name": source.name,
        "metadata": catalog.source_metadata(source.metadata.get("id", "")),
        "workspaceId": source.workspace,
        "enabled": source.enabled,
        "writeKeys": list(source.write_keys) if call.may_source(source, "admin") else [],
        "settings": source.settings,
        "labels": list(source.labels),
    }


def _source(call: Call, level: Level) -> records.Source:
    return call.source(call.path["sourceId"], level)


def _known(call: Call) -> list[dict[str, str]]:
    """The labels in the body, as the workspace has them. Raises ApiError 422 for one it lacks."""
    body: Labels = call.body
    found = []
    for number, each in enumerate(body.labels):
        label = labels.find(call.view, call.workspace, each.key, each.value)
        if label is None:
            raise invalid("is not a label of this workspace: create it first", f"labels[{number}]")
        found.append(label.as_json())
    return found


def _labelled(call: Call, source: records.Source, wanted: Sequence[Any]) -> dict[str, Any]:
    return {"labels": list(sources.modify(call.change, source.id, labels=wanted).labels)}


_ONE: Final = "/sources/{sourceId}"

OPERATIONS = (
    Operation("list_sources", "GET", "/sources", STABLE, "any token", listed, query=("pagination",)),
    Operation(
        "create_source",
        "POST",
        "/sources",
        STABLE,
        "source admin of all",
        create,
        body=CreateSource,
        status=201,
    ),
    Operation("get_source", "GET", _ONE, STABLE, "source read-only", get),
    Operation("update_source", "PATCH", _ONE, STABLE, "source admin", modify, body=UpdateSource),
    Operation("delete_source", "DELETE", _ONE, STABLE, "source admin", remove),
    Operation(
        "list_connected_destinations_from_source",
        "GET",
        _ONE + "/connected-destinations",
        STABLE,
        "source read-only",
        connected,
        query=("pagination",),
    ),
    Operation(
        "list_connected_warehouses_from_source",
        "GET",
        _ONE + "/connected-warehouses",
        STABLE,
        "source read-only",
        warehouses,
        query=("pagination",),
    ),
    Operation(
        "add_labels_to_source",
        "POST",
        _ONE + "/labels",
        STABLE,
        "source admin",
        add_labels,
        body=Labels,
        rate="scarce",
    ),
    Operation(
        "replace_labels_in_source",
        "PUT",
        _ONE + "/labels",
        STABLE,
        "source admin",
        replace_labels,
        body=Labels,
        rate="scarce",
    ),
    Operation("create_write_key_for_source", "POST", _ONE + "/writekey", ALPHA, "source admin", add_key),
    Operation(
        "remove_write_key_from_source",
        "DELETE",
        _ONE + "/writekey/{writeKey}",
        ALPHA,
        "source admin",
        remove_key,
    ),
)
