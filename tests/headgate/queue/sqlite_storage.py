"""Where the queues of these tests live."""

from __future__ import annotations

from pathlib import Path

from headgate.queue.clock import ServiceClock
from headgate.queue.limits import QueueLimits
from headgate.queue.sqlite import SqliteQueue
from tests.headgate.queue.events import WallClock

NO_RESERVE = QueueLimits(disk_reserve_bytes=0)


class SqliteStorage:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = WallClock()

    async def open(self, limits: QueueLimits = NO_RESERVE) -> SqliteQueue:
        return await SqliteQueue.open(self.path, clock=ServiceClock(self.clock), limits=limits)
