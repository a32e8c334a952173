"""A recorded invocation, replayed, gives the same output, logs and fuel to the unit, with nothing asked of the world."""

from __future__ import annotations

import asyncio
import hashlib
import heapq
import itertools
from collections.abc import Collection, Iterator
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings

from headgate_runtime import Answer, Image, Outcome, Record, ReplayError, Request, replay
from headgate_runtime.outcome import Cause
from tests.runtime.fakes import START_MS, ok
from tests.runtime.programs import ENDS, HOST, events, programs
from tests.stage import Isolation, Stage, track, value

FUEL = 30_000_000


class World:
    """
    A clock that ticks whenever somebody looks, entropy that differs every time, and a server that answers after a
    while, or fails: all of it unpredictable to the function, and gone when the record is replayed.
    """

    def __init__(self) -> None:
        self.now_ms = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def wall_ms(self) -> float:
        self.now_ms += 0.013
        return START_MS + self.now_ms

    def monotonic_ms(self) -> float:
        self.now_ms += 0.007
        return self.now_ms

    async def wait(
        self, tasks: Collection[asyncio.Task[Answer]], timeout_ms: float
    ) -> set[asyncio.Task[Answer]]:
        end = self.now_ms + timeout_ms
        while True:
            for _ in range(10):
                await asyncio.sleep(0)
            if done := {task for task in tasks if task.done()}:
                return done
            while self._sleepers and self._sleepers[0][2].done():
                heapq.heappop(self._sleepers)
            if not self._sleepers or self._sleepers[0][0] > end:
                self.now_ms = max(self.now_ms, end)
                return set()
            due, _, sleeper = heapq.heappop(self._sleepers)
            self.now_ms = max(self.now_ms, due)
            sleeper.set_result(None)

    async def sleep(self, ms: float) -> None:
        sleeper: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now_ms + ms, next(self._order), sleeper))
        await sleeper

    def entropy(self, size: int) -> bytes:
        return hashlib.shake_128(b"%d" % next(self._order)).digest(size)

    async def fetch(self, request: Request) -> Answer:
        asked = orjson.loads(request.payload)
        if asked.get("op") == "abort":
            return Answer(request.operation, 0, b"{}")
        dice = self.entropy(3)
        await self.sleep(dice[0] / 20)
        if dice[1] < 60:
            failure = {
                "name": "FetchError",
                "type": "system",
                "code": "ECONNRESET",
                "message": f"reset {dice[2]}",
            }
            return Answer(request.operation, 1, orjson.dumps(failure))
        return ok(request.operation, asked["url"], dice[2:] * dice[1])


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    world = World()
    with Stage(clock=world, entropy=world.entropy, fetch=world.fetch) as stage:
        yield stage


def told(outcome: Outcome) -> tuple[object, ...]:
    return (
        *(outcome.cause, outcome.output, outcome.error_name, outcome.message, outcome.stack),
        *(outcome.logs, outcome.logs_dropped, outcome.fuel),
    )


def check(image: Image, recorded: list[Outcome]) -> None:
    record = recorded[0].record
    assert record is not None
    for each in (record, Record.loads(record.dumps()), Record.loads(record.dumps().decode())):
        again = replay(each, image)
        outcomes = again if isinstance(again, list) else [again]
        assert [told(outcome) for outcome in outcomes] == [told(outcome) for outcome in recorded]
    assert Record.loads(record.dumps()).dumps() == record.dumps()


SOURCES = {
    "nothing": "function onTrack(event) { return event }",
    "entropy": "function onTrack(event) { event.r = [Math.random(), crypto.randomUUID(), crypto.randomBytes(9).toString('hex')]; return event }",
    "the clock": "async function onTrack(event) { event.t = [Date.now(), performance.now()]; await new Promise((d) => setTimeout(d, 7)); event.t.push(Date.now()); return event }",
    "the clock at the top level": "const t = Date.now(), r = Math.random(); function onTrack(event) { return { t, r } }",
    "the clock while it runs": "function onTrack(event) { const t = new Set(); for (let i = 0; i < 40000; i++) t.add(Date.now()); return { n: t.size, t: [...t] } }",
    "an interval": "async function onTrack(event) { let n = 0; await new Promise((d) => setInterval(() => { console.log(Date.now()); if (++n > 4) d() }, 3)); return { n } }",
    "requests": f"async function onTrack(event) {{ {HOST[3]}; return event }}",
    "a race": f"async function onTrack(event) {{ {HOST[4]}; return event }}",
    "the cache": f"let calls = 0; async function onTrack(event) {{ {HOST[0]}; {HOST[0]}; return event }}",
    "settings": "function onTrack(event, settings) { return { settings } }",
    "logs": "function onTrack(event) { for (let i = 0; i < 2000; i++) console.log(i, Math.random()); return event }",
    "jobs left": "function onTrack(event) { Promise.resolve().then(() => console.log('late')); return event }",
    "an error": "function onTrack(event) { throw new RetryError(String(Math.random())) }",
    "fuel": "function onTrack(event) { for (;;) Math.random() }",
    "memory": "function onTrack(event) { for (const all = []; ; ) all.push(new Array(5000).fill(all)) }",
    "the stack": "function onTrack(event) { return (function sink() { return sink() + 1 })() }",
    "a promise": "async function onTrack(event) { console.log('before'); await new Promise(() => {}) }",
    "a return": "function onTrack(event) { return 'text' }",
    "nothing returned": "function onTrack(event) {}",
    "an unknown handler": "function onPage(event) {}",
    "a large output": "function onTrack(event) { return { x: 'x'.repeat(50000) + Math.random() } }",
    "a rejection nobody handled": "function onTrack(event) { Promise.reject(new Error('lost')); return event }",
}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_it_comes_out_the_same(stage: Stage, isolation: Isolation, source: str) -> None:
    settings = {"key": "värde", "list": [1, {"two": None}]}
    for _ in range(2):
        recorded = stage(source, track(a=1), settings, isolation=isolation, record=True, fuel=FUEL)

        check(stage.image(source, fuel=FUEL), [recorded])


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],  # what fails is short already, and shrinking it takes minutes
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
    ],
)
@given(source=programs(host=True, ends=[*ENDS, *ENDS[:3] * 4]), event=events)
@example(source=SOURCES["requests"], event=track())
def test_a_random_function_comes_out_the_same(stage: Stage, source: str, event: dict[str, Any]) -> None:
    recorded = stage(source, event, {"key": "value"}, record=True, fuel=FUEL)

    check(stage.image(source, fuel=FUEL), [recorded])


