"""Permissions as they come and go on the wire (SPEC 12.2, 13.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, cast

from pydantic import BaseModel, ConfigDict

from headgate.api.labels import Label  # noqa: TC001 - pydantic looks for it
from headgate.registry import grants, labels
from headgate.registry.records import Grant, Resource, Role

if TYPE_CHECKING:
    from collections.abc import Sequence

Kind = Literal["FUNCTION", "SOURCE", "SPACE", "WAREHOUSE", "WORKSPACE"]
"""There are no spaces and warehouses here: grants for them are refused."""

NAMES: Final[dict[Role, str]] = {
    "owner": "Workspace Owner",
    "member": "Workspace Member",
    "functions-admin": "Functions Admin",
    "functions-read-only": "Functions Read-only",
    "source-admin": "Source Admin",
    "source-read-only": "Source Read-only",
}
"""Of roles, by their id (SPEC 13.1)."""


class ResourceInput(BaseModel):
    model_config = ConfigDict(strict=True)

    id: str
    type: Kind
    labels: list[Label] = []


class PermissionInput(BaseModel):
    model_config = ConfigDict(strict=True)

    roleId: str
    resources: list[ResourceInput]


class Permissions(BaseModel):
    model_config = ConfigDict(strict=True)

    permissions: list[PermissionInput]


def granted(given: Sequence[PermissionInput], field: str = "permissions") -> list[Grant]:
    """Raises Invalid; what a role may be for is looked at when it is stored."""
    return [
        Grant(
            cast("Role", permission.roleId),
            tuple(
                Resource(
                    each.type, each.id, label_set(each.labels, f"{field}[{number}].resources[{index}].labels")
                )
                for index, each in enumerate(permission.resources)
            ),
        )
        for number, permission in enumerate(given)
    ]


def label_set(given: Sequence[Label], field: str) -> frozenset[str]:
    """Raises Invalid."""
    for number, label in enumerate(given):
        labels.check(label.key, label.value, f"{field}[{number}]")
    return frozenset(f"{label.key}:{label.value}" for label in given)


def shown(given: Sequence[Grant]) -> list[dict[str, Any]]:
    return [{"roleName": NAMES[grant.role], **grants.shown([grant])[0]} for grant in given]
