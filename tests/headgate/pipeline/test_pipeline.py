import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from headgate.delivery.carrier import Batching, Parcel, Receipt
from headgate.filters import Rule
from headgate.pipeline.pipeline import SETTLING_MS
from headgate.queue.breaker import FAILURES
from headgate.queue.model import Lane
from tests.headgate.pipeline.harness import (
    DELIVERED,
    FakeCarrier,
    PipelineHarness,
    arrival,
    destination,
    instance,
    snapshot,
)
from tests.headgate.queue.volumes import files_limited_to
from tests.runtime.fakes import until

ADD_PLAN = "function onTrack(event, settings) { event.properties.plan = settings.plan; return event }"
BUSY = Receipt("retry", "503", "the destination answered 503", 503, is_outage=True)


def test_events_pass_their_function_and_arrive(tmp_path: Path) -> None:
    async def main() -> None:
        harness = await PipelineHarness.make(
            tmp_path, destination(instance=instance(ADD_PLAN, {"plan": "free"}))
        )
        await harness.accept(*(arrival(number) for number in range(100)))
        assert await harness.outcomes(100) == {("successful-delivery", ""): 100}
        assert [event["messageId"] for event in harness.carrier.events] == [
            f"m{number}" for number in range(100)
        ]
        assert all(event["properties"] == {"plan": "free"} for event in harness.carrier.events)
        assert harness.carrier.deliveries[7][0].key == "m7/d1"
        await harness.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("code", "step", "reason"),
    [
        ("function onTrack() {}", "filtered-at-destination", "filtered_at_insert_function"),
        (
            "function onTrack() { throw new DropEvent() }",
            "filtered-at-destination",
            "filtered_at_insert_function",
        ),
        ("function onPage(event) { return event }", "filtered-at-destination", "unsupported_event_type"),
        (
            "function onTrack() { throw new ValidationError('no') }",
            "filtered-at-destination",
            "message_rejected",
        ),
        ("function onTrack() { throw new Error('no') }", "filtered-at-destination", "bad_request"),
        ("function onTrack() { return 1 }", "filtered-at-destination", "bad_request"),
        ("function onTrack( {", "filtered-at-destination", "bad_request"),
    ],
)
def test_what_the_function_refuses_is_over(tmp_path: Path, code: str, step: str, reason: str) -> None:
    async def main() -> None:
        harness = await PipelineHarness.make(tmp_path, destination(instance=instance(code)))
        await harness.accept(arrival(1))
        assert await harness.outcomes(1) == {(step, reason): 1}
        assert not harness.carrier.deliveries
        assert len(await harness.queue.dead()) == (reason != "filtered_at_insert_function")
        await harness.close()

    asyncio.run(main())


def test_no_function_and_a_disabled_one_let_events_pass_unchanged(tmp_path: Path) -> None:
    async def main() -> None:
        off = instance("function onTrack() {}", enabled=False)
        harness = await PipelineHarness.make(tmp_path, destination("a"), destination("b", instance=off))
        await harness.accept(arrival(1))
        assert await harness.outcomes(2) == {("successful-delivery", ""): 2}
        assert harness.carrier.events == [arrival(1).event] * 2
        await harness.close()

    asyncio.run(main())


def test_unusable_settings_discard(tmp_path: Path) -> None:
    async def main() -> None:
        broken = instance(ADD_PLAN, fault="apiKey is required")
        harness = await PipelineHarness.make(
            tmp_path, destination("a", instance=broken), destination("b", fault="its secret cannot be read")
        )
        await harness.accept(arrival(1))
        assert await harness.outcomes(2) == {
            ("filtered-at-destination", "invalid_settings"): 1,
            ("filtered-at-destination", "INVALID_SETTINGS"): 1,
        }
        messages = {job.message for job in await harness.queue.dead()}
        assert messages == {"apiKey is required", "its secret cannot be read"}
        await harness.close()

    asyncio.run(main())


def test_a_retry_runs_the_function_again_with_the_event_as_it_was(tmp_path: Path) -> None:
    code = """
    let calls = 0
    function onTrack(event) {
      event.properties.touched = (event.properties.touched || 0) + 1
      if (++calls < 3) throw new RetryError('later')
      event.properties.calls = calls
      return event
    }"""

    async def main() -> None:
        harness = await PipelineHarness.make(tmp_path, destination(instance=instance(code)))
        await harness.accept(arrival(1))
        for attempts, delay_ms in enumerate((15_000, 30_000), 1):
            await harness.retried(attempts)
            harness.clock.advance(delay_ms - 1)
            await harness.accept()  # a commit, in which nothing is due yet
            assert harness.meter.retries == attempts
            harness.clock.advance(1)
        assert await harness.outcomes(1) == {("successful-delivery", ""): 1}
        assert harness.carrier.events[0]["properties"] == {"touched": 1, "calls": 3}
        assert harness.carrier.deliveries[0][0].attempt == 3
        (row,) = [row for row in await harness.queue.tallies() if row.tally.destination]
        assert row.tally.attempt == 3
        await harness.close()

    asyncio.run(main())


