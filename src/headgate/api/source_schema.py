"""
The schema settings of a source: how to treat events outside its tracking plan (SPEC 12.3). They are stored for the
clients that manage them, and have no effect, since Headgate has no tracking plans.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict

from headgate.api.errors import ApiError, invalid
from headgate.api.operation import STABLE, Operation
from headgate.registry import sources

if TYPE_CHECKING:
    from headgate.api.call import Call
    from headgate.registry import records


class TrackSchema(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    allowUnplannedEvents: bool | None = None
    allowUnplannedEventProperties: bool | None = None
    allowEventOnViolations: bool | None = None
    allowPropertiesOnViolations: bool | None = None
    commonEventOnViolations: str | None = None


class TraitsSchema(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    allowUnplannedTraits: bool | None = None
    allowTraitsOnViolations: bool | None = None
    commonEventOnViolations: str | None = None


class UpdateSchema(BaseModel):
    """Omitted fields keep their values; null or "" removes one of the two sources."""

    model_config = ConfigDict(strict=True)

    track: TrackSchema | None = None
    identify: TraitsSchema | None = None
    group: TraitsSchema | None = None
    forwardingViolationsTo: str | None = None
    forwardingBlockedEventsTo: str | None = None


_TRAITS_ALLOWED: Final = {
    "allowUnplannedTraits": True,
    "allowTraitsOnViolations": True,
    "commonEventOnViolations": "ALLOW",
}

DEFAULT: Final[dict[str, dict[str, Any]]] = {
    "track": {
        "allowUnplannedEvents": True,
        "allowUnplannedEventProperties": True,
        "allowEventOnViolations": True,
        "allowPropertiesOnViolations": True,
        "commonEventOnViolations": "ALLOW",
    },
    "identify": _TRAITS_ALLOWED,
    "group": _TRAITS_ALLOWED,
}


def get(call: Call) -> dict[str, Any]:
    return _shown(call.source(call.path["sourceId"], "read"))


def modify(call: Call) -> dict[str, Any]:
    body: UpdateSchema = call.body
    source = call.source(call.path["sourceId"], "admin")
    new = dict(source.schema_settings)
    for name, value in body.model_dump(exclude_unset=True).items():
        if isinstance(value, dict):
            given = {key: each for key, each in value.items() if each is not None}
            new[name] = {**new.get(name, {}), **given}
        elif name not in DEFAULT:
            new.pop(name, None)
            if value:
                new[name] = _source_named(call, value, name)
    return _shown(sources.set_schema(call.change, source.id, new))


def _source_named(call: Call, source_id: str, field: str) -> str:
    try:
        return call.source(source_id, "read").id
    except ApiError:
        raise invalid("must be a source of this workspace", field) from None


def _shown(source: records.Source) -> dict[str, Any]:
    stored = source.schema_settings
    sections = {name: {**default, **stored.get(name, {})} for name, default in DEFAULT.items()}
    return {"sourceId": source.id, "settings": {**stored, **sections}}


_PATH: Final = "/sources/{sourceId}/settings"

OPERATIONS: Final = (
    Operation("list_schema_settings_in_source", "GET", _PATH, STABLE, "source read-only", get),
    Operation(
        "update_schema_settings_in_source",
        "PATCH",
        _PATH,
        STABLE,
        "source admin",
        modify,
        body=UpdateSchema,
    ),
)
