"""Fixtures of the tests of the queue."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.headgate.queue.sqlite_storage import SqliteStorage


@pytest.fixture
def storage(tmp_path: Path) -> SqliteStorage:
    return SqliteStorage(tmp_path / "queue.sqlite")
