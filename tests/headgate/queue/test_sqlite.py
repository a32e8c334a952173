"""The contract, kept by the SQLite engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from headgate.queue.clock import ServiceClock
from headgate.queue.limits import QueueLimits
from headgate.queue.sqlite import SqliteQueue
from tests.headgate.queue.contract import Delivers
from tests.headgate.queue.contract_again import TriesAgain
from tests.headgate.queue.contract_limits import KeepsLimits
from tests.headgate.queue.contract_once import TakesOnce
from tests.headgate.queue.events import WallClock

NO_RESERVE = QueueLimits(disk_reserve_bytes=0)


class SqlitePlace:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = WallClock()

    async def open(self, limits: QueueLimits = NO_RESERVE) -> SqliteQueue:
        return await SqliteQueue.open(self.path, clock=ServiceClock(self.clock), limits=limits)


@pytest.fixture
def place(tmp_path: Path) -> SqlitePlace:
    return SqlitePlace(tmp_path / "queue.sqlite")


class TestDelivers(Delivers):
    pass


class TestTakesOnce(TakesOnce):
    pass


class TestTriesAgain(TriesAgain):
    pass


class TestKeepsLimits(KeepsLimits):
    pass
