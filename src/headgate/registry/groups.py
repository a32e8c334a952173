"""Groups of users. The permissions of a group are those of all its members."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, select, update

from headgate.registry import audit, checks, grants, limits, users, workspaces
from headgate.registry.errors import Conflict, Full, NotFound
from headgate.registry.records import Group
from headgate.registry.spans import ALL, Span, read
from headgate.registry.tables import members, user_groups
from headgate.registry.tables import users as user_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import RowMapping, Select

    from headgate.registry.records import User
    from headgate.registry.store import Change, View


def create(change: Change, workspace: str, *, name: str) -> Group:
    """Raises NotFound, Invalid, Conflict."""
    workspaces.get(change, workspace)
    _check_name(change, workspace, name)
    if change.count(user_groups, user_groups.c.workspace_id == workspace) >= limits.GROUPS_PER_WORKSPACE:
        raise Full("workspace", limits.GROUPS_PER_WORKSPACE, "groups")
    group = Group(change.new_id(), workspace, name, member_count=0, created_at=change.now)
    change.connection.execute(
        insert(user_groups).values(
            id=group.id, workspace_id=workspace, name=name, created_at=group.created_at
        )
    )
    audit.record(change, workspace, "User Group Created", resource(group), after=_shown(change, group))
    return group


def rename(change: Change, group: str, name: str) -> Group:
    """Raises NotFound, Invalid, Conflict."""
    old = get(change, group)
    if name == old.name:
        return old
    _check_name(change, old.workspace, name)
    before = _shown(change, old)
    change.connection.execute(update(user_groups).where(user_groups.c.id == group).values(name=name))
    new = get(change, group)
    audit.record(change, new.workspace, "User Group Modified", resource(new), before, _shown(change, new))
    return new


def remove(change: Change, group: str) -> None:
    """Its members remain users. Raises NotFound."""
    old = get(change, group)
    before = _shown(change, old)
    change.connection.execute(delete(members).where(members.c.group_id == group))
    grants.remove(change, group)
    change.connection.execute(delete(user_groups).where(user_groups.c.id == group))
    audit.record(change, old.workspace, "User Group Deleted", resource(old), before=before)


def add_members(change: Change, group: str, emails: Sequence[str]) -> Group:
    """Adds users and invited people by address. Raises NotFound for an unknown address."""
    old = get(change, group)
    there = _members(change, group)
    for user in _people(change, old.workspace, emails):
        if user.id not in there:
            _add(change, old, user)
    return get(change, group)


def replace_members(change: Change, group: str, emails: Sequence[str]) -> Group:
    """As `add_members`, and removes all others."""
    old = get(change, group)
    there = _members(change, group)
    wanted = {user.id: user for user in _people(change, old.workspace, emails)}
    for name in sorted(there - wanted.keys()):
        _remove(change, old, users.get(change, name))
    for name, user in wanted.items():
        if name not in there:
            _add(change, old, user)
    return get(change, group)


def remove_members(change: Change, group: str, emails: Sequence[str]) -> None:
    """Raises NotFound, also for people who are not members."""
    old = get(change, group)
    there = _members(change, group)
    for number, user in enumerate(_people(change, old.workspace, emails)):
        if user.id not in there:
            raise NotFound("member of the group", user.email, f"emails[{number}]")
        _remove(change, old, user)


def get(view: View, group: str, *, workspace: str | None = None) -> Group:
    """Raises NotFound, also for a group of another workspace than *workspace*."""
    query = _counted().where(user_groups.c.id == group)
    row = view.connection.execute(query).mappings().one_or_none()
    if row is None or workspace not in (None, row["workspace_id"]):
        raise NotFound("user group", group[:80])
    return _group(row)


def listed(view: View, workspace: str, span: Span = ALL) -> list[Group]:
    """In order of creation (by id)."""
    query = _counted().where(user_groups.c.workspace_id == workspace)
    return [_group(row) for row in read(view, query, [user_groups.c.id], span)]


def resource(group: Group) -> tuple[str, str, str]:
    return "user_group", group.id, group.name


def _counted() -> Select[tuple[object, ...]]:
    count = (
        select(func.count())
        .select_from(members.join(user_rows, user_rows.c.id == members.c.user_id))
        .where(members.c.group_id == user_groups.c.id, user_rows.c.state == "active")
        .scalar_subquery()
    )
    return select(user_groups, count.label("member_count"))


def _group(row: RowMapping) -> Group:
    return Group(row["id"], row["workspace_id"], row["name"], row["member_count"], row["created_at"])


def _check_name(change: Change, workspace: str, name: str) -> None:
    checks.name(name)
    wanted = (user_groups.c.workspace_id == workspace) & (user_groups.c.name == name)
    if change.connection.scalar(select(user_groups.c.id).where(wanted)) is not None:
        raise Conflict(f"there is a group {name!r} already", "name")


def _members(view: View, group: str) -> set[str]:
    return set(view.connection.scalars(select(members.c.user_id).where(members.c.group_id == group)))


def _people(view: View, workspace: str, emails: Sequence[str]) -> list[User]:
    """The users with these addresses, each once. Raises NotFound."""
    there = users.found(view, workspace, emails)
    for number, email in enumerate(emails):
        if email.lower() not in there:
            raise NotFound("user", email[:80], f"emails[{number}]")
    return [there[email] for email in dict.fromkeys(email.lower() for email in emails)]


def _add(change: Change, group: Group, user: User) -> None:
    change.connection.execute(insert(members).values(group_id=group.id, user_id=user.id))
    _record(change, "Added", group, user)


def _remove(change: Change, group: Group, user: User) -> None:
    gone = (members.c.group_id == group.id) & (members.c.user_id == user.id)
    change.connection.execute(delete(members).where(gone))
    _record(change, "Removed", group, user)


def _record(change: Change, what: str, group: Group, user: User) -> None:
    """The event's resource is the group; its name includes the user."""
    name = f"{user.email} in {group.name}"[: limits.DISPLAY_NAME_CHARS]
    shown = {"group": group.id, "user": user.id}
    before, after = (None, shown) if what == "Added" else (shown, None)
    audit.record(
        change,
        group.workspace,
        f"User Group Member {what}",
        ("user_group", group.id, name),
        before,
        after,
    )


def _shown(view: View, group: Group) -> audit.Shown:
    return {
        "id": group.id,
        "name": group.name,
        "members": sorted(_members(view, group.id)),
        "permissions": grants.shown(grants.of(view, [group.id]).get(group.id, [])),
    }
