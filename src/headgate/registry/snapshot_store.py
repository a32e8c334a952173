"""Keeps the newest snapshot of the registry, and takes a new one after a change."""

from __future__ import annotations

import asyncio
import concurrent.futures
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
    The newest snapshot of the registry; one per process, thread-safe.

    `current` and `load` query the database only after a change, which `is_current` sees in the revision cell.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._lock = threading.Lock()
        self._seen = -1
        self._snapshot: Snapshot | None = None
        # Of its own, since events wait for it: code being compiled and reports may occupy the default threads.
        self._thread = concurrent.futures.ThreadPoolExecutor(1, "headgate-snapshot")
        self._taker = SnapshotTaker(registry.directory.sinks)

    @property
    def snapshot(self) -> Snapshot:
        """The last snapshot taken; takes the first one if there is none. Raises Unavailable."""
        return self._snapshot or self.load()

    @property
    def is_current(self) -> bool:
        """Whether nothing has been committed since. Only reads 8 bytes of shared memory."""
        return self._registry.cell.value == self._seen

    async def current(self) -> Snapshot:
        """A snapshot that includes every change committed before the call. Raises Unavailable."""
        if self._snapshot is not None and self.is_current:
            return self._snapshot
        return await asyncio.get_running_loop().run_in_executor(self._thread, self.load)

    def load(self) -> Snapshot:
        """As `current`, but blocking."""
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
    """Pauses garbage collection while thousands of long-lived objects are made: it would take a third of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
