"""Workspaces, the tenants."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from headgate.registry import audit, canonical, checks, limits
from headgate.registry.errors import Conflict, Invalid, NotFound
from headgate.registry.records import Workspace
from headgate.registry.tables import workspaces
from headgate_runtime.fetch import Egress, EgressError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import RowMapping

    from headgate.registry.store import Change, View


def create(
    change: Change,
    *,
    slug: str,
    name: str | None = None,
    weight: float = 1.0,
    egress_allow: Sequence[str] = (),
    egress_deny: Sequence[str] = (),
) -> Workspace:
    """*name* defaults to the slug. Raises Invalid, Conflict."""
    checks.slug(slug)
    if find(change, slug) is not None:
        raise Conflict(f"there is a workspace {slug!r} already", "slug")
    made = Workspace(
        id=change.new_id(),
        slug=slug,
        name=checks.name(slug if name is None else name),
        weight=_weight(weight),
        created_at=change.now,
        egress_allow=_egress(egress_allow, "egress_allow"),
        egress_deny=_egress(egress_deny, "egress_deny"),
    )
    change.connection.execute(insert(workspaces).values(_columns(made)))
    audit.record(change, made.id, "Workspace Created", _resource(made), after=asdict(made))
    return made


def modify(
    change: Change,
    workspace: str,
    *,
    name: str | None = None,
    weight: float | None = None,
    egress_allow: Sequence[str] | None = None,
    egress_deny: Sequence[str] | None = None,
) -> Workspace:
    """Arguments that are None keep their values. Raises NotFound, Invalid."""
    old = get(change, workspace)
    wanted = replace(
        old,
        name=old.name if name is None else checks.name(name),
        weight=old.weight if weight is None else _weight(weight),
        egress_allow=old.egress_allow if egress_allow is None else _egress(egress_allow, "egress_allow"),
        egress_deny=old.egress_deny if egress_deny is None else _egress(egress_deny, "egress_deny"),
    )
    change.connection.execute(update(workspaces).where(workspaces.c.id == workspace).values(_columns(wanted)))
    new = get(change, workspace)
    if new != old:
        audit.record(change, new.id, "Workspace Modified", _resource(new), asdict(old), asdict(new))
    return new


def get(view: View, workspace: str) -> Workspace:
    """Raises NotFound."""
    row = view.connection.execute(select(workspaces).where(workspaces.c.id == workspace)).mappings()
    found = row.one_or_none()
    if found is None:
        raise NotFound("workspace", workspace)
    return _workspace(found)


def find(view: View, slug: str) -> Workspace | None:
    row = (
        view.connection.execute(select(workspaces).where(workspaces.c.slug == slug)).mappings().one_or_none()
    )
    return None if row is None else _workspace(row)


def listed(view: View) -> list[Workspace]:
    """In order of creation."""
    rows = view.connection.execute(select(workspaces).order_by(workspaces.c.created_at, workspaces.c.id))
    return [_workspace(row) for row in rows.mappings()]


def count(view: View) -> int:
    return view.count(workspaces)


def _workspace(row: RowMapping) -> Workspace:
    lists = {name: tuple(canonical.read(row[name])) for name in ("egress_allow", "egress_deny")}
    return Workspace(**{**row, **lists})


def _columns(workspace: Workspace) -> dict[str, Any]:
    lists = {name: canonical.written(getattr(workspace, name)) for name in ("egress_allow", "egress_deny")}
    return {**asdict(workspace), **lists}


def _egress(entries: Sequence[str], field: str) -> tuple[str, ...]:
    """Raises Invalid for too many entries, or one that is neither a host nor a network."""
    if len(entries) > limits.EGRESS_ENTRIES:
        raise Invalid(f"has {len(entries)} entries; at most {limits.EGRESS_ENTRIES} are allowed", field)
    try:
        Egress(allow=entries)
    except EgressError as error:
        raise Invalid(str(error), field) from None
    return tuple(entries)


def _resource(workspace: Workspace) -> tuple[str, str, str]:
    return "workspace", workspace.id, workspace.name


def _weight(weight: float) -> float:
    if not (math.isfinite(weight) and 0 < weight <= limits.WEIGHT_MAX):
        raise Invalid(f"must be above 0 and at most {limits.WEIGHT_MAX}, not {weight}", "weight")
    return float(weight)
