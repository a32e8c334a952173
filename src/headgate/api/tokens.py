"""Access tokens (SPEC 12.1), an extension: the hosted API has no operations for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel, ConfigDict

from headgate.api import access
from headgate.api.errors import invalid
from headgate.api.operation import STABLE, Operation
from headgate.api.pagination import page_of
from headgate.api.times import iso
from headgate.registry import grants, tokens, users
from headgate.registry.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.api.call import Call
    from headgate.registry.records import Role, Token
    from headgate.registry.store import View


class CreateToken(BaseModel):
    """
    Either the token of the user with *email*, which has the permissions of the user; or a token of the workspace, with the
    role *roleId* for all of it, with *permissions*, or with both.
    """

    model_config = ConfigDict(strict=True)

    name: str
    roleId: str | None = None
    permissions: list[access.PermissionInput] = []
    email: str | None = None


def listed(call: Call) -> dict[str, Any]:
    call.owner()
    page = page_of(call.query.get("pagination"))
    found = tokens.listed(call.view, call.workspace, span=page.span)
    some, pagination = page.cut(found, lambda each: (each.id,))
    return {"tokens": shown(call.view, some), "pagination": pagination}


def create(call: Call) -> dict[str, Any]:
    """The only response that contains the token itself. An invited person becomes a user."""
    call.owner()
    body: CreateToken = call.body
    user = None
    if body.email is not None:
        if body.roleId is not None or body.permissions:
            raise invalid(
                "names a user, whose token has the permissions of the user: leave out roleId and permissions",
                "email",
            )
        user = users.find(call.view, call.workspace, body.email)
        if user is None:
            raise NotFound("user", body.email[:80], "email")
        user = users.accept(call.change, user)
    elif body.roleId is None and not body.permissions:
        raise invalid("is required, or permissions, or the email of a user", "roleId")
    token, text = tokens.create(
        call.change,
        call.workspace,
        name=body.name,
        role=cast("Role", body.roleId or "member"),
        user=user,
        permissions=access.granted(body.permissions),
    )
    return {"token": shown(call.view, [token])[0], "value": text}


def remove(call: Call) -> dict[str, Any]:
    call.owner()
    tokens.revoke(call.change, call.path["tokenId"], workspace=call.workspace)
    return {"status": "SUCCESS"}


def shown(view: View, some: Sequence[Token]) -> list[dict[str, Any]]:
    of = grants.of(view, [token.id for token in some])
    return [
        {
            "id": token.id,
            "name": token.name,
            "roleId": token.role,
            "roleName": access.NAMES[token.role],
            "permissions": access.shown(of.get(token.id, [])),
            "userId": token.user,
            "createdAt": iso(token.created_at),
            "createdBy": token.created_by,
        }
        for token in some
    ]


OPERATIONS = (
    Operation("list_tokens", "GET", "/tokens", STABLE, "owner", listed, query=("pagination",)),
    Operation(
        "create_token",
        "POST",
        "/tokens",
        STABLE,
        "owner",
        create,
        body=CreateToken,
        status=201,
        rate="scarce",
    ),
    Operation("delete_token", "DELETE", "/tokens/{tokenId}", STABLE, "owner", remove, rate="scarce"),
)
