"""
Start-time fair queueing of tenants by the fuel that they use (Goyal, Vin, Cheng: Start-time Fair Queueing,
SIGCOMM 1996).

Every tenant has a virtual time that advances by fuel / weight. The tenant with the lowest virtual time goes
next, so equal tenants alternate, and a tenant of weight 2 gets twice the fuel. Within a tenant, functions
take turns however many events of each wait. A turn is one slice at most.
"""

from __future__ import annotations

import asyncio
import collections
import heapq
import math
import weakref
from typing import TYPE_CHECKING

from headgate_runtime.errors import LimitError
from headgate_runtime.limits import SLICE_FUEL, STRETCH_FUEL, TURN_FUEL

if TYPE_CHECKING:
    from collections.abc import Awaitable


class Lines:
    """The waiters of a tenant: one FIFO line per function, served round-robin."""

    __slots__ = ("_lines",)

    def __init__(self) -> None:
        self._lines: dict[object, collections.deque[asyncio.Future[None]]] = {}

    def __bool__(self) -> bool:
        return bool(self._lines)

    def add(self, line: object, future: asyncio.Future[None]) -> None:
        waiting = self._lines.get(line)
        if waiting is None:
            waiting = self._lines[line] = collections.deque()
        waiting.append(future)

    def next(self) -> asyncio.Future[None]:
        """Remove and return the first waiter of the next line, which moves behind the others."""
        line = next(iter(self._lines))
        waiting = self._lines.pop(line)
        future = waiting.popleft()
        if waiting:
            self._lines[line] = waiting
        return future

    def tidy(self, loop: asyncio.AbstractEventLoop | None) -> bool:
        """
        Remove waiters from the front that were cancelled or belong to another loop than *loop*. Returns
        whether a waiter is left, which `next` may then take.
        """
        while self._lines:
            line, waiting = next(iter(self._lines.items()))
            while waiting and (waiting[0].done() or waiting[0].get_loop() is not loop):
                waiting.popleft()
            if waiting:
                return True
            del self._lines[line]
        return False


