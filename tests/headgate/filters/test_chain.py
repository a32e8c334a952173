import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.filters import FilterChain, FilterError, Rule
from tests.headgate.json_values import json_objects

EVENT = {"type": "track", "userId": "u1", "properties": {"a": 1, "b": 2}}
DROP = {"type": "DROP"}


def chain(*rules: tuple[str, list[dict[str, Any]]], random: float = 0.5) -> FilterChain:
    return FilterChain([Rule(query, actions) for query, actions in rules], random=lambda: random)


def test_no_rules_change_nothing() -> None:
    assert chain().apply(EVENT) is EVENT


def test_drops_what_matches_and_nothing_else() -> None:
    drop = chain(("type = 'track'", [DROP]))
    assert drop.apply(EVENT) is None
    assert drop.apply({"type": "page"}) == {"type": "page"}


def test_conditions_see_the_original_event() -> None:
    both = chain(
        ("all", [{"type": "DROP_PROPERTIES", "fields": {"properties": ["a"]}}]),
        ("properties.a = 1", [{"type": "DROP_PROPERTIES", "fields": {"properties": ["b"]}}]),
    )
    assert both.apply(EVENT) == {"type": "track", "userId": "u1", "properties": {}}


def test_kinds_take_effect_in_their_own_order() -> None:
    allow_first = chain(
        ("all", [{"type": "ALLOW_PROPERTIES", "fields": {"properties": ["b"]}}]),
        ("all", [{"type": "DROP_PROPERTIES", "fields": {"": ["userId"]}}]),
        ("properties.a = 1", [DROP]),
    )
    assert allow_first.apply(EVENT) is None
    assert allow_first.apply({"userId": 1, "properties": {"a": 2, "b": 3}}) == {"properties": {"b": 3}}


@pytest.mark.parametrize(
    ("percent", "random", "kept"), [(0.5, 0.49, True), (0.5, 0.5, False), (1, 0.999, True), (0, 0.0, False)]
)
def test_samples_by_chance(percent: float, random: float, kept: bool) -> None:
    sample = chain(("all", [{"type": "SAMPLE", "percent": percent}]), random=random)
    assert (sample.apply(EVENT) is EVENT) is kept


@given(st.text())
def test_samples_by_value_for_all_its_events_alike(user: str) -> None:
    sample = chain(("all", [{"type": "SAMPLE", "percent": 0.5, "path": "userId"}]))
    assert (sample.apply({"userId": user}) is None) == (sample.apply({"userId": user, "x": 1}) is None)


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**64 - 1))
def test_samples_by_any_number(number: float) -> None:
    def kept(percent: float, value: float) -> bool:
        sample = chain(("all", [{"type": "SAMPLE", "percent": percent, "path": "a"}]))
        return sample.apply({"a": value}) is not None

    assert kept(1, number)
    assert not kept(0, number)
    if abs(number) < 2**53 and number == int(number):
        assert kept(0.5, float(number)) is kept(0.5, int(number))


def test_samples_by_large_numbers(caplog: pytest.LogCaptureFixture) -> None:
    sample = chain(("all", [{"type": "SAMPLE", "percent": 0.999, "path": "a"}]))
    assert sum(sample.apply({"a": 2.0**63 * (1 + number)}) is not None for number in range(100)) > 90
    assert caplog.text == ""


def test_a_path_may_hold_dots_and_spaces() -> None:
    drop = chain(("all", [{"type": "DROP_PROPERTIES", "fields": {"properties.product 1.a\\.b": ["x"]}}]))
    event = {"properties": {"product 1": {"a.b": {"x": 1, "y": 2}}}}
    assert drop.apply(event) == {"properties": {"product 1": {"a.b": {"y": 2}}}}


@pytest.mark.parametrize("name", ["drop_event", "drop", "DROP_EVENT"])
def test_takes_the_names_of_older_clients(name: str) -> None:
    assert chain(("all", [{"type": name}])).apply(EVENT) is None


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (Rule("type =", [DROP]), "if: expected a value"),
        (Rule("all", []), "actions must hold at least one"),
        (Rule("all", [{"type": "EXPLODE"}]), "type must be one of SAMPLE, DROP, .* not 'EXPLODE'"),
        (Rule("all", [{}]), "type must be one of"),
        (Rule("all", [{"type": "SAMPLE"}]), "percent must be a number from 0 to 1, not None"),
        (Rule("all", [{"type": "SAMPLE", "percent": 1.01}]), "percent must be"),
        (Rule("all", [{"type": "SAMPLE", "percent": True}]), "percent must be"),
        (Rule("all", [{"type": "SAMPLE", "percent": 0.5, "path": 1}]), "path must be a string"),
        (Rule("all", [{"type": "DROP_PROPERTIES"}]), "fields must map"),
        (Rule("all", [{"type": "ALLOW_PROPERTIES", "fields": {"a": "b"}}]), "fields must map"),
    ],
)
def test_refuses(rule: Rule, message: str) -> None:
    with pytest.raises(FilterError, match=message):
        FilterChain([rule])


def test_what_cannot_be_judged_is_not_delivered(caplog: pytest.LogCaptureFixture) -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    sample = chain(("all", [{"type": "SAMPLE", "percent": 0.5, "path": "a"}]))
    assert sample.apply({"a": deep}) is None
    assert "could not be evaluated" in caplog.text
    while deep:  # one level at a time: the interpreter would need its stack to forget it
        deep = deep.pop()


def test_what_takes_too_long_is_not_delivered_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    slow = chain(("match(a, '*b')", [{"type": "DROP_PROPERTIES", "fields": {"": ["x"]}}]))
    for _ in range(3):
        assert slow.apply({"a": "a" * 3_000_000}) is None
    assert [record.message for record in caplog.records] == [
        "a filter takes too long for an event; such events are dropped"
    ]
    assert slow.apply({"a": "b", "x": 1}) == {"a": "b"}


PATHS = st.lists(st.sampled_from(["a", "b", "c"]), max_size=3).map(".".join)
FIELDS = st.dictionaries(PATHS, st.lists(st.sampled_from(["a", "b", "c"]), max_size=3), max_size=3)


@given(json_objects() | st.just({"a": {"b": [{"a": 1}, 2], "c": {"a": {"b": 1}}}}), FIELDS, st.booleans())
def test_never_changes_its_input_and_only_takes_away(event: dict[str, Any], fields: Any, keep: bool) -> None:
    before = copy.deepcopy(event)
    result = chain(
        ("all", [{"type": "ALLOW_PROPERTIES" if keep else "DROP_PROPERTIES", "fields": fields}])
    ).apply(event)
    assert event == before
    assert result is not None
    assert _is_part(result, event)


def _is_part(part: Any, whole: Any) -> bool:
    if isinstance(part, dict):
        return all(key in whole and _is_part(value, whole[key]) for key, value in part.items())
    if isinstance(part, list):
        return len(part) == len(whole) and all(map(_is_part, part, whole))
    return bool(part == whole)
