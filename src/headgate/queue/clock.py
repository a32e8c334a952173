"""The time that is stored with jobs: one clock for a process, whatever the wall clock does meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headgate_runtime import Clock


class ServiceClock:
    """
    Wall time as it was when this was made, monotonic from then on: a wall clock set back or forward while the process
    runs neither delays nor expires anything. `not_before` carries it over a restart.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._anchor = clock.wall_ms() - clock.monotonic_ms()

    def now(self) -> int:
        """Milliseconds since the epoch; never less than before."""
        return int(self._anchor + self._clock.monotonic_ms())

    def not_before(self, ms: int) -> None:
        """Moves the clock forward to *ms*, a time that was stored, where the wall clock has been set back since."""
        behind = ms - self.now()
        if behind > 0:
            self._anchor += behind

    async def wait(self, ms: float) -> None:
        """Returns when *ms* have passed."""
        await self._clock.wait((), ms)