def test_when_only_the_delivery_failed_the_function_does_not_run_again(tmp_path: Path) -> None:
    code = "let calls = 0; function onTrack(event) { event.properties.calls = ++calls; return event }"
    answers = [BUSY, DELIVERED]

    async def main() -> None:
        carrier = FakeCarrier(lambda _: answers.pop(0))
        harness = await PipelineHarness.make(tmp_path, destination(instance=instance(code)), carrier=carrier)
        await harness.accept(arrival(1))
        await harness.retried(1)
        harness.clock.advance(15_000)
        assert await harness.outcomes(1) == {("successful-delivery", ""): 1}
        first, second = carrier.deliveries
        assert first[0].body == second[0].body
        assert first[0].key == second[0].key
        assert (first[0].attempt, second[0].attempt) == (1, 2)
        await harness.close()

    asyncio.run(main())


def test_retries_end_with_the_tenth_attempt_and_the_last_error(tmp_path: Path) -> None:
    async def main() -> None:
        harness = await PipelineHarness.make(tmp_path, destination(), carrier=FakeCarrier(lambda _: BUSY))
        await harness.accept(arrival(1))
        for attempts in range(1, 10):
            await harness.retried(attempts)
            # The breaker's pauses, at most a minute, are over with it.
            harness.clock.advance(max(60_000, min(15_000 << (attempts - 1), 45 * 60_000)))
        assert await harness.outcomes(1) == {("failed-delivery", "503"): 1}
        assert len(harness.carrier.deliveries) == 10
        (dead,) = await harness.queue.dead()
        assert (dead.reason, dead.message) == ("503", "the destination answered 503")
        await harness.close()

    asyncio.run(main())


def test_an_event_that_kills_its_sandbox_is_retried_three_times(tmp_path: Path) -> None:
    code = "function onTrack() { const all = []; for (;;) all.push(new Array(1e5).fill(0)) }"

    async def main() -> None:
        harness = await PipelineHarness.make(tmp_path, destination(instance=instance(code)))
        await harness.accept(arrival(1))
        for attempts in (1, 2, 3):
            await harness.retried(attempts)
            harness.clock.advance(120_000)
        assert await harness.outcomes(1) == {("filtered-at-destination", "internal"): 1}
        await harness.close()

    asyncio.run(main())


def test_a_batch_function_gets_batches_and_a_lone_event_its_single_handler(tmp_path: Path) -> None:
    code = """
    function onTrack(event) { event.properties.by = 'single'; return event }
    function onBatch(events) { return events.map((e) => ({ ...e, properties: { by: events.length } })) }"""

    async def main() -> None:
        harness = await PipelineHarness.make(
            tmp_path, destination(instance=instance(code, batch_max_count=5))
        )
        await harness.accept(*(arrival(number) for number in range(6)))
        await until(lambda: len(harness.carrier.events) == 5)
        assert [event["properties"]["by"] for event in harness.carrier.events] == [5] * 5
        harness.clock.advance(10_000)
        await harness.outcomes(6)
        assert harness.carrier.events[5]["properties"]["by"] == "single"
        await harness.close()

    asyncio.run(main())


def test_deliveries_are_batched_as_the_destination_wants(tmp_path: Path) -> None:
    async def main() -> None:
        carrier = FakeCarrier()
        carrier.batching = Batching(10, 1 << 20, 500)
        harness = await PipelineHarness.make(tmp_path, destination(), carrier=carrier)
        await harness.accept(*(arrival(number) for number in range(25)))
        await until(lambda: len(carrier.deliveries) == 2)
        harness.clock.advance(500)
        assert await harness.outcomes(25) == {("successful-delivery", ""): 25}
        assert [len(delivery) for delivery in carrier.deliveries] == [10, 10, 5]
        await harness.close()

    asyncio.run(main())


