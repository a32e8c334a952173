"""Fixtures of the registry's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from headgate.paths import DataDirectory
from headgate.registry.store import Registry
from tests.headgate.registry.desk import Desk
from tests.headgate.registry.house import House, lay_tables, open_registry


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def registry(root: Path) -> Iterator[Registry]:
    lay_tables(DataDirectory(root))
    with open_registry(root) as opened:
        yield opened


@pytest.fixture
def house(registry: Registry) -> House:
    return House(registry)


@pytest.fixture
def desk(registry: Registry, tmp_path: Path) -> Desk:
    return Desk(registry, tmp_path / "desk")
