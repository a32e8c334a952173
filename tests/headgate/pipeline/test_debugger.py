"""The last events of each source: newest first, sampled, within bounds."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from headgate.pipeline import debugger
from headgate.pipeline.debugger import EVENTS, PER_SECOND, SourceDebugger, from_json, merged, to_json
from headgate.pipeline.intake import PipelineIntake
from headgate.pipeline.meter import NoMeter
from headgate.queue.clock import ServiceClock
from headgate.queue.sqlite import SqliteQueue
from tests.headgate.pipeline.harness import FixedDirectory, arrival, destination, snapshot
from tests.runtime.fakes import Frozen


def seen_ids(one: SourceDebugger, source: str = "s") -> list[str]:
    return [seen.message_id for seen in one.recent(source)]


def test_the_newest_come_first_and_there_are_so_many() -> None:
    clock = Frozen()
    one = SourceDebugger(clock)
    for number in range(EVENTS + 10):
        one.saw("s", [arrival(number)])
        clock.advance(1_000)

    assert seen_ids(one) == [f"m{number}" for number in range(EVENTS + 9, 9, -1)]
    assert one.recent("s")[0].body == arrival(EVENTS + 9).body
    assert seen_ids(one, "other") == []


def test_of_many_events_a_second_some_are_kept() -> None:
    clock = Frozen()
    one = SourceDebugger(clock)
    for second in range(3):
        one.saw("s", [arrival(second * 1_000 + number) for number in range(15)])
        one.saw("s", [arrival(second * 1_000 + 100 + number) for number in range(500)])
        clock.advance(1_000)

    assert len(seen_ids(one)) == 3 * PER_SECOND
    assert seen_ids(one)[0] == "m2104"


def test_all_sources_share_so_many_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    size = len(arrival(1).body)
    monkeypatch.setattr(debugger, "BYTES", 4 * size)
    clock = Frozen()
    one = SourceDebugger(clock)
    for source in ("a", "b", "a", "c"):
        one.saw(source, [arrival(number) for number in (1, 2)])
        clock.advance(1_000)

    assert [len(seen_ids(one, source)) for source in "abc"] == [0, 0, 2]
    one.saw("c", [arrival(number) for number in range(9)])
    assert seen_ids(one, "c") == ["m8", "m7", "m6", "m5"]


def test_workers_tell_each_other() -> None:
    clock = Frozen()
    first, second = SourceDebugger(clock), SourceDebugger(clock)
    for number, one in enumerate((first, second, first)):
        one.saw("s", [arrival(number)])
        clock.advance(10)
    told = [from_json(to_json(seen)) for seen in second.recent("s")]

    assert told == second.recent("s")
    assert [seen.message_id for seen in merged([first.recent("s"), told])] == ["m2", "m1", "m0"]


def test_what_is_accepted_is_seen(tmp_path: Path) -> None:
    async def main() -> None:
        clock = Frozen()
        one = SourceDebugger(clock)
        queue = await SqliteQueue.open(tmp_path / "q.sqlite", clock=ServiceClock(clock))
        directory = FixedDirectory(snapshot(destination()))
        intake = PipelineIntake(queue, directory, NoMeter(), one)
        source = await intake.source("wk")
        assert source is not None
        await intake.accept(source, [arrival(1)], ())
        await intake.accept(source, [], ())
        assert seen_ids(one) == ["m1"]
        await queue.close()

    asyncio.run(main())
