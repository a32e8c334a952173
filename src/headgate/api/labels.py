"""The labels of a workspace (SPEC 12.3). Sources carry them, and permissions may be limited to them (SPEC 13.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from headgate.api.operation import STABLE, Operation
from headgate.registry import labels, sources

if TYPE_CHECKING:
    from headgate.api.call import Call


class Label(BaseModel):
    model_config = ConfigDict(strict=True)

    key: str
    value: str
    description: str | None = None


class CreateLabel(BaseModel):
    model_config = ConfigDict(strict=True)

    label: Label


def listed(call: Call) -> dict[str, Any]:
    return {"labels": [each.as_json() for each in labels.listed(call.view, call.workspace)]}


def create(call: Call) -> dict[str, Any]:
    body: CreateLabel = call.body
    call.owner()
    made = labels.create(
        call.change,
        call.workspace,
        key=body.label.key,
        value=body.label.value,
        description=body.label.description or "",
    )
    return {"label": made.as_json()}


def remove(call: Call) -> dict[str, Any]:
    """Also removes it from all sources."""
    call.owner()
    sources.remove_label(call.change, call.workspace, call.path["key"], call.path["value"])
    return {"status": "SUCCESS"}


OPERATIONS = (
    Operation("list_labels", "GET", "/labels", STABLE, "any token", listed),
    Operation(
        "create_label",
        "POST",
        "/labels",
        STABLE,
        "owner",
        create,
        body=CreateLabel,
        status=201,
        rate="scarce",
    ),
    Operation("delete_label", "DELETE", "/labels/{key}/{value}", STABLE, "owner", remove, rate="scarce"),
)
