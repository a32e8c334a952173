"""The executor as its callers see it: functions, events, settings, tenants, and threads beside it."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import orjson
import pytest

from headgate_runtime import (
    EventError,
    Executor,
    Image,
    LimitError,
    Limits,
    Outcome,
    SettingsError,
    compile,  # noqa: A004 - the field's word
)
from tests.runtime.fakes import Host
from tests.stage import TRACK, Stage, track, value

ECHO = "function onTrack(event, settings) { return { ...event, properties: settings } }"

SECRET = "sk_live_51H8"


def images(*sources: str) -> list[Image]:
    compiled = [compile(source) for source in sources]
    assert all(isinstance(each, Image) for each in compiled), compiled
    return [each for each in compiled if isinstance(each, Image)]


# ---- functions ----


def test_equal_arguments_are_the_same_function(run: Stage) -> None:
    image = run.image(ECHO)
    executor = run.executor
    one = executor.function(image, {"a": 1})

    assert executor.function(image, b'{ "a": 1 }') is one
    assert executor.function(image, '{"a":1}', limits=Limits(), isolation="warm", tenant="default") is one
    others = [
        executor.function(image, {"a": 2}),
        executor.function(image, {"a": 1}, isolation="hermetic"),
        executor.function(image, {"a": 1}, limits=Limits(fuel=1_000_000)),
        executor.function(image, {"a": 1}, tenant="other"),
        executor.function(run.image(ECHO + " "), {"a": 1}),
    ]
    assert len({one, *others}) == 6


def test_functions_share_nothing(run: Stage) -> None:
    """SPEC D36: neither with each other nor with another instance of the same class."""
    source = """
    function onTrack(event, settings) {
      globalThis.seen ??= []
      globalThis.seen.push(settings.name)
      Object.prototype.leak = settings.name
      return { ...event, properties: { seen: globalThis.seen } }
    }"""
    for name in ("a", "b", "a", "b"):
        last = run(source, TRACK, {"name": name})
        assert set(value(last)["properties"]["seen"]) == {name}
    assert value(run(source, TRACK, {"name": "a"}, tenant="other"))["properties"]["seen"] == ["a"]


def test_owners_share_nothing_even_where_all_else_is_equal(run: Stage) -> None:
    """SPEC D36: two destinations may run the same code with the same settings."""
    image = run.image(
        "let count = 0; function onTrack(e) { return { ...e, properties: { count: ++count } } }"
    )
    one, other = (run.executor.function(image, owner=owner) for owner in ("one", "other"))

    assert run.executor.function(image, owner="one") is one
    for count in (1, 2):
        for function in (one, other):
            outcome = run.loop.run(run.executor.invoke(function, TRACK))
            assert value(outcome)["properties"] == {"count": count}


def test_the_image_alone_may_be_too_large(run: Stage) -> None:
    large = run.image("const held = new Uint8Array(9e6).fill(1); function onTrack(e) { return held && e }")

    with pytest.raises(LimitError, match=r"memory_bytes = 8388608 is less than the \d+ of the image"):
        run.executor.function(large, limits=Limits(memory_bytes=8 << 20))


def test_a_weight_is_the_tenants(run: Stage) -> None:
    image = run.image(ECHO)
    one = run.executor.function(image, {"n": 1}, tenant="heavy", weight=4)

    assert run.executor.function(image, {"n": 2}, tenant="heavy").tenant is one.tenant
    run.loop.run(run.executor.compile(ECHO, tenant="heavy"))
    assert one.tenant.weight == 4
    run.executor.function(image, {"n": 1}, tenant="heavy", weight=0.5)
    assert one.tenant.weight == 0.5
    with pytest.raises(LimitError, match="weight must be a positive number"):
        run.executor.function(image, tenant="heavy", weight=0)


def test_an_isolation_is_one_of_two(run: Stage) -> None:
    with pytest.raises(ValueError, match='isolation must be "warm" or "hermetic", not \'lukewarm\''):
        run.executor.function(run.image(ECHO), isolation="lukewarm")  # type: ignore[arg-type]


@pytest.mark.parametrize("sandboxes", [0, -1, 20_001])
def test_an_executor_has_room_for_one_sandbox_at_least(sandboxes: int) -> None:
    with pytest.raises(LimitError, match=f"sandboxes must be an integer from 1 to 20000, not {sandboxes}"):
        Executor(sandboxes=sandboxes)


# ---- settings ----


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (b"[]", "settings must be a JSON object"),
        ("null", "settings must be a JSON object"),
        ("5", "settings must be a JSON object"),
        ('{"a":', "settings are not JSON"),
        (b'{"a":"\xff"}', "settings are not JSON"),
        ("", "settings are not JSON"),
        ({"a": object()}, "settings are not JSON"),
        ({"a": float}, "settings are not JSON"),
        ({5: "a"}, "settings are not JSON"),
        ({"a": "\ud800"}, "settings are not JSON"),
        ('{"a":"\ud800"}', "settings are not JSON"),
        (["a"], "settings must be a JSON object"),
    ],
)
def test_settings_are_a_json_object(run: Stage, settings: Any, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        run.executor.function(run.image(ECHO), settings)


@pytest.mark.parametrize(
    "broken", [f'{{"key":"{SECRET}', f'["{SECRET}"]', {"key": SECRET, "other": object()}]
)
def test_a_refusal_of_settings_does_not_show_them(run: Stage, broken: Any) -> None:
    with pytest.raises(SettingsError) as refusal:
        run.executor.function(run.image(ECHO), broken)
    assert SECRET not in str(refusal.value)
    assert refusal.value.__suppress_context__ or refusal.value.__context__ is None


def test_secrets_are_not_shown(run: Stage) -> None:
    function = run.function(ECHO, {"key": SECRET})
    slot = run.loop.run(run.executor.pool.acquire(function))
    run.executor.pool.release(slot, usable=True)
    recorded = run.invoke(function, TRACK, record=True)
    shown = [function, slot, slot.sandbox, run.executor, run.executor.pool, recorded.record, recorded]

    assert SECRET in str(value(recorded))
    assert [each for each in shown if SECRET in repr(each) + str(each)] == []


def test_no_settings_are_an_empty_object(run: Stage) -> None:
    assert value(run(ECHO, TRACK, None))["properties"] == {}
    assert value(run(ECHO, TRACK, {}))["properties"] == {}


@pytest.mark.parametrize("isolation", ["warm", "hermetic"])
def test_settings_are_fresh_for_each_event(run: Stage, isolation: Any) -> None:
    source = """
    function onTrack(event, settings) {
      const before = JSON.stringify(settings)
      settings.list.push('more'); settings.map.key = 'changed'; settings.added = true; delete settings.name
      globalThis.kept = settings
      return { ...event, properties: { before } }
    }"""
    settings = {"name": "n", "list": ["a"], "map": {"key": "value"}, "flag": False}
    for _ in range(3):
        outcome = run(source, TRACK, settings, isolation=isolation)
        assert orjson.loads(value(outcome)["properties"]["before"]) == settings


def test_large_settings(run: Stage) -> None:
    settings = {f"key {number}": "x" * 1000 for number in range(1000)}

    assert value(run(ECHO, TRACK, settings))["properties"] == settings


def test_settings_keep_their_order_and_their_odd_keys(run: Stage) -> None:
    settings = {"b": 1, "10": 2, "a": 3, "__proto__": {"x": 4}, "": 5, "2": 6}

    assert list(value(run(ECHO, TRACK, settings))["properties"].items()) == [
        *(("2", 6), ("10", 2), ("b", 1), ("a", 3), ("__proto__", {"x": 4}), ("", 5))
    ]


# ---- events ----


def test_an_event_is_a_mapping_or_its_text(run: Stage) -> None:
    function = run.function("function onTrack(e) { return e }")
    for event in (dict(TRACK), orjson.dumps(TRACK), orjson.dumps(TRACK).decode()):
        assert value(run.invoke(function, event)) == TRACK  # type: ignore[arg-type]


@pytest.mark.parametrize("isolation", ["warm", "hermetic"])
@pytest.mark.parametrize(
    "event",
    [
        *(b"", b" ", b"null", b"[]", b"5", b'"text"', b"{", b'{"type":}', b'{"type":"track"} {}', b"\xff"),
        *(b'{"type":"track"},{"type":"track"}', b'{"a":01}', b"{'a':1}", b'{"a":"\xff"}', "{", "\ud800"),
        *({"type": object()}, {1: 2}, {"a": "\ud800"}),
    ],
)
def test_what_is_no_json_object_is_the_callers_mistake(run: Stage, event: Any, isolation: Any) -> None:
    function = run.function(
        "let n = 0; function onTrack(e) { e.properties.n = ++n; return e }", isolation=isolation
    )
    with pytest.raises(EventError):
        run.invoke(function, event)
    with pytest.raises(EventError):
        run.invoke(function, event, record=True)
    # It did not run, and the sandbox is as good as before.
    assert value(run.invoke(function, TRACK))["properties"]["n"] == 1


def test_an_event_over_the_limit(run: Stage) -> None:
    function = run.function("function onTrack(e) { return e }", input_bytes=1000)
    text = orjson.dumps(track(long="x" * 1000))

    with pytest.raises(EventError, match=f"the event has {len(text)} bytes, more than input_bytes = 1000"):
        run.invoke(function, text)
    padding = b" " * (1000 - len(orjson.dumps(TRACK)))
    assert value(run.invoke(function, orjson.dumps(TRACK) + padding)) == TRACK
    with pytest.raises(EventError):
        run.invoke(function, orjson.dumps(TRACK) + padding + b" ")


def test_an_event_that_memory_has_no_room_for(run: Stage) -> None:
    function = run.function("function onTrack(e) { return e }", memory_bytes=8 << 20, input_bytes=16 << 20)

    with pytest.raises(EventError, match="memory_bytes = 8388608 has no room for the event"):
        run.invoke(function, orjson.dumps(track(long="x" * (9 << 20))))
    assert value(run.invoke(function, TRACK)) == TRACK


@pytest.mark.parametrize("encode", [bytes, bytes.decode], ids=["bytes", "text"])
def test_an_event_does_not_pay_for_a_sandbox_that_others_filled(run: Stage, encode: Any) -> None:
    source = "const kept = []; function onTrack(e) { if (e.keep) kept.push(new Uint8Array(9 << 20)); return { n: e.n } }"
    function = run.function(source, memory_bytes=16 << 20, sandboxes=1)
    large = orjson.dumps(track(long="x" * (4 << 20)))

    assert run.invoke(function, track(keep=True)).outcome == "forward"
    assert run.invoke(function, encode(large)).outcome == "forward"


@pytest.mark.parametrize("size", [16_000, 16_352, 16_353, 20_000, 1_000_000])
def test_events_of_every_size_arrive_whole(run: Stage, size: int) -> None:
    event = track(long="x" * (size - len(orjson.dumps(track(long="")))))
    text = orjson.dumps(event)
    assert len(text) == size
    for isolation in ("warm", "hermetic"):
        function = run.function("function onTrack(e) { return e }", isolation=isolation)
        for _ in range(2):
            assert run.invoke(function, text).output == text


@pytest.mark.parametrize("isolation", ["warm", "hermetic"])
def test_fuel_that_an_event_left_over_is_not_what_the_next_one_has(run: Stage, isolation: Any) -> None:
    """A large event is brought in before its fuel is given: once with as little as the event before had left."""
    source = "function onTrack(e) { for (let i = 0; i < e.properties.n; i++); return e }"
    large = orjson.dumps(track(n=1, long="x" * 100_000))
    spent = run(source, track(n=10_000)).fuel
    for slack in (0, 50, 500, 5_000):
        function = run.function(source, isolation=isolation, fuel=spent + slack)
        for _ in range(2):
            assert run.invoke(function, track(n=10_000)).outcome in {"forward", "retry"}
            assert run.invoke(function, large).output == large


# ---- batches ----


def test_a_list_without_a_batch_handler_runs_one_by_one(run: Stage) -> None:
    source = "let n = 0; function onTrack(e) { if (++n === 2) throw new Error('second'); return e }"
    outcomes = run.batch(source, [TRACK] * 3)

    assert [outcome.outcome for outcome in outcomes] == ["forward", "discard", "forward"]
    assert run.batch(source, []) == []


@pytest.mark.parametrize("last", [b"{", b"5", "[]", {"a": object()}, orjson.dumps(track(long="x" * 2000))])
def test_one_bad_event_of_a_list_and_none_runs(run: Stage, last: Any) -> None:
    source = "let n = 0; function onTrack(e) { return { n: ++n } }"
    with pytest.raises(EventError):
        run.batch(source, [TRACK, TRACK, last], input_bytes=1000)
    assert value(run.batch(source, [TRACK], input_bytes=1000)[0])["n"] == 1


def test_a_batch_is_bounded(run: Stage) -> None:
    source = "function onBatch(events) { return events }"

    assert run.batch(source, []) == []
    assert len(run.batch(source, [TRACK] * 1000)) == 1000
    with pytest.raises(EventError, match="the batch has 1001 events, more than 1000"):
        run.batch(source, [TRACK] * 1001)
    text = orjson.dumps(TRACK)
    with pytest.raises(EventError, match="the batch has 1001 bytes, more than input_bytes = 1000"):
        run.batch(source, [text, text + b" " * (1001 - 2 * len(text) - 3)], input_bytes=1000)


@pytest.mark.parametrize("text", [b"{},{}", b"{}],[{}", b"", b"[]", b"5", b"{", b'{"a":1}{"b":2}', "{},{}"])
def test_a_text_does_not_pass_for_another_batch(run: Stage, text: Any) -> None:
    with pytest.raises(EventError):
        run.batch("function onBatch(events) { return events }", [TRACK, text])


# ---- around it ----


def test_an_executor_outlives_its_event_loop() -> None:
    """Each `asyncio.run` is a loop of its own; sandboxes know none."""
    (image,) = images("let n = 0; function onTrack(e) { e.properties.n = ++n; return e }")
    executor = Executor()

    async def burst() -> list[Outcome]:
        return list(await asyncio.gather(*(executor.invoke(image, TRACK) for _ in range(5))))

    for _ in range(3):
        assert {outcome.outcome for outcome in asyncio.run(burst())} == {"forward"}
    executor.close()


def test_threads_may_compile_and_run_beside_each_other() -> None:
    """A slice of guest code lets other threads run: each import must still reach its own sandbox."""
    source = """
    async function onTrack(event, settings) {
      for (let i = 0; i < 20000; i++);
      const body = await (await fetch('http://host/' + settings.name)).text()
      for (let i = 0; i < 20000; i++);
      return { ...event, properties: { name: settings.name, body } }
    }"""
    (image,) = images(source)
    wrong: list[Any] = []

    async def invoke(name: str) -> None:
        host = Host(lambda url: url.encode())
        async with Executor(fetch=host) as executor:
            for number in range(15):
                own = f"{name}-{number}"
                outcome = await executor.invoke(image, TRACK, {"name": own})
                if value(outcome)["properties"] != {"name": own, "body": f"http://host/{own}"}:
                    wrong.append(outcome)

    def work(name: str) -> None:
        try:
            asyncio.run(invoke(name))
            for number in range(5):
                images(f"{source} // {name} {number}")
        except BaseException as error:
            wrong.append(error)
            raise

    threads = [threading.Thread(target=work, args=(f"thread-{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