def test_a_batch_comes_out_the_same(stage: Stage, isolation: Isolation) -> None:
    source = """
    async function onBatch(events) {
      await new Promise((done) => setTimeout(done, 3))
      console.log(Math.random())
      return [{ ...events[0], r: Math.random() }, null, { status: 200 }, { status: 500, errormessage: 'later' }, 1, { toJSON() { throw new DropEvent('x') } }]
    }"""
    # Of an event that goes on unchanged, every byte counts, spaces and all.
    texts = [b'{"type":"track","messageId":"m%d", "n" : 1.0e1 , "s":"\\u0041]},{[\\""}' % n for n in range(6)]

    recorded = stage.batch(source, texts, isolation=isolation, record=True)

    assert [outcome.cause for outcome in recorded] == [
        *(Cause.FORWARD, Cause.EMPTY, Cause.FORWARD, Cause.RETRY, Cause.BAD_REQUEST, Cause.DROPPED),
    ]
    assert recorded[2].output == texts[2]
    check(stage.image(source), recorded)


def test_a_time_out_in_the_middle_of_a_loop_comes_out_the_same(stage: Stage) -> None:
    source = "function onTrack() { for (;;) Math.random() }"

    function = stage.function(source, time_ms=2, fuel=10**12)
    recorded = stage.invoke(function, record=True)

    assert (recorded.cause, recorded.message) == (Cause.TIMEOUT, "time limit exceeded: time_ms = 2")
    check(function.image, [recorded])


def test_a_time_out_while_waiting_comes_out_the_same(stage: Stage) -> None:
    source = "async function onTrack() { console.log('waits'); await new Promise((done) => setTimeout(done, 1e6)) }"

    recorded = stage(source, track(), record=True, time_ms=50)

    assert recorded.cause is Cause.TIMEOUT
    check(stage.image(source, time_ms=50), [recorded])


def test_a_large_event_and_a_large_answer(stage: Stage) -> None:
    source = "async function onTrack(event) { event.n = (await (await fetch('http://host.test/')).text().catch(() => '')).length; return event }"
    for _ in range(3):
        recorded = stage(source, track(text="x" * 100_000), record=True)

        check(stage.image(source), [recorded])


def test_recording_changes_nothing_but_the_sandbox(stage: Stage) -> None:
    """A recorded event meets a fresh sandbox, even of a warm function; the next one finds the state it left."""
    source = "let n = 0; function onTrack(event) { event.n = ++n; return event }"

    counts = [value(stage(source, track(), record=record))["n"] for record in (False, False, True, True)]

    assert counts == [1, 2, 1, 1]
    assert stage(source, track()).record is None


def test_another_image_is_refused(stage: Stage) -> None:
    record = stage("function onTrack(event) { return event }", record=True).record
    assert record is not None
    other = stage.image("function onTrack(event) { return { ...event } }")

    with pytest.raises(ReplayError, match=r"^the record is of image \w{12}, this is image \w{12}$"):
        replay(record, other)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "{",
            "[]",
            "null",
            "5",
            "{}",
            '{"format":1}',
            '{"format":99}',
            '{"format":1,"image":5,"entries":[]}',
        ),
        b"\xff",
    ],
)
def test_what_is_no_record_is_refused(text: str | bytes) -> None:
    with pytest.raises(ReplayError):
        Record.loads(text)


WRONG: tuple[object, ...] = (None, 5, -1, "x", "resume", [], [[]], {})


def test_a_damaged_record_is_refused_or_ends_as_something(stage: Stage) -> None:
    """Never an error of another kind, whatever field is missing or changed."""
    source = SOURCES["requests"]
    record = stage(source, track(), record=True).record
    assert record is not None
    image = stage.image(source)
    content = orjson.loads(record.dumps())

    def damaged() -> Iterator[dict[str, Any]]:
        for key in content:
            yield {name: each for name, each in content.items() if name != key}
            for wrong in WRONG:
                yield {**content, key: wrong}
        for number, entry in enumerate(content["entries"]):
            entries = content["entries"]
            yield {**content, "entries": entries[:number]}
            yield {**content, "entries": [*entries[: number + 1], *entries[number:]]}
            for key in entry:
                for wrong in WRONG:
                    changed = {**entry, key: wrong}
                    yield {**content, "entries": [*entries[:number], changed, *entries[number + 1 :]]}

    refused = 0
    for each in damaged():
        try:
            replay(Record.loads(orjson.dumps(each)), image)
        except ReplayError:
            refused += 1
    assert refused > 50
