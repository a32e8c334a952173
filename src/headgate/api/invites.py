"""
Invites (SPEC 12.3). No mail is sent. An invited person becomes a user with the first token that an owner creates for
them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from pydantic import BaseModel, ConfigDict

from headgate.api import access
from headgate.api.errors import invalid
from headgate.api.labels import Label  # noqa: TC001 - pydantic looks for it
from headgate.api.operation import STABLE, Operation
from headgate.api.pagination import page_of
from headgate.api.users import wanted
from headgate.registry import users
from headgate.registry.errors import NotFound
from headgate.registry.records import Grant, Resource

if TYPE_CHECKING:
    from headgate.api.call import Call
    from headgate.registry.records import Role

MOST: Final = 100
"""The most invites in one request."""


class ResourceInput(BaseModel):
    model_config = ConfigDict(strict=True)

    id: str
    type: access.Kind


class PermissionInput(BaseModel):
    """*labels* narrow all of *resources*; without resources, the permission is for the workspace."""

    model_config = ConfigDict(strict=True)

    roleId: str
    resources: list[ResourceInput] = []
    labels: list[Label] = []


class Invite(BaseModel):
    model_config = ConfigDict(strict=True)

    email: str
    permissions: list[PermissionInput] = []


class CreateInvites(BaseModel):
    model_config = ConfigDict(strict=True)

    invites: list[Invite]


def listed(call: Call) -> dict[str, Any]:
    call.owner()
    page = page_of(call.query.get("pagination"))
    found = users.listed(call.view, call.workspace, invited=True, span=page.span)
    some, pagination = page.cut(found, lambda each: (each.id,))
    return {"invites": [user.email for user in some], "pagination": pagination}


def create(call: Call) -> dict[str, Any]:
    call.owner()
    body: CreateInvites = call.body
    if not 1 <= len(body.invites) <= MOST:
        raise invalid(f"must have from 1 to {MOST} entries", "invites")
    made = []
    for number, each in enumerate(body.invites):
        field = f"invites[{number}]"
        given = [
            _granted(call, permission, f"{field}.permissions[{index}]")
            for index, permission in enumerate(each.permissions)
        ]
        made.append(users.invite(call.change, call.workspace, each.email, given, field=field))
    return {"emails": [user.email for user in made]}


def remove(call: Call) -> dict[str, Any]:
    call.owner()
    for number, email in enumerate(wanted(call, "emails")):
        user = users.find(call.view, call.workspace, email)
        if user is None or not user.is_invited:
            raise NotFound("invite for", email[:80], f"emails[{number}]")
        users.remove(call.change, user.id)
    return {"status": "SUCCESS"}


def _granted(call: Call, given: PermissionInput, field: str) -> Grant:
    labels = access.label_set(given.labels, f"{field}.labels")
    if not given.resources and not labels and given.roleId not in ("owner", "member"):
        # Leaving out the resources must not grant everything.
        raise invalid("is required for this role", f"{field}.resources")
    resources = [(each.type, each.id) for each in given.resources] or [("WORKSPACE", call.workspace)]
    return Grant(cast("Role", given.roleId), tuple(Resource(kind, name, labels) for kind, name in resources))


OPERATIONS = (
    Operation("list_invites", "GET", "/invites", STABLE, "owner", listed, query=("pagination",)),
    Operation(
        "create_invites",
        "POST",
        "/invites",
        STABLE,
        "owner",
        create,
        body=CreateInvites,
        status=201,
        rate="scarce",
    ),
    Operation(
        "delete_invites", "DELETE", "/invites", STABLE, "owner", remove, query=("emails*",), rate="scarce"
    ),
)
