"""The host's half of `cache`: what hermetic functions keep from event to event."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate_runtime import Request
from headgate_runtime.cache import ENTRIES, ENTRY_BYTES, TOTAL_BYTES, Cache
from tests.runtime.fakes import FakeClock
from tests.stage import Stage, track, value


class Asker:
    """Asks a cache as the guest does."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.cache = Cache(self.clock)

    def ask(self, **message: Any) -> Any:
        answer = self.cache.answer(Request(7, "cache", orjson.dumps(message), None))
        assert (answer.operation, answer.status, answer.body) == (7, 0, None)
        return orjson.loads(answer.payload)

    def get(self, key: str) -> Any:
        found = self.ask(op="get", key=key)
        return found["value"] if found["hit"] else None

    def put(self, key: str, value: Any, ttl: float = -1) -> None:
        assert self.ask(op="put", key=key, ttl=ttl, value=value) == {}


@pytest.fixture
def cache() -> Asker:
    return Asker()


json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.text(), json)
def test_what_is_put_is_got(key: str, content: Any) -> None:
    cache = Asker()
    cache.put(key, content)

    assert cache.ask(op="get", key=key) == {"hit": True, "value": content}
    assert cache.ask(op="delete", key=key) == {}
    assert cache.ask(op="get", key=key) == {"hit": False}


def test_an_entry_lives_for_its_time(cache: Asker) -> None:
    cache.put("short", 1, ttl=1000)
    cache.put("none", 2, ttl=0)
    cache.put("ever", 3, ttl=-1)
    assert cache.get("none") is None
    cache.clock.now_ms = 999.9
    assert cache.get("short") == 1
    cache.clock.now_ms = 1000
    assert cache.get("short") is None
    cache.clock.now_ms = 1e15
    assert cache.get("ever") == 3


def test_a_put_replaces_value_and_time(cache: Asker) -> None:
    cache.put("key", "old", ttl=10)
    cache.put("key", "new", ttl=1000)
    cache.clock.now_ms = 500

    assert cache.get("key") == "new"


def test_the_least_recently_used_entry_leaves(cache: Asker) -> None:
    for number in range(ENTRIES):
        cache.put(str(number), number)
    assert cache.get("0") == 0
    cache.put("one more", -1)

    assert [cache.get(key) for key in ("0", "1", "2", "one more")] == [0, None, 2, -1]


@pytest.mark.parametrize(("key", "content"), [("k", "x" * ENTRY_BYTES), ("k" * ENTRY_BYTES, 1)])
def test_an_entry_that_is_too_large_is_not_kept(cache: Asker, key: str, content: Any) -> None:
    cache.put("k", "small")
    cache.put(key, content)

    assert cache.get(key) is None
    assert cache.cache._bytes <= 20


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("pgd"), st.integers(0, 40), st.integers(0, ENTRY_BYTES)), max_size=60)
)
def test_what_is_kept_is_bounded_and_counted(steps: list[tuple[str, int, int]]) -> None:
    cache = Asker()
    for step, number, size in steps:
        key = f"{number}" * (1 + size // 8 // len(f"{number}") if number % 2 else 1)
        match step:
            case "p":
                cache.put(key, "x" * (size if number % 2 == 0 else 1), ttl=number)
            case "g":
                cache.get(key)
                cache.clock.now_ms += 1
            case _:
                cache.ask(op="delete", key=key)
        entries = cache.cache._entries
        assert cache.cache._bytes == sum(4 * len(key) + len(kept) for key, (_, kept) in entries.items())
        assert cache.cache._bytes <= TOTAL_BYTES


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"5",
        b'{"op":"get"}',
        b'{"key":"a"}',
        b'{"op":"get","key":5}',
        b'"get"',
        b"\xff",
    ],
)
def test_what_cannot_be_understood_is_a_failure(cache: Asker, payload: bytes) -> None:
    answer = cache.cache.answer(Request(9, "cache", payload, None))

    assert (answer.operation, answer.status) == (9, 1)
    assert "message" in orjson.loads(answer.payload)


# ---- behind a function ----

LOAD = """
async function onTrack(event) {
  const { key, ttl } = event.properties
  event.properties.value = await cache.load(key, ttl, async () => event.properties.made)
  return event
}"""


def load(stage: Stage, made: Any, key: str = "key", ttl: int = -1, **options: Any) -> Any:
    outcome = stage(LOAD, track(key=key, ttl=ttl, made=made), isolation="hermetic", **options)
    return value(outcome)["properties"]["value"]


def test_hermetic_events_share_a_cache_and_nothing_else(run: Stage) -> None:
    assert [load(run, made) for made in ("first", "second")] == ["first", "first"]
    assert load(run, "other", key="other key") == "other"
    assert load(run, "own", tenant="another tenant") == "own"


def test_entries_of_hermetic_functions_expire() -> None:
    clock = FakeClock()
    stage = Stage(clock=clock)
    assert [load(stage, made, ttl=1000) for made in (1, 2)] == [1, 1]
    clock.now_ms += 1000
    assert load(stage, 3, ttl=1000) == 3
    stage.close()


def test_a_delete_that_nobody_waits_for_is_done(run: Stage) -> None:
    """cache.delete returns nothing to wait for (SPEC 4.6)."""
    source = LOAD.replace("return event", "if (event.properties.forget) cache.delete(key); return event")
    results = [
        value(run(source, track(key="k", ttl=-1, made=made, forget=forget), isolation="hermetic"))[
            "properties"
        ]["value"]
        for made, forget in ((1, False), (2, True), (3, False), (4, False))
    ]

    assert results == [1, 1, 3, 3]


def test_a_hermetic_load_waits_for_nothing_outside() -> None:
    """The cache answers at once: no task, no wait of the clock's."""
    clock = FakeClock()
    stage = Stage(clock=clock)
    assert load(stage, "value") == "value"
    assert clock.waits == []
    stage.close()


def test_a_value_comes_back_as_it_was(run: Stage) -> None:
    content = {
        "list": [1, 2.5, None, True, "é\u2028😀"],
        "large": 2**53,
        "tiny": 5e-324,
        "": {},
        "__proto__": 1,
    }

    assert [load(run, made) for made in (content, None)] == [content, content]
    assert load(run, 0, key="zero") == 0
