"""The registry's database: how it is opened, upgraded and read; the only module that knows which database it is."""

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
"""How long a change waits for the change of another process."""

_BUSY: Final = f"PRAGMA busy_timeout = {BUSY_MS}"

_PRAGMAS: Final = (
    _BUSY,
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    # A value that became a secret must not stay readable where it lay.
    "PRAGMA secure_delete = ON",
)

_VERSION: Final = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""As alembic makes it."""


def connect(path: Path) -> Engine:
    """The database in file *path*, which is made, for its owner only, if it is not there. Raises OSError."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    engine = create_engine(URL.create("sqlite", database=str(path)), pool_size=4, max_overflow=28)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    """Python's driver would begin transactions by itself, late: SQLAlchemy says when (`_begin`)."""
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _begin(connection: Connection) -> None:
    """What will write says so at once: it then waits for its turn here, and never fails later for want of it."""
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextlib.contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Sees the registry as it was at the first read. Raises Unavailable."""
    with translated(), engine.connect() as connection, connection.begin():
        yield connection


@contextlib.contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction, alone; committed when the block ends, rolled back when it raises. Raises Unavailable, Conflict."""
    with (
        translated(),
        engine.connect().execution_options(writes=True) as connection,
        connection.begin(),
    ):
        yield connection


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """What the database and its driver raise, as what the registry raises."""
    try:
        yield
    except exc.IntegrityError:
        raise Conflict("it contradicts what was stored meanwhile; try again") from None
    except exc.DBAPIError as error:
        raise Unavailable(f"the registry cannot be used: {error.orig}") from error
    except exc.TimeoutError:
        raise Unavailable("the registry cannot be used: too many uses at once") from None
    except UnicodeEncodeError:
        raise Invalid("must be valid Unicode") from None
    except OverflowError:
        raise Invalid("a number is out of range") from None


def upgrade(engine: Engine) -> None:
    """
    Makes the tables where there are none, or brings older ones to the last migration. Raises Unavailable for a registry that
    a newer Headgate made.
    """
    with reading(engine) as connection:
        found = version(connection)
    if found is None:
        with writing(engine) as connection:
            if version(connection) is None:
                # The steps lead to the same, a test sees to it; with alembic it would take most of a first start.
                metadata.create_all(connection, checkfirst=False)
                _VERSION.create(connection)
                connection.execute(insert(_VERSION).values(version_num=HEAD))
                return
    if found != HEAD:
        migrate(engine)


def migrate(engine: Engine, to: str = HEAD) -> None:
    """As `upgrade`, step by step also where there is nothing yet, up to migration *to*."""
    # Slow to import, and seldom needed.
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
    """The migration the tables are at; None before the first."""
    if not connection.dialect.has_table(connection, _VERSION.name):
        return None
    found: str | None = connection.scalar(select(_VERSION.c.version_num))
    return found


def scrub(engine: Engine) -> None:
    """
    Empties the write-ahead log, where old content lies until it is overwritten. As far as it goes: what somebody still
    reads stays until the next time.
    """
    with translated(), contextlib.closing(engine.raw_connection()) as connection:
        cursor = connection.cursor()
        # Whoever changes something next waits for this.
        cursor.execute("PRAGMA busy_timeout = 100")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        cursor.execute(_BUSY)
        cursor.close()
