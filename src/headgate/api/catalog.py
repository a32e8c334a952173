"""The catalog of sources and destinations (SPEC 12.3), which is part of the program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from headgate.api.errors import invalid, not_found
from headgate.api.operation import STABLE, Operation
from headgate.api.pagination import page_of
from headgate.registry import kinds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headgate.api.call import Call
    from headgate.registry.snapshot import DestinationKind


class _Source(NamedTuple):
    """A kind of source. It makes no difference to events; it only tells users what a source is."""

    id: str
    name: str
    description: str
    category: str


_SOURCES: Final = (
    _Source("http-api", "HTTP API", "Events sent as JSON by any program that speaks HTTP.", "Server"),
    _Source("javascript", "Javascript", "Events of a website, by the browser SDK.", "Website"),
    _Source("node-js", "Node.js", "Events of a server, by the SDK for Node.js.", "Server"),
    _Source("python", "Python", "Events of a server, by the SDK for Python.", "Server"),
)

SOURCE_DEFAULT: Final = _SOURCES[0].id
"""The kind of sources that were not created through the API."""

LOGOS: Final = {"default": ""}


class _Option(NamedTuple):
    """A destination's setting; its default, and whether it is required, are in the model of the kind."""

    type: str
    label: str
    description: str


OPTIONS: Final[dict[DestinationKind, dict[str, _Option]]] = {
    "webhook": {
        "url": _Option("string", "URL", "Where events are sent."),
        "method": _Option("string", "Method", "POST, PUT or PATCH."),
        "headers": _Option("map", "Headers", "Sent in addition to Headgate's own. The values are secrets."),
        "batch_max_count": _Option(
            "number", "Events per request", "The most. 1 means no batches: the body is the event itself."
        ),
        "batch_wait_ms": _Option(
            "number", "Wait for a batch", "How long a batch waits to fill up, in milliseconds."
        ),
        "rate_per_s": _Option("number", "Requests per second", "The most. Without it there is no limit."),
        "concurrency": _Option("number", "Concurrent requests", "The most."),
        "signing_secret": _Option("string", "Signing secret", "Used to sign requests. A secret."),
        "timeout_ms": _Option(
            "number", "Timeout", "From connecting to the end of the response, in milliseconds."
        ),
    },
    "sink": {
        "path": _Option(
            "string",
            "File",
            "A plain file name. Events are appended as JSON Lines, in the workspace's own folder on the server.",
        ),
    },
}

_DESCRIPTIONS: Final[dict[DestinationKind, str]] = {
    "webhook": "Sends events to a URL, one by one or in batches.",
    "sink": "Appends events to a file on the server, for trying things out.",
}


def source_metadata(entry: str) -> dict[str, Any]:
    """The catalog entry with the id *entry*, or else the default one."""
    return SOURCES.get(entry) or SOURCES[SOURCE_DEFAULT]


def checked_source(metadata_id: str) -> str:
    """Raises ApiError 422."""
    if metadata_id not in SOURCES:
        raise invalid(f"is not in the catalog: {', '.join(SOURCES)}", "metadataId")
    return metadata_id


def destination_metadata(kind: DestinationKind) -> dict[str, Any]:
    """The catalog entry of a kind, whose id is the kind's own name."""
    return DESTINATIONS[kind]


def checked_destination(metadata_id: str) -> DestinationKind:
    """Raises ApiError 422."""
    for kind in kinds.MODELS:
        if kind == metadata_id:
            return kind
    raise invalid(f"is not in the catalog: {', '.join(kinds.MODELS)}", "metadataId")


def _source_shown(entry: _Source) -> dict[str, Any]:
    return {
        "id": entry.id,
        "name": entry.name,
        "slug": entry.id,
        "description": entry.description,
        "logos": LOGOS,
        "options": [],
        "categories": [entry.category],
        "isCloudEventSource": True,
        "status": "PUBLIC",
        "partnerOwned": False,
    }


