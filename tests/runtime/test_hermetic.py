"""
Hermetic means identical: after every event the memory is what it was before the first, byte for byte, and nothing of
one event can be seen in the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from headgate_runtime import Function, Outcome
from headgate_runtime.function import Slot
from headgate_runtime.private_pages import FullCompare, PageMap
from tests.runtime.fakes import FakeClock
from tests.runtime.programs import events, programs
from tests.stage import Stage, track, value

FIXTURES = {
    "nothing": "function onTrack(event) { return event }",
    "state": "let n = 0; const kept = []; function onTrack(event) { n++; kept.push(event); event.n = n; return event }",
    "globals": "function onTrack(event) { seen = event; globalThis.n = (globalThis.n ?? 0) + 1; event.n = n; return event }",
    "prototypes": "function onTrack(event) { event.p = [].p ?? null; Array.prototype.p = 1; Object.prototype.q = event; return { p: event.p } }",
    "closures": "let f = () => 0; function onTrack(event) { event.n = f(); f = () => event.n + 1; return event }",
    "a large array": "let kept; function onTrack(event) { kept = new Array(20000).fill(event); return event }",
    "a megabyte": "let kept; function onTrack(event) { kept = new Uint8Array(1e6).fill(7); return event }",
    "strings": "let s = ''; function onTrack(event) { s += JSON.stringify(event); event.n = s.length; return event }",
    "atoms": "function onTrack(event) { for (let i = 0; i < 500; i++) globalThis['g' + i] = i; return event }",
    "shapes": "function onTrack(event) { for (let i = 0; i < 300; i++) event['k' + i] = i; return event }",
    "expressions": "function onTrack(event) { event.m = 'aaa'.replace(/a(?=a)/g, 'b'); return event }",
    "errors": "function onTrack(event) { throw new RetryError(JSON.stringify(event)) }",
    "jobs left": "function onTrack(event) { Promise.resolve().then(() => { globalThis.late = 1 }); event.late = typeof late; return event }",
    "timers": "async function onTrack(event) { await new Promise((done) => setTimeout(done, 2)); setInterval(() => {}, 1); return event }",
    "never settled": "let p; async function onTrack(event) { await (p ??= new Promise(() => {})) }",
    "a cache": "async function onTrack(event) { event.v = await cache.load('k', -1, async () => ({ big: 'x'.repeat(500) })); return event }",
    "logs": "function onTrack(event) { for (let i = 0; i < 50; i++) console.log(event, i); return event }",
    "entropy": "let first; function onTrack(event) { first ??= Math.random(); event.first = first; event.id = crypto.randomUUID(); return event }",
    "a clock at the top level": "const started = Date.now(); function onTrack(event) { event.started = started; return event }",
    "entropy at the top level": "const id = Math.random(); let n = 0; function onTrack(event) { event.id = id; event.n = ++n; return event }",
    "settings": "let kept; function onTrack(event, settings) { kept = settings; settings.x = 1; event.k = Object.keys(settings); return event }",
    "crypto": "let h; function onTrack(event) { h = crypto.createHash('sha256').update('x'); event.h = h.digest('hex'); return event }",
    "compression": "let z; function onTrack(event) { z = zlib.zlib.gzipSync(JSON.stringify(event)); event.z = z.length; return event }",
    "lodash": "let kept; function onTrack(event) { kept = _.cloneDeep(event); event.n = _.uniqueId('n'); return event }",
    "handlers replaced": "function onTrack(event) { onTrack = () => ({ second: true }); return event }",
    "collections": "const m = new Map(), w = new WeakMap(); function onTrack(event) { m.set(event, 1); w.set(event, 2); event.n = m.size; return event }",
    "generators": "let g; function onTrack(event) { g ??= (function* () { let n = 0; for (;;) yield n++ })(); event.n = g.next().value; return event }",
    "code made at run time": "function onTrack(event) { eval('var x = 1'); new Function('y = 2')(); event.y = typeof y; return event }",
    "a whole prelude": "function onTrack(event) { const u = new URL('http://a.b/?c=d'); event.b = Buffer.from(u.href).toString('base64'); console.table([u]); structuredClone(event); new FormData(); return event }",
}


@pytest.fixture(params=[*(["kernel"] if PageMap.available() else []), "comparison"])
def scanner(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The two ways to find what changed; the first is the kernel's and needs one that can."""
    if request.param == "comparison":
        monkeypatch.setattr(PageMap, "available", lambda: False)
    return str(request.param)


def memory_of(slot: Slot) -> bytes:
    assert not slot.sandbox.grown
    return bytes(slot.sandbox.memory)


def fresh_memory(function: Function) -> bytes:
    """What a sandbox that has served nobody starts an event from."""
    slot = Slot(function)
    try:
        return memory_of(slot)
    finally:
        slot.sandbox.close()


def differences(one: bytes, other: bytes) -> list[int]:
    """Pages that differ."""
    if one == other:
        return []
    assert len(one) == len(other)
    return [at for at in range(0, len(one), 4096) if one[at : at + 4096] != other[at : at + 4096]]


def next_slot(stage: Stage, function: Function) -> tuple[Slot, bytes] | None:
    """The sandbox of the function's next event, and the memory with which it begins; None if it would be a new one."""
    slot = stage.executor.pool.take(function)
    if slot is None:
        return None
    memory = memory_of(slot)
    stage.executor.pool.release(slot, usable=True)
    return slot, memory


def test_on_this_kernel_both_ways_are_tried() -> None:
    if PageMap.available():
        with Stage() as stage:
            function = stage.function(FIXTURES["nothing"], isolation="hermetic")
            stage.invoke(function)
            found = next_slot(stage, function)
            assert found is not None
            assert found[0].rewinder is not None
            assert isinstance(found[0].rewinder._scan, PageMap)


