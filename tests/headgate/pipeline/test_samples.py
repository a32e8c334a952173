"""What the pipeline remembers of failures, and of nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from headgate.delivery.carrier import Receipt
from headgate.pipeline.observer import NoObserver
from headgate.samples.sample import Sample
from headgate_runtime import Outcome
from headgate_runtime.fetch import MockFetcher
from tests.headgate.pipeline.harness import FakeCarrier, PipelineHarness, arrival, destination, instance

SECRET = "sk-very-secret"
REFUSED = Receipt("discard", "400", "the destination answered 400", 400)


class Memory(NoObserver):
    """An Observer of everything."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self.executions = 0
        self.events = 0

    def wants(self, destination: str, reason: str) -> bool:  # noqa: ARG002
        return True

    def keep(self, sample: Sample) -> None:
        self.samples.append(sample)

    def ran(self, workspace: str, function: str, outcomes: Sequence[Outcome], *, together: bool) -> None:  # noqa: ARG002
        self.executions += 1 if together else len(outcomes)
        self.events += len(outcomes)


def remembered(
    path: Path, code: str, events: int = 1, carrier: FakeCarrier | None = None, **fields: Any
) -> tuple[Memory, list[tuple[Sample, dict[str, Any]]]]:
    """What is remembered when all events were decided on, each with its content."""
    memory = Memory()
    fetch = MockFetcher.of([{"url": "http://api.test/*", "status": 403, "body": f"not with {SECRET}"}])

    async def main() -> None:
        function = instance(code, {"key": SECRET}, secrets=(SECRET,))
        harness = await PipelineHarness.make(
            path, destination(instance=function, **fields), carrier=carrier, observer=memory, fetch=fetch
        )
        await harness.accept(*(arrival(number) for number in range(events)))
        await harness.outcomes(events)
        await harness.close()

    asyncio.run(main())
    return memory, [(sample, orjson.loads(sample.content())) for sample in memory.samples]


def test_a_failed_invocation_leaves_all_that_explains_it(tmp_path: Path) -> None:
    code = """
        async function onTrack(event, settings) {
          console.log('asking with ' + settings.key)
          const answer = await fetch('http://api.test/?key=' + settings.key, { headers: { Authorization: 'x' } })
          if (!answer.ok) throw new ValidationError('refused ' + settings.key)
          return event
        }"""
    _, [(sample, content)] = remembered(tmp_path, code)

    assert (sample.step, sample.error.reason, sample.function) == (
        "filtered-at-destination",
        "message_rejected",
        "f",
    )
    assert (sample.message_id, sample.event_type, sample.attempt) == ("m0", "track", 1)
    assert orjson.loads(content["event"])["messageId"] == "m0"
    assert content["error"]["name"] == "ValidationError"
    assert "    at onTrack (function.js:5:" in content["error"]["stack"]
    assert content["logs"] == [{"level": "log", "message": "asking with [redacted]"}]
    (request,) = content["requests"]
    assert request["url"] == "http://api.test/?key=[redacted]"
    assert request["requestHeaders"]["Authorization"] == "[redacted]"
    assert (request["status"], request["responseBody"]) == (403, "not with [redacted]")
    assert SECRET not in orjson.dumps(content).decode()


def test_what_succeeds_or_is_filtered_leaves_nothing(tmp_path: Path) -> None:
    code = """
        async function onTrack(event) {
          console.log('a')
          await fetch('http://api.test/')
          if (event.messageId == 'm1') throw new DropEvent('private')
          if (event.messageId != 'm2') return event
        }"""
    memory, samples = remembered(tmp_path, code, events=5)

    assert samples == []
    assert (memory.executions, memory.events) == (5, 5)


def test_a_refused_delivery_leaves_what_was_sent(tmp_path: Path) -> None:
    code = "function onTrack(event, settings) { event.properties.key = settings.key; return event }"
    carrier = FakeCarrier(lambda _: REFUSED)
    _, [(sample, content)] = remembered(
        tmp_path, code, carrier=carrier, settings={"headers": {"X-Key": "of-the-webhook"}}
    )

    assert (sample.step, sample.error.reason) == ("failed-delivery", "400")
    assert orjson.loads(content["event"])["properties"]["key"] == "[redacted]"
    assert content["error"] == {
        "name": None,
        "message": "the destination answered 400",
        "stack": None,
        "category": None,
        "status": 400,
    }
    assert sample.secrets == (SECRET, "of-the-webhook")


def test_attempts_that_will_be_repeated_leave_samples_too(tmp_path: Path) -> None:
    memory = Memory()

    async def main() -> None:
        failing = instance("function onTrack() { throw new RetryError('later') }")
        harness = await PipelineHarness.make(tmp_path, destination(instance=failing), observer=memory)
        await harness.accept(arrival(1))
        await harness.retried(1)
        await harness.close()

    asyncio.run(main())
    (sample,) = memory.samples
    assert (sample.step, sample.error.reason, sample.attempt) == ("filtered-at-destination", "retry", 1)


def test_events_that_nothing_could_be_done_with_leave_samples(tmp_path: Path) -> None:
    _, [(sample, content)] = remembered(tmp_path, "", fault="there is no key")

    assert (sample.step, sample.error.reason) == ("filtered-at-destination", "INVALID_SETTINGS")
    assert content["error"]["message"] == "there is no key"


def test_a_batch_is_one_execution(tmp_path: Path) -> None:
    code = "function onTrack(e) { return e } function onBatch(all) { return all }"
    memory = Memory()

    async def main() -> None:
        batched = instance(code, batch_max_count=5)
        harness = await PipelineHarness.make(tmp_path, destination(instance=batched), observer=memory)
        await harness.accept(*(arrival(number) for number in range(10)))
        await harness.outcomes(10)
        await harness.close()

    asyncio.run(main())
    assert (memory.executions, memory.events) == (2, 10)
