"""What a queue promises, whatever engine keeps it. `tests/headgate/queue/contract.py` holds every engine to it."""

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
    """The queue takes no more for now. *retry_after_s* is for the sender; *workspace* None when it concerns everybody."""

    def __init__(self, message: str, retry_after_s: int, workspace: str | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.workspace = workspace


class QueueBroken(Exception):
    """The store cannot be written (disk full, read-only, corrupt): nothing is accepted until it can."""


class Queue(Protocol):
    """
    Events in, jobs out, at least once. All methods belong to one event loop.

    Jobs handed out are leased in memory: after a restart they are due again.
    """

    async def put(self, events: Sequence[NewEvent], tallies: Sequence[Tally] = ()) -> list[bool]:
        """
        Durable on return, atomically for each event with all its jobs. False for each duplicate of an event put in the
        last 24 hours (or earlier in the same call). *tallies* are counted with them, whatever is a duplicate.

        Raises QueueFull and QueueBroken; then nothing of *events* is stored.
        """

    async def poll(self, room: Callable[[Lane], int], limit: int) -> list[Job]:
        """
        Leases at most *limit* due jobs, of each lane no more than `room(lane)`, oldest first within a lane, workspaces
        in turn and within each its lanes in turn. May return fewer than are due; *room* is called on the event loop,
        once for a lane. One poll at a time.
        """

    def on_due(self, callback: Callable[[], None]) -> None:
        """
        *callback* is called, on the event loop, whenever `poll` may have something new to give: jobs were put, a delay
        has passed, a lease was released.
        """

    def settle(self, *settlements: Settlement) -> None:
        """
        Takes the settlements of leased jobs; they are stored, together with their tallies, with the next commit. A job
        whose Again or Release falls due is handed out again. Raises ValueError for a job that is not leased; then none
        is taken.
        """

    async def settled(self) -> None:
        """Returns when everything settled so far is durable."""

    async def stats(self) -> Stats: ...

    async def tallies(self, since_minute: int = 0) -> list[TallyRow]:
        """Counters from *since_minute* (epoch minutes) on."""

    async def dead(self, *, lane: Lane | None = None, after: int = 0, limit: int = 100) -> list[DeadJob]:
        """Dead jobs with an id above *after*, by id."""

    async def redrive(self, ids: Sequence[int]) -> int:
        """Makes dead jobs due again, with no attempts counted. The number of those found."""

    async def close(self) -> None:
        """Stores what was settled and closes the files. Leased jobs stay stored."""
