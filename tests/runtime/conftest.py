"""An executor on a clock that moves when told, with a host that answers at once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.runtime.fakes import CountingEntropy, FakeClock, Host
from tests.stage import Stage


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def host() -> Host:
    return Host(lambda url: f"body of {url}".encode())


@pytest.fixture
def stage(clock: FakeClock, host: Host) -> Iterator[Stage]:
    made = Stage(clock=clock, fetch=host, entropy=CountingEntropy())
    yield made
    made.close()
