"""Fixtures of the guest's tests."""

from __future__ import annotations

import pytest

from tests.guest.evaluate import Evaluate


@pytest.fixture(scope="session")
def evaluate() -> Evaluate:
    return Evaluate()
