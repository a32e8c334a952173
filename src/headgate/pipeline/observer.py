"""Where the pipeline reports failures and the usage of functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.registry.snapshot import Source
    from headgate.samples.sample import Sample
    from headgate_runtime import Outcome


class Observer(Protocol):
    """Records failures and usage. Its methods must be fast and must not raise."""

    def wants(self, destination: str, reason: str) -> bool:
        """Whether a sample of this failure should be made and passed to `keep`."""

    def keep(self, sample: Sample) -> None: ...

    def ran(self, workspace: str, function: str, outcomes: Sequence[Outcome], *, together: bool) -> None:
        """A function was invoked: if *together*, once for all outcomes, else once for each."""

    def fuel_today(self, workspace: str) -> int:
        """The fuel that the workspace's functions used today; that of other workers is some seconds old."""

    def received(self, source: Source, events: int) -> None:
        """*events* new events (no duplicates) of *source* were accepted."""


class NoObserver:
    """An Observer that records nothing."""

    def wants(self, destination: str, reason: str) -> bool:  # noqa: ARG002 - wants none
        return False

    def keep(self, sample: Sample) -> None:
        pass

    def ran(self, workspace: str, function: str, outcomes: Sequence[Outcome], *, together: bool) -> None:
        pass

    def received(self, source: Source, events: int) -> None:
        pass

    def fuel_today(self, workspace: str) -> int:  # noqa: ARG002 - counts none
        return 0
