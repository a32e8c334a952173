"""Destinations: each belongs to one source."""

from __future__ import annotations

from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import delete, func, insert, select, update

from headgate.registry import (
    audit,
    canonical,
    checks,
    filters,
    instances,
    kinds,
    ownership,
    sealing,
    subscriptions,
)
from headgate.registry.errors import Conflict, Invalid, NotFound
from headgate.registry.records import Destination
from headgate.registry.secrets import Place, Undecryptable
from headgate.registry.spans import ALL, Span, read
from headgate.registry.tables import destinations, sources

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sqlalchemy import RowMapping, Select

    from headgate.registry.snapshot import DestinationKind
    from headgate.registry.store import Change, View


def create(
    change: Change,
    source: str,
    *,
    kind: DestinationKind,
    settings: Mapping[str, Any],
    name: str | None = None,
    enabled: bool = True,
) -> Destination:
    """
    *settings* are those of the kind (kinds.py); *name* defaults to that of the kind. Names are unique in a source. Raises
    NotFound, Invalid, Conflict.
    """
    checks.choice(kind, "kind", tuple(kinds.MODELS))
    if change.connection.scalar(select(sources.c.id).where(sources.c.id == source)) is None:
        raise NotFound("source", source)
    name = kinds.CATALOG_NAMES[kind] if name is None else checks.name(name)
    _check_name(change, source, name)
    destination = change.new_id()
    plain, encrypted = _stored(change, destination, kind, settings, {}, {})
    change.connection.execute(
        insert(destinations).values(
            id=destination,
            source_id=source,
            name=name,
            kind=kind,
            enabled=enabled,
            settings=plain,
            encrypted_settings=encrypted,
            created_at=change.now,
            updated_at=change.now,
        )
    )
    made = get(change, destination)
    audit.record(
        change,
        ownership.workspace_of(change, destination),
        "Integration Created",
        _resource(made),
        after=_shown(made),
    )
    return made