def test_a_change_holds_for_the_next_event_and_for_retries(tmp_path: Path) -> None:
    def fails_first(parcels: Sequence[Parcel]) -> Receipt:
        return BUSY if parcels[0].message_id == "m1" and parcels[0].attempt == 1 else DELIVERED

    async def main() -> None:
        old = destination(instance=instance("function onTrack(e) { throw new RetryError('old') }"))
        harness = await PipelineHarness.make(tmp_path, old, carrier=FakeCarrier(fails_first))
        await harness.accept(arrival(1))
        await harness.retried(1)
        new = replace(old, instance=instance("function onTrack(e) { e.properties.new = true; return e }"))
        harness.directory.snapshot = snapshot(new, revision=2)
        await harness.accept(arrival(2))
        await harness.outcomes(1)
        assert harness.carrier.events[0]["properties"] == {"new": True}
        harness.clock.advance(15_000)
        await harness.outcomes(2)
        assert harness.carrier.events[1]["properties"] == {"new": True}
        await harness.close()

    asyncio.run(main())


@pytest.mark.parametrize("gone", [True, False])
def test_what_waits_for_a_destination_that_is_gone_or_disabled_is_discarded(
    tmp_path: Path, gone: bool
) -> None:
    async def main() -> None:
        it = destination()
        harness = await PipelineHarness.make(tmp_path, it, carrier=FakeCarrier(lambda _: BUSY))
        await harness.accept(arrival(1))
        await harness.retried(1)
        harness.directory.snapshot = snapshot() if gone else snapshot(replace(it, enabled=False))
        harness.clock.advance(15_000)
        assert await harness.outcomes(1) == {("filtered-at-destination", "INVALID_SETTINGS"): 1}
        (dead,) = await harness.queue.dead()
        assert dead.message == "the destination is disabled or deleted"
        await harness.close()

    asyncio.run(main())


def test_filters_added_later_do_not_apply_to_what_waits(tmp_path: Path) -> None:
    answers = [BUSY, DELIVERED]

    async def main() -> None:
        it = destination()
        harness = await PipelineHarness.make(tmp_path, it, carrier=FakeCarrier(lambda _: answers.pop(0)))
        await harness.accept(arrival(1))
        await harness.retried(1)
        filtered = destination(rules=[Rule("all", [{"type": "DROP"}])])
        harness.directory.snapshot = snapshot(filtered)
        harness.clock.advance(15_000)
        assert await harness.outcomes(1) == {("successful-delivery", ""): 1}
        await harness.close()

    asyncio.run(main())


def test_secrets_of_settings_are_not_in_what_people_read(tmp_path: Path) -> None:
    code = "function onTrack(e, s) { throw new Error(`token ${s.token} was refused`) }"
    bound = instance(code, {"token": "s3cr3t-value"}, secrets=("s3cr3t-value",))

    async def main() -> None:
        harness = await PipelineHarness.make(tmp_path, destination(instance=bound))
        await harness.accept(arrival(1))
        await harness.outcomes(1)
        (dead,) = await harness.queue.dead()
        assert dead.message == "Error: token [redacted] was refused"
        await harness.close()

    asyncio.run(main())


