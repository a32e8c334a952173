"""Fixtures of the registry's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from headgate.paths import DataDirectory
from headgate.registry.store import Registry
from tests.headgate.registry.harness import RegistryHarness, create_tables, open_registry
from tests.headgate.registry.manifests import ManifestDirectory


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def registry(root: Path) -> Iterator[Registry]:
    create_tables(DataDirectory(root))
    with open_registry(root) as opened:
        yield opened


@pytest.fixture
def harness(registry: Registry) -> RegistryHarness:
    return RegistryHarness(registry)


@pytest.fixture
def manifests(registry: Registry, tmp_path: Path) -> ManifestDirectory:
    return ManifestDirectory(registry, tmp_path / "manifests")
