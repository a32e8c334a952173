"""Users, and people who have been invited to become users."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, insert, select, update

from headgate.registry import audit, checks, grants, limits, tokens, workspaces
from headgate.registry.errors import Conflict, Full, NotFound
from headgate.registry.records import User
from headgate.registry.spans import ALL, Span, read
from headgate.registry.tables import members, user_groups, users

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import RowMapping

    from headgate.registry.records import Grant
    from headgate.registry.store import Change, View

_AT_ONCE: Final = 500


def invite(
    change: Change, workspace: str, email: str, permissions: Sequence[Grant] = (), *, field: str = ""
) -> User:
    """Sends nothing. *field* is where *email* comes from. Raises NotFound, Invalid; Conflict if the address is known."""
    place = f"{field}." if field else ""
    workspaces.get(change, workspace)
    address = checks.email(email, f"{place}email")
    known = find(change, workspace, address)
    if known is not None:
        state = "has been invited" if known.is_invited else "is a user"
        raise Conflict(f"{address} {state} already", f"{place}email")
    if change.count(users, users.c.workspace_id == workspace) >= limits.USERS_PER_WORKSPACE:
        raise Full("workspace", limits.USERS_PER_WORKSPACE, "users")
    grants.check(change, workspace, permissions, f"{place}permissions")
    user = User(change.new_id(), workspace, address, address, is_invited=True, created_at=change.now)
    change.connection.execute(
        insert(users).values(
            id=user.id,
            workspace_id=workspace,
            email=address,
            name=user.name,
            state="invited",
            created_at=user.created_at,
        )
    )
    grants.write(change, workspace, "user", user.id, permissions)
    audit.record(change, workspace, "User Invited", resource(user), after=_shown(change, user))
    return user


def accept(change: Change, user: User) -> User:
    """Turns an invited person into a user."""
    if not user.is_invited:
        return user
    before = _shown(change, user)
    change.connection.execute(update(users).where(users.c.id == user.id).values(state="active"))
    new = get(change, user.id)
    audit.record(change, user.workspace, "Invite Accepted", resource(user), before, _shown(change, new))
    return new


def remove(change: Change, user: str, *, workspace: str | None = None) -> None:
    """Removes a user and their tokens, or an invite. Raises NotFound."""
    old = get(change, user, workspace=workspace)
    before = _shown(change, old)
    for token in tokens.listed(change, old.workspace, user=user):
        tokens.revoke(change, token.id)
    change.connection.execute(delete(members).where(members.c.user_id == user))
    grants.remove(change, user)
    change.connection.execute(delete(users).where(users.c.id == user))
    action = "Invite Deleted" if old.is_invited else "User Deleted"
    audit.record(change, old.workspace, action, resource(old), before=before)


def get(view: View, user: str, *, workspace: str | None = None) -> User:
    """Raises NotFound, also for a user of another workspace than *workspace*."""
    row = view.connection.execute(select(users).where(users.c.id == user)).mappings().one_or_none()
    if row is None or workspace not in (None, row["workspace_id"]):
        raise NotFound("user", user[:80])
    return _user(row)


def find(view: View, workspace: str, email: str) -> User | None:
    wanted = (users.c.workspace_id == workspace) & (users.c.email == email.lower())
    row = view.connection.execute(select(users).where(wanted)).mappings().one_or_none()
    return None if row is None else _user(row)


def found(view: View, workspace: str, emails: Sequence[str]) -> dict[str, User]:
    """The users with these addresses, by address in lower case; unknown addresses are left out."""
    wanted = list({email.lower() for email in emails})
    people: dict[str, User] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        query = select(users).where(
            users.c.workspace_id == workspace, users.c.email.in_(wanted[start : start + _AT_ONCE])
        )
        people |= {row["email"]: _user(row) for row in view.connection.execute(query).mappings()}
    return people


def listed(
    view: View,
    workspace: str,
    *,
    invited: bool,
    group: str | None = None,
    span: Span = ALL,
) -> list[User]:
    """The users, or with *invited* the people who are only invited; of *group*, if given. In order of creation (by id)."""
    state = "invited" if invited else "active"
    query = select(users).where(users.c.workspace_id == workspace, users.c.state == state)
    if group is not None:
        query = query.join(members, members.c.user_id == users.c.id).where(members.c.group_id == group)
    return [_user(row) for row in read(view, query, [users.c.id], span)]


def groups_of(view: View, user: str, span: Span = ALL) -> list[tuple[str, str]]:
    """Ids and names of the groups the user is in, in order of creation (by id)."""
    query = (
        select(user_groups.c.id, user_groups.c.name)
        .join(members, members.c.group_id == user_groups.c.id)
        .where(members.c.user_id == user)
    )
    return [(row["id"], row["name"]) for row in read(view, query, [user_groups.c.id], span)]


def resource(user: User) -> tuple[str, str, str]:
    return "user", user.id, user.email[: limits.DISPLAY_NAME_CHARS]


def _user(row: RowMapping) -> User:
    return User(
        id=row["id"],
        workspace=row["workspace_id"],
        email=row["email"],
        name=row["name"],
        is_invited=row["state"] == "invited",
        created_at=row["created_at"],
    )


def _shown(view: View, user: User) -> audit.Shown:
    return {
        "id": user.id,
        "email": user.email,
        "name": user.name,
        "isInvited": user.is_invited,
        "permissions": grants.shown(grants.of(view, [user.id]).get(user.id, [])),
    }
