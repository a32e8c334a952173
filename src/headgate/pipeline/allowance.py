"""Enforces the quotas of workspaces (SPEC D40: there are none unless somebody sets them)."""

from __future__ import annotations

import asyncio
import collections
import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from headgate.pipeline.directory import Directory
    from headgate.registry.snapshot import Quotas

LOCKED_OUT: Final = "FUNCTIONS_LOCK_OUT"
"""
The code for events whose function did not run because its
workspace has used up its allowance (SPEC 3.2).
"""

LOCKED_OUT_STATUS: Final = 402


class _Gate:
    __slots__ = ("busy", "waiting")

    def __init__(self) -> None:
        self.busy = 0
        self.waiting: collections.deque[asyncio.Future[None]] = collections.deque()


class Allowance:
    """
    Reads the quotas from the registry, so that a change applies from the next invocation on.

    fuel_today    returns the fuel a workspace has used today, over all workers
    share         number of processes that run functions; each gets an equal part of a workspace's sandboxes,
                  at least one
    """

    def __init__(self, directory: Directory, fuel_today: Callable[[str], int], share: int = 1) -> None:
        self._directory = directory
        self._fuel_today = fuel_today
        self._share = share
        self._gates: dict[str, _Gate] = {}

    def is_used_up(self, workspace: str) -> bool:
        quotas = self._quotas(workspace)
        most = None if quotas is None else quotas.fuel_per_day
        return most is not None and self._fuel_today(workspace) >= most

    def events_per_s(self, workspace: str) -> float | None:
        """The rate of events that this process may accept; None is no limit."""
        quotas = self._quotas(workspace)
        if quotas is None or quotas.events_per_s is None:
            return None
        return quotas.events_per_s / self._share

    def entered(self, workspace: str) -> bool:
        """Does what `enter` does and returns True if that needs no waiting; else returns False."""
        gate = self._gates.get(workspace)
        if gate is None:
            gate = self._gates[workspace] = _Gate()
        if gate.waiting:  # their quota may have been raised since
            self._wake(workspace, gate)
        if gate.waiting or gate.busy >= self._sandboxes(workspace):
            return False
        gate.busy += 1
        return True

    async def enter(self, workspace: str) -> None:
        """
        Waits until a sandbox is free for one more invocation, and takes it until `leave`. First come, first
        served.
        """
        if self.entered(workspace):
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._gates[workspace].waiting.append(future)
        try:
            await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                self.leave(workspace)
            raise

    def leave(self, workspace: str) -> None:
        gate = self._gates[workspace]
        gate.busy -= 1
        if gate.waiting:
            self._wake(workspace, gate)

    def _wake(self, workspace: str, gate: _Gate) -> None:
        """Gives the free sandboxes to those who wait."""
        most = self._sandboxes(workspace)
        while gate.waiting and gate.busy < most:
            future = gate.waiting.popleft()
            if not future.done():
                # Counted here and not when it runs, or a newcomer could take its place before.
                gate.busy += 1
                future.set_result(None)

    def _sandboxes(self, workspace: str) -> float:
        quotas = self._quotas(workspace)
        if quotas is None or quotas.sandboxes is None:
            return math.inf
        return max(1, quotas.sandboxes // self._share)

    def _quotas(self, workspace: str) -> Quotas | None:
        found = self._directory.snapshot.workspaces.get(workspace)
        return None if found is None else found.quotas
