"""How the event path reads the registry: as immutable snapshots, always up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from headgate.registry.snapshot import Snapshot


class Directory(Protocol):
    """A source of snapshots. The service follows the registry; tests use a fixed snapshot."""

    @property
    def snapshot(self) -> Snapshot:
        """The latest snapshot taken, which may be outdated."""

    @property
    def is_current(self) -> bool:
        """Whether nothing was committed since `snapshot` was taken. Cheap enough to check for every event."""

    async def current(self) -> Snapshot:
        """A snapshot that contains every change committed before the call."""
