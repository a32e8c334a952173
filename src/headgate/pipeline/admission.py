"""
Admission of functions invoked outside the pipeline, under the
same quotas and metering as those inside it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from headgate.samples.file import DAY_MS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.pipeline.allowance import Allowance
    from headgate.pipeline.observer import Observer
    from headgate.tracking.rate import EventThrottle
    from headgate_runtime import Clock, Outcome

UNSAVED = "unsaved"
"""The function id under which unsaved code is metered."""


class QuotaMet(Exception):
    """A quota is exhausted. The caller may try again after *retry_after_s*."""

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after_s = retry_after_s


class Admission:
    """*throttle* is the one used for accepted events, since both share one quota."""

    def __init__(
        self, allowance: Allowance, observer: Observer, throttle: EventThrottle, clock: Clock
    ) -> None:
        self._allowance = allowance
        self._observer = observer
        self._throttle = throttle
        self._clock = clock

    def take(self, workspace: str, events: int) -> None:
        """Takes *events* from the workspace's quotas. Raises QuotaMet if they are exhausted."""
        self.check_fuel(workspace)
        per_second = self._allowance.events_per_s(workspace)
        if per_second is not None:
            seconds = self._throttle.take(workspace, per_second, events)
            if seconds:
                raise QuotaMet("the workspace has used up its events of this second", seconds)

    def check_fuel(self, workspace: str) -> None:
        """Raises QuotaMet if the workspace has used up its fuel of the day."""
        if self._allowance.is_used_up(workspace):
            left_ms = DAY_MS - self._clock.wall_ms() % DAY_MS
            raise QuotaMet(
                "the workspace has used up what its functions may do today", math.ceil(left_ms / 1e3)
            )

    async def enter(self, workspace: str) -> None:
        """Waits for one of the workspace's sandboxes, which is then taken until `leave`."""
        await self._allowance.enter(workspace)

    def leave(self, workspace: str) -> None:
        self._allowance.leave(workspace)

    def ran(self, workspace: str, function: str, outcomes: Sequence[Outcome], *, together: bool) -> None:
        """Meters an invocation. *together*: one invocation for all outcomes, else one for each."""
        self._observer.ran(workspace, function, outcomes, together=together)
