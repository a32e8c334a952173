"""
Whose turn it is: start-time fair queueing over tenants by the fuel they use, not by arrival.

Every tenant has a virtual time that advances by fuel / weight; the tenant furthest behind goes next, so equal tenants
alternate and a tenant of weight 2 gets twice the fuel. Goyal, Vin, Cheng: Start-time Fair Queueing, SIGCOMM 1996.
Within a tenant its functions take turns, however many events of each wait: a turn is a slice at most.
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
    """Who waits within a tenant: in line for their function, and the functions in turn."""

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
        """Takes the first of the line whose turn it is; that line goes behind the others."""
        line = next(iter(self._lines))
        waiting = self._lines.pop(line)
        future = waiting.popleft()
        if waiting:
            self._lines[line] = waiting
        return future

    def tidy(self, loop: asyncio.AbstractEventLoop | None) -> bool:
        """Whether anybody waits. Who comes next is neither cancelled nor of a *loop* that was closed: `next` may take them."""
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
    One party among which the processor is shared.

    virtual_time     fuel used, divided by weight; never far behind the scheduler's own
    expected_fuel    what a turn of this tenant may take, going by its last ones
    booked, granted  virtual time booked ahead for turns of this round that were granted and not yet charged
    round            when it had a turn last
    stamp, place     its entry in line: the virtual time it stands there with, and the entry's number, 0 for none
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
    `turn` before running guest code, `charge` after. Without contention no turn is needed:

    ready     tenants somebody waits for; empty: guest code may run without a turn
    spent     fuel used in this round of the event loop; past TURN_FUEL the loop comes first
    """

    def __init__(self) -> None:
        # A tenant is forgotten with the last function or waiter that knows it.
        self._tenants: weakref.WeakValueDictionary[str, Tenant] = weakref.WeakValueDictionary()
        self.ready: list[tuple[float, int, Tenant]] = []  # tenants with someone waiting, by virtual time
        self._order = 0
        self._round = 0
        self._virtual_time = 0.0
        self._granted: list[Tenant] = []  # whose turns of this round may not have been charged yet
        self.spent = 0
        self._resting = False  # somebody leaves the event loop its round
        self._pumping: asyncio.AbstractEventLoop | None = None  # on which `_pump` is about to run

    def tenant(self, name: str, weight: float | None = None) -> Tenant:
        """The tenant called *name*; *weight* None leaves it as it is, at first 1. Raises LimitError."""
        if weight is not None and not (weight > 0 and math.isfinite(weight)):
            raise LimitError(f"weight must be a positive number, not {weight!r}")
        tenant = self._tenants.get(name)
        if tenant is None:
            tenant = self._tenants[name] = Tenant(name)
        if weight is not None:
            tenant.weight = weight
        return tenant

    def turn(self, tenant: Tenant, line: object = None) -> Awaitable[None]:
        """Guest code may run, up to a slice, once this is done. *line* is the function for which, within its tenant."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not tenant.place:
            # Absence earns no credit; but one that comes back within the round of its last turn was never absent.
            if tenant.round != self._round:
                tenant.virtual_time = max(tenant.virtual_time, self._virtual_time)
            self._push(tenant)
        tenant.queue.add(line, future)
        self._pump_soon()
        return future

    async def begin(self, tenant: Tenant, line: object = None) -> None:
        """Returns when guest code may begin to run: at once where nobody else wants to, and the event loop had its turn."""
        if not self.ready and self.spent >= TURN_FUEL and not self._resting:
            # Alone: a round sooner than a turn. Whoever comes meanwhile waits in line.
            self._resting = True
            try:
                await asyncio.sleep(0)
            finally:
                self._resting = False
        if self.ready or self.spent >= TURN_FUEL:
            await self.turn(tenant, line)

    @property
    def left(self) -> int:
        """Fuel that who has begun may spend, event after event, before others have their turn; none: 0 or less."""
        return (TURN_FUEL if self.ready or self._granted else STRETCH_FUEL) - self.spent

    def charge(self, tenant: Tenant, fuel: int) -> None:
        """Books *fuel* that *tenant* has used."""
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
            if not self.ready:  # it ran without a turn, as nobody else wanted one
                self._virtual_time = tenant.virtual_time
        tenant.virtual_time += fuel / tenant.weight
        # Up at once, down slowly: it is worse to hand out more than a round's worth than less.
        tenant.expected_fuel = max(fuel, tenant.expected_fuel + (fuel - tenant.expected_fuel) / 8)
        if tenant.place and tenant.virtual_time < tenant.stamp:
            self._push(tenant)  # it used less than expected: forward in line

    def _push(self, tenant: Tenant) -> None:
        """Into line; an entry it may have already counts no more."""
        self._order += 1
        tenant.place, tenant.stamp = self._order, tenant.virtual_time
        heapq.heappush(self.ready, (tenant.virtual_time, self._order, tenant))

    def _pump_soon(self) -> None:
        loop = asyncio.get_running_loop()
        if self._pumping is not loop:  # a loop that was closed meanwhile never came to it
            self._pumping = loop
            loop.call_soon(self._pump)

    def _pump(self) -> None:
        """Once per round of the event loop: hand out turns worth about TURN_FUEL."""
        loop, self._pumping = self._pumping, None
        self.spent = 0
        self._round += 1
        self._settle()
        budget = float(TURN_FUEL)
        returning = math.inf
        while self.ready and budget > 0:
            stamp, place, tenant = heapq.heappop(self.ready)
            if place != tenant.place:
                continue
            tenant.place = 0
            if tenant.virtual_time > stamp:  # it ran meanwhile: back into line
                self._push(tenant)
                continue
            if not tenant.queue.tidy(loop):
                continue
            if stamp > returning:
                # Somebody who had a turn in this round will be ahead of this one again when the next begins.
                self._push(tenant)
                break
            self._virtual_time = max(self._virtual_time, stamp)
            tenant.queue.next().set_result(None)
            budget -= tenant.expected_fuel
            # Until it is charged it counts as having used what is expected of it.
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
        """Whoever was granted a turn in the round before has run by now; if not, it was cancelled or waits elsewhere."""
        for tenant in self._granted:
            if tenant.granted:
                tenant.virtual_time -= tenant.booked
                tenant.booked = 0.0
                tenant.granted = 0
        self._granted.clear()
