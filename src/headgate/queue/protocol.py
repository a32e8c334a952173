"""The contract of a queue, whatever its storage engine. `tests/headgate/queue/contract.py` tests it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from headgate.queue.model import (
        DeadJob,
        Job,
        Lane,
        NewEvent,
        Settlement,
        Stats,
        Tally,
        TallyRow,
    )


class QueueFull(Exception):
    """
    The queue takes no more events for now.

    retry_after_s    when the sender may try again
    workspace        whose quota is exhausted; None if everybody is refused
    """

    def __init__(self, message: str, retry_after_s: int, workspace: str | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.workspace = workspace


class QueueBroken(Exception):
    """The store cannot be written (disk full, read-only, corrupt). Nothing is accepted until it can be."""


class Queue(Protocol):
    """
    Takes events and hands out their jobs, at least once. All methods must be called on one event loop.

    Leases of jobs are kept in memory: after a restart the jobs are due again.
    """

    async def put(self, events: Sequence[NewEvent], tallies: Sequence[Tally] = ()) -> list[bool]:
        """
        Stores *events*, each atomically with all its jobs; they are durable on return. Returns for each event
        whether it is new, False if it duplicates one put in the last 24 hours or earlier in the same call.
        *tallies* are counted in the same commit, duplicates or not.

        Raises QueueFull and QueueBroken, in which case nothing is stored.
        """

    async def poll(self, room: Callable[[Lane], int], limit: int) -> list[Job]:
        """
        Leases at most *limit* due jobs and at most `room(lane)` of each lane: oldest first within a lane,
        round robin over workspaces and over the lanes of each. May return fewer than are due. Calls *room* on
        the event loop, once for each lane. Only one poll may be pending at a time.
        """

    def on_due(self, callback: Callable[[], None]) -> None:
        """
        Registers *callback*, which is called on the event loop whenever `poll` may find new jobs: jobs were
        put, a delay has passed, or a lease was released.
        """

    def settle(self, *settlements: Settlement) -> None:
        """
        Takes the settlements of leased jobs and stores them, with their tallies, in one of the next commits.
        A job settled by Again or Release is handed out again when it is due. Raises ValueError if any job is
        not leased; then none is settled. After `close` nothing is stored: the jobs are due after the next
        `open`.
        """

    async def settled(self) -> None:
        """Returns when all settlements so far are durable. Raises QueueBroken if they will not be."""

    async def stats(self) -> Stats: ...

    async def tallies(self, since_minute: int = 0) -> list[TallyRow]:
        """Counters from *since_minute* (minutes since the epoch) on."""

    async def dead(self, *, lane: Lane | None = None, after: int = 0, limit: int = 100) -> list[DeadJob]:
        """Up to *limit* dead jobs, of *lane* if given, with an id above *after*, by id."""

    async def redrive(self, ids: Sequence[int]) -> int:
        """Makes dead jobs due again, with their attempts reset to 0. Returns how many of *ids* were found."""

    async def close(self) -> None:
        """Stores pending settlements and closes the files. Leased jobs stay stored."""
