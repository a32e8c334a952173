"""Destination filters (SPEC 9.1). Only filters that compile are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, update

from headgate.filters import FilterChain, FilterError, Rule
from headgate.registry import audit, canonical, checks, limits, ownership
from headgate.registry.errors import Full, Invalid, NotFound
from headgate.registry.records import Filter
from headgate.registry.spans import ALL, Span, read
from headgate.registry.tables import filters

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import RowMapping

    from headgate.registry.store import Change, View


def create(
    change: Change,
    destination: str,
    *,
    query: str,
    actions: Sequence[Mapping[str, Any]],
    title: str,
    description: str = "",
    enabled: bool = True,
) -> Filter:
    """Appends it to the destination's filters. Raises NotFound, Invalid, Conflict."""
    workspace = ownership.workspace_of(change, destination)
    have, last = change.connection.execute(
        select(func.count(), func.max(filters.c.position)).where(filters.c.destination_id == destination)
    ).one()
    if have >= limits.FILTERS_PER_DESTINATION:
        raise Full("destination", limits.FILTERS_PER_DESTINATION, "filters")
    name = change.new_id()
    change.connection.execute(
        insert(filters).values(
            id=name,
            destination_id=destination,
            position=0 if last is None else last + 1,
            title=check_title(title),
            description=checks.description(description),
            query=query,
            actions=check_rule(query, actions),
            enabled=enabled,
            created_at=change.now,
            updated_at=change.now,
        )
    )
    made = get(change, name)
    audit.record(change, workspace, "Destination Filter Created", _resource(made), after=_shown(made))
    return made


def modify(
    change: Change,
    name: str,
    *,
    query: str | None = None,
    actions: Sequence[Mapping[str, Any]] | None = None,
    title: str | None = None,
    description: str | None = None,
    enabled: bool | None = None,
) -> Filter:
    """Arguments that are None keep their values. Raises NotFound, Invalid."""
    old = get(change, name)
    query = old.query if query is None else query
    change.connection.execute(
        update(filters)
        .where(filters.c.id == name)
        .values(
            query=query,
            actions=check_rule(query, old.actions if actions is None else actions),
            title=old.title if title is None else check_title(title),
            description=old.description if description is None else checks.description(description),
            enabled=old.enabled if enabled is None else enabled,
        )
    )
    if get(change, name) == old:
        return old
    change.connection.execute(update(filters).where(filters.c.id == name).values(updated_at=change.now))
    new = get(change, name)
    action = audit.change_of(old.enabled, new.enabled)
    workspace = ownership.workspace_of(change, new.destination)
    audit.record(change, workspace, f"Destination Filter {action}", _resource(new), _shown(old), _shown(new))
    return new


def remove(change: Change, name: str) -> None:
    """Raises NotFound."""
    old = get(change, name)
    change.connection.execute(delete(filters).where(filters.c.id == name))
    workspace = ownership.workspace_of(change, old.destination)
    audit.record(change, workspace, "Destination Filter Deleted", _resource(old), before=_shown(old))


def get(view: View, name: str, *, destination: str | None = None) -> Filter:
    """Raises NotFound, also for a filter of another destination than *destination*."""
    row = view.connection.execute(select(filters).where(filters.c.id == name)).mappings().one_or_none()
    if row is None or destination not in (None, row["destination_id"]):
        raise NotFound("filter", name)
    return _filter(row)


def listed(view: View, destination: str, span: Span = ALL) -> list[Filter]:
    """In order of creation (by position)."""
    query = select(filters).where(filters.c.destination_id == destination)
    return [_filter(row) for row in read(view, query, [filters.c.position], span)]


def total(view: View, destination: str) -> int:
    """The length of `listed`."""
    return view.count(filters, filters.c.destination_id == destination)


def check_title(title: str) -> str:
    """Raises Invalid."""
    return checks.name(title, "title", limits.FILTER_TITLE_CHARS)


def check_rule(query: str, actions: Sequence[Mapping[str, Any]]) -> str:
    """The JSON text of *actions*, provided that *query* and *actions* compile. Raises Invalid."""
    checks.query(query, "if")
    if not actions:
        raise Invalid("must hold at least one action", "actions")
    canonical.check_depth(actions, "actions")
    text = canonical.written([dict(action) for action in actions], "actions")
    if len(text) > limits.JSON_BYTES:
        raise Invalid(f"have {len(text)} bytes; at most {limits.JSON_BYTES} are allowed", "actions")
    try:
        FilterChain([Rule(query, canonical.read(text))])
    except FilterError as error:
        field, colon, message = str(error).partition(": ")
        raise (Invalid(message, field) if colon and field == "if" else Invalid(str(error))) from None
    return text


def _filter(row: RowMapping) -> Filter:
    return Filter(
        id=row["id"],
        destination=row["destination_id"],
        position=row["position"],
        title=row["title"],
        description=row["description"],
        query=row["query"],
        actions=tuple(canonical.read(row["actions"])),
        enabled=row["enabled"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _resource(each: Filter) -> tuple[str, str, str]:
    return "destination_filter", each.id, each.title


def _shown(each: Filter) -> audit.Shown:
    return {
        "id": each.id,
        "destinationId": each.destination,
        "title": each.title,
        "description": each.description,
        "if": each.query,
        "actions": list(each.actions),
        "enabled": each.enabled,
    }
