"""The requests that the event loop passes to the commit thread, and the reports that come back."""

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
"""For each lane, a number of jobs and the bytes of their bodies."""


@dataclass(slots=True, eq=False)
class Put:
    """
    A call of `put`.

    claims      what its events take from the quota of each lane; already counted there
    bytes       sum of the claims' bytes
    asked_ms    time of the call, on the event loop's clock
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
    """A call of `poll` for which the lane index has a plan: how many jobs to lease from each lane."""

    plan: Sequence[tuple[Lane, int]]
    done: asyncio.Future[list[Job]]
    found: Sequence[Found] = ()


@dataclass(slots=True, eq=False)
class Ask:
    """
    Any other request. *work* runs in the commit thread, after everything submitted earlier; if *writes*, it
    runs in the transaction. *apply* gets its result on the event loop, even if nobody waits for it any more.
    """

    work: Callable[[sqlite3.Connection, Store, int], Any]
    writes: bool
    done: asyncio.Future[Any]
    apply: Callable[[Any], None] | None = None
    result: Any = None
    error: Exception | None = None


@dataclass(slots=True)
class Batch:
    """The requests of one iteration of the event loop, or of several merged by `add`."""

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
    The outcome of a batch. The requests in *batch* hold their results.

    now          service time of the commit
    settled      settlements that became durable with it, of this batch and of earlier ones
    dropped      number of settlements that cannot be stored; their jobs stay stored and are handed out again
                 after a restart
    broken       why the store cannot be written; None if it can
    """

    batch: Batch
    now: int
    settled: list[Settlement]
    dropped: int
    broken: QueueBroken | None
