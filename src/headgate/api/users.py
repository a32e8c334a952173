"""Users (SPEC 12.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headgate.api import access
from headgate.api.errors import invalid, not_found
from headgate.api.operation import STABLE, Operation
from headgate.api.pagination import page_of
from headgate.api.query import strings
from headgate.registry import grants, users
from headgate.registry.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.api.call import Call
    from headgate.registry.records import User
    from headgate.registry.store import View


def listed(call: Call) -> dict[str, Any]:
    call.owner()
    page = page_of(call.query.get("pagination"))
    found = users.listed(call.view, call.workspace, invited=False, span=page.span)
    some, pagination = page.cut(found, lambda each: (each.id,))
    return {"users": shown(call.view, some), "pagination": pagination}


def get(call: Call) -> dict[str, Any]:
    return {"user": shown(call.view, [_user(call)])[0]}


def remove(call: Call) -> dict[str, Any]:
    """Removes all of them, or none if one does not exist."""
    call.owner()
    for name in wanted(call, "userIds"):
        users.remove(call.change, _of(call, name).id)
    return {"status": "SUCCESS"}


def add_permissions(call: Call) -> dict[str, Any]:
    return access.add(call, "user", users.resource(_user(call)))


def replace_permissions(call: Call) -> dict[str, Any]:
    return access.replace(call, "user", users.resource(_user(call)))


def groups(call: Call) -> dict[str, Any]:
    user = _user(call)
    page = page_of(call.query.get("pagination"))
    found = users.groups_of(call.view, user.id, page.span)
    some, pagination = page.cut(found, lambda each: each[:1])
    return {"groups": [{"id": group, "name": name} for group, name in some], "pagination": pagination}


def shown(view: View, people: Sequence[User]) -> list[dict[str, Any]]:
    of = grants.of(view, [user.id for user in people])
    return [
        {
            "id": user.id,
            "name": user.name,
            "email": user.email,
            "permissions": access.shown(of.get(user.id, [])),
        }
        for user in people
    ]


def wanted(call: Call, field: str) -> list[str]:
    """The strings in the query's list *field*, each once. Raises ApiError 422 if there are none."""
    names = strings(call.query.get(field), field)
    if not names:
        raise invalid("is required", field)
    return list(dict.fromkeys(names))


def _user(call: Call) -> User:
    """The user in the path. Requires an owner."""
    call.owner()
    return _of(call, call.path["userId"])


def _of(call: Call, name: str) -> User:
    try:
        user = users.get(call.view, name, workspace=call.workspace)
    except NotFound:
        raise not_found("user") from None
    if user.is_invited:
        raise not_found("user")
    return user


_ONE = "/users/{userId}"

OPERATIONS = (
    Operation("list_users", "GET", "/users", STABLE, "owner", listed, query=("pagination",)),
    Operation("get_user", "GET", _ONE, STABLE, "owner", get),
    Operation(
        "delete_users", "DELETE", "/users", STABLE, "owner", remove, query=("userIds*",), rate="scarce"
    ),
    Operation(
        "add_permissions_to_user",
        "POST",
        _ONE + "/permissions",
        STABLE,
        "owner",
        add_permissions,
        body=access.Permissions,
        rate="scarce",
    ),
    Operation(
        "replace_permissions_for_user",
        "PUT",
        _ONE + "/permissions",
        STABLE,
        "owner",
        replace_permissions,
        body=access.Permissions,
        rate="scarce",
    ),
    Operation(
        "list_user_groups_from_user", "GET", _ONE + "/groups", STABLE, "owner", groups, query=("pagination",)
    ),
)
