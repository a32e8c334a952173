"""Settings are parsed once, and every event has them as they are: nothing of what another made of them."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate_runtime import Executor, Outcome
from tests.runtime.test_row import image
from tests.stage import Stage, track, value

SETTINGS = {
    "name": "n",
    "list": ["a", {"b": [1, 2]}],
    "map": {"key": "value", "deep": {"er": "e"}},
    "flag": False,
    "number": 1.5,
    "nothing": None,
    "escaped": 'q"\u00e4\n',
    "7": "seven",
}

ACTS = """
const kept = []
const ACTS = {
  pass() {},
  set(s) { s.name = 'other'; s.flag = true; s.number++; s.nothing = s },
  nested(s) { s.list[1].b.push(3); s.map.deep.er = null; delete s.map.key },
  remove(s) { for (const key of Object.keys(s)) delete s[key] },
  add(s) { for (let i = 0; i < 100; i++) s['more' + i] = i },
  freeze(s) { Object.freeze(s); Object.freeze(s.map) },
  define(s) { Object.defineProperty(s, 'name', { get() { return 'got' } }) },
  inherit(s) { Object.setPrototypeOf(s, { toJSON() { return 'lost' } }) },
  keep(s) { kept.push(s) },
  look(s) { for (const one of kept) JSON.stringify(one); return JSON.stringify(s) },
  forget() { kept.length = 0 },
  copy(s) { const c = { ...s }; c.list.length = 0; Object.assign(s, { name: c }) },
}
function onTrack(e, settings) {
  const before = e.properties.blind ? null : JSON.stringify(settings), keys = Object.keys(settings)
  const plain = Object.getPrototypeOf(settings) === Object.prototype && Object.isExtensible(settings)
  ACTS[e.properties.act](settings)
  return { type: 'track', before, keys, plain }
}
"""

NAMES = (
    "pass",
    "set",
    "nested",
    "remove",
    "add",
    "freeze",
    "define",
    "inherit",
    "keep",
    "look",
    "forget",
    "copy",
)


@pytest.mark.parametrize("isolation", ["warm", "hermetic"])
@settings(max_examples=20, deadline=None)
@given(
    acts=st.lists(st.tuples(st.sampled_from(NAMES), st.booleans()), min_size=2, max_size=30),
    together=st.booleans(),
)
def test_no_event_sees_what_another_made_of_them(
    isolation: Literal["warm", "hermetic"], acts: list[tuple[str, bool]], together: bool
) -> None:
    events = [track(act=act, blind=blind) for act, blind in acts]

    async def main() -> list[Outcome]:
        async with Executor() as executor:
            function = executor.function(image(ACTS), SETTINGS, isolation=isolation)
            if together:
                return await executor.invoke(function, events)
            return [await executor.invoke(function, event) for event in events]

    for outcome, (_, blind) in zip(asyncio.run(main()), acts, strict=True):
        seen = value(outcome)
        assert seen["plain"] is True
        assert seen["keys"] == ["7", *(key for key in SETTINGS if key != "7")]
        assert blind or orjson.loads(seen["before"]) == SETTINGS


@pytest.mark.parametrize("keeps", ["", "globalThis.last = settings;", "globalThis.part = settings.map;"])
def test_they_take_no_more_memory_with_every_event(run: Stage, keeps: str) -> None:
    source = f"function onTrack(e, settings) {{ {keeps} e.deep = settings.map.deep.er; return e }}"
    function = run.function(source, settings=SETTINGS)
    used = [run.invoke(function, track()).memory_bytes for _ in range(600)]

    assert max(used[300:]) <= max(used[:300])


def test_a_thousand_of_them_cost_little(run: Stage) -> None:
    """Parsed for every event they took a million and a half."""
    many: Any = {f"setting {number}": f"value {number}" for number in range(1_000)}
    function = run.function("function onTrack(e, settings) { return e }", settings=many)
    run.invoke(function, track())

    assert run.invoke(function, track()).fuel < 600_000
