"""Fixtures of the management API's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.headgate.api.harness import ApiHarness


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[ApiHarness]:
    with ApiHarness(tmp_path / "data") as made:
        yield made
