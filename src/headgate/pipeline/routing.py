"""Where an accepted event goes: steps 3 to 5 of SPEC 1.4, decided once, when it is accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from headgate.pipeline.integrations import allows
from headgate.queue.model import Lane, NewEvent, NewJob, Step, Tally
from headgate.tracking.labels import labels_of

if TYPE_CHECKING:
    from headgate.registry.snapshot import Source
    from headgate.tracking.intake import Arrival

FILTERED_BY_RULES = "FILTERED_BY_RULES"
FILTERED_BY_INTEGRATIONS_OBJECT = "FILTERED_BY_INTEGRATIONS_OBJECT"


EVENT_SETTING = "event_setting"
"""Of an event of somebody who is suppressed: no code is for these alone, and this one tells of what the owner set."""


def suppress(source: Source, arrival: Arrival) -> NewEvent:
    """The event, counted, and kept nowhere."""
    event_type, labels = arrival.event_type, labels_of(arrival.event, arrival.event_type)
    tallies = (
        Tally(source.id, "", Step.RECEIVED, event_type, labels=labels),
        Tally(source.id, "", Step.FILTERED_AT_SOURCE, event_type, EVENT_SETTING, labels=labels),
    )
    return NewEvent(source.workspace, source.id, arrival.message_id, event_type, b"", (), tallies, labels)


def route(source: Source, arrival: Arrival) -> NewEvent:
    """
    The event with one job for each enabled destination that gets it, and a tally for each that does not. Filters see
    the event as it was accepted; a job carries it as its filters left it, so that filters added later do not apply
    to what is waiting (SPEC D42).
    """
    event, event_type = arrival.event, arrival.event_type
    labels = labels_of(event, event_type)
    tallies = [Tally(source.id, "", Step.RECEIVED, event_type, labels=labels)]
    jobs: list[NewJob] = []
    for destination in source.destinations:
        if not destination.enabled:
            continue
        if not allows(event, destination.catalog_name):
            reason = FILTERED_BY_INTEGRATIONS_OBJECT
        elif (filtered := destination.filters.apply(event)) is None:
            reason = FILTERED_BY_RULES
        else:
            body = None if filtered is event else orjson.dumps(filtered)
            jobs.append(NewJob(Lane(source.workspace, destination.id), body))
            continue
        step = Step.FILTERED_AT_DESTINATION
        tallies.append(Tally(source.id, destination.id, step, event_type, reason, labels=labels))
    return NewEvent(
        source.workspace,
        source.id,
        arrival.message_id,
        event_type,
        arrival.body,
        tuple(jobs),
        tuple(tallies),
        labels,
    )
