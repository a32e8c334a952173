"""What the event API hands on, and to whom. The pipeline implements `Intake`; tests of the API use a list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.queue.model import Tally
    from headgate.registry.snapshot import Source


class Arrival(NamedTuple):
    """A valid, normalised event (SPEC 2.5). *body* is the JSON text of *event*, which nobody changes any more."""

    message_id: str
    event_type: str
    event: dict[str, Any]
    body: bytes


class Intake(Protocol):
    """Takes responsibility for events."""

    async def source(self, write_key: str) -> Source | None:
        """The source of a write key in the registry as it is at this moment; None when there is none."""

    async def accept(self, source: Source, arrivals: Sequence[Arrival], failed: Sequence[Tally]) -> None:
        """
        Durable on return. *failed* counts what the request held and was not valid. Raises QueueFull or QueueBroken
        (headgate.queue.protocol) when nothing of it was stored.
        """
