"""Who remembers failures and what functions used, as the pipeline works."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.registry.snapshot import Source
    from headgate.samples.sample import Sample
    from headgate_runtime import Outcome


class Witness(Protocol):
    """Must be quick, and must not raise."""

    def wants(self, destination: str, reason: str) -> bool:
        """Whether to `keep` a sample of this failure; asked before one is made."""

    def keep(self, sample: Sample) -> None: ...

    def ran(self, workspace: str, function: str, outcomes: Sequence[Outcome], *, together: bool) -> None:
        """A function was invoked: once for all, or once for each."""

    def fuel_today(self, workspace: str) -> int:
        """That its functions used, as far as is known here: of other workers, some seconds ago."""

    def received(self, source: Source, events: int) -> None:
        """So many were accepted that had not been before."""


class NoWitness:
    """For those who want none."""

    def wants(self, destination: str, reason: str) -> bool:  # noqa: ARG002
        return False

    def keep(self, sample: Sample) -> None:
        pass

    def ran(self, workspace: str, function: str, outcomes: Sequence[Outcome], *, together: bool) -> None:
        pass

    def received(self, source: Source, events: int) -> None:
        pass

    def fuel_today(self, workspace: str) -> int:  # noqa: ARG002
        return 0
