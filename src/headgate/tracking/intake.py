"""
The interface between the event API and what stores its events. The pipeline implements `Intake`; tests of the
API use a list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.queue.model import Tally
    from headgate.registry.snapshot import Source


class Arrival(NamedTuple):
    """
    A valid, normalised event (SPEC 2.5). *body* is the JSON text of *event*, which must not be modified any
    more.
    """

    message_id: str
    event_type: str
    event: dict[str, Any]
    body: bytes


class Intake(Protocol):
    """Takes responsibility for events."""

    async def source(self, write_key: str) -> Source | None:
        """The source that the current registry has for a write key, or None."""

    async def accept(self, source: Source, arrivals: Sequence[Arrival], failed: Sequence[Tally]) -> None:
        """
        Stores the events and counters; they are durable on return. *failed* counts the invalid items of the
        request. Raises QueueFull or QueueBroken (headgate.queue.protocol), in which case nothing was stored.
        """
