"""Fixtures of all tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.stage import Isolation, Stage


@pytest.fixture
def run() -> Iterator[Stage]:
    """`run(source, event, settings, **limits)` gives the outcome; see Stage."""
    stage = Stage()
    yield stage
    stage.close()


@pytest.fixture(params=["warm", "hermetic"])
def isolation(request: pytest.FixtureRequest) -> Isolation:
    chosen: Isolation = request.param
    return chosen
