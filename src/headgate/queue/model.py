"""The data types of the queue: events put, jobs handed out, settlements, counters (QUEUE-STUDY 6)."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, NewType


class Lane(NamedTuple):
    """Identifies the jobs of one destination: the unit of fairness. Both fields are ids of the registry."""

    workspace: str
    destination: str


class Step(enum.StrEnum):
    """
    Steps of the delivery overview (SPEC 11.3). Every pair of an accepted event and a destination ends in one
    of the last four.
    """

    RECEIVED = "successfully-received"
    FAILED_ON_INGEST = "failed-on-ingest"
    FILTERED_AT_SOURCE = "filtered-at-source"
    FILTERED_AT_DESTINATION = "filtered-at-destination"
    FAILED_DELIVERY = "failed-delivery"
    DELIVERED = "successful-delivery"


Labels = NewType("Labels", str)
"""
What the delivery overview breaks events down by besides their type (SPEC 11.3): the name of a track call and
the app version, joined into one string because it accompanies the event through every step. Built and parsed
by headgate.queue.labels.
"""

NO_LABELS: Final = Labels("")


class Tally(NamedTuple):
    """
    One event counted in one step.

    destination   "" for steps before the fan-out
    event_type    track, identify, ...; "" if the event has no known type
    reason        a code of discard-reasons.json; "" for success
    attempt       number of attempts made when this was decided
    labels        of the event; the store keeps a bounded number per source and counts the others under a
                  common name
    """

    source: str
    destination: str
    step: Step
    event_type: str
    reason: str = ""
    attempt: int = 0
    labels: Labels = NO_LABELS


Stage = Literal["function", "delivery"]
"""
What a job needs next: "delivery" if its function has succeeded
and only the delivery is left (SPEC D43).
"""


class NewJob(NamedTuple):
    """
    One destination of an event. *body* is the JSON text if filters
    changed it; None is the event's own body.
    """

    lane: Lane
    body: bytes | None = None


class NewEvent(NamedTuple):
    """
    An accepted event and its jobs. `put` stores it as a whole or not at all.

    message_id     de-duplicated per workspace (SPEC 8.7, D34)
    body           JSON text of the event
    tallies        what is already decided (received, filtered, ...); not counted for a duplicate
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

    attempts       attempts so far, all of which ended in a retry
    faults         those in which a sandbox died or the platform failed (SPEC D6)
    accepted_at    when its event was put
    first_at       when the first attempt began; None if there was none
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
    """
    Why an attempt failed. *reason* is the code counted; *message*
    is for people and contains no secrets.
    """

    reason: str
    message: str
    status: int | None = None


class Done(NamedTuple):
    """
    The job is over. If *dead* is given, the event is kept as a
    dead letter with this error, for a redrive.
    """

    job: Job
    tally: Tally
    latency_ms: float | None = None
    """From acceptance to the destination's answer; only for a delivery."""
    dead: Error | None = None


@dataclass(frozen=True, slots=True)
class Again:
    """
    The job is to be retried in *delay_ms*. *body*, if given, replaces its body; *stage*, *attempts*, *faults*
    and *first_at* replace those of the job.
    """

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
    """The job was not attempted: it is due at the same time as before."""

    job: Job


Settlement = Done | Again | Release


class DeadJob(NamedTuple):
    """A row of the dead-letter view."""

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
    """
    A counter: *events* counted in *minute* (minutes since the
    epoch), and the sum of their latencies in ms.
    """

    minute: int
    tally: Tally
    events: int
    latency_ms: float


@dataclass(frozen=True, slots=True)
class LaneStats:
    """
    waiting      jobs stored and not handed out
    retrying     those of them that have been attempted
    oldest_at    when the event of the oldest stored job was accepted, ms since the epoch
    """

    waiting: int
    retrying: int
    oldest_at: int | None


@dataclass(frozen=True, slots=True)
class Stats:
    """The figures of a queue that /metrics shows. *bytes* is the size of its files."""

    jobs: int
    leased: int
    dead: int
    bytes: int
    lanes: dict[Lane, LaneStats] = field(default_factory=dict)
