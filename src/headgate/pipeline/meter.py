"""What the pipeline tells about itself as it works; the service makes metrics of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.delivery.carrier import Receipt
    from headgate.queue.model import Settlement, Tally
    from headgate.registry.snapshot import Destination
    from headgate_runtime import Outcome


class Meter(Protocol):
    """Must be quick, and must not raise."""

    def tallied(self, tally: Tally, events: int = 1) -> None:
        """So many *events* were decided on when they were accepted, or were not valid."""

    def duplicate(self) -> None:
        """An event was accepted before, and so was dropped."""

    def invoked(self, destination: Destination, outcomes: Sequence[Outcome]) -> None: ...

    def delivered(self, destination: Destination, receipt: Receipt, events: int, wall_ms: float) -> None: ...

    def settled(self, settlements: Sequence[Settlement]) -> None: ...


class NoMeter:
    """A Meter for those who want none."""

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
