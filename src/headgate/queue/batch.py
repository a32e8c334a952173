"""What the event loop hands to the thread of the store, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    import sqlite3
    from collections.abc import Callable, Sequence

    from headgate.queue.lanes import LaneState
    from headgate.queue.model import Job, Lane, NewEvent, Settlement, Tally
    from headgate.queue.protocol import QueueBroken
    from headgate.queue.store import Found, Store


Claims = list[tuple["LaneState", int, int]]
"""Lanes, with numbers of jobs and their bytes."""


@dataclass(slots=True, eq=False)
class Put:
    """
    A call of `put`.

    claims      what its events take of each lane, which counts in the quotas already
    """

    events: Sequence[NewEvent]
    tallies: Sequence[Tally]
    claims: Claims
    bytes: int
    asked_ms: float
    done: asyncio.Future[list[bool]]
    result: list[bool] | Exception | None = None


@dataclass(slots=True, eq=False)
class Poll:
    """A call of `poll` that may find something."""

    plan: Sequence[tuple[Lane, int]]
    done: asyncio.Future[list[Job]]
    found: Sequence[Found] = ()


@dataclass(slots=True, eq=False)
class Ask:
    """Anything else. *work* runs in the thread, after what was handed over before; *writes*: in a transaction."""

    work: Callable[[sqlite3.Connection, Store, int], Any]
    writes: bool
    done: asyncio.Future[Any]
    result: Any = None
    error: Exception | None = None


@dataclass(slots=True)
class Batch:
    """Handed over at the end of an iteration of the event loop, or made of several such."""

    puts: list[Put] = field(default_factory=list)
    settlements: list[Settlement] = field(default_factory=list)
    polls: list[Poll] = field(default_factory=list)
    asks: list[Ask] = field(default_factory=list)
    closing: bool = False

    def add(self, other: Batch) -> None:
        self.puts += other.puts
        self.settlements += other.settlements
        self.polls += other.polls
        self.asks += other.asks
        self.closing = self.closing or other.closing


@dataclass(slots=True)
class Report:
    """
    What became of a batch, which has the results in it.

    now          service time of its commit
    settled      settlements that are durable now, of this batch and earlier ones
    dropped      settlements that no file can hold; their jobs stay stored, and are handed out after a restart
    broken       why the store cannot be written, None when it can
    """

    batch: Batch
    now: int
    settled: list[Settlement]
    dropped: int
    broken: QueueBroken | None
