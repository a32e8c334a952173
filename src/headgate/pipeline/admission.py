"""Functions that people run themselves, beside the pipeline: held to their workspace's quotas, and metered, as those in it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from headgate.samples.file import DAY_MS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.pipeline.allowance import Allowance
    from headgate.pipeline.witness import Witness
    from headgate.tracking.rate import EventThrottle
    from headgate_runtime import Clock, Outcome

UNSAVED = "unsaved"
"""What code is metered under that is no function yet."""


class QuotaMet(Exception):
    """*retry_after_s* is when it may be tried again."""

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after_s = retry_after_s


class Admission:
    """*throttle* is that of the events that are sent to be delivered: both come out of one quota."""

    def __init__(self, allowance: Allowance, witness: Witness, throttle: EventThrottle, clock: Clock) -> None:
        self._allowance = allowance
        self._witness = witness
        self._throttle = throttle
        self._clock = clock

    def take(self, workspace: str, events: int) -> None:
        """So many are to be run now. Raises QuotaMet."""
        self.check_fuel(workspace)
        per_second = self._allowance.events_per_s(workspace)
        if per_second is not None:
            seconds = self._throttle.take(workspace, per_second, events)
            if seconds:
                raise QuotaMet("the workspace has used up its events of this second", seconds)

    def check_fuel(self, workspace: str) -> None:
        """Raises QuotaMet."""
        if self._allowance.is_used_up(workspace):
            left_ms = DAY_MS - self._clock.wall_ms() % DAY_MS
            raise QuotaMet(
                "the workspace has used up what its functions may do today", math.ceil(left_ms / 1e3)
            )

    async def enter(self, workspace: str) -> None:
        """Waits until one of the sandboxes that the workspace may have at once is free: its own until `leave`."""
        await self._allowance.enter(workspace)

    def leave(self, workspace: str) -> None:
        self._allowance.leave(workspace)

    def ran(self, workspace: str, function: str, outcomes: Sequence[Outcome], *, together: bool) -> None:
        """*together*: once for all, or once for each."""
        self._witness.ran(workspace, function, outcomes, together=together)
