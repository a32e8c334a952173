"""Operations on a function together with its instances (SPEC 14): save, restore, deploy, remove."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete

from headgate.registry import audit, functions, grants, instances
from headgate.registry.errors import Conflict, NotFound
from headgate.registry.functions import Code
from headgate.registry.tables import function_versions
from headgate.registry.tables import functions as functions_table

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from headgate.registry.records import Function
    from headgate.registry.settings import Definition
    from headgate.registry.store import Change


def save(
    change: Change,
    function: str,
    *,
    code: Code | None = None,
    definitions: Sequence[Definition] | None = None,
) -> Function:
    """
    Adds a version with *code* and *definitions*, either of which defaults to the latest; instances keep running theirs.
    Does nothing if neither differs. Values of settings that have become sensitive are sealed at once. Raises NotFound,
    Invalid.
    """
    old = functions.get(change, function)
    code = Code(old.latest.code, old.latest.language) if code is None else code
    definitions = old.settings if definitions is None else tuple(definitions)
    if code == (old.latest.code, old.latest.language) and definitions == old.settings:
        return old
    functions.add_version(change, old.id, code, definitions)
    instances.migrate(change, old, definitions)
    new = functions.get(change, old.id)
    audit.record(
        change,
        new.workspace,
        "Insert Function Modified",
        functions.resource(new),
        functions.shown(old),
        functions.shown(new),
    )
    return new


def restore(change: Change, function: str, version: str) -> Function:
    """Copies an old version into a new one, which becomes LATEST but is not deployed. Raises NotFound."""
    old = functions.get(change, function)
    copied = functions.version(change, function, version)
    functions.add_version(change, old.id, Code(copied.code, copied.language), copied.settings)
    instances.migrate(change, old, copied.settings)
    new = functions.get(change, old.id)
    audit.record(
        change,
        new.workspace,
        "Insert Function Restored",
        functions.resource(new),
        functions.shown(old),
        functions.shown(new),
    )
    return new


def deploy(
    change: Change, function: str, only: Collection[str] | None = None, *, version: str | None = None
) -> Function:
    """
    Moves all instances, or those in *only* (SPEC D27), to LATEST or to *version*, which counts as deployed even if there
    are no instances. Stored values without a definition in it are deleted. Raises NotFound.
    """
    old = functions.get(change, function)
    chosen = old.latest if version is None else functions.version(change, function, version)
    bound = {instance.id for instance in instances.listed(change, old.id)} if only else set()
    for name in only or ():
        if name not in bound:
            raise NotFound("instance of this function", name, "instanceIds")
    before = change.written
    instances.migrate(change, old, chosen.settings, deployed=chosen.id, only=only)
    if only is None or only:
        instances.mark_deployed(change, chosen.id)
    new = functions.get(change, old.id)
    if new != old or change.written != before:
        audit.record(
            change,
            new.workspace,
            "Insert Function Deployed",
            functions.resource(new),
            functions.shown(old),
            functions.shown(new),
        )
    return new


def remove(change: Change, function: str, *, force: bool = False) -> None:
    """
    With its versions, and with *force* also its instances. Raises NotFound; Conflict if there are instances and no
    *force* (SPEC D21).
    """
    old = functions.get(change, function)
    bound = instances.listed(change, old.id)
    if bound and not force:
        raise Conflict(f"{len(bound)} instances of this function exist; remove them first, or use force")
    for instance in bound:
        instances.remove(change, instance.id)
    change.connection.execute(delete(function_versions).where(function_versions.c.function_id == old.id))
    change.connection.execute(delete(functions_table).where(functions_table.c.id == old.id))
    grants.forget(change, old.workspace, old.id)
    audit.record(
        change, old.workspace, "Insert Function Deleted", functions.resource(old), before=functions.shown(old)
    )
