"""Groups of users (SPEC 12.3). Counts of members leave out people who are only invited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from headgate.api import access
from headgate.api.errors import not_found
from headgate.api.operation import STABLE, Operation
from headgate.api.pagination import page_of
from headgate.api.users import wanted
from headgate.registry import grants, groups, limits, users
from headgate.registry.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.api.call import Call
    from headgate.api.pagination import Cut
    from headgate.registry.records import Group, User
    from headgate.registry.store import View


class Named(BaseModel):
    model_config = ConfigDict(strict=True)

    name: str


class Emails(BaseModel):
    model_config = ConfigDict(strict=True)

    emails: list[str] = Field(max_length=limits.USERS_PER_WORKSPACE)


def listed(call: Call) -> dict[str, Any]:
    call.owner()
    page = page_of(call.query.get("pagination"))
    found = groups.listed(call.view, call.workspace, page.span)
    some, pagination = page.cut(found, lambda each: (each.id,))
    return {"userGroups": shown(call.view, some), "pagination": pagination}


def create(call: Call) -> dict[str, Any]:
    call.owner()
    return _one(call, groups.create(call.change, call.workspace, name=call.body.name))


def get(call: Call) -> dict[str, Any]:
    return _one(call, _group(call))


def modify(call: Call) -> dict[str, Any]:
    return _one(call, groups.rename(call.change, _group(call).id, call.body.name))


def remove(call: Call) -> dict[str, Any]:
    groups.remove(call.change, _group(call).id)
    return {"status": "SUCCESS"}


def members(call: Call) -> dict[str, Any]:
    some, pagination = _people(call, invited=False)
    shown = [{"id": user.id, "name": user.name, "email": user.email} for user in some]
    return {"users": shown, "pagination": pagination}


def invites(call: Call) -> dict[str, Any]:
    some, pagination = _people(call, invited=True)
    return {"emails": [user.email for user in some], "pagination": pagination}


def _people(call: Call, *, invited: bool) -> Cut[User]:
    group = _group(call)
    page = page_of(call.query.get("pagination"))
    found = users.listed(call.view, call.workspace, invited=invited, group=group.id, span=page.span)
    return page.cut(found, lambda each: (each.id,))


def add_members(call: Call) -> dict[str, Any]:
    return _one(call, groups.add_members(call.change, _group(call).id, call.body.emails))


def replace_members(call: Call) -> dict[str, Any]:
    return _one(call, groups.replace_members(call.change, _group(call).id, call.body.emails))


def remove_members(call: Call) -> dict[str, Any]:
    group = _group(call)
    groups.remove_members(call.change, group.id, wanted(call, "emails"))
    return {"status": "SUCCESS"}


def add_permissions(call: Call) -> dict[str, Any]:
    return access.add(call, "group", groups.resource(_group(call)))


def replace_permissions(call: Call) -> dict[str, Any]:
    return access.replace(call, "group", groups.resource(_group(call)))


def shown(view: View, some: Sequence[Group]) -> list[dict[str, Any]]:
    of = grants.of(view, [group.id for group in some])
    return [
        {
            "id": group.id,
            "name": group.name,
            "memberCount": group.member_count,
            "permissions": access.shown(of.get(group.id, [])),
        }
        for group in some
    ]


def _one(call: Call, group: Group) -> dict[str, Any]:
    return {"userGroup": shown(call.view, [group])[0]}


def _group(call: Call) -> Group:
    """The group in the path. Requires an owner."""
    call.owner()
    try:
        return groups.get(call.view, call.path["userGroupId"], workspace=call.workspace)
    except NotFound:
        raise not_found("user group") from None


_ALL: Final = "/groups"
_ONE: Final = "/groups/{userGroupId}"
_USERS: Final = _ONE + "/users"
_SINGULAR: Final = "/group/{userGroupId}/users"
_PERMISSIONS: Final = _ONE + "/permissions"
_PAGED: Final = ("pagination",)


def _write(name: str, method: str, path: str, handler: Any, **facts: Any) -> Operation:
    return Operation(name, method, path, STABLE, "owner", handler, rate="scarce", **facts)


OPERATIONS = (
    Operation("list_user_groups", "GET", _ALL, STABLE, "owner", listed, query=_PAGED),
    _write("create_user_group", "POST", _ALL, create, body=Named),
    Operation("get_user_group", "GET", _ONE, STABLE, "owner", get),
    _write("update_user_group", "PATCH", _ONE, modify, body=Named),
    _write("delete_user_group", "DELETE", _ONE, remove),
    Operation("list_users_from_user_group", "GET", _USERS, STABLE, "owner", members, query=_PAGED),
    _write("add_users_to_user_group", "POST", _USERS, add_members, body=Emails),
    _write("replace_users_in_user_group", "PUT", _SINGULAR, replace_members, body=Emails),
    _write("remove_users_from_user_group", "DELETE", _SINGULAR, remove_members, query=("emails*",)),
    _write("add_permissions_to_user_group", "POST", _PERMISSIONS, add_permissions, body=access.Permissions),
    _write(
        "replace_permissions_for_user_group",
        "PUT",
        _PERMISSIONS,
        replace_permissions,
        body=access.Permissions,
    ),
    Operation(
        "list_invites_from_user_group", "GET", _ONE + "/invites", STABLE, "owner", invites, query=_PAGED
    ),
)