def _destination_shown(kind: DestinationKind) -> dict[str, Any]:
    return {
        "id": kind,
        "name": kinds.CATALOG_NAMES[kind],
        "description": _DESCRIPTIONS[kind],
        "slug": kind,
        "logos": LOGOS,
        "options": [_option_shown(kind, name, option) for name, option in OPTIONS[kind].items()],
        "status": "PUBLIC",
        "previousNames": [],
        "categories": ["Raw Data"],
        "website": "",
        "components": [],
        "supportedFeatures": {
            "cloudModeInstances": "multiple",
            "deviceModeInstances": "0",
            "replay": False,
            "browserUnbundling": False,
            "browserUnbundlingPublic": False,
        },
        "supportedMethods": dict.fromkeys(("pageview", "identify", "alias", "track", "group"), True),
        "supportedPlatforms": {
            "browser": False,
            "server": True,
            "mobile": False,
            "warehouse": False,
            "cloudAppObject": False,
            "linkedAudiences": False,
        },
        "actions": [],
        "presets": [],
        "partnerOwned": False,
    }


def _option_shown(kind: DestinationKind, name: str, option: _Option) -> dict[str, Any]:
    field = kinds.MODELS[kind].model_fields[name]
    return {
        "name": name,
        "type": option.type,
        "required": field.is_required(),
        "description": option.description,
        "label": option.label,
        **({} if field.is_required() else {"defaultValue": field.get_default()}),
    }


SOURCES: Final = {entry.id: _source_shown(entry) for entry in _SOURCES}
DESTINATIONS: Final = {kind: _destination_shown(kind) for kind in kinds.MODELS}


def sources(call: Call) -> dict[str, Any]:
    return _paged(call, "sourcesCatalog", list(SOURCES.values()))


def source(call: Call) -> dict[str, Any]:
    return _single(SOURCES, call.path["sourceMetadataId"], "sourceMetadata")


def destinations(call: Call) -> dict[str, Any]:
    return _paged(call, "destinationsCatalog", list(DESTINATIONS.values()))


def destination(call: Call) -> dict[str, Any]:
    return _single(DESTINATIONS, call.path["destinationMetadataId"], "destinationMetadata")


def warehouses(call: Call) -> dict[str, Any]:
    """Headgate has no warehouses: the list is empty."""
    return _paged(call, "warehousesCatalog", [])


def warehouse(call: Call) -> dict[str, Any]:
    return _single({}, call.path["warehouseMetadataId"], "warehouseMetadata")


def _paged(call: Call, name: str, entries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    some, pagination = page_of(call.query.get("pagination"), int).of(
        entries, lambda each: (entries.index(each),)
    )
    return {name: some, "pagination": pagination}


def _single(entries: Mapping[Any, dict[str, Any]], wanted: str, name: str) -> dict[str, Any]:
    if wanted not in entries:
        raise not_found("entry in the catalog")
    return {name: entries[wanted]}


OPERATIONS = (
    Operation(
        "get_sources_catalog",
        "GET",
        "/catalog/sources",
        STABLE,
        "any token",
        sources,
        query=("pagination",),
    ),
    Operation(
        "get_source_metadata", "GET", "/catalog/sources/{sourceMetadataId}", STABLE, "any token", source
    ),
    Operation(
        "get_destinations_catalog",
        "GET",
        "/catalog/destinations",
        STABLE,
        "any token",
        destinations,
        query=("pagination",),
    ),
    Operation(
        "get_destination_metadata",
        "GET",
        "/catalog/destinations/{destinationMetadataId}",
        STABLE,
        "any token",
        destination,
    ),
    Operation(
        "get_warehouses_catalog",
        "GET",
        "/catalog/warehouses",
        STABLE,
        "any token",
        warehouses,
        query=("pagination",),
    ),
    Operation(
        "get_warehouse_metadata",
        "GET",
        "/catalog/warehouses/{warehouseMetadataId}",
        STABLE,
        "any token",
        warehouse,
    ),
)
