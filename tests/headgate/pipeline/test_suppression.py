"""Nothing more is taken of people who are suppressed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from headgate.filters import Rule
from headgate.pipeline.debugger import SourceDebugger
from headgate.pipeline.intake import PipelineIntake
from headgate.pipeline.routing import Router, suppress
from headgate.pipeline.turns import Turns
from headgate.queue.model import Lane, Step
from headgate.registry.snapshot import Suppressed
from tests.headgate.api.harness import TickingClock
from tests.headgate.pipeline.harness import FixedDirectory, PipelineHarness, arrival, destination, snapshot

GONE = Suppressed(frozenset(["ada"]), frozenset(["x"]))


def test_who_is_covered() -> None:
    assert GONE.covers({"type": "track", "userId": "ada"})
    assert GONE.covers({"type": "identify", "userId": "eve", "anonymousId": "x"})
    assert not GONE.covers({"type": "track", "userId": "x", "anonymousId": "ada"})
    assert not GONE.covers({"type": "track"})
    assert not GONE.covers({"type": "delete", "userId": "ada"})


def test_their_events_are_counted_and_go_nowhere() -> None:
    source = snapshot(destination()).sources["s"]
    new = suppress(source, arrival(1))

    assert (new.jobs, new.body, new.message_id) == ((), b"", "m1")
    assert [(each.step, each.reason) for each in new.tallies] == [
        (Step.RECEIVED, ""),
        (Step.FILTERED_AT_SOURCE, "event_setting"),
    ]


def test_a_delete_event_is_routed_though_it_has_nulls() -> None:
    filters = [
        Rule("context.app.version = '1'", [{"type": "DROP"}]),
        Rule("type = 'delete'", [{"type": "DROP_PROPERTIES", "fields": {"context.app": ["x"]}}]),
    ]
    source = snapshot(destination(rules=filters)).sources["s"]
    deletion = {"type": "delete", "userId": "ada", "context": None, "integrations": None}

    routed = asyncio.run(Router(source).route(arrival(1, deletion), Turns().work("w")))
    assert [job.lane for job in routed.jobs] == [Lane("w", "d1")]


def test_the_rest_of_a_request_arrives(tmp_path: Path) -> None:
    async def main() -> None:
        harness = await PipelineHarness.make(tmp_path, destination())
        debugger = SourceDebugger(TickingClock())
        intake = PipelineIntake(
            harness.queue, FixedDirectory(harness.directory.snapshot), harness.meter, debugger
        )
        source = replace(harness.directory.snapshot.sources["s"], suppressed=GONE)
        some = [
            arrival(1, {"userId": "ada"}),
            arrival(2, {"userId": "eve"}),
            arrival(3, {"anonymousId": "x"}),
        ]
        await intake.accept(source, some, ())
        assert await harness.outcomes(3) == {
            ("successful-delivery", ""): 1,
            ("filtered-at-source", "event_setting"): 2,
        }
        assert [event["messageId"] for event in harness.carrier.events] == ["m2"]
        assert [each.message_id for each in debugger.recent("s")] == ["m2"]
        await harness.close()

    asyncio.run(main())
