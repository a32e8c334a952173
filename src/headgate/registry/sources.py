"""Sources and their write keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, update

from headgate.registry import audit, canonical, checks, destinations, grants, limits, regulations, workspaces
from headgate.registry import labels as labels_of
from headgate.registry.errors import Conflict, Full, Invalid, NotFound
from headgate.registry.records import Source
from headgate.registry.spans import ALL, Span, read
from headgate.registry.tables import source_settings, sources, write_keys

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy import RowMapping

    from headgate.registry.store import Change, View


def create(
    change: Change,
    workspace: str,
    *,
    slug: str,
    name: str | None = None,
    enabled: bool = True,
    keys: Sequence[str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    labels: Sequence[Mapping[str, Any]] = (),
    settings: Mapping[str, Any] | None = None,
) -> Source:
    """
    With the write keys *keys*, or one new key if None. *labels* that the workspace lacks are created. Raises NotFound,
    Invalid, Conflict.
    """
    workspaces.get(change, workspace)
    _check_slug(change, workspace, slug)
    source = change.new_id()
    change.connection.execute(
        insert(sources).values(
            id=source,
            workspace_id=workspace,
            slug=slug,
            name=checks.name(slug if name is None else name),
            enabled=enabled,
            metadata=canonical.written(dict(metadata or {}), "metadata"),
            labels=_labels(change, workspace, labels),
            created_at=change.now,
            updated_at=change.now,
        )
    )
    for key in [_new_key(change)] if keys is None else keys:
        _add_key(change, source, key)
    if settings:
        _write_settings(change, source, settings=canonical.written_object(settings, "settings"))
    made = get(change, source)
    audit.record(change, workspace, "Source Created", _resource(made), after=_shown(made))
    return made


def modify(
    change: Change,
    source: str,
    *,
    slug: str | None = None,
    name: str | None = None,
    enabled: bool | None = None,
    metadata: Mapping[str, Any] | None = None,
    labels: Sequence[Mapping[str, Any]] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Source:
    """Arguments that are None keep their values; *labels* and *settings* are replaced. Raises NotFound, Invalid, Conflict."""
    old = get(change, source)
    if slug is not None and slug != old.slug:
        _check_slug(change, old.workspace, slug)
    values: dict[str, Any] = {
        "slug": slug,
        "name": None if name is None else checks.name(name),
        "enabled": enabled,
        "metadata": None if metadata is None else canonical.written(dict(metadata), "metadata"),
        "labels": None if labels is None else _labels(change, old.workspace, labels),
    }
    if settings is not None:
        _write_settings(change, source, settings=canonical.written_object(settings, "settings"))
    return _write(change, old, {key: value for key, value in values.items() if value is not None})


def set_schema(change: Change, source: str, schema_settings: Mapping[str, Any]) -> Source:
    """
    Replaces the schema settings: how to treat events outside the tracking plan. They are stored for clients, and have no
    effect, since there are no tracking plans. Raises NotFound, Invalid.
    """
    old = get(change, source)
    _write_settings(change, source, schema_settings=canonical.written_object(schema_settings, "settings"))
    return _write(change, old, {}, "Settings Modified")


def remove_label(change: Change, workspace: str, key: str, value: str) -> None:
    """Removes a label from the workspace and from all its sources. Raises NotFound."""
    label = labels_of.get(change, workspace, key, value)
    for source in listed(change, workspace):
        rest = [each for each in source.labels if (each["key"], each["value"]) != (key, value)]
        if len(rest) != len(source.labels):
            modify(change, source.id, labels=rest)
    labels_of.remove(change, label)


def add_key(change: Change, source: str, key: str | None = None) -> Source:
    """Adds *key*, or a new one. Raises NotFound, Invalid, Conflict."""
    old = get(change, source)
    _add_key(change, source, _new_key(change) if key is None else key)
    return _write(change, old, {})


def remove_key(change: Change, source: str, key: str) -> Source:
    """Raises NotFound."""
    old = get(change, source)
    if key not in old.write_keys:
        raise NotFound("write key", _short(key))
    change.connection.execute(delete(write_keys).where(write_keys.c.key == key))
    return _write(change, old, {})


def remove(change: Change, source: str) -> None:
    """Deletes a source with its write keys, its destinations, and everything that belongs to those. Raises NotFound."""
    old = get(change, source)
    for destination in destinations.listed(change, source=source):
        destinations.remove(change, destination.id)
    for table in (write_keys, source_settings):
        change.connection.execute(delete(table).where(table.c.source_id == source))
    change.connection.execute(delete(sources).where(sources.c.id == source))
    regulations.forget(change, source)
    grants.forget(change, old.workspace, source)
    audit.record(change, old.workspace, "Source Deleted", _resource(old), before=_shown(old))


def get(view: View, source: str, *, workspace: str | None = None) -> Source:
    """Raises NotFound, also for a source of another workspace than *workspace*."""
    row = view.connection.execute(select(sources).where(sources.c.id == source)).mappings().one_or_none()
    if row is None or workspace not in (None, row["workspace_id"]):
        raise NotFound("source", source)
    return _sources(view, [row])[0]


def find(view: View, workspace: str, slug: str) -> Source | None:
    wanted = (sources.c.workspace_id == workspace) & (sources.c.slug == slug)
    row = view.connection.execute(select(sources).where(wanted)).mappings().one_or_none()
    return None if row is None else _sources(view, [row])[0]


def listed(
    view: View,
    workspace: str,
    *,
    among: Collection[str] | None = None,
    span: Span = ALL,
) -> list[Source]:
    """All of them, or those *among* these ids; in order of creation (by id)."""
    query = select(sources).where(sources.c.workspace_id == workspace)
    if among is not None:
        query = query.where(sources.c.id.in_(among))
    return _sources(view, read(view, query, [sources.c.id], span))


def labelled(view: View, workspace: str) -> list[tuple[str, tuple[Mapping[str, Any], ...]]]:
    """Id and labels of all of them, in order of creation."""
    query = select(sources.c.id, sources.c.labels).where(sources.c.workspace_id == workspace)
    rows = view.connection.execute(query.order_by(sources.c.id))
    return [(row.id, tuple(canonical.read(row.labels))) for row in rows]


def total(view: View, workspace: str) -> int:
    """How many the workspace has."""
    return view.count(sources, sources.c.workspace_id == workspace)


def _write(change: Change, old: Source, values: Mapping[str, Any], action: str = "Modified") -> Source:
    if values:
        change.connection.execute(update(sources).where(sources.c.id == old.id).values(**values))
    new = get(change, old.id)
    if new == old:
        return old
    change.connection.execute(update(sources).where(sources.c.id == old.id).values(updated_at=change.now))
    new = get(change, old.id)
    if new.enabled != old.enabled:
        action = audit.change_of(old.enabled, new.enabled)
    audit.record(change, new.workspace, f"Source {action}", _resource(new), _shown(old), _shown(new))
    return new


def _check_slug(change: Change, workspace: str, slug: str) -> None:
    checks.slug(slug)
    if find(change, workspace, slug) is not None:
        raise Conflict(f"there is a source {slug!r} in this workspace already", "slug")


def _add_key(change: Change, source: str, key: str) -> None:
    checks.write_key(key)
    taken = change.connection.scalar(select(write_keys.c.source_id).where(write_keys.c.key == key))
    if taken is not None:
        whose = "this source has" if taken == source else "another source has"
        raise Conflict(f"{whose} the write key {_short(key)!r} already", "writeKey")
    have, last = change.connection.execute(
        select(func.count(), func.max(write_keys.c.position)).where(write_keys.c.source_id == source)
    ).one()
    if have >= limits.WRITE_KEYS_PER_SOURCE:
        raise Full("source", limits.WRITE_KEYS_PER_SOURCE, "write keys", "writeKey")
    position = 0 if last is None else last + 1
    change.connection.execute(
        insert(write_keys).values(key=key, source_id=source, position=position, created_at=change.now)
    )


def _new_key(change: Change) -> str:
    return change.entropy(16).hex()


def _short(key: str) -> str:
    return f"{key[:4]}…"


def _labels(change: Change, workspace: str, labels: Sequence[Mapping[str, Any]]) -> str:
    if len(labels) > limits.LABELS_PER_SOURCE:
        raise Invalid(f"has {len(labels)} labels; at most {limits.LABELS_PER_SOURCE} are allowed", "labels")
    for number, label in enumerate(labels):
        for key in ("key", "value"):
            if not isinstance(label.get(key), str):
                raise Invalid("is required, and a text", f"labels[{number}].{key}")
        labels_of.check(label["key"], label["value"], f"labels[{number}]")
    return canonical.written(labels_of.ensured(change, workspace, labels), "labels")


def _write_settings(change: Change, source: str, **columns: str) -> None:
    there = source_settings.c.source_id == source
    if change.connection.scalar(select(source_settings.c.source_id).where(there)) is None:
        values = {"settings": "{}", "schema_settings": "{}"} | columns
        change.connection.execute(insert(source_settings).values(source_id=source, **values))
    else:
        change.connection.execute(update(source_settings).where(there).values(**columns))


def _sources(view: View, rows: Sequence[RowMapping]) -> list[Source]:
    keys: dict[str, list[str]] = {}
    query = select(write_keys.c.key, write_keys.c.source_id).order_by(write_keys.c.position)
    settings_query = select(source_settings)
    if len(rows) <= 1_000:
        names = [row["id"] for row in rows]
        query = query.where(write_keys.c.source_id.in_(names))
        settings_query = settings_query.where(source_settings.c.source_id.in_(names))
    for row in view.connection.execute(query):
        keys.setdefault(row.source_id, []).append(row.key)
    settings = {row.source_id: row for row in view.connection.execute(settings_query)}
    return [
        Source(
            id=row["id"],
            workspace=row["workspace_id"],
            slug=row["slug"],
            name=row["name"],
            enabled=row["enabled"],
            metadata=canonical.read(row["metadata"]),
            labels=tuple(canonical.read(row["labels"])),
            settings=canonical.read(settings[row["id"]].settings) if row["id"] in settings else {},
            schema_settings=canonical.read(settings[row["id"]].schema_settings)
            if row["id"] in settings
            else {},
            write_keys=tuple(keys.get(row["id"], ())),
            created_at=row["created_at"],
            updated_at=row["updated_at"],
        )
        for row in rows
    ]


def _resource(source: Source) -> tuple[str, str, str]:
    return "source", source.id, source.name


def _shown(source: Source) -> audit.Shown:
    return {
        "id": source.id,
        "slug": source.slug,
        "name": source.name,
        "enabled": source.enabled,
        "metadata": source.metadata,
        "labels": list(source.labels),
        "settings": source.settings,
        "schemaSettings": source.schema_settings,
        "writeKeys": list(source.write_keys),
    }
