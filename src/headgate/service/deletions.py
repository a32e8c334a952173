"""Creates the delete events of regulations (SPEC 2.5)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import orjson

from headgate.queue.protocol import QueueBroken, QueueFull
from headgate.registry import regulations
from headgate.registry.errors import Unavailable
from headgate.registry.records import SYSTEM
from headgate.tracking.intake import Arrival
from headgate.tracking.timestamps import format_ms

if TYPE_CHECKING:
    from headgate.pipeline.directory import Directory
    from headgate.registry.records import Regulation
    from headgate.registry.store import Registry
    from headgate.tracking.intake import Intake

PORTION: Final = 500
"""Events put into the queue in one call."""


class Deletions:
    """Passes delete events to *intake*, as the event API does with other events."""

    def __init__(self, registry: Registry, directory: Directory, intake: Intake) -> None:
        self._registry = registry
        self._directory = directory
        self._intake = intake

    async def __call__(self, regulation: Regulation) -> None:
        """
        Creates an event for each subject and source of *regulation*; all are stored on return. Safe to
        repeat: the same regulation yields the same events, which are then duplicates. Includes disabled
        sources, because their destinations may hold data from earlier. Raises Unavailable if not all events
        could be stored.
        """
        if regulation.type not in regulations.DELETING or regulation.finished_at is not None:
            return
        snapshot = await self._directory.current()
        for source in snapshot.sources.values():
            if source.workspace != regulation.workspace or regulation.source not in ("", source.id):
                continue
            for start in range(0, len(regulation.subjects), PORTION):
                arrivals = [
                    _arrival(regulation, source.id, number)
                    for number in range(start, min(start + PORTION, len(regulation.subjects)))
                ]
                try:
                    await self._intake.accept(source, arrivals, ())
                except (QueueFull, QueueBroken) as error:
                    raise Unavailable(f"{error}: ask again for the rest of {regulation.id}") from None
        await asyncio.to_thread(self._finish, regulation.id)

    def _finish(self, regulation: str) -> None:
        with self._registry.change(SYSTEM) as change:
            regulations.finish(change, regulation)


def _arrival(regulation: Regulation, source: str, number: int) -> Arrival:
    time = format_ms(regulation.created_at)
    name = "userId" if regulation.subject_type == "USER_ID" else "anonymousId"
    # Contains the source, because message ids are de-duplicated per workspace.
    message_id = f"delete-{regulation.id}-{source}-{number}"
    event: dict[str, Any] = {
        "type": "delete",
        "channel": "server",
        name: regulation.subjects[number],
        "context": None,
        "integrations": None,
        "messageId": message_id,
        "projectId": source,
        "timestamp": time,
        "receivedAt": time,
        "sentAt": time,
        "originalTimestamp": time,
    }
    return Arrival(message_id, "delete", event, orjson.dumps(event))