class Tenant:
    """
    One of the parties that share the processor.

    virtual_time     fuel used divided by weight; never far behind the scheduler's virtual time
    expected_fuel    estimated fuel of a turn, from recent ones
    booked, granted  virtual time that is booked ahead for turns of this round, and the number of those turns
                     that are not charged yet
    round            round of its last turn
    stamp, place     its entry in the queue: the entry's virtual time and number; 0 without an entry
    """

    __slots__ = (
        "__weakref__",
        "booked",
        "expected_fuel",
        "granted",
        "name",
        "place",
        "queue",
        "round",
        "stamp",
        "virtual_time",
        "weight",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.weight = 1.0
        self.virtual_time = 0.0
        self.expected_fuel = float(SLICE_FUEL)
        self.booked = 0.0
        self.granted = 0
        self.round = 0
        self.stamp = 0.0
        self.place = 0
        self.queue = Lines()

    def __repr__(self) -> str:
        return f"<Tenant {self.name!r} of weight {self.weight:g}>"


class Scheduler:
    """
    Callers await `turn` before they run guest code, and `charge` the fuel afterwards. Without contention no
    turn is needed: if `ready` is empty and `spent` is below TURN_FUEL, guest code may run at once.

    ready     priority queue of the tenants with waiters
    spent     fuel used in this round, which is one iteration of the event loop
    """

    def __init__(self) -> None:
        # Weak: a tenant is kept alive by its functions and waiters.
        self._tenants: weakref.WeakValueDictionary[str, Tenant] = weakref.WeakValueDictionary()
        self.ready: list[tuple[float, int, Tenant]] = []  # tenants with someone waiting, by virtual time
        self._order = 0
        self._round = 0
        self._virtual_time = 0.0
        self._granted: list[Tenant] = []  # tenants with turns of this round that may not be charged yet
        self.spent = 0
        self._resting = False  # a caller of `begin` waits for the next round
        self._pumping: asyncio.AbstractEventLoop | None = None  # on which `_pump` is about to run

    def tenant(self, name: str, weight: float | None = None) -> Tenant:
        """The tenant called *name*. Without *weight*, it keeps its weight, initially 1. Raises LimitError."""
        if weight is not None and not (weight > 0 and math.isfinite(weight)):
            raise LimitError(f"weight must be a positive number, not {weight!r}")
        tenant = self._tenants.get(name)
        if tenant is None:
            tenant = self._tenants[name] = Tenant(name)
        if weight is not None:
            tenant.weight = weight
        return tenant

    def turn(self, tenant: Tenant, line: object = None) -> Awaitable[None]:
        """
        Await this before running guest code for up to a slice. *line* is the function, one of its tenant's
        lines.
        """
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not tenant.place:
            # Idle time earns no credit. A tenant that returns in the round of its last turn was not idle.
            if tenant.round != self._round:
                tenant.virtual_time = max(tenant.virtual_time, self._virtual_time)
            self._push(tenant)
        tenant.queue.add(line, future)
        self._pump_soon()
        return future

    async def begin(self, tenant: Tenant, line: object = None) -> None:
        """Return when guest code may run: at once if no one else waits and the round has fuel left."""
        if not self.ready and self.spent >= TURN_FUEL and not self._resting:
            # Nobody else waits: sleeping is one round faster than `turn`. Later callers use `turn`.
            self._resting = True
            try:
                await asyncio.sleep(0)
            finally:
                self._resting = False
            if self.spent < TURN_FUEL:
                return  # ahead of the later callers, for whom `_pump` granted nothing meanwhile
        if self.ready or self.spent >= TURN_FUEL:
            await self.turn(tenant, line)

    @property
    def left(self) -> int:
        """Fuel that the caller may still spend on more events in this turn; 0 or less means none."""
        return (TURN_FUEL if self.ready or self._granted else STRETCH_FUEL) - self.spent

    def charge(self, tenant: Tenant, fuel: int) -> None:
        """Account for *fuel* that *tenant* has used."""
        if not self.spent or self.spent >= TURN_FUEL:
            self._pump_soon()
        self.spent += fuel
        if tenant.granted:
            advance = tenant.booked / tenant.granted
            tenant.granted -= 1
            tenant.booked -= advance
            tenant.virtual_time -= advance
        else:
            tenant.virtual_time = max(tenant.virtual_time, self._virtual_time)
            if not self.ready:  # it ran without a turn, because no one else waited
                self._virtual_time = tenant.virtual_time
        tenant.virtual_time += fuel / tenant.weight
        # The estimate rises at once and falls slowly: granting too much for a round is worse than too little.
        tenant.expected_fuel = max(fuel, tenant.expected_fuel + (fuel - tenant.expected_fuel) / 8)
        if tenant.place and tenant.virtual_time < tenant.stamp:
            self._push(tenant)  # it used less than expected and moves forward

    def _push(self, tenant: Tenant) -> None:
        """Put *tenant* into the queue. A previous entry becomes invalid."""
        self._order += 1
        tenant.place, tenant.stamp = self._order, tenant.virtual_time
        heapq.heappush(self.ready, (tenant.virtual_time, self._order, tenant))

    def _pump_soon(self) -> None:
        loop = asyncio.get_running_loop()
        if self._pumping is not loop:  # a closed loop never ran `_pump`
            self._pumping = loop
            loop.call_soon(self._pump)

    def _pump(self) -> None:
        """Begin a round, once per iteration of the event loop: grant turns for about TURN_FUEL."""
        loop, self._pumping = self._pumping, None
        self.spent = 0
        self._round += 1
        self._settle()
        budget = 0.0 if self._resting else float(TURN_FUEL)
        returning = math.inf
        while self.ready and budget > 0:
            stamp, place, tenant = heapq.heappop(self.ready)
            if place != tenant.place:
                continue
            tenant.place = 0
            if tenant.virtual_time > stamp:  # it has run since: queue it again
                self._push(tenant)
                continue
            if not tenant.queue.tidy(loop):
                continue
            if stamp > returning:
                # A tenant with a turn in this round will be ahead of this one again in the next.
                self._push(tenant)
                break
            self._virtual_time = max(self._virtual_time, stamp)
            tenant.queue.next().set_result(None)
            budget -= tenant.expected_fuel
            # Until it is charged, the turn counts with its expected fuel.
            advance = tenant.expected_fuel / tenant.weight
            tenant.round = self._round
            tenant.granted += 1
            tenant.booked += advance
            tenant.virtual_time += advance
            self._granted.append(tenant)
            if tenant.queue:
                self._push(tenant)
            else:
                returning = min(returning, tenant.virtual_time)
        if self.ready or self._granted:
            self._pump_soon()

    def _settle(self) -> None:
        """Undo the bookings of last round's turns that were not charged: their callers did not run."""
        for tenant in self._granted:
            if tenant.granted:
                tenant.virtual_time -= tenant.booked
                tenant.booked = 0.0
                tenant.granted = 0
        self._granted.clear()