@pytest.mark.parametrize("source", FIXTURES.values(), ids=FIXTURES)
def test_memory_is_what_it_was(run: Stage, scanner: str, source: str) -> None:
    function = run.function(source, {"key": "value"}, isolation="hermetic")
    reference = fresh_memory(function)
    served = []
    for number in range(3):
        run.invoke(function, track(number=number, text="x" * 100 * number))
        found = next_slot(run, function)
        if found is not None:
            slot, memory = found
            served.append(slot)
            assert differences(memory, reference) == []
            assert isinstance(slot.rewinder._scan, FullCompare) == (scanner == "comparison")  # type: ignore[union-attr]

    assert source == FIXTURES["a megabyte"] or len({id(slot) for slot in served}) == 1, (
        "it was rewound, not replaced"
    )


def test_memory_is_what_it_was_after_a_batch_and_large_events(run: Stage, scanner: str) -> None:
    del scanner
    source = "let kept; function onBatch(events) { kept = events; return events } function onTrack(e) { kept = e; return e }"
    function = run.function(source, isolation="hermetic")
    reference = fresh_memory(function)

    for properties in ({"text": "x" * 30_000}, {"n": [1] * 9_000}, {}):
        run.invoke(function, track(**properties))
        run.loop.run(run.executor.invoke(function, [track(**properties), track()]))
        found = next_slot(run, function)
        assert found is not None
        assert differences(found[1], reference) == []


FUEL = 30_000_000


class Outside:
    """Every event finds the same clock and the same entropy, so that only memory could make a difference."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.stage = Stage(clock=self.clock, entropy=lambda size: bytes(range(size)))

    def invoke(self, function: Function, event: dict[str, Any]) -> Outcome:
        self.clock.now_ms = 0.0
        return self.stage.invoke(function, event)


@pytest.fixture(scope="module")
def outside() -> Iterator[Outside]:
    outside = Outside()
    with outside.stage:
        yield outside


def everything(outcome: Outcome) -> tuple[object, ...]:
    return (
        *(outcome.cause, outcome.output, outcome.error_name, outcome.message, outcome.stack),
        *(outcome.logs, outcome.logs_dropped, outcome.fuel, outcome.memory_bytes, outcome.wall_ms),
    )


RANDOM = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],  # what fails is short already, and shrinking it takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@RANDOM
@given(source=programs(), first=events, second=events)
@example(source=FIXTURES["state"], first=track(a=1), second=track(b=2))
def test_nothing_of_an_event_is_seen_in_the_next(
    outside: Outside, source: str, first: dict[str, Any], second: dict[str, Any]
) -> None:
    """Not in its output, not in its logs, not in the fuel it takes nor the memory it holds."""
    stage = outside.stage
    alone = stage.function(source, isolation="hermetic", tenant="alone", fuel=FUEL)
    after = stage.function(source, isolation="hermetic", tenant="after", fuel=FUEL)
    reference = fresh_memory(after)

    expected = outside.invoke(alone, second)
    outside.invoke(after, first)
    slot = next_slot(stage, after)
    assert slot is None or differences(slot[1], reference) == []
    found = outside.invoke(after, second)

    assert everything(found) == everything(expected)


@settings(RANDOM, max_examples=15)
@given(source=programs(), given_events=st.lists(events, min_size=2, max_size=4))
def test_both_ways_to_rewind_agree(outside: Outside, source: str, given_events: list[dict[str, Any]]) -> None:
    stage = outside.stage
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PageMap, "available", lambda: False)
        compared = stage.function(source, isolation="hermetic", tenant="compared", fuel=FUEL)
        slow = [everything(outside.invoke(compared, event)) for event in given_events]
        stage.executor.function(
            stage.image(source), isolation="hermetic"
        )  # keeps `compared` out of nobody's way
    scanned = stage.function(source, isolation="hermetic", tenant="scanned", fuel=FUEL)
    fast = [everything(outside.invoke(scanned, event)) for event in given_events]

    assert fast == slow


def test_a_request_that_nobody_waited_for_is_not_answered_to_the_next_event(stage_with: Any) -> None:
    """Operation numbers start anew after a rewind: an answer of the last event would be taken for one's own."""
    from tests.runtime.fakes import Host

    host = Host(lambda url: f"answer to {url}".encode())
    stage = stage_with(fetch=host, clock=FakeClock())
    source = """
    async function onTrack(event) {
      if (event.properties.leave) { fetch('http://host.test/left'); return event }
      event.body = await (await fetch('http://host.test/mine')).text()
      return event
    }"""
    for isolation in ("hermetic", "warm"):
        stage(source, track(leave=True), isolation=isolation)
        outcome = stage(source, track(leave=False), isolation=isolation)

        assert value(outcome)["body"] == "answer to http://host.test/mine"
        assert host.seen.count("http://host.test/mine") == (1 if isolation == "hermetic" else 2)


def test_what_a_warm_function_keeps_a_hermetic_one_forgets(run: Stage) -> None:
    source = FIXTURES["state"]

    warm = [value(run(source))["n"] for _ in range(3)]
    hermetic = [value(run(source, isolation="hermetic"))["n"] for _ in range(3)]

    assert (warm, hermetic) == ([1, 2, 3], [1, 1, 1])


def test_the_cache_is_the_one_thing_that_lasts(run: Stage) -> None:
    source = """
    let loads = 0
    async function onTrack(event) {
      event.value = await cache.load('k', -1, async () => `load ${++loads} of ${event.properties.n}`)
      return event
    }"""

    values = [value(run(source, track(n=n), isolation="hermetic"))["value"] for n in range(3)]

    assert values == ["load 1 of 0"] * 3
