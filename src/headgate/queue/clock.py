"""The clock of stored times: wall time that never jumps while the process runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headgate_runtime import Clock


class ServiceClock:
    """
    Starts at the wall time of its creation and then follows the monotonic clock, so that setting the wall
    clock while the process runs neither delays nor expires anything. `not_before` keeps it from going back
    over a restart.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._anchor = clock.wall_ms() - clock.monotonic_ms()

    def now(self) -> int:
        """Milliseconds since the epoch. Never decreases."""
        return int(self._anchor + self._clock.monotonic_ms())

    def not_before(self, ms: int) -> None:
        """Moves the clock forward to *ms*, a stored time, if the wall clock has been set back since."""
        behind = ms - self.now()
        if behind > 0:
            self._anchor += behind

    async def wait(self, ms: float) -> None:
        """Returns after *ms* milliseconds."""
        await self._clock.wait((), ms)
