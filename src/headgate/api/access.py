"""Permissions in requests and responses (SPEC 12.2, 13.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, cast

from pydantic import BaseModel, ConfigDict

from headgate.api.labels import Label  # noqa: TC001 - pydantic looks for it
from headgate.registry import grants, labels
from headgate.registry.records import Grant, Resource, Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.api.call import Call
    from headgate.registry.grants import Holder

Kind = Literal["FUNCTION", "SOURCE", "SPACE", "WAREHOUSE", "WORKSPACE"]
"""Headgate has no spaces and no warehouses: grants for them are refused."""

NAMES: Final[dict[Role, str]] = {
    "owner": "Workspace Owner",
    "member": "Workspace Member",
    "functions-admin": "Functions Admin",
    "functions-read-only": "Functions Read-only",
    "source-admin": "Source Admin",
    "source-read-only": "Source Read-only",
}
"""The names of the roles, by id (SPEC 13.1)."""


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
    """*given* as grants. Raises Invalid; whether a role fits its resources is checked when they are stored."""
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


def add(call: Call, holder: Holder, resource: tuple[str, str, str]) -> dict[str, Any]:
    """Adds the permissions in the body to the *holder*; *resource* is its type, id and name."""
    body: Permissions = call.body
    new = grants.add(call.change, call.workspace, holder, resource, granted(body.permissions))
    return {"permissions": shown(new)}


def replace(call: Call, holder: Holder, resource: tuple[str, str, str]) -> dict[str, Any]:
    """As `add`, and removes all others."""
    body: Permissions = call.body
    new = grants.replace(call.change, call.workspace, holder, resource, granted(body.permissions))
    return {"permissions": shown(new)}


def label_set(given: Sequence[Label], field: str) -> frozenset[str]:
    """*given* as "key:value". Raises Invalid."""
    for number, label in enumerate(given):
        labels.check(label.key, label.value, f"{field}[{number}]")
    return frozenset(f"{label.key}:{label.value}" for label in given)


def shown(given: Sequence[Grant]) -> list[dict[str, Any]]:
    return [{"roleName": NAMES[grant.role], **grants.shown([grant])[0]} for grant in given]
