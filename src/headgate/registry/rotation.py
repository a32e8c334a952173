"""
Rotates the master key. At any moment the key file holds every key that something is sealed with: first the new key joins
the old one in the file, then one transaction reseals all secrets, then the old key is removed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import select, update

from headgate.registry import audit, destinations, instances, secrets, workspaces
from headgate.registry import tables as t
from headgate.registry.errors import KeyUnavailable, Unavailable
from headgate.registry.secrets import Undecryptable

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Table

    from headgate.registry.records import Actor
    from headgate.registry.store import Change, Registry


class Rotated(NamedTuple):
    """*new* and *old* are key ids; *secrets* counts the rows that were resealed."""

    new: str
    old: str
    secrets: int


def rotate(registry: Registry, actor: Actor) -> Rotated:
    """
    Rotates to a new random key if the key is in a file, or to the first of the keys in the environment, which must also
    have the old one. Running servers are not interrupted: they read the file again, or have both keys in their
    environment. Raises KeyUnavailable, also if a secret cannot be decrypted; nothing is changed then.
    """
    path = registry.directory.master_key
    if registry.has_key_in_environment:
        with registry.change(actor) as change:
            keyring = registry.sealing(change.key_id)
            if keyring.ids[0] == change.key_id:
                raise KeyUnavailable(
                    f"{secrets.VARIABLE}: its first key is the one in use; put the new one before it: NEW,OLD"
                )
            return _reseal(change, keyring.ids[0])
    try:
        with registry.change(actor) as change:
            keyring = registry.sealing(change.key_id)
            new = registry.entropy(secrets.KEY_BYTES)
            secrets.replace(path, [new, keyring.key(change.key_id)], registry.entropy)
            rotated = _reseal(change, secrets.key_id(new))
        with registry.cell.lock(), registry.view() as view:
            kept = registry.sealing(view.key_id).key(view.key_id)
            secrets.replace(path, [kept], registry.entropy)
    except OSError as error:
        raise Unavailable(f"{path}: {(error.strerror or str(error)).lower()}") from None
    return rotated


def _reseal(change: Change, new: str) -> Rotated:
    old, change.key_id = change.key_id, new
    change.connection.execute(update(t.config).values(key_id=new))
    count = _reseal_table(change, t.destinations, destinations.resealed)
    count += _reseal_table(change, t.instances, instances.resealed)
    change.scrubs = True
    for workspace in workspaces.listed(change):
        audit.record(change, workspace.id, "Master Key Rotated", ("master_key", new, new))
    change.written += 1
    return Rotated(new, old, count)


def _reseal_table(change: Change, table: Table, resealed: Callable[[Change, str, str], str]) -> int:
    rows = change.connection.execute(
        select(table.c.id, table.c.encrypted_settings).where(table.c.encrypted_settings != "{}")
    ).all()
    for name, encrypted in rows:
        try:
            anew = resealed(change, name, encrypted)
        except Undecryptable:
            raise KeyUnavailable(
                f"{table.name} {name}: a secret cannot be decrypted; set it again before changing the master key"
            ) from None
        change.connection.execute(update(table).where(table.c.id == name).values(encrypted_settings=anew))
    return len(rows)
