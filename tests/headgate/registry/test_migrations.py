"""The steps lead to the tables, from the beginning and from any older version."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

import headgate.registry
from headgate.registry import database, labels, tokens
from headgate.registry.errors import Unavailable
from headgate.registry.records import Token
from headgate.registry.store import Registry
from headgate.registry.tables import HEAD, metadata
from tests.headgate.registry.harness import open_registry

MIGRATIONS = Path(headgate.registry.__file__).with_name("migrations")


def test_the_last_step_is_the_one_the_tables_name() -> None:
    assert ScriptDirectory(str(MIGRATIONS)).get_heads() == [HEAD]


def test_the_steps_add_up_to_the_tables(tmp_path: Path) -> None:
    engine = database.connect(tmp_path / "registry.sqlite")
    database.migrate(engine)

    with database.reading(engine) as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, metadata) == []
        assert database.version(connection) == HEAD
    engine.dispose()


def test_a_new_registry_is_what_the_steps_lead_to(tmp_path: Path) -> None:
    stepped, new = (database.connect(tmp_path / name) for name in ("stepped", "new"))
    database.migrate(stepped)
    database.upgrade(new)

    assert shape(new) == shape(stepped)
    for engine in (stepped, new):
        engine.dispose()


def shape(engine: Engine) -> dict[str, object]:
    """Whatever SQLite tells of each table and index, but for the order of foreign keys."""
    found: dict[str, object] = {}
    with database.reading(engine) as connection:
        for kind, name, text in connection.exec_driver_sql("SELECT type, name, sql FROM sqlite_master").all():
            found[f"{kind} {name}"] = text if kind == "index" else ""
            for what, columns in (
                ("table_xinfo", "*"),
                ("index_xinfo", "*"),
                ("index_list", 'name, "unique", origin, partial'),
                ("foreign_key_list", 'seq, "table", "from", "to", on_update, on_delete, "match"'),
            ):
                rows = connection.exec_driver_sql(f"SELECT {columns} FROM pragma_{what}('{name}')").all()
                found[f"{kind} {name}, {what}"] = sorted(rows, key=repr)
        found["version"] = database.version(connection)
    return found


def test_an_older_data_directory_upgrades_with_what_is_in_it(root: Path) -> None:
    root.mkdir()
    engine = database.connect(root / "registry.sqlite")
    database.migrate(engine, "0001")
    with database.writing(engine) as connection:
        assert not connection.dialect.has_table(connection, "tokens")
        connection.exec_driver_sql("INSERT INTO workspaces VALUES ('w', 'acme', 'Acme', 1.0, 0)")
        connection.exec_driver_sql("INSERT INTO sources VALUES ('s', 'w', 'web', 'Web', 1, '{}', '[]', 0, 0)")
    engine.dispose()

    with open_registry(root) as registry, registry.view() as view:
        assert database.version(view.connection) == HEAD
        assert view.connection.dialect.has_table(view.connection, "tokens")
        assert view.connection.exec_driver_sql("SELECT slug FROM sources").all() == [("web",)]


def test_labels_that_sources_had_are_labels_of_their_workspaces(root: Path) -> None:
    root.mkdir()
    engine = database.connect(root / "registry.sqlite")
    database.migrate(engine, "0002")
    prod, shop = {"key": "env", "value": "prod"}, {"key": "team", "value": "shop", "description": "who sells"}
    of_sources = [("a", "w1", [prod]), ("b", "w1", [shop, prod]), ("c", "w2", [prod]), ("d", "w2", [])]
    with database.writing(engine) as connection:
        for name in ("w1", "w2"):
            connection.exec_driver_sql("INSERT INTO workspaces VALUES (?, ?, 'W', 1.0, 0)", (name, name))
        for name, workspace, of_source in of_sources:
            connection.exec_driver_sql(
                "INSERT INTO sources VALUES (?, ?, ?, 'S', 1, '{}', ?, 0, 0)",
                (name, workspace, name, json.dumps(of_source)),
            )
    engine.dispose()

    with open_registry(root) as registry, registry.view() as view:
        assert [each.as_json() for each in labels.listed(view, "w1")] == [prod, shop]
        assert [each.as_json() for each in labels.listed(view, "w2")] == [prod]
        assert len({each.id for name in ("w1", "w2") for each in labels.listed(view, name)}) == 3


def test_tokens_from_before_there_were_users_are_still_good(root: Path) -> None:
    root.mkdir()
    engine = database.connect(root / "registry.sqlite")
    database.migrate(engine, "0003")
    text = "hgt_" + "x" * 43
    with database.writing(engine) as connection:
        connection.exec_driver_sql("INSERT INTO workspaces VALUES ('w', 'acme', 'Acme', 1.0, 0)")
        connection.exec_driver_sql(
            "INSERT INTO tokens VALUES ('t', 'w', 'ci', 'owner', ?, 1, 'me')",
            (hashlib.sha256(text.encode()).hexdigest(),),
        )
    engine.dispose()

    with open_registry(root) as registry, registry.view() as view:
        assert tokens.verify(view, text) == Token("t", "w", "ci", "owner", 1, "me")


def test_a_registry_of_the_future_is_refused(root: Path, registry: Registry) -> None:
    registry.close()
    connection = sqlite3.connect(root / "registry.sqlite")
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()

    with pytest.raises(Unavailable, match=r"made by a newer Headgate \(tables of version 9999\)"):
        open_registry(root)


def test_what_is_no_database_is_refused(root: Path) -> None:
    root.mkdir()
    (root / "registry.sqlite").write_bytes(b"not a database" * 1_000)

    with pytest.raises(Unavailable, match="the registry cannot be used: file is not a database"):
        open_registry(root)


def test_a_directory_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(Unavailable, match="file/data: not a directory"):
        open_registry(tmp_path / "file" / "data")


def test_the_directory_and_its_files_are_their_owner_s(root: Path, registry: Registry) -> None:
    with registry.change():
        modes = {path.name: path.stat().st_mode & 0o777 for path in root.iterdir()}

    assert root.stat().st_mode & 0o777 == 0o700
    assert modes.keys() >= {"registry.sqlite", "registry.sqlite-wal", "revision", "master.key"}
    assert set(modes.values()) == {0o600}
