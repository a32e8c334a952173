"""
The open registry: views to read, changes to write. The operations are in modules named after what they operate on:
workspaces, sources, destinations, filters, functions, instances, users, groups, grants, tokens, audit.

    with registry.change(actor) as change:
        source = sources.create(change, workspace.id, slug="web")
        destinations.create(change, source.id, name="Hook", kind="webhook", settings={"url": "https://..."})

A change is one transaction: a process killed anywhere in it leaves either the old state or the new one.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Final, Self

import orjson
from sqlalchemy import func, insert, select, update

from headgate.registry import database, secrets
from headgate.registry.errors import KeyUnavailable, Unavailable
from headgate.registry.records import SYSTEM
from headgate.registry.revision import RevisionCell
from headgate.registry.tables import config
from headgate_runtime import SystemClock, SystemEntropy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import ColumnElement, Connection, Table

    from headgate.paths import DataDirectory
    from headgate.registry.records import Actor
    from headgate.registry.secrets import Keyring, Place
    from headgate_runtime import Clock, Entropy


_ROW: Final = select(config.c.rev, config.c.key_id)


class View:
    """
    The registry at one moment, read-only.

    now        that moment, in ms since the epoch
    """

    _row = _ROW

    def __init__(self, registry: Registry, connection: Connection) -> None:
        self.connection = connection
        self._registry = registry
        self.now = int(registry.clock.wall_ms())
        row = connection.execute(self._row).one()
        self.revision: int = row.rev
        self.key_id: str = row.key_id

    def count(self, table: Table, *where: ColumnElement[bool]) -> int:
        """How many rows of *table* satisfy all of *where*."""
        return self.connection.scalar(select(func.count()).select_from(table).where(*where)) or 0

    def unseal(self, sealed: str, place: Place) -> bytes:
        """Raises Undecryptable; KeyUnavailable if the master key cannot be read."""
        return self._registry.keyring(secrets.sealed_with(sealed)).open(sealed, place)


class Change(View):
    """
    The registry within a transaction that changes it, exclusively.

    written    how many mutations it has recorded so far
    scrubs     whether overwritten content must not stay readable in the write-ahead log
    """

    # On a database with several concurrent writers, this row is what they lock to take turns.
    _row = _ROW.with_for_update()

    def __init__(self, registry: Registry, connection: Connection, actor: Actor) -> None:
        super().__init__(registry, connection)
        self.actor = actor
        self.entropy = registry.entropy
        self.written = 0
        self.scrubs = False
        self._ids = 0

    def new_id(self, prefix: str = "") -> str:
        """*prefix* and 24 hex digits. Ids sort in order of creation (up to 65,536 of one change); lists rely on it."""
        self._ids += 1
        return prefix + f"{self.now & 0xFFFFFFFFFFFF:012x}{self._ids & 0xFFFF:04x}{self.entropy(4).hex()}"

    def seal(self, value: object, place: Place) -> str:
        """*value* as JSON, sealed for *place* with the current master key. Raises KeyUnavailable."""
        keyring = self._registry.sealing(self.key_id)
        return keyring.seal(self.key_id, orjson.dumps(value), place, self.entropy)


class Registry:
    """The registry of one data directory; see `open`. Thread-safe. Call `close` when done."""

    def __init__(
        self, directory: DataDirectory, clock: Clock, entropy: Entropy, environ: Mapping[str, str]
    ) -> None:
        self.directory = directory
        self.clock = clock
        self.entropy = entropy
        self._environ = environ
        self._keyring: Keyring | None = None
        with _files(directory):
            directory.create()
            self.cell = RevisionCell(directory.revision)
        try:
            with _files(directory):
                self._engine = database.connect(directory.registry)
            try:
                self._begin()
            except BaseException:
                self._engine.dispose()
                raise
        except BaseException:
            self.cell.close()
            raise

    @classmethod
    def open(
        cls,
        directory: DataDirectory,
        *,
        clock: Clock | None = None,
        entropy: Entropy | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Registry:
        """
        Creates what is missing (directory, tables, master key) and upgrades an older registry. Raises Unavailable, and
        KeyUnavailable if the master key is not the one that the registry's secrets are sealed with.
        """
        return cls(
            directory,
            clock or SystemClock(),
            entropy or SystemEntropy(),
            os.environ if environ is None else environ,
        )

    def _begin(self) -> None:
        # The first connection switches a new database to its write-ahead log; SQLite would fail a second one meanwhile
        # instead of letting it wait.
        with self.cell.lock():
            database.upgrade(self._engine)
            with database.writing(self._engine) as connection:
                row = connection.execute(select(config.c.rev, config.c.key_id)).one_or_none()
                if row is None:
                    revision, key_id = 0, self._first_key()
                    connection.execute(insert(config).values(id=1, rev=revision, key_id=key_id))
                else:
                    revision, key_id = row.rev, row.key_id
            self.cell.settle(revision)
        self.sealing(key_id)

    def close(self) -> None:
        self._engine.dispose()
        self.cell.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def view(self) -> Iterator[View]:
        """Raises Unavailable."""
        with database.reading(self._engine) as connection:
            yield View(self, connection)

    @contextlib.contextmanager
    def change(self, actor: Actor = SYSTEM) -> Iterator[Change]:
        """
        Waits for its turn; commits when the block ends, rolls back if it raises. When this returns, every process that
        looks at the revision cell sees the change. Raises Unavailable, Conflict.
        """
        with self.cell.lock():
            with database.writing(self._engine) as connection:
                change = Change(self, connection, actor)
                yield change
                if change.written:
                    # Odd until the outcome of the commit is known; meanwhile readers consult the database, and repair
                    # the cell if this process dies.
                    self.cell.unsettle()
                    connection.execute(update(config).values(rev=change.revision + 1))
            if change.written:
                self.cell.settle(change.revision + 1)
            if change.scrubs:
                database.scrub(self._engine)

    def settle(self) -> None:
        """Repairs a cell left odd by a commit that failed, or by a process that died."""
        with self.cell.lock_if_free() as free:
            if free and self.cell.value % 2:
                with self.view() as view:
                    self.cell.settle(view.revision)

    def keyring(self, wanted: str) -> Keyring:
        """
        The master keys. They are read again if the key *wanted* is not among those known; if that fails, they stay as
        they were. Raises KeyUnavailable.
        """
        if self._keyring is None:
            self._keyring = secrets.load(self.directory.master_key, self._environ)
        elif wanted not in self._keyring:
            with contextlib.suppress(KeyUnavailable):
                self._keyring = secrets.load(self.directory.master_key, self._environ) or self._keyring
        if self._keyring is None:
            raise KeyUnavailable(
                f"{self.directory.master_key} is missing: restore it, or set {secrets.VARIABLE}; "
                "without it no secret of this registry can be read"
            )
        return self._keyring

    def sealing(self, key_id: str) -> Keyring:
        """The master keys, which must include *key_id*. Raises KeyUnavailable."""
        keyring = self.keyring(key_id)
        if key_id not in keyring:
            source = secrets.VARIABLE if self.has_key_in_environment else self.directory.master_key
            raise KeyUnavailable(f"{source}: not the master key that this registry is sealed with")
        return keyring

    @property
    def has_key_in_environment(self) -> bool:
        return bool(self._environ.get(secrets.VARIABLE))

    def _first_key(self) -> str:
        """The id of the first key to seal with; creates a key if there is none."""
        keyring = secrets.load(self.directory.master_key, self._environ)
        if keyring is None:
            with _files(self.directory):
                secrets.create(self.directory.master_key, self.entropy)
            return self._first_key()
        return keyring.ids[0]


@contextlib.contextmanager
def _files(directory: DataDirectory) -> Iterator[None]:
    """Turns errors of the file system into Unavailable."""
    try:
        yield
    except OSError as error:
        where = error.filename or directory
        raise Unavailable(f"{where}: {(error.strerror or str(error)).lower()}") from None
