"""Makes the delete events of regulations (SPEC 2.5)."""

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
"""Events that are put into the queue at once."""


class Deletions:
    """Puts them into *intake*, as if they had come to the event API."""

    def __init__(self, registry: Registry, directory: Directory, intake: Intake) -> None:
        self._registry = registry
        self._directory = directory
        self._intake = intake

    async def __call__(self, regulation: Regulation) -> None:
        """
        One event for each subject and source, all stored on return. Done again for the same regulation, it makes the
        same events, which are then duplicates. A source that is disabled has its destinations delete, too: it may have
        sent them what they have. Raises Unavailable when they could not be stored, or not all.
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
    # Ids of messages are the workspace's, not the source's.
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
