"""Who changed what (SPEC 13.2), written in the transaction of the change itself."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson
from sqlalchemy import delete, insert, select, tuple_

from headgate.registry import limits
from headgate.registry.records import Actor, AuditEvent, Place
from headgate.registry.tables import audit, users

if TYPE_CHECKING:
    from sqlalchemy import RowMapping, Select

    from headgate.registry.store import Change, View

Shown = dict[str, Any]
"""A thing as the API shows it: JSON, secrets masked."""


def record(
    change: Change,
    workspace: str,
    action: str,
    resource: tuple[str, str, str],
    before: Shown | None = None,
    after: Shown | None = None,
) -> None:
    """*resource* is its type, id and name. Every mutation ends here: this is also what makes a change count as one."""
    kind, name, title = resource
    change.connection.execute(
        insert(audit).values(
            id=change.new_id(),
            rev=change.revision + 1,
            position=change.written,
            workspace_id=workspace,
            at=change.now,
            type=action,
            actor_type=change.actor.type,
            actor_id=change.actor.id,
            resource_type=kind,
            resource_id=name,
            resource_name=title,
            before=_digest(before),
            after=_digest(after),
        )
    )
    change.written += 1


_ORDER: Final = (audit.c.at, audit.c.rev, audit.c.position)


class Wanted(NamedTuple):
    """
    Which events. None: any.

    since, until    ms since the epoch; the first inclusive, the second not
    action          the type of the event
    """

    since: int | None = None
    until: int | None = None
    resource_id: str | None = None
    resource_type: str | None = None
    actor: str | None = None
    action: str | None = None


def listed(
    view: View,
    workspace: str,
    *,
    wanted: Wanted | None = None,
    begin: Place | None = None,
    count: int = 200,
    offset: int = 0,
) -> list[AuditEvent]:
    """The newest first; from *begin* on, that one included."""
    query = _of(workspace, wanted or Wanted())
    if begin is not None:
        query = query.where(tuple_(*_ORDER) <= begin)
    query = query.order_by(*(column.desc() for column in _ORDER)).limit(count).offset(offset)
    return [_event(row) for row in view.connection.execute(query).mappings()]


def before(view: View, workspace: str, wanted: Wanted, begin: Place, count: int) -> Place | None:
    """Where the page of *count* events begins that ends before *begin*; None where that is the beginning of all."""
    query = _of(workspace, wanted).where(tuple_(*_ORDER) > begin).order_by(*_ORDER).limit(count + 1)
    rows = view.connection.execute(query).mappings().all()
    return _event(rows[count - 1]).place if len(rows) > count else None


def sweep(change: Change, most: int = 1_000) -> int:
    """
    Forgets events that are older than is kept (SPEC 13.2), so many at most, so that nobody waits long for it. How many
    there were. Is no mutation of anything, and leaves no event itself.
    """
    old = select(audit.c.id).where(audit.c.at < change.now - limits.AUDIT_MS).limit(most)
    return change.connection.execute(delete(audit).where(audit.c.id.in_(old))).rowcount


def _of(workspace: str, wanted: Wanted) -> Select[tuple[object, ...]]:
    actors = users.c.id == audit.c.actor_id
    query = (
        select(audit, users.c.email)
        .outerjoin(users, actors & (audit.c.actor_type == "user"))
        .where(audit.c.workspace_id == workspace)
    )
    for column, value in (
        (audit.c.resource_id, wanted.resource_id),
        (audit.c.resource_type, wanted.resource_type),
        (audit.c.actor_id, wanted.actor),
        (audit.c.type, wanted.action),
    ):
        if value is not None:
            query = query.where(column == value)
    if wanted.since is not None:
        query = query.where(audit.c.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(audit.c.at < wanted.until)
    return query


def _event(row: RowMapping) -> AuditEvent:
    return AuditEvent(
        id=row["id"],
        workspace=row["workspace_id"],
        at=row["at"],
        type=row["type"],
        actor=Actor(row["actor_type"], row["actor_id"]),
        resource_type=row["resource_type"],
        resource_id=row["resource_id"],
        resource_name=row["resource_name"],
        before=row["before"],
        after=row["after"],
        place=Place(row["at"], row["rev"], row["position"]),
        actor_email=row["email"],
    )


def _digest(shown: Shown | None) -> str | None:
    if shown is None:
        return None
    return hashlib.sha256(orjson.dumps(shown, option=orjson.OPT_SORT_KEYS)).hexdigest()
