"""Fixtures of the tests of the queue."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.headgate.queue.sqlite_place import SqlitePlace


@pytest.fixture
def place(tmp_path: Path) -> SqlitePlace:
    return SqlitePlace(tmp_path / "queue.sqlite")
