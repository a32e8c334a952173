"""
Whose turn it is: start-time fair queueing over tenants by the fuel they use, not by arrival.

Every tenant has a virtual time that advances by fuel / weight; the tenant furthest behind goes next, so equal tenants
alternate and a tenant of weight 2 gets twice the fuel. Goyal, Vin, Cheng: Start-time Fair Queueing, SIGCOMM 1996.
"""

from __future__ import annotations

import asyncio
import collections
import heapq
from typing import TYPE_CHECKING

from headgate_runtime.limits import SLICE_FUEL, TURN_FUEL

if TYPE_CHECKING:
    from collections.abc import Awaitable


class Tenant:
    """One party among which the processor is shared."""

    __slots__ = ("advances", "expected_fuel", "name", "queue", "virtual_time", "weight")

    def __init__(self, name: str, weight: float) -> None:
        self.name = name
        self.weight = weight
        self.virtual_time = 0.0
        self.expected_fuel = float(SLICE_FUEL)
        self.queue: collections.deque[asyncio.Future[None]] = collections.deque()
        # Virtual time booked ahead for turns that were granted and not yet charged, oldest first.
        self.advances: collections.deque[float] = collections.deque()


class Scheduler:
    """
    `turn` before running guest code, `charge` after. Without contention no turn is needed:

    ready     tenants somebody waits for; empty: guest code may run without a turn
    spent     fuel used in this round of the event loop; past TURN_FUEL the loop comes first
    """

    def __init__(self) -> None:
        self._tenants: dict[str, Tenant] = {}
        self.ready: list[tuple[float, int, Tenant]] = []  # tenants with someone waiting, by virtual time
        self._order = 0
        self._virtual_time = 0.0
        self.spent = 0
        self._pumping = False

    def tenant(self, name: str, weight: float = 1.0) -> Tenant:
        tenant = self._tenants.get(name)
        if tenant is None:
            tenant = self._tenants[name] = Tenant(name, weight)
        tenant.weight = weight
        return tenant

    def forget(self, name: str) -> None:
        """Drops a tenant that waits for nothing."""
        tenant = self._tenants.get(name)
        if tenant is not None and not tenant.queue:
            del self._tenants[name]

    def turn(self, tenant: Tenant) -> Awaitable[None]:
        """Guest code may run, up to a slice, once this is done."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not tenant.queue:
            tenant.virtual_time = max(tenant.virtual_time, self._virtual_time)
            self._push(tenant)
        tenant.queue.append(future)
        self._pump_soon()
        return future

    def charge(self, tenant: Tenant, fuel: int) -> None:
        """Books *fuel* that *tenant* has used."""
        if not self.spent:
            self._pump_soon()
        self.spent += fuel
        if tenant.advances:
            tenant.virtual_time -= tenant.advances.popleft()
        tenant.virtual_time = max(tenant.virtual_time, self._virtual_time) + fuel / tenant.weight
        tenant.expected_fuel += (fuel - tenant.expected_fuel) / 8

    def _push(self, tenant: Tenant) -> None:
        self._order += 1
        heapq.heappush(self.ready, (tenant.virtual_time, self._order, tenant))

    def _pump_soon(self) -> None:
        if not self._pumping:
            self._pumping = True
            asyncio.get_running_loop().call_soon(self._pump)

    def _pump(self) -> None:
        """Once per round of the event loop: hand out turns worth about TURN_FUEL."""
        self._pumping = False
        self.spent = 0
        budget = float(TURN_FUEL)
        while self.ready and budget > 0:
            stamp, _, tenant = heapq.heappop(self.ready)
            if tenant.virtual_time > stamp:  # it ran meanwhile: back into line
                self._push(tenant)
                continue
            self._virtual_time = stamp
            while tenant.queue and tenant.queue[0].done():
                tenant.queue.popleft()  # cancelled while it waited
            if not tenant.queue:
                continue
            tenant.queue.popleft().set_result(None)
            budget -= tenant.expected_fuel
            # Until it is charged it counts as having used what it usually does.
            advance = tenant.expected_fuel / tenant.weight
            tenant.advances.append(advance)
            tenant.virtual_time += advance
            if tenant.queue:
                self._push(tenant)
        if self.ready:
            self._pump_soon()
