"""Quotas of workspaces (SPEC D40). Unless an operator sets one, only the number of functions is limited."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select

from headgate.registry import audit, checks, limits, workspaces
from headgate.registry.errors import Invalid
from headgate.registry.snapshot import NO_QUOTAS, Quotas
from headgate.registry.tables import quotas

if TYPE_CHECKING:
    from headgate.registry.store import Change, View


def put(change: Change, workspace: str, new: Quotas) -> None:
    """Replaces the workspace's quotas. Raises NotFound, Invalid."""
    of = workspaces.get(change, workspace)
    for field, least in (("functions", 0), ("fuel_per_day", 0), ("sandboxes", 1)):
        value = getattr(new, field)
        if value is not None:
            checks.number(value, field, least, limits.QUOTA_MAX)
    if new.events_per_s is not None and not (
        math.isfinite(new.events_per_s) and 0 < new.events_per_s <= limits.QUOTA_MAX
    ):
        raise Invalid("must be above 0", "events_per_s")
    old = get(change, workspace)
    if new == old:
        return
    change.connection.execute(delete(quotas).where(quotas.c.workspace_id == workspace))
    if new != NO_QUOTAS:
        change.connection.execute(insert(quotas).values(workspace_id=workspace, **asdict(new)))
    audit.record(
        change,
        workspace,
        "Workspace Quotas Modified",
        ("workspace", workspace, of.name),
        asdict(old),
        asdict(new),
    )


def get(view: View, workspace: str) -> Quotas:
    return listed(view, workspace).get(workspace, NO_QUOTAS)


def listed(view: View, workspace: str | None = None) -> dict[str, Quotas]:
    """Quotas by workspace, for those that have any."""
    query = select(quotas)
    if workspace is not None:
        query = query.where(quotas.c.workspace_id == workspace)
    return {
        row.workspace_id: Quotas(row.functions, row.events_per_s, row.fuel_per_day, row.sandboxes)
        for row in view.connection.execute(query)
    }
