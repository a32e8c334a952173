"""The newest snapshot of the registry, which is taken anew when something was changed."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
from typing import TYPE_CHECKING

from headgate.registry.snapshot_taker import SnapshotTaker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headgate.registry.snapshot import Snapshot
    from headgate.registry.store import Registry


class SnapshotStore:
    """
    The newest snapshot of the registry. One for each process; threads may share it.

    `current` and `load` look into the database only when something was changed, which `is_current` knows from the
    revision cell, without asking anybody.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._lock = threading.Lock()
        self._seen = -1
        self._snapshot: Snapshot | None = None
        self._taker = SnapshotTaker(registry.directory.sinks)

    @property
    def snapshot(self) -> Snapshot:
        """The last snapshot that was taken. Before any was, it is taken now. Raises Unavailable."""
        return self._snapshot or self.load()

    @property
    def is_current(self) -> bool:
        """Whether nothing was committed since. Costs a look at 8 bytes."""
        return self._registry.cell.value == self._seen

    async def current(self) -> Snapshot:
        """The snapshot of this moment: a change that was committed before the call is in it. Raises Unavailable."""
        if self._snapshot is not None and self.is_current:
            return self._snapshot
        return await asyncio.to_thread(self.load)

    def load(self) -> Snapshot:
        """As `current`, for those who may block."""
        with self._lock:
            if self._snapshot is not None and self.is_current:
                return self._snapshot
            with self._registry.view() as view:
                if self._snapshot is None or view.revision != self._snapshot.revision:
                    with _collector_paused():
                        self._snapshot = self._taker.take(view)
                self._seen = 2 * view.revision
            if not self.is_current:
                self._registry.settle()
            return self._snapshot


@contextlib.contextmanager
def _collector_paused() -> Iterator[None]:
    """All that is made lives on; looking through it for garbage, over and over, would take a third of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
