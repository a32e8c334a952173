"""
Plain arrays are sorted by a way of our own (guest/engine/sort.c) when a function compares; whatever else has elements and a length is
sorted by QuickJS. Both have to end in the same order. Text and a number put together (concat.c) likewise.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.guest.boundary import Boundary

if TYPE_CHECKING:
    from tests.guest.evaluate import Evaluate

SORTED = Boundary("""
function onTrack(event) {
  const { keys } = event.properties, items = keys.map((key, at) => key === null ? undefined : { key, at })
  const other = Object.assign({ length: items.length }, items)
  let asked = 0
  const compare = (a, b) => (asked++, a.key - b.key)
  const same = items.sort(compare), counted = asked
  Array.prototype.sort.call(other, compare)
  const order = (list) => Array.from(list, (item) => item ? item.at : -1)
  event.properties = { itself: same === items, ours: order(items), theirs: order(other), counted }
  return event
}
""")

CONCATENATED = Boundary("""
function onTrack(event) {
  const { text, number } = event.properties
  const digits = String(number), long = { toString: () => digits }
  const pairs = [[text + number, text + long], [number + text, long + text], [text + '-' + number, text + '-' + long]]
  let grown = text + '', other = text + ''
  for (let i = 0; i < 40; i++) { grown += i; other += String(i) }
  pairs.push([grown, other])
  const kept = text + 1, more = kept + 2
  pairs.push([kept + '|' + more, `${text}1|${text}12`])
  event.properties = { wrong: pairs.filter(([a, b]) => a !== b || a.length !== b.length) }
  return event
}
""")


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(-5, 5) | st.integers(-(2**40), 2**40) | st.none(), max_size=70))
def test_order(keys: list[int | None]) -> None:
    found = SORTED(json.dumps({"type": "track", "properties": {"keys": keys}})).value["properties"]
    assert found["itself"]
    assert found["ours"] == found["theirs"]
    defined = [(key, at) for at, key in enumerate(keys) if key is not None]
    assert found["ours"] == [at for _, at in sorted(defined)] + [-1] * (len(keys) - len(defined))


def test_what_is_in_order_is_hardly_compared() -> None:
    found = SORTED(json.dumps({"type": "track", "properties": {"keys": list(range(512))}}))
    assert found.value["properties"]["counted"] < 1200


@pytest.mark.parametrize(
    ("code", "value"),
    [
        pytest.param(
            "const a = [3, 1, 2]; try { a.sort(() => { throw new Error('no') }) } catch (e) { return [e.message, a] }",
            ["no", [3, 1, 2]],
            id="throws",
        ),
        pytest.param(
            "const a = [3, 1, 2]; try { a.sort(() => ({ valueOf() { throw new Error('no') } })) } catch (e) { return [e.message, a] }",
            ["no", [3, 1, 2]],
            id="throws later",
        ),
        pytest.param(
            "return [5, 1, 4].sort((a, b) => ({ valueOf: () => a - b }))", [1, 4, 5], id="answers an object"
        ),
        pytest.param("return [3, 1, 2].sort(() => NaN)", [3, 1, 2], id="answers NaN"),
        pytest.param("return [3, 1, 2].sort((a, b) => a > b)", [1, 2, 3], id="answers a truth"),
        pytest.param(
            "return [30, 4, 100, 5].sort((a, b) => BigInt(a) < BigInt(b) ? -1 : 1)",
            [4, 5, 30, 100],
            id="numbers",
        ),
        pytest.param(
            "try { [2, 1].sort(() => 1n) } catch (e) { return e.name }", "TypeError", id="answers a BigInt"
        ),
        pytest.param(
            "const a = [3, 1, 2]; a.sort((x, y) => { a.length = 0; return x - y }); return a",
            [1, 2, 3],
            id="emptied meanwhile",
        ),
        pytest.param(
            "const a = [3, 1, 2]; a.sort((x, y) => { a.push(9); a[0] = {}; return x - y }); return [a.slice(0, 3), a.length > 3]",
            [[1, 2, 3], True],
            id="grown meanwhile",
        ),
        pytest.param(
            "const a = [3, 1, 2]; try { a.sort((x, y) => { Object.freeze(a); return x - y }) } catch (e) { return [e.name, a] }",
            ["TypeError", [3, 1, 2]],
            id="frozen meanwhile",
        ),
        pytest.param(
            "const a = [3, , 1, undefined, 2]; a.sort((x, y) => x - y); return [a.length, 3 in a, 4 in a, a.slice(0, 3)]",
            [5, True, False, [1, 2, 3]],
            id="holes",
        ),
        pytest.param(
            "const a = [[2], [1]]; a.sort((x, y) => { const [p, q] = [x[0], y[0]]; x = y = null; return p - q }); return a",
            [[1], [2]],
            id="arguments that are changed",
        ),
        pytest.param(
            "return [3, 1, 2].toSorted((a, b) => b - a).concat([2, 1].sort(Math.min))",
            [3, 2, 1, 1, 2],
            id="other ways there",
        ),
        pytest.param(
            "return ['sort', null, 1].map((f) => { try { return [2, 1].sort(f) } catch (e) { return e.name } })",
            ["TypeError", "TypeError", "TypeError"],
            id="no function",
        ),
    ],
)
def test_sort(evaluate: Evaluate, code: str, value: object) -> None:
    assert evaluate(code).value == value


@settings(max_examples=100, deadline=None)
@given(
    st.text("abX é€\U0001d4b3", max_size=40) | st.sampled_from(["x" * 511, "x" * 512, "x" * 513, "é" * 600]),
    st.integers(-(2**33), 2**33) | st.sampled_from([2**31 - 1, -(2**31), 0]),
)
def test_text_and_number(text: str, number: int) -> None:
    reply = CONCATENATED(json.dumps({"type": "track", "properties": {"text": text, "number": number}}))
    assert reply.value["properties"]["wrong"] == []
