"""Routing of events to destinations (steps 3 to 5 of SPEC 1.4), decided once, when they are accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from headgate.pipeline.integrations import allows
from headgate.queue.model import Lane, NewEvent, NewJob, Step, Tally
from headgate.tracking.labels import labels_of

if TYPE_CHECKING:
    from headgate.pipeline.turns import Work
    from headgate.registry.snapshot import Source
    from headgate.tracking.intake import Arrival

FILTERED_BY_RULES = "FILTERED_BY_RULES"
FILTERED_BY_INTEGRATIONS_OBJECT = "FILTERED_BY_INTEGRATIONS_OBJECT"


EVENT_SETTING = "event_setting"
"""
The code for events of suppressed users. None is specific to them;
this one stands for a choice of the owner.
"""


def suppress(source: Source, arrival: Arrival) -> NewEvent:
    """The event of a suppressed user: counted and de-duplicated, but not stored."""
    event_type, labels = arrival.event_type, labels_of(arrival.event, arrival.event_type)
    tallies = (
        Tally(source.id, "", Step.RECEIVED, event_type, labels=labels),
        Tally(source.id, "", Step.FILTERED_AT_SOURCE, event_type, EVENT_SETTING, labels=labels),
    )
    return NewEvent(source.workspace, source.id, arrival.message_id, event_type, b"", (), tallies, labels)


class Router:
    """
    Routes the events of one request of a source. Caches their tallies, because most events of a request have
    the same.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._destinations = [
            (each, each.catalog_name, each.filters.apply, NewJob(Lane(source.workspace, each.id)))
            for each in source.destinations
            if each.enabled
        ]
        self._received: dict[tuple[str, str], tuple[Tally]] = {}

    async def route(self, arrival: Arrival, work: Work) -> NewEvent:
        """
        The event with a job for each enabled destination that gets it and a tally for each that does not.
        Each destination's filters see the event as accepted; its job stores their result, so that filters
        added later do not apply to waiting events (SPEC D42). Pauses *work* between two destinations, whose
        filters may take long.
        """
        source, (message_id, event_type, event, body) = self._source, arrival
        labels = labels_of(event, event_type)
        key = event_type, labels
        tallies: tuple[Tally, ...] | None = self._received.get(key)
        if tallies is None:
            received = (Tally(source.id, "", Step.RECEIVED, event_type, labels=labels),)
            tallies = self._received[key] = received
        jobs: list[NewJob] = []
        for destination, name, apply, as_it_is in self._destinations:
            if work.is_due:
                await work.pause()
            if not allows(event, name):
                reason = FILTERED_BY_INTEGRATIONS_OBJECT
            elif (filtered := apply(event)) is None:
                reason = FILTERED_BY_RULES
            else:
                jobs.append(as_it_is if filtered is event else as_it_is._replace(body=orjson.dumps(filtered)))
                continue
            step = Step.FILTERED_AT_DESTINATION
            tallies = (*tallies, Tally(source.id, destination.id, step, event_type, reason, labels=labels))
        return NewEvent(
            source.workspace, source.id, message_id, event_type, body, tuple(jobs), tallies, labels
        )
