"""Fixtures of the event API's tests."""

from __future__ import annotations

import pytest

from tests.headgate.tracking.asking import Asker


@pytest.fixture
def asker() -> Asker:
    return Asker()