def test_a_fault_of_our_own_neither_loses_an_event_nor_stops_the_lane(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def explode_once(_: Sequence[Parcel]) -> Receipt:
        if len(world_depot.deliveries) == 1:
            raise RuntimeError("a bug")
        return DELIVERED

    world_depot = FakeCarrier(explode_once)

    async def main() -> None:
        code = "let calls = 0; function onTrack(event) { event.properties.calls = ++calls; return event }"
        harness = await PipelineHarness.make(
            tmp_path, destination(instance=instance(code)), carrier=world_depot
        )
        await harness.accept(arrival(1))
        await harness.retried(1)
        await harness.accept(arrival(2))
        await harness.outcomes(1)
        harness.clock.advance(15_000)
        assert await harness.outcomes(2) == {("successful-delivery", ""): 2}
        # The function had succeeded the first time, and does not run again.
        assert [event["properties"]["calls"] for event in world_depot.events] == [1, 2, 1]
        await harness.close()

    asyncio.run(main())
    assert "delivery failed" in caplog.text


def test_what_is_broken_off_is_due_again(tmp_path: Path) -> None:
    async def main() -> None:
        carrier = FakeCarrier()
        carrier.gate = asyncio.Event()
        harness = await PipelineHarness.make(tmp_path, destination(), carrier=carrier)
        await harness.accept(*(arrival(number) for number in range(10)))
        await until(lambda: harness.pipeline.dispatcher.in_flight == 10)
        ended = asyncio.ensure_future(harness.pipeline.drain(1_000))
        await until(lambda: 1_000 in harness.clock.waits)
        harness.clock.advance(1_000)
        assert not await ended
        assert (await harness.queue.stats()).jobs == 10
        assert (await harness.queue.stats()).leased == 0
        await harness.close()

    asyncio.run(main())


def test_outages_open_the_breaker_and_429_does_not(tmp_path: Path) -> None:
    busy = Receipt("retry", "429", "slow down", 429, retry_after_ms=60_000)

    async def main() -> None:
        harness = await PipelineHarness.make(tmp_path, destination(), carrier=FakeCarrier(lambda _: busy))
        await harness.accept(*(arrival(number) for number in range(20)))
        await harness.retried(4)
        (lane,) = (await harness.queue.stats()).lanes
        assert not harness.pipeline.dispatcher.is_open(lane)
        harness.carrier.answer = lambda _: BUSY
        harness.clock.advance(2 * 60_000)
        await until(lambda: harness.pipeline.dispatcher.is_open(lane))
        await harness.close()

    asyncio.run(main())


def test_a_lane_is_dropped_when_idle_but_not_while_its_destination_is_spared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The breaker and the pace of a lane that is used again would start afresh."""
    monkeypatch.setattr("headgate.pipeline.pipeline.LANES", 2)

    async def main() -> None:
        names = [f"d{number}" for number in range(6)]
        harness = await PipelineHarness.make(
            tmp_path, *(destination(name, catalog_name=name) for name in names)
        )
        dispatcher = harness.pipeline.dispatcher
        numbers = itertools.count(1)

        async def send_one(to: str) -> None:
            number = next(numbers)
            await harness.accept(arrival(number, {"integrations": {"All": False, to: True}}))
            await until(lambda: len(harness.carrier.deliveries) >= number and dispatcher.in_flight == 0)

        async def send(*to: str) -> None:
            for name in to:
                await send_one(name)

        harness.carrier.answer = lambda _: BUSY
        await send(*["d0"] * FAILURES)
        assert dispatcher.is_open(Lane("w", "d0"))
        await send("d1")
        harness.carrier.answer = lambda _: DELIVERED
        await send("d2", "d3", "d4", "d5")
        assert dispatcher.is_open(Lane("w", "d0"))
        assert harness.carrier.closed
        assert len(harness.pipeline._entries) < len(names)

        monkeypatch.setattr("headgate.pipeline.pipeline.LANES_MAX", 2)
        await send("d2", "d3", "d4", "d5", "d2", "d3")
        assert not dispatcher.is_open(Lane("w", "d0"))
        await harness.close()

    asyncio.run(main())


def test_a_lane_whose_carrier_holds_back_is_not_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headgate.pipeline.pipeline.LANES", 1)

    async def main() -> None:
        harness = await PipelineHarness.make(tmp_path, *(destination(f"d{number}") for number in range(3)))
        harness.carrier.is_at_rest = False
        await harness.accept(arrival(1))
        await harness.outcomes(3)
        await harness.accept(arrival(2))
        await harness.outcomes(6)
        assert not harness.carrier.closed
        await harness.close()

    asyncio.run(main())


def test_a_backlog_fills_the_first_batch(tmp_path: Path) -> None:
    """Before its function is compiled, a lane has room for fewer jobs than a batch has events."""
    code = "function onBatch(events) { return events }"

    async def main() -> None:
        harness = await PipelineHarness.make(
            tmp_path, destination(instance=instance(code, batch_max_count=200))
        )
        await harness.accept(*(arrival(number) for number in range(200)))
        assert await harness.outcomes(200) == {("successful-delivery", ""): 200}
        await harness.close()

    asyncio.run(asyncio.wait_for(main(), 60))


def test_the_end_does_not_wait_for_ever_for_a_disk_that_cannot_be_written(tmp_path: Path) -> None:
    async def main() -> None:
        carrier = FakeCarrier()
        carrier.gate = asyncio.Event()
        harness = await PipelineHarness.make(tmp_path, destination(), carrier=carrier)
        await harness.accept(arrival(1))
        await until(lambda: harness.pipeline.dispatcher.in_flight == 1)
        with files_limited_to(1):
            draining = asyncio.ensure_future(harness.pipeline.drain(SETTLING_MS))
            carrier.gate.set()
            await until(lambda: harness.pipeline.dispatcher.in_flight == 0)
            await harness.queue.tallies()  # what was settled before has been tried by then
            assert not draining.done()
            harness.clock.advance(SETTLING_MS)
            assert not await draining
            assert harness.queue.broken is not None
        await harness.close()

    asyncio.run(asyncio.wait_for(main(), 60))
