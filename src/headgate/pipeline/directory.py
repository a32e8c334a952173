"""The registry as the event path sees it: one snapshot at a time, and never an old one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from headgate.registry.snapshot import Snapshot


class Directory(Protocol):
    """Tests use a fixed snapshot; the service follows the registry."""

    @property
    def snapshot(self) -> Snapshot:
        """The last snapshot that was taken."""

    @property
    def is_current(self) -> bool:
        """Whether nothing was committed since. Cheap enough for every event."""

    async def current(self) -> Snapshot:
        """The snapshot of this moment: a change that was committed before the call is in it."""
