"""What the pipeline reports about its work. The service turns it into metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.delivery.carrier import Receipt
    from headgate.queue.model import Settlement, Tally
    from headgate.registry.snapshot import Destination
    from headgate_runtime import Outcome


class Meter(Protocol):
    """Receives what happens. Its methods must be fast and must not raise."""

    def tallied(self, tally: Tally, events: int = 1) -> None:
        """*events* events were counted under *tally* on acceptance, or rejected as invalid."""

    def duplicate(self) -> None:
        """An event was dropped as a duplicate."""

    def invoked(self, destination: Destination, outcomes: Sequence[Outcome]) -> None: ...

    def delivered(self, destination: Destination, receipt: Receipt, events: int, wall_ms: float) -> None: ...

    def settled(self, settlements: Sequence[Settlement]) -> None: ...


class NoMeter:
    """A Meter that does nothing."""

    def tallied(self, tally: Tally, events: int = 1) -> None:
        pass

    def duplicate(self) -> None:
        pass

    def invoked(self, destination: Destination, outcomes: Sequence[Outcome]) -> None:
        pass

    def delivered(self, destination: Destination, receipt: Receipt, events: int, wall_ms: float) -> None:
        pass

    def settled(self, settlements: Sequence[Settlement]) -> None:
        pass
