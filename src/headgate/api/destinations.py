"""Destinations, each of which belongs to one source (SPEC 12.3)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict

from headgate.api import catalog
from headgate.api.errors import invalid
from headgate.api.operation import STABLE, Operation
from headgate.api.pagination import page_of
from headgate.registry import destinations, kinds, settings, workspaces

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headgate.api.call import Call
    from headgate.registry import records
    from headgate.registry.snapshot import DestinationKind

_FILE: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")


class CreateDestination(BaseModel):
    """*settings* are the options in the catalog entry *metadataId*."""

    model_config = ConfigDict(strict=True)

    sourceId: str
    metadataId: str
    settings: dict[str, Any]
    enabled: bool = True
    name: str | None = None


class UpdateDestination(BaseModel):
    """
    Omitted fields keep their values; a *name* of null resets it to that of the kind. *settings* is replaced as a whole,
    except that secrets which are omitted, or sent as their mask, are kept (SPEC 5).
    """

    model_config = ConfigDict(strict=True)

    name: str | None = None
    enabled: bool | None = None
    settings: dict[str, Any] | None = None


def create(call: Call) -> dict[str, Any]:
    body: CreateDestination = call.body
    source = call.source(body.sourceId, "admin")
    kind = catalog.checked_destination(body.metadataId)
    made = destinations.create(
        call.change,
        source.id,
        kind=kind,
        settings=_placed(call, kind, body.settings),
        name=body.name,
        enabled=body.enabled,
    )
    return {"destination": shown(made)}


def listed(call: Call) -> dict[str, Any]:
    page = page_of(call.query.get("pagination"))
    among = call.readable_sources()
    found = destinations.listed(call.view, workspace=call.workspace, among=among, span=page.span)
    total = destinations.total(call.view, workspace=call.workspace, among=among)
    some, pagination = page.cut(found, lambda each: (each.id,), total)
    return {"destinations": [shown(each) for each in some], "pagination": pagination}


def get(call: Call) -> dict[str, Any]:
    return {"destination": shown(call.destination(call.path["destinationId"], "read"))}


def modify(call: Call) -> dict[str, Any]:
    body: UpdateDestination = call.body
    old = call.destination(call.path["destinationId"], "admin")
    name = body.name
    if name is None and "name" in body.model_fields_set:
        name = kinds.CATALOG_NAMES[old.kind]
    new = destinations.modify(
        call.change,
        old.id,
        name=name,
        enabled=body.enabled,
        settings=None if body.settings is None else _placed(call, old.kind, body.settings, old.settings),
    )
    return {"destination": shown(new)}


def remove(call: Call) -> dict[str, Any]:
    """Also removes its filters, its subscriptions and its function instance."""
    destinations.remove(call.change, call.destination(call.path["destinationId"], "admin").id)
    return {"status": "SUCCESS"}


def shown(destination: records.Destination) -> dict[str, Any]:
    """Secrets are masked."""
    return {
        "id": destination.id,
        "name": destination.name,
        "enabled": destination.enabled,
        "metadata": catalog.destination_metadata(destination.kind),
        "sourceId": destination.source,
        "settings": kinds.whole(destination.kind, destination.settings, settings.masked(destination.secrets)),
    }


def _placed(
    call: Call, kind: DestinationKind, given: Mapping[str, Any], before: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """
    *given*, with the file of a sink placed in the workspace's own folder: tenants share the server's disk, and must not
    reach files of each other or of the operator. The path it had *before* may stay. Raises ApiError 422.
    """
    path = given.get("path")
    if kind != "sink" or not isinstance(path, str) or path == (before or {}).get("path"):
        return dict(given)
    folder = f"{workspaces.get(call.view, call.workspace).slug}/"
    name = path.removeprefix(folder)
    if not _FILE.fullmatch(name):
        raise invalid(
            f"must be a plain file name: letters, digits, '.', '_' and '-'; it is placed in {folder}",
            "settings.path",
        )
    return {**given, "path": folder + name}


_ONE: Final = "/destinations/{destinationId}"

OPERATIONS = (
    Operation(
        "list_destinations", "GET", "/destinations", STABLE, "any token", listed, query=("pagination",)
    ),
    Operation(
        "create_destination", "POST", "/destinations", STABLE, "source admin", create, body=CreateDestination
    ),
    Operation("get_destination", "GET", _ONE, STABLE, "source read-only", get),
    Operation("update_destination", "PATCH", _ONE, STABLE, "source admin", modify, body=UpdateDestination),
    Operation("delete_destination", "DELETE", _ONE, STABLE, "source admin", remove),
)
