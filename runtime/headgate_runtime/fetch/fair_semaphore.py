"""A semaphore that is divided fairly among tenants."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class FairSemaphore:
    """
    At most *total* holders, and *tenant_max* of one tenant. When one releases it, the waiting tenant with the
    fewest holders goes next (max-min fairness), so that holders which hang delay little but their own tenant.
    Belongs to one event loop.
    """

    def __init__(self, total: int, tenant_max: int) -> None:
        self._free = total
        self._tenant_max = tenant_max
        self._held: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    async def acquire(self, tenant: str) -> None:
        # Whoever waits while this is true is of a tenant that holds all it may.
        if self._free and self._held[tenant] < self._tenant_max:
            self._take(tenant)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(tenant, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self.release(tenant)
            raise

    def release(self, tenant: str) -> None:
        self._free += 1
        self._held[tenant] -= 1
        if not self._held[tenant]:
            del self._held[tenant]
        while self._free and (waiting := self._next()) is not None:
            self._take(waiting[0])
            waiting[1].set_result(None)

    @contextlib.asynccontextmanager
    async def held(self, tenant: str) -> AsyncIterator[None]:
        await self.acquire(tenant)
        try:
            yield
        finally:
            self.release(tenant)

    def cancel(self) -> None:
        """Cancels those that wait."""
        for line in self._waiting.values():
            for turn in line:
                turn.cancel()
        self._waiting.clear()

    def _take(self, tenant: str) -> None:
        self._free -= 1
        self._held[tenant] += 1

    def _next(self) -> tuple[str, asyncio.Future[None]] | None:
        """Removes and returns the first waiter of the tenant whose turn it is, if any may have one."""
        able = [tenant for tenant in self._waiting if self._held[tenant] < self._tenant_max]
        for tenant in sorted(able, key=self._held.__getitem__):
            line = self._waiting.pop(tenant)
            while line:
                turn = line.popleft()
                if turn.done():  # cancelled
                    continue
                if line:
                    self._waiting[tenant] = line  # behind the others
                return tenant, turn
        return None
