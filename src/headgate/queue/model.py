"""What goes into a queue, what comes out of it, and how it is settled (QUEUE-STUDY 6)."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, NewType


class Lane(NamedTuple):
    """All jobs for one destination: the unit of fairness. Both are ids of the registry."""

    workspace: str
    destination: str


class Step(enum.StrEnum):
    """Steps of the delivery overview (SPEC 11.3); every accepted event and destination ends in one of the last four."""

    RECEIVED = "successfully-received"
    FAILED_ON_INGEST = "failed-on-ingest"
    FILTERED_AT_SOURCE = "filtered-at-source"
    FILTERED_AT_DESTINATION = "filtered-at-destination"
    FAILED_DELIVERY = "failed-delivery"
    DELIVERED = "successful-delivery"


Labels = NewType("Labels", str)
"""
What the delivery overview breaks events down by beside their type (SPEC 11.3): the name of a track call and the version
of the app, in one text, for it passes through every step with its event. Made and read by headgate.queue.labels.
"""

NO_LABELS: Final = Labels("")


class Tally(NamedTuple):
    """
    One event counted in one step.

    destination   "" for steps before the fan-out
    event_type    track, identify, ...; "" when the event had none that could be read
    reason        a code of discard-reasons.json; "" for success
    attempt       attempts made when this was decided, 0 before any
    labels        of the event; a store keeps so many of a source and counts the others under a common name
    """

    source: str
    destination: str
    step: Step
    event_type: str
    reason: str = ""
    attempt: int = 0
    labels: Labels = NO_LABELS


Stage = Literal["function", "delivery"]
"""What a job needs next: "delivery" when its function has succeeded and only the delivery is left (SPEC D43)."""


class NewJob(NamedTuple):
    """One destination of an event. *body* is its own text where filters changed it, None for the event's."""

    lane: Lane
    body: bytes | None = None


class NewEvent(NamedTuple):
    """
    An accepted event with where it goes. Put, it is stored whole or not at all.

    message_id     de-duplicated per workspace (SPEC 8.7, D34)
    body           JSON text of one event
    tallies        what is decided already (received, filtered, ...); not counted for a duplicate
    """

    workspace: str
    source: str
    message_id: str
    event_type: str
    body: bytes
    jobs: tuple[NewJob, ...] = ()
    tallies: tuple[Tally, ...] = ()
    labels: Labels = NO_LABELS


@dataclass(slots=True)
class Job:
    """
    A job handed out by `poll`; it stays stored until it is settled. Times are ms since the epoch.

    attempts       attempts that ended, all in a retry
    faults         of these, the ones in which a sandbox died or the platform failed (SPEC D6)
    accepted_at    when its event was put
    first_at       when the first attempt began; None before
    """

    id: int
    lane: Lane
    source: str
    message_id: str
    event_type: str
    stage: Stage
    attempts: int
    faults: int
    accepted_at: int
    first_at: int | None
    body: bytes
    labels: Labels


class Error(NamedTuple):
    """Why an attempt did not succeed. *reason* is the code counted; *message* is for people and holds no secret."""

    reason: str
    message: str
    status: int | None = None


class Done(NamedTuple):
    """The job is over. *dead*: its event is kept for a redrive, with the error that ended it."""

    job: Job
    tally: Tally
    latency_ms: float | None = None
    """From acceptance to the destination's answer; only of a delivery."""
    dead: Error | None = None


@dataclass(frozen=True, slots=True)
class Again:
    """The job is due again *delay_ms* from now. *body*, where given, replaces its body, and *stage* its stage."""

    job: Job
    delay_ms: float
    error: Error
    attempts: int
    faults: int
    first_at: int
    stage: Stage
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """The job was not attempted: it is due as before."""

    job: Job


Settlement = Done | Again | Release


class DeadJob(NamedTuple):
    """A line of the dead-letter view."""

    id: int
    lane: Lane
    source: str
    message_id: str
    event_type: str
    died_at: int
    attempts: int
    reason: str
    message: str
    body: bytes


class TallyRow(NamedTuple):
    """A counter: *events* counted since *minute* (epoch minutes); latencies of deliveries summed in ms."""

    minute: int
    tally: Tally
    events: int
    latency_ms: float


@dataclass(frozen=True, slots=True)
class LaneStats:
    """*waiting* jobs are stored and not handed out; *retrying* of these have been attempted."""

    waiting: int
    retrying: int
    oldest_at: int | None


@dataclass(frozen=True, slots=True)
class Stats:
    """What /metrics shows of a queue. *bytes* is the size of its files."""

    jobs: int
    leased: int
    dead: int
    bytes: int
    lanes: dict[Lane, LaneStats] = field(default_factory=dict)
