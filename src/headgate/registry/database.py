"""The registry's database: opening, upgrading, transactions. The only module that knows it is SQLite."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import (
    URL,
    Column,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    create_engine,
    event,
    exc,
    insert,
    select,
)

from headgate.registry.errors import Conflict, Invalid, Unavailable
from headgate.registry.tables import HEAD, metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

BUSY_MS: Final = 10_000
"""How long a change waits for one by another process."""

_BUSY: Final = f"PRAGMA busy_timeout = {BUSY_MS}"

_PRAGMAS: Final = (
    _BUSY,
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    # The plain text of a value that has become a secret must not stay readable in the file.
    "PRAGMA secure_delete = ON",
)

_VERSION: Final = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""The table in which alembic keeps the version."""


def connect(path: Path) -> Engine:
    """The database in file *path*, which is created, readable by its owner only, if needed. Raises OSError."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    engine = create_engine(URL.create("sqlite", database=str(path)), pool_size=4, max_overflow=28)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    """Configures a connection. Python's driver must not begin transactions implicitly: `_begin` does."""
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _begin(connection: Connection) -> None:
    """Takes the write lock at once for a transaction that will write: it waits here, and cannot fail on the lock later."""
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextlib.contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that sees the registry as of its first read. Raises Unavailable."""
    with translated(), engine.connect() as connection, connection.begin():
        yield connection


@contextlib.contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """An exclusive transaction: committed when the block ends, rolled back if it raises. Raises Unavailable, Conflict."""
    with (
        translated(),
        engine.connect().execution_options(writes=True) as connection,
        connection.begin(),
    ):
        yield connection


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turns exceptions of the database and its driver into those of the registry."""
    try:
        yield
    except exc.IntegrityError:
        raise Conflict("it conflicts with a concurrent change; try again") from None
    except exc.DBAPIError as error:
        raise Unavailable(f"the registry cannot be used: {error.orig}") from error
    except exc.TimeoutError:
        raise Unavailable("the registry cannot be used: too many connections") from None
    except UnicodeEncodeError:
        raise Invalid("must be valid Unicode") from None
    except OverflowError:
        raise Invalid("a number is out of range") from None


def upgrade(engine: Engine) -> None:
    """
    Creates the tables, or migrates older ones to the latest version. Raises Unavailable for a registry of a newer
    Headgate.
    """
    with reading(engine) as connection:
        found = version(connection)
    if found is None:
        with writing(engine) as connection:
            if version(connection) is None:
                # Equivalent to all migrations, as a test verifies; running those would take most of a first start.
                metadata.create_all(connection, checkfirst=False)
                _VERSION.create(connection)
                connection.execute(insert(_VERSION).values(version_num=HEAD))
                return
    if found != HEAD:
        migrate(engine)


def migrate(engine: Engine, to: str = HEAD) -> None:
    """As `upgrade`, but always by running migrations, up to *to*."""
    # Slow to import, and rarely needed.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    scripts = Config()
    scripts.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    scripts.set_main_option("path_separator", "os")
    with writing(engine) as connection:
        found = version(connection)
        known = {script.revision for script in ScriptDirectory.from_config(scripts).walk_revisions()}
        if found is not None and found not in known:
            raise Unavailable(f"the registry was made by a newer Headgate (tables of version {found})")
        scripts.attributes["connection"] = connection
        command.upgrade(scripts, to)


def version(connection: Connection) -> str | None:
    """The last migration applied; None if there are no tables."""
    if not connection.dialect.has_table(connection, _VERSION.name):
        return None
    found: str | None = connection.scalar(select(_VERSION.c.version_num))
    return found


def scrub(engine: Engine) -> None:
    """
    Empties the write-ahead log, which retains old content until it is overwritten. Best effort: pages that a reader still
    needs stay until the next time.
    """
    with translated(), contextlib.closing(engine.raw_connection()) as connection:
        cursor = connection.cursor()
        # The next change waits for this.
        cursor.execute("PRAGMA busy_timeout = 100")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        cursor.execute(_BUSY)
        cursor.close()
