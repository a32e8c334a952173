"""Somebody sets the wall clock while events wait to be tried again: none is lost, expired, early or late."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Sequence
from pathlib import Path

import pytest

from headgate.delivery.carrier import Parcel, Receipt
from headgate.queue.backoff import Backoff
from headgate.queue.clock import ServiceClock
from headgate.queue.model import Step
from headgate.queue.sqlite import SqliteQueue
from headgate_runtime import Executor
from tests.headgate.pipeline.harness import (
    DELIVERED,
    FakeCarrier,
    PipelineHarness,
    arrival,
    destination,
    snapshot,
)
from tests.headgate.queue.events import DAY, HOUR, WallClock
from tests.runtime.fakes import until

UNAVAILABLE = Receipt("retry", "503", "unavailable", 503)
"""No outage: what is tested is the delay of the event, not of the destination."""

DELAY = Backoff().base_ms
"""Before the second attempt, by the chance that a PipelineHarness has."""

JUMPS = (HOUR, -HOUR, 30 * DAY, -30 * DAY)

LONG_AGO = 365 * DAY


class Fails(FakeCarrier):
    """Until it is *well*."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.well = False

    def _answer(self, _: Sequence[Parcel]) -> Receipt:
        return DELIVERED if self.well else UNAVAILABLE


@contextlib.asynccontextmanager
async def harness(path: Path, clock: WallClock, carrier: FakeCarrier) -> AsyncIterator[PipelineHarness]:
    """As a worker has it: queue and pipeline with the same service clock."""
    now = ServiceClock(clock)
    queue = await SqliteQueue.open(path / "queue.sqlite", clock=now)
    place = PipelineHarness(queue, clock, Executor(), carrier, snapshot(destination()), now)
    try:
        yield place
    finally:
        await place.close()


def run(work: Coroutine[object, object, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 60))


@pytest.mark.parametrize("jump", JUMPS)
def test_a_jump_while_an_event_waits(tmp_path: Path, jump: int) -> None:
    async def main() -> None:
        clock, carrier = WallClock(), Fails()
        async with harness(tmp_path, clock, carrier) as place:
            await place.accept(arrival(1))
            await place.retried(1)

            clock.set_ms += jump
            clock.advance(DELAY - 2)
            await place.queue.settled()
            assert len(carrier.deliveries) == 1, "it is tried before its time"
            clock.advance(4)
            await place.retried(2)
            clock.set_ms -= 2 * jump
            carrier.well = True
            clock.advance(2 * DELAY + 4)

            assert await place.outcomes(1) == {(Step.DELIVERED, ""): 1}
        assert [parcel.attempt for (parcel,) in carrier.deliveries] == [1, 2, 3]

    run(main())


@pytest.mark.parametrize("jump", JUMPS)
def test_an_event_is_given_up_when_its_time_has_passed_and_not_when_somebody_says_so(
    tmp_path: Path, jump: int
) -> None:
    async def main() -> None:
        clock, carrier = WallClock(), Fails()
        began = clock.monotonic_ms()
        async with harness(tmp_path, clock, carrier) as place:
            await place.accept(arrival(1))
            for attempt in range(1, Backoff().attempts):
                await place.retried(attempt)
                clock.set_ms += jump if attempt % 2 else -jump
                wait = Backoff().delay_ms(attempt, 0, 0.5)
                assert wait is not None
                clock.advance(wait + 4)

            assert await place.outcomes(1) == {(Step.FAILED_DELIVERY, "503"): 1}
        assert len(carrier.deliveries) == Backoff().attempts
        assert clock.monotonic_ms() - began < Backoff().window_ms

    run(main())


@pytest.mark.parametrize("jump", [-LONG_AGO, -HOUR, HOUR, 5 * HOUR])
def test_a_jump_over_a_restart(tmp_path: Path, jump: int) -> None:
    """
    Set forward, the wall clock is right for all that a new process can tell: five hours later an event is late, and has
    one attempt more. Set back, it does not make anything wait longer.
    """

    async def main() -> None:
        clock, carrier = WallClock(), Fails()
        async with harness(tmp_path, clock, carrier) as place:
            await place.accept(arrival(1), arrival(2))
            await place.retried(2)
        clock.set_ms += jump
        carrier.well = True
        async with harness(tmp_path, clock, carrier) as place:
            clock.advance(DELAY + 4)
            assert await place.outcomes(2) == {(Step.DELIVERED, ""): 2}
            await place.accept(arrival(1), arrival(3))
            assert await place.outcomes(3) == {(Step.DELIVERED, ""): 3}, "what was known is known"
        assert len(carrier.deliveries) == 5

    run(main())


def test_a_jump_while_a_batch_is_collected(tmp_path: Path) -> None:
    """Nor does what waits inside of the pipeline ask the wall clock."""

    async def main() -> None:
        clock, carrier = WallClock(), FakeCarrier()
        carrier.batching = carrier.batching._replace(events=10, wait_ms=1_000)
        async with harness(tmp_path, clock, carrier) as place:
            await place.accept(arrival(1))
            await until(lambda: any(wait == 1_000 for wait in clock.waits))
            clock.set_ms -= DAY
            await place.accept(arrival(2))
            clock.advance(1_001)
            await until(lambda: bool(carrier.deliveries))
            assert await place.outcomes(1)
            clock.advance(1_001)
            assert await place.outcomes(2) == {(Step.DELIVERED, ""): 2}

    run(main())
