"""Instances: a function bound to a destination, with its own setting values and the version it runs."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import bindparam, delete, insert, select, update

from headgate.registry import audit, canonical, checks, functions, ownership, sealing, settings
from headgate.registry.errors import Conflict, Invalid, NotFound
from headgate.registry.records import Instance
from headgate.registry.secrets import Place, Undecryptable
from headgate.registry.settings import union
from headgate.registry.spans import ALL, Span, read
from headgate.registry.tables import function_versions, instances

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy import RowMapping

    from headgate.registry.records import Function
    from headgate.registry.settings import Definition
    from headgate.registry.store import Change, View


def create(
    change: Change,
    *,
    function: str,
    destination: str,
    name: str,
    settings: Mapping[str, Any] | None = None,
    enabled: bool = False,
) -> Instance:
    """
    Connects *function* to *destination*, pinned to the newest deployed version, or to LATEST if none was ever deployed.
    Raises NotFound, also if the two are of different workspaces; Invalid, Conflict.
    """
    workspace = ownership.workspace_of(change, destination)
    of = functions.get(change, function, workspace=workspace)
    if of_destination(change, destination) is not None:
        raise Conflict(
            "this destination already has a function; a destination can have only one", "integrationId"
        )
    pinned = of.running
    instance = change.new_id()
    known = union(pinned.settings, of.settings)
    plain, encrypted = _stored(change, instance, known, {} if settings is None else settings, {})
    _check_required(pinned.settings, plain, encrypted, enabled=enabled)
    change.connection.execute(
        insert(instances).values(
            id=instance,
            function_id=of.id,
            destination_id=destination,
            version_id=pinned.id,
            name=checks.name(name),
            enabled=enabled,
            settings=canonical.written(plain),
            encrypted_settings=canonical.written(encrypted),
            created_at=change.now,
            updated_at=change.now,
        )
    )
    mark_deployed(change, pinned.id)
    made = get(change, instance)
    audit.record(change, workspace, "Insert Function Instance Created", _resource(made), after=_shown(made))
    return made


def modify(
    change: Change,
    instance: str,
    *,
    name: str | None = None,
    settings: Mapping[str, Any] | None = None,
    enabled: bool | None = None,
) -> Instance:
    """Arguments that are None keep their values; *settings* as in settings.update. Raises NotFound, Invalid."""
    old = get(change, instance)
    of = functions.get(change, old.function)
    pinned = functions.version(change, old.function, old.version)
    known = union(pinned.settings, of.settings)
    plain, sealed = _columns(change, instance)
    encrypted = sealed
    if settings is not None:
        plain, encrypted = _stored(change, instance, known, settings, sealed)
    enabled = old.enabled if enabled is None else enabled
    if enabled and (settings is not None or not old.enabled):
        _check_required(pinned.settings, plain, encrypted, enabled=enabled)
    values = {
        "name": old.name if name is None else checks.name(name),
        "enabled": enabled,
        "settings": canonical.written(plain),
        "encrypted_settings": canonical.written(encrypted),
    }
    return write(change, old, values)


def write(change: Change, old: Instance, values: Mapping[str, Any]) -> Instance:
    """Writes *values* into the columns of *old*, if that changes anything."""
    row = change.connection.execute(select(instances).where(instances.c.id == old.id)).mappings().one()
    changed = {key: value for key, value in values.items() if row[key] != value}
    if not changed:
        return old
    change.connection.execute(
        update(instances).where(instances.c.id == old.id).values(**changed, updated_at=change.now)
    )
    new = get(change, old.id)
    action = audit.change_of(old.enabled, new.enabled)
    audit.record(
        change,
        ownership.workspace_of(change, new.destination),
        f"Insert Function Instance {action}",
        _resource(new),
        _shown(old),
        _shown(new),
    )
    return new


def remove(change: Change, instance: str) -> None:
    """The destination then receives its events unchanged. Raises NotFound."""
    old = get(change, instance)
    change.connection.execute(delete(instances).where(instances.c.id == instance))
    audit.record(
        change,
        ownership.workspace_of(change, old.destination),
        "Insert Function Instance Deleted",
        _resource(old),
        before=_shown(old),
    )


def migrate(
    change: Change,
    of: Function,
    running: Sequence[Definition],
    *,
    deployed: str | None = None,
    only: Collection[str] | None = None,
) -> None:
    """
    Adapts the stored values of the instances of *of*, or of *only* these, to the definitions *running* (SPEC 5): seals
    those that have become sensitive. With *deployed*, the version they run from now on, values without a definition are
    deleted, too. The number of statements does not depend on that of instances.
    """
    query = select(instances).where(instances.c.function_id == of.id).order_by(instances.c.id)
    changed: list[tuple[RowMapping, dict[str, Any]]] = []
    for row in change.connection.execute(query).mappings().all():
        if only is None or row["id"] in only:
            values = _migrated(change, row, running, deployed)
            if any(row[name] != value for name, value in values.items()):
                changed.append((row, {**values, "updated_at": change.now}))
    if not changed:
        return
    change.connection.execute(
        update(instances).where(instances.c.id == bindparam("instance")),
        [{"instance": row["id"], **values} for row, values in changed],
    )
    pairs = [(_instance(row), _instance({**row, **values})) for row, values in changed]
    audit.record_all(
        change,
        of.workspace,
        "Insert Function Instance Modified",
        [(_resource(new), _shown(old), _shown(new)) for old, new in pairs],
    )


def _migrated(
    change: Change, row: RowMapping, running: Sequence[Definition], deployed: str | None
) -> dict[str, Any]:
    """The columns of an instance as `migrate` writes them."""
    plain, encrypted = canonical.read(row["settings"]), canonical.read(row["encrypted_settings"])
    values: dict[str, Any] = {}
    if deployed is not None:
        names = {each.name for each in running}
        plain = {name: value for name, value in plain.items() if name in names}
        encrypted = {name: value for name, value in encrypted.items() if name in names}
        values["version_id"] = deployed
    for each in running:
        if each.sensitive and each.name in plain:
            encrypted[each.name] = change.seal(plain.pop(each.name), _place(row["id"], each.name))
            change.scrubs = True
    return values | {"settings": canonical.written(plain), "encrypted_settings": canonical.written(encrypted)}


def mark_deployed(change: Change, version: str) -> None:
    """Records when a version was first deployed."""
    change.connection.execute(
        update(function_versions)
        .where((function_versions.c.id == version) & function_versions.c.deployed_at.is_(None))
        .values(deployed_at=change.now)
    )


def get(view: View, instance: str, *, workspace: str | None = None) -> Instance:
    """Raises NotFound, also for an instance of another workspace than *workspace*."""
    row = (
        view.connection.execute(select(instances).where(instances.c.id == instance)).mappings().one_or_none()
    )
    if row is None or workspace not in (None, ownership.workspace_of(view, row["destination_id"])):
        raise NotFound("insert function instance", instance)
    return _instance(row)


def of_destination(view: View, destination: str) -> Instance | None:
    query = select(instances).where(instances.c.destination_id == destination)
    row = view.connection.execute(query).mappings().one_or_none()
    return None if row is None else _instance(row)


def listed(view: View, function: str, span: Span = ALL) -> list[Instance]:
    """In order of creation (by id)."""
    query = select(instances).where(instances.c.function_id == functions.full_id(function))
    return [_instance(row) for row in read(view, query, [instances.c.id], span)]


def secrets_of(view: View, instance: str) -> dict[str, Any]:
    """The sensitive values, opened. Raises NotFound, Undecryptable."""
    query = select(instances.c.encrypted_settings).where(instances.c.id == instance)
    sealed = view.connection.scalar(query)
    if sealed is None:
        raise NotFound("insert function instance", instance)
    return opened(view, instance, sealed)


def opened(view: View, instance: str, encrypted_settings: str) -> dict[str, Any]:
    """Raises Undecryptable."""
    return sealing.opened(view, encrypted_settings, partial(_place, instance))


def resealed(change: Change, instance: str, encrypted_settings: str) -> str:
    """The same secrets, sealed with the current key. Raises Undecryptable."""
    return sealing.resealed(change, encrypted_settings, partial(_place, instance))


def _stored(
    change: Change,
    instance: str,
    known: Sequence[Definition],
    given: Mapping[str, Any],
    sealed: Mapping[str, str],
) -> tuple[dict[str, Any], dict[str, str]]:
    """Plain and sealed values. An unchanged secret keeps its sealed form."""
    wanted = settings.update(known, sealed, given)
    encrypted = {name: sealed[name] for name in wanted.keep}
    for name, value in wanted.seal.items():
        held = _held(change, instance, name, sealed)
        place = _place(instance, name)
        encrypted[name] = sealed[name] if held == [value] else change.seal(value, place)
    return wanted.plain, encrypted


def _held(change: Change, instance: str, name: str, sealed: Mapping[str, str]) -> list[Any]:
    """The stored value of a secret, in a list; an empty list if there is none, or it cannot be read."""
    if name not in sealed:
        return []
    try:
        return [orjson.loads(change.unseal(sealed[name], _place(instance, name)))]
    except Undecryptable:
        return []


def _columns(view: View, instance: str) -> tuple[dict[str, Any], dict[str, str]]:
    query = select(instances.c.settings, instances.c.encrypted_settings).where(instances.c.id == instance)
    row = view.connection.execute(query).one()
    return canonical.read(row.settings), canonical.read(row.encrypted_settings)


def _check_required(
    running: Sequence[Definition], plain: Mapping[str, Any], encrypted: Mapping[str, str], *, enabled: bool
) -> None:
    lacking = (
        settings.missing(running, {**dict.fromkeys(encrypted, settings.MASK), **plain}) if enabled else None
    )
    if lacking is not None:
        raise Invalid("is required while the instance is enabled", f"settings.{lacking}")


def _place(instance: str, name: str) -> Place:
    return Place("instances", instance, f"encrypted_settings.{name}")


def _instance(row: RowMapping | Mapping[str, Any]) -> Instance:
    return Instance(
        id=row["id"],
        function=row["function_id"],
        destination=row["destination_id"],
        version=row["version_id"],
        name=row["name"],
        enabled=row["enabled"],
        settings=canonical.read(row["settings"]),
        encrypted_settings=settings.masked(canonical.read(row["encrypted_settings"])),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _resource(instance: Instance) -> tuple[str, str, str]:
    return "insert_function_instance", instance.id, instance.name


def _shown(instance: Instance) -> audit.Shown:
    return {
        "id": instance.id,
        "integrationId": instance.destination,
        "classId": functions.bare_id(instance.function),
        "version": instance.version,
        "name": instance.name,
        "enabled": instance.enabled,
        "settings": instance.settings,
        "encryptedSettings": instance.encrypted_settings,
    }
