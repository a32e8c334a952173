"""The permissions of users, groups and tokens (SPEC 13.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from sqlalchemy import delete, insert, select, update

from headgate.registry import audit, canonical, checks, limits
from headgate.registry.errors import Invalid, NotFound
from headgate.registry.records import ROLES, Grant, Resource, Role
from headgate.registry.tables import functions, grants, sources

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from headgate.registry.store import Change, View

Holder = Literal["user", "group", "token"]

_TYPES: Final[dict[Role, tuple[str, ...]]] = {
    "owner": ("WORKSPACE",),
    "member": ("WORKSPACE",),
    "functions-admin": ("WORKSPACE", "FUNCTION"),
    "functions-read-only": ("WORKSPACE", "FUNCTION"),
    "source-admin": ("WORKSPACE", "SOURCE"),
    "source-read-only": ("WORKSPACE", "SOURCE"),
}
"""The types of resources that each role can be granted for."""


def of(view: View, holders: Collection[str]) -> dict[str, list[Grant]]:
    """Grants by the id of their holder; holders without grants are left out."""
    rows = view.connection.execute(
        select(grants.c.holder_id, grants.c.role, grants.c.resources)
        .where(grants.c.holder_id.in_(list(holders)))
        .order_by(grants.c.holder_id, grants.c.position)
    )
    found: dict[str, list[Grant]] = {}
    for row in rows:
        resources = tuple(_resource(each) for each in canonical.read(row.resources))
        found.setdefault(row.holder_id, []).append(Grant(row.role, resources))
    return found


def add(
    change: Change, workspace: str, holder: Holder, resource: tuple[str, str, str], more: Sequence[Grant]
) -> list[Grant]:
    """
    Adds *more* to the grants of *resource*, which is the holder's type, id and name, and returns all of its grants.
    Raises NotFound, Invalid.
    """
    check(change, workspace, more)
    there = of(change, [resource[1]]).get(resource[1], [])
    return _set(change, workspace, holder, resource, there, _merged([*there, *more]))


def replace(
    change: Change, workspace: str, holder: Holder, resource: tuple[str, str, str], wanted: Sequence[Grant]
) -> list[Grant]:
    """As `add`, and removes all others."""
    check(change, workspace, wanted)
    there = of(change, [resource[1]]).get(resource[1], [])
    return _set(change, workspace, holder, resource, there, _merged(wanted))


def _set(
    change: Change,
    workspace: str,
    holder: Holder,
    resource: tuple[str, str, str],
    old: list[Grant],
    new: list[Grant],
) -> list[Grant]:
    if new == old:
        return new
    _check_count(new, "permissions")
    write(change, workspace, holder, resource[1], new)
    before, after = shown(old), shown(new)
    if not _covers(old, new):
        audit.record(change, workspace, "Policy Created", resource, {"grants": before}, {"grants": after})
    if not _covers(new, old):
        audit.record(change, workspace, "Policy Deleted", resource, {"grants": before}, {"grants": after})
    return new


def write(change: Change, workspace: str, holder: Holder, holder_id: str, new: Sequence[Grant]) -> None:
    """Replaces grants without an audit event, as part of another change. *new* must have passed `check`."""
    remove(change, holder_id)
    for position, grant in enumerate(_merged(new)):
        change.connection.execute(
            insert(grants).values(
                id=change.new_id(),
                workspace_id=workspace,
                holder=holder,
                holder_id=holder_id,
                position=position,
                role=grant.role,
                resources=canonical.written([resource_shown(each) for each in grant.resources]),
            )
        )


def remove(change: Change, holder_id: str) -> None:
    """Removes all grants of a holder that is being deleted."""
    change.connection.execute(delete(grants).where(grants.c.holder_id == holder_id))


def forget(change: Change, workspace: str, resource: str) -> None:
    """Removes a function or source that is being deleted from all grants."""
    wanted = (grants.c.workspace_id == workspace) & grants.c.resources.contains(f'"{resource}"')
    for row in change.connection.execute(select(grants.c.id, grants.c.resources).where(wanted)).all():
        left = [each for each in canonical.read(row.resources) if each["id"] != resource]
        which = grants.c.id == row.id
        if left:
            change.connection.execute(update(grants).where(which).values(resources=canonical.written(left)))
        else:
            change.connection.execute(delete(grants).where(which))


def check(view: View, workspace: str, given: Sequence[Grant], field: str = "permissions") -> None:
    """Raises Invalid, and NotFound for a resource that is not in *workspace*."""
    _check_count(given, field)
    there: set[tuple[str, str]] = set()
    for table, kind in ((functions, "FUNCTION"), (sources, "SOURCE")):
        named = {each.id for grant in given for each in grant.resources if each.type == kind}
        query = select(table.c.id).where(table.c.workspace_id == workspace, table.c.id.in_(named))
        there.update((kind, each) for each in view.connection.scalars(query))
    for number, grant in enumerate(given):
        place = f"{field}[{number}]"
        checks.choice(grant.role, f"{place}.roleId", ROLES)
        if not grant.resources:
            raise Invalid("must not be empty", f"{place}.resources")
        for index, resource in enumerate(grant.resources):
            _check(workspace, there, grant.role, resource, f"{place}.resources[{index}]")


def _check_count(given: Sequence[Grant], field: str) -> None:
    if max(len(given), sum(len(grant.resources) for grant in given)) > limits.RESOURCES_PER_HOLDER:
        raise Invalid(f"are for more than {limits.RESOURCES_PER_HOLDER} resources", field)


def shown(given: Iterable[Grant]) -> list[dict[str, Any]]:
    return [
        {"roleId": grant.role, "resources": [resource_shown(each) for each in grant.resources]}
        for grant in given
    ]


def resource_shown(resource: Resource) -> dict[str, Any]:
    """The resource as the API shows it."""
    value: dict[str, Any] = {"id": resource.id, "type": resource.type}
    if resource.labels:
        parts = [label.partition(":") for label in sorted(resource.labels)]
        value["labels"] = [{"key": key, "value": text} for key, _, text in parts]
    return value


def _resource(value: dict[str, Any]) -> Resource:
    labels = frozenset(f"{each['key']}:{each['value']}" for each in value.get("labels", ()))
    return Resource(value["type"], value["id"], labels)


def _merged(given: Sequence[Grant]) -> list[Grant]:
    """*given* with each role and each resource once, in the order in which they first appear."""
    roles: dict[Role, dict[Resource, None]] = {}
    for grant in given:
        roles.setdefault(grant.role, {}).update(dict.fromkeys(grant.resources))
    return [Grant(role, tuple(resources)) for role, resources in roles.items()]


def _covers(one: Sequence[Grant], other: Sequence[Grant]) -> bool:
    """Whether *one* includes everything in *other*."""
    pairs = {(grant.role, resource) for grant in one for resource in grant.resources}
    return all((grant.role, resource) in pairs for grant in other for resource in grant.resources)


def _check(
    workspace: str, there: Collection[tuple[str, str]], role: Role, resource: Resource, field: str
) -> None:
    """*there* has the types and ids of those named resources that are in *workspace*."""
    kinds = _TYPES[role]
    if resource.type not in kinds:
        raise Invalid(f"must be {' or '.join(kinds)} for the role {role}", f"{field}.type")
    if resource.labels and "SOURCE" not in kinds:
        raise Invalid(
            "are of sources: no role but those for sources can be narrowed by them", f"{field}.labels"
        )
    whole = resource.id == workspace and (resource.type == "WORKSPACE" or bool(resource.labels))
    if not whole and (resource.type, resource.id) not in there:
        raise NotFound(resource.type.lower(), resource.id[:80], f"{field}.id")
