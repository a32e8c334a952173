"""The audit trail: who changed what (SPEC 13.2), recorded in the transaction of the change itself."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson
from sqlalchemy import delete, insert, select

from headgate.registry import limits
from headgate.registry.records import Actor, AuditEvent, Place
from headgate.registry.spans import ALL, Span, read
from headgate.registry.tables import audit, users

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import RowMapping, Select

    from headgate.registry.store import Change, View

Shown = dict[str, Any]
"""A resource as the API shows it: JSON, with secrets masked."""


def record(
    change: Change,
    workspace: str,
    action: str,
    resource: tuple[str, str, str],
    before: Shown | None = None,
    after: Shown | None = None,
) -> None:
    """
    Records *action* on *resource*, given as type, id and name. Every mutation must call this: a change that recorded
    nothing is taken to have written nothing.
    """
    record_all(change, workspace, action, [(resource, before, after)])


def record_all(
    change: Change,
    workspace: str,
    action: str,
    changes: Iterable[tuple[tuple[str, str, str], Shown | None, Shown | None]],
) -> None:
    """As `record`, for several resources, each with what it was before and after."""
    rows: list[dict[str, Any]] = []
    for (kind, name, title), before, after in changes:
        rows.append(
            {
                "id": change.new_id(),
                "rev": change.revision + 1,
                "position": change.written,
                "workspace_id": workspace,
                "at": change.now,
                "type": action,
                "actor_type": change.actor.type,
                "actor_id": change.actor.id,
                "resource_type": kind,
                "resource_id": name,
                "resource_name": title,
                "before": _digest(before),
                "after": _digest(after),
            }
        )
        change.written += 1
    change.connection.execute(insert(audit), rows)


def change_of(was_enabled: bool, is_enabled: bool) -> str:
    """The word for a change in an event's type: "Enabled", "Disabled", or else "Modified"."""
    if was_enabled == is_enabled:
        return "Modified"
    return "Enabled" if is_enabled else "Disabled"


_ORDER: Final = (audit.c.at, audit.c.rev, audit.c.position)


class Wanted(NamedTuple):
    """
    Which events to list; None matches any.

    since, until    ms since the epoch, from *since* to just before *until*
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
    span: Span = ALL,
) -> list[AuditEvent]:
    """The newest first."""
    query = _of(workspace, wanted or Wanted())
    return [_event(row) for row in read(view, query, _ORDER, span, descending=True)]


def sweep(change: Change, most: int = 1_000) -> int:
    """
    Deletes events past their retention (SPEC 13.2), *most* at a time, so that other changes do not wait long. Returns
    how many it deleted. Does not count as a mutation: it records no event.
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
