"""Fixtures of the hostile suite."""

from __future__ import annotations

import pytest

from tests.hostile.assault import Assault
from tests.stage import Isolation, Stage


@pytest.fixture
def assault(run: Stage, isolation: Isolation) -> Assault:
    """`assault(body)` attacks from within a handler, in both isolations; see Assault."""
    return Assault(run, isolation)
