"""Fixtures of all tests."""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Callable, Generator, Iterator

import hypothesis
import pytest

from tests.stage import Isolation, Stage

# How long an example takes, or its making, tells of what else the machine does.
hypothesis.settings.register_profile(
    "patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("patient")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Half as many again as there are cores: for a third of their time, tests wait for processes that they started."""
    return (os.cpu_count() or 1) * 3 // 2


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Thousands of tests are made and none is dropped: looking for garbage among them, then or later, is in vain."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.fixture
def run() -> Iterator[Stage]:
    """`run(source, event, settings, **limits)` gives the outcome; see Stage."""
    with Stage() as stage:
        yield stage


@pytest.fixture
def stage_with() -> Iterator[Callable[..., Stage]]:
    """`stage_with(clock=..., fetch=...)` gives a Stage, as `run` is one, with these parts."""
    with contextlib.ExitStack() as stages:
        yield lambda **parts: stages.enter_context(Stage(**parts))


@pytest.fixture(params=["warm", "hermetic"])
def isolation(request: pytest.FixtureRequest) -> Isolation:
    chosen: Isolation = request.param
    return chosen
