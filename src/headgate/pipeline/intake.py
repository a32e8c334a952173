"""Routes the events that the event API accepted and stores them in the queue."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from headgate.pipeline.observer import NoObserver
from headgate.pipeline.routing import Router, suppress
from headgate.pipeline.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headgate.pipeline.debugger import SourceDebugger
    from headgate.pipeline.directory import Directory
    from headgate.pipeline.meter import Meter
    from headgate.pipeline.observer import Observer
    from headgate.queue.model import Tally
    from headgate.queue.protocol import Queue
    from headgate.registry.snapshot import Source
    from headgate.tracking.intake import Arrival


class PipelineIntake:
    """Implements Intake: routes events by the current registry and returns once they are stored."""

    def __init__(
        self,
        queue: Queue,
        directory: Directory,
        meter: Meter,
        debugger: SourceDebugger | None = None,
        observer: Observer | None = None,
    ) -> None:
        self._queue = queue
        self._directory = directory
        self._meter = meter
        self._debugger = debugger
        self._observer = observer or NoObserver()
        self._turns = Turns()

    async def source(self, write_key: str) -> Source | None:
        return (await self._directory.current()).by_write_key.get(write_key)

    async def accept(self, source: Source, arrivals: Sequence[Arrival], failed: Sequence[Tally]) -> None:
        """See `Intake.accept`."""
        # Nearly all workspaces suppress nobody.
        hidden = source.suppressed.covers if any(source.suppressed) else _nobody
        route = Router(source).route
        work = self._turns.work(source.workspace)
        try:
            events = [
                suppress(source, each) if hidden(each.event) else await route(each, work) for each in arrivals
            ]
        finally:
            work.end()
        # Parsed events take many times the memory of their text: freed before the wait, if the caller has let
        # go as well.
        del arrivals
        new = 0
        # Grouped by identity: most are the same object, and hashing a tally is slow.
        counted: dict[int, list[Any]] = {}
        for event, is_new in zip(events, await self._queue.put(events, failed), strict=True):
            if is_new:
                new += 1
                alike = counted.get(id(event.tallies))
                if alike is None:
                    alike = counted[id(event.tallies)] = [event.tallies, 0]
                alike[1] += 1
            else:
                self._meter.duplicate()
        for tallies, count in counted.values():
            for tally in tallies:
                self._meter.tallied(tally, count)
        if new:
            self._observer.received(source, new)
        if self._debugger is not None and events:
            self._debugger.saw(source.id, [event for event in events if event.body])
        # Grouped, since one request can hold a quarter of a million invalid items.
        for tally, count in Counter(failed).items():
            self._meter.tallied(tally, count)


def _nobody(_: Mapping[str, Any]) -> bool:
    return False
