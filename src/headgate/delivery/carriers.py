"""Keeps one carrier per destination until its settings change, so that connections survive other changes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from headgate.delivery.carrier import Carrier
    from headgate.registry.snapshot import Destination


class _Held(NamedTuple):
    kind: str
    settings: Mapping[str, object]
    carrier: Carrier


class Carriers:
    """The carriers of all destinations. *make* creates one according to a destination's kind and settings."""

    def __init__(self, make: Callable[[Destination], Carrier]) -> None:
        self._make = make
        self._held: dict[str, _Held] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def of(self, destination: Destination) -> Carrier:
        held = self._held.get(destination.id)
        if held is not None and (held.kind, held.settings) == (destination.kind, destination.settings):
            return held.carrier
        self.forget(destination.id)
        carrier = self._make(destination)
        self._held[destination.id] = _Held(destination.kind, destination.settings, carrier)
        return carrier

    def forget(self, destination: str) -> None:
        """Closes the destination's carrier once its deliveries in progress have ended."""
        held = self._held.pop(destination, None)
        if held is not None:
            task = asyncio.create_task(held.carrier.aclose())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def aclose(self) -> None:
        for destination in list(self._held):
            self.forget(destination)
        if self._closing:
            await asyncio.wait(self._closing)