def modify(
    change: Change,
    destination: str,
    *,
    name: str | None = None,
    enabled: bool | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Destination:
    """
    Arguments that are None keep their values; *settings* are replaced as kinds.parts says. Raises NotFound, Invalid,
    Conflict.
    """
    old = get(change, destination)
    values: dict[str, Any] = {}
    if name is not None and name != old.name:
        checks.name(name)
        _check_name(change, old.source, name)
        values["name"] = name
    if enabled is not None and enabled != old.enabled:
        values["enabled"] = enabled
    if settings is not None:
        row = change.connection.execute(
            select(destinations.c.settings, destinations.c.encrypted_settings).where(
                destinations.c.id == destination
            )
        ).one()
        sealed = canonical.read(row.encrypted_settings)
        plain, encrypted = _stored(change, destination, old.kind, settings, old.settings, sealed)
        if (plain, encrypted) != tuple(row):
            values |= {"settings": plain, "encrypted_settings": encrypted}
    if not values:
        return old
    change.connection.execute(
        update(destinations).where(destinations.c.id == destination).values(**values, updated_at=change.now)
    )
    new = get(change, destination)
    action = audit.change_of(old.enabled, new.enabled)
    workspace = ownership.workspace_of(change, destination)
    audit.record(change, workspace, f"Integration {action}", _resource(new), _shown(old), _shown(new))
    return new


def remove(change: Change, destination: str) -> None:
    """Deletes a destination with its filters, subscriptions and instance. Raises NotFound."""
    old = get(change, destination)
    workspace = ownership.workspace_of(change, destination)
    for each in filters.listed(change, destination):
        filters.remove(change, each.id)
    for subscription in subscriptions.listed(change, destination):
        subscriptions.remove(change, subscription.id)
    bound = instances.of_destination(change, destination)
    if bound is not None:
        instances.remove(change, bound.id)
    change.connection.execute(delete(destinations).where(destinations.c.id == destination))
    audit.record(change, workspace, "Integration Deleted", _resource(old), before=_shown(old))


def get(view: View, destination: str, *, workspace: str | None = None) -> Destination:
    """Raises NotFound, also for a destination that is not of *workspace*."""
    query = select(destinations).where(destinations.c.id == destination)
    row = view.connection.execute(query).mappings().one_or_none()
    if row is None or workspace not in (None, ownership.workspace_of(view, destination)):
        raise NotFound("destination", destination)
    return _destination(row)


def find(view: View, source: str, name: str) -> Destination | None:
    query = select(destinations).where((destinations.c.source_id == source) & (destinations.c.name == name))
    row = view.connection.execute(query).mappings().one_or_none()
    return None if row is None else _destination(row)


def listed(
    view: View,
    *,
    workspace: str | None = None,
    source: str | None = None,
    among: Collection[str] | None = None,
    span: Span = ALL,
) -> list[Destination]:
    """The destinations of a workspace, of a source, of the sources *among* these ids, or all; in order of creation (by id)."""
    order = [destinations.c.id]
    query = _wanted(select(destinations), workspace, source, among)
    if span.most is not None:
        # Ids are in an index: sorting those first, only the rows of this part are read.
        ids = read(view, _wanted(select(destinations.c.id), workspace, source, among), order, span)
        query, span = select(destinations).where(destinations.c.id.in_([row["id"] for row in ids])), ALL
    return [_destination(row) for row in read(view, query, order, span)]


def total(
    view: View,
    *,
    workspace: str | None = None,
    source: str | None = None,
    among: Collection[str] | None = None,
) -> int:
    """The length of `listed`."""
    query = _wanted(select(func.count()).select_from(destinations), workspace, source, among)
    return view.connection.scalar(query) or 0


def secrets_of(view: View, destination: str) -> dict[str, str]:
    """The decrypted secrets of a destination, by name. Raises NotFound, Undecryptable."""
    query = select(destinations.c.encrypted_settings).where(destinations.c.id == destination)
    sealed = view.connection.scalar(query)
    if sealed is None:
        raise NotFound("destination", destination)
    return opened(view, destination, sealed)


def opened(view: View, destination: str, encrypted_settings: str) -> dict[str, str]:
    """Raises Undecryptable."""
    return sealing.opened(view, encrypted_settings, partial(_place, destination))


def resealed(change: Change, destination: str, encrypted_settings: str) -> str:
    """The same secrets, sealed with the current key. Raises Undecryptable."""
    return sealing.resealed(change, encrypted_settings, partial(_place, destination))


def _wanted(
    query: Select[Any], workspace: str | None, source: str | None, among: Collection[str] | None
) -> Select[Any]:
    query = query.join(sources, sources.c.id == destinations.c.source_id)
    if workspace is not None:
        query = query.where(sources.c.workspace_id == workspace)
    if source is not None:
        query = query.where(destinations.c.source_id == source)
    if among is not None:
        query = query.where(destinations.c.source_id.in_(among))
    return query


def _stored(
    change: Change,
    destination: str,
    kind: DestinationKind,
    settings: Mapping[str, Any],
    before: Mapping[str, Any],
    sealed: Mapping[str, str],
) -> tuple[str, str]:
    """The columns `settings` and `encrypted_settings`. An unchanged secret keeps its sealed form."""
    if kind == "sink" and change.actor.type != "system":
        # The path is on the server's disk: only the operator, at the command line, may choose any path.
        path = settings.get("path")
        if isinstance(path, str) and path != before.get("path") and PurePosixPath(path).is_absolute():
            raise Invalid("must be relative", "settings.path")
    parts = kinds.parts(kind, settings, sealed)
    encrypted = {name: sealed[name] for name in parts.keep}
    for name, value in parts.seal.items():
        encrypted[name] = _same(change, destination, name, value, sealed.get(name)) or change.seal(
            value, _place(destination, name)
        )
    return canonical.written(parts.plain, "settings"), canonical.written(encrypted)


def _same(change: Change, destination: str, name: str, value: str, sealed: str | None) -> str | None:
    """*sealed* if it contains *value*, else None."""
    if sealed is None:
        return None
    try:
        held = orjson.loads(change.unseal(sealed, _place(destination, name)))
    except Undecryptable:
        return None
    return sealed if held == value else None


def _check_name(change: Change, source: str, name: str) -> None:
    if find(change, source, name) is not None:
        raise Conflict(f"this source already has a destination {name!r}", "name")


def _place(destination: str, name: str) -> Place:
    return Place("destinations", destination, f"encrypted_settings.{name}")


def _destination(row: RowMapping) -> Destination:
    return Destination(
        id=row["id"],
        source=row["source_id"],
        name=row["name"],
        kind=row["kind"],
        enabled=row["enabled"],
        settings=canonical.read(row["settings"]),
        secrets=tuple(canonical.read(row["encrypted_settings"])),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _resource(destination: Destination) -> tuple[str, str, str]:
    return "integration", destination.id, destination.name


def _shown(destination: Destination) -> audit.Shown:
    return {
        "id": destination.id,
        "sourceId": destination.source,
        "name": destination.name,
        "kind": destination.kind,
        "enabled": destination.enabled,
        "settings": destination.settings,
        "secrets": list(destination.secrets),
    }
