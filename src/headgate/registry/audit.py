"""Who changed what (SPEC 13.2), written in the transaction of the change itself."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import insert, select

from headgate.registry.records import Actor, AuditEvent
from headgate.registry.tables import audit

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

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


def listed(view: View, workspace: str, *, count: int = 200, offset: int = 0) -> list[AuditEvent]:
    """The newest first."""
    rows = view.connection.execute(
        select(audit)
        .where(audit.c.workspace_id == workspace)
        .order_by(audit.c.rev.desc(), audit.c.position.desc())
        .limit(count)
        .offset(offset)
    )
    return [_event(row) for row in rows.mappings()]


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
    )


def _digest(shown: Shown | None) -> str | None:
    if shown is None:
        return None
    return hashlib.sha256(orjson.dumps(shown, option=orjson.OPT_SORT_KEYS)).hexdigest()
