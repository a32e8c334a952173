import contextlib
import re
import time
import tracemalloc
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.fql import FQL_BYTES, FqlError, Query, TooCostly
from headgate.fql.budget import COMPILE, STEPS
from headgate.fql.functions import STRING_BYTES
from headgate.fql.glob import PATTERN_CHARS, glob
from headgate.fql.query import DEPTH
from tests.headgate.json_values import json_objects, json_values

EVENT = {
    "type": "track",
    "userId": "u1",
    "product 1": "shoe",
    "in": 3,
    "properties": {
        "n": 1,
        "f": 1.0,
        "yes": True,
        "list": [1, [2]],
        "object": {"a": 1},
        "a.b": 5,
        "none": None,
    },
}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("properties.n = properties.f", True),
        ("properties.n = true", False),
        ("properties.yes = 1", False),
        ("properties.list = [1, [2]]", True),
        ("properties.list = [[2], 1]", False),
        ("properties.object = properties.object", True),
        ("product\\ 1 = 'shoe'", True),
        ("properties.a\\.b = 5", True),
        ("\\in = 3", True),
        ("properties.list.\\0 = 1", False),
        ("type='track'and userId!='u2'", True),
        ("properties.n>=1", True),
        ("properties.n\r\n\t> 0", True),
        ("properties.n = +1", True),
        ("properties.n > -1", True),
        ("type = 'page' and type = 'page' or type = 'track'", True),
        ("type = 'track' or type = 'page' and type = 'page'", True),
        ("(type = 'track' or type = 'page') and type = 'page'", False),
        ("!type = 'page'", True),
        ("!userId", True),
        ("'x' and true", False),
        ("(type = 'track') = true", True),
        ("[] = []", True),
        ("2 in properties.list", False),
        ("[2] in properties.list", True),
        ("1 in properties.object", False),
        ("length(properties.n) = 1", False),
        ("length(properties.n) != 1", False),
        ("length(properties.object) = null", False),
        ("titlecase('order of the day') = 'Order Of The Day'", True),
        ("typeof(properties.object) = 'object'", True),
        ("bool('true')", True),
        ("bool('no')", False),
        ("bool(null) = false", True),
        ("string(properties.f) = '1.0'", True),
        ("string(null) = ''", True),
        ("string(properties.list) = '[1,[2]]'", True),
        ("number('12.5') = 12.5", True),
        ("number('twelve') = null", True),
        ("number(null) = null", True),
        ("semver('1.10.0', '>', '1.9.9')", True),
        ("semver('2.0.0-rc.1', '<', '2.0.0')", True),
        ("semver('1.0.0-alpha.2', '<', '1.0.0-alpha.10')", True),
        ("semver('1.0.0-alpha', '<', '1.0.0-alpha.1')", True),
        ("semver('v1', '=', '1.0.0')", True),
        ("semver('one', '=', 'one')", False),
        ("semver('1.0.0', '~', '1.0.0')", False),
    ],
)
def test_evaluates(text: str, result: bool) -> None:
    assert Query(text).matches(EVENT) is result


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a value but found the end at character 1"),
        ("type =", "expected a value but found the end at character 7"),
        ("type = 'track", "a string without a closing quote at character 8"),
        ("type == 'track'", "expected a value but found '=' at character 7"),
        ("type = 'a' 'b'", "unexpected 'b' at character 12"),
        ("(type", "expected ')' but found the end at character 6"),
        ("shout(type)", "there is no function shout() at character 1"),
        ("length()", "length() takes 1 argument at character 1"),
        ("contains(type)", "contains() takes 2 arguments at character 1"),
        ("type.", "expected a name after the dot but found the end at character 6"),
        ("1. = 1", "unexpected '.' at character 2"),
        ("a % b", "an unexpected '%' at character 3"),
        ("a\\", "a backslash with nothing after it at character 2"),
        ("all and true = ", "expected a value but found the end at character 16"),
    ],
)
def test_refuses(text: str, message: str) -> None:
    with pytest.raises(FqlError) as caught:
        Query(text)
    assert str(caught.value) == message


def test_all_stands_alone() -> None:
    assert Query(" all ").matches({})
    assert Query("all").matches(EVENT)
    assert not Query("all = 'x'").matches({"all": "y"})


def test_integers_are_read_as_those_of_events() -> None:
    for digits in ("9223372036854775807", "18446744073709551615", "18446744073709551616", "9" * 300):
        event = orjson.loads(f'{{"a": {digits}}}')
        assert Query(f"a = {digits} and string(a) = string({digits})").matches(event)
    assert Query("a < " + "9" * 5_000).matches({"a": 1})


def test_nested_conversions_do_not_fill_the_memory() -> None:
    """Each string() escapes the quotes and backslashes of the last: the text doubles at every level."""
    text = "'\"'"
    for _ in range((DEPTH - 2) // 2):
        text = f"string([{text}])"
    tracemalloc.start()
    try:
        assert Query(f"{text} = null or !contains({text}, 'a')").matches({})
        assert tracemalloc.get_traced_memory()[1] < 100 * STRING_BYTES
    finally:
        tracemalloc.stop()


def test_what_json_cannot_say_has_no_text() -> None:
    deep: Any = []
    for _ in range(300):
        deep = [deep]
    assert Query("string(a) = null").matches({"a": deep})


def test_length_limit() -> None:
    text = "'" + "x" * (FQL_BYTES - 2) + "'"
    Query(text)
    with pytest.raises(FqlError, match=f"{FQL_BYTES + 1} bytes"):
        Query("'x" + text[1:])


def test_depth_limit() -> None:
    Query("(" * (DEPTH - 1) + "true" + ")" * (DEPTH - 1))
    with pytest.raises(FqlError, match=f"more than {DEPTH} levels"):
        Query("(" * DEPTH + "true" + ")" * DEPTH)


@given(st.text(alphabet=" ()[]!=<>.,'\"\\-+09aé_\ntrueandori") | st.text())
def test_any_text_is_a_query_or_an_fql_error(text: str) -> None:
    position = 0
    try:
        assert Query(text).matches(EVENT) in (True, False)
    except FqlError as error:
        position = error.position
    assert 0 <= position <= len(text)


QUERIES = [
    Query(f"{name}({', '.join(['properties.a', 'properties.b', 'properties.c'][:count])}) {operator} properties.b")
    for name, count in [
        ("contains", 2), ("match", 2), ("length", 1), ("lowercase", 1), ("snakecase", 1), ("titlecase", 1),
        ("typeof", 1), ("bool", 1), ("string", 1), ("number", 1), ("semver", 3),
    ]
    for operator in ["=", "!=", "<", ">=", "in"]
]  # fmt: skip


@given(json_objects(), json_values(), json_values(), json_values())
def test_never_raises_whatever_the_event_holds(event: dict[str, Any], a: Any, b: Any, c: Any) -> None:
    event["properties"] = {"a": a, "b": b, "c": c}
    for query in QUERIES:
        assert query.matches(event) in (True, False)


@given(json_values())
def test_a_value_equals_itself(value: Any) -> None:
    event = {"a": value, "b": value}
    assert Query("a = b").matches(event)
    assert not Query("a != b").matches(event)
    assert Query("a in list").matches({**event, "list": [value]})


@given(st.text(alphabet="ab*?[]^-\\", max_size=12), st.text(alphabet="ab]-\\", max_size=12))
def test_a_glob_matches_what_its_rules_say(pattern: str, text: str) -> None:
    parts = _glob_parts(pattern)
    compiled = glob(pattern)
    assert (compiled is None) == (parts is None)
    if compiled is not None and parts is not None:
        assert (compiled.fullmatch(text) is not None) == _glob_matches(parts, text)


def _glob_parts(pattern: str) -> list[Any] | None:
    """A star for each run, else a predicate on one character; None for a malformed pattern."""
    parts: list[Any] = []
    while pattern:
        if found := re.match(r"\[(\^?+)((?:(?:\\.|[^]\\-])(?:-(?:\\.|[^]\\-]))?)+)]", pattern, re.DOTALL):
            ranges = [
                (low[-1], (high or low)[-1])
                for low, high in re.findall(r"(\\.|[^]\\-])(?:-(\\.|[^]\\-]))?", found[2], re.DOTALL)
            ]
            if any(high < low for low, high in ranges):
                return None
            negated = bool(found[1])
            parts.append(
                lambda char, ranges=ranges, negated=negated: (
                    any(low <= char <= high for low, high in ranges) is not negated
                )
            )
        elif found := re.match(r"\\(.)|([^\\\[])", pattern, re.DOTALL):
            literal = found[1]
            if literal is None and found[2] == "*":
                parts.append("*")
            elif literal is None and found[2] == "?":
                parts.append(lambda _: True)
            else:
                parts.append(lambda char, want=literal or found[2]: char == want)
        else:
            return None
        pattern = pattern[found.end() :]
    return parts


def _glob_matches(parts: list[Any], text: str) -> bool:
    """By the set of the positions in *parts* that each further character can lead to."""
    places = {0}
    for char in [*text, None]:
        for place in sorted(places):
            while place < len(parts) and parts[place] == "*":
                place += 1
                places.add(place)
        if char is not None:
            places = {
                place if parts[place] == "*" else place + 1
                for place in places
                if place < len(parts) and (parts[place] == "*" or parts[place](char))
            }
    return len(parts) in places


def test_an_event_cannot_supply_an_endless_pattern() -> None:
    assert Query("match('aa', a)").matches({"a": "*" * PATTERN_CHARS})
    assert not Query("match('aa', a)").matches({"a": "*" * (PATTERN_CHARS + 1)})


@given(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_a_literal_text_between_stars_is_found(before: str, text: str, after: str) -> None:
    literal = "".join("\\" + char for char in text)
    compiled = glob(f"*{literal}*")
    assert compiled is not None
    assert compiled.fullmatch(before + text + after)


LONG = 30_000


@pytest.mark.parametrize(
    ("term", "event"),
    [
        ("match(a, '*????????????????????c{}*')", {"a": "a" * LONG}),
        ("contains(a, 'b{}')", {"a": "a" * LONG}),
        ("titlecase(a) = 'b{}'", {"a": "a " * (LONG // 2)}),
        ("uppercase(a) = 'b{}'", {"a": "a" * LONG}),
        ("number(a) = {}", {"a": "1" * LONG + "x"}),
        ("number(a) = {}", {"a": " " * LONG + "x"}),
        ("semver(a, '=', 'v{}')", {"a": "1-" + "0." * (LONG // 2)}),
        ("string(a) = '{}'", {"a": list(range(LONG // 5))}),
        ("a = b", {"a": [1] * (LONG // 4), "b": [1] * (LONG // 4 - 1) + [2]}),
        ("a = b", {"a": [[1] * 8] * (LONG // 20), "b": [[1] * 8] * (LONG // 20 - 1) + [[2]]}),
        ("'x{}' in a", {"a": ["y"] * (LONG // 4)}),
        ("length(a) = {}", {"a": "é" * (LONG // 2)}),
        ("match('x', a{})", {f"a{number}": f"{number:05}" * 60 for number in range(100)}),
    ],
)
def test_no_query_takes_long_for_an_event(term: str, event: dict[str, Any]) -> None:
    text = "0 = 1"
    for number in range(1_000):
        more = f"{text} or {term.format(number)}"
        if len(more) > FQL_BYTES:
            break
        text = more
    query = Query(text)
    began = time.process_time()
    with contextlib.suppress(TooCostly):
        assert not query.matches(event)
    assert time.process_time() - began < 0.1  # some ms, where nothing else runs


def test_what_a_query_may_cost_is_the_same_for_every_event() -> None:
    query = Query("match(a, '*b')")
    for _ in range(3):
        with pytest.raises(TooCostly):
            query.matches({"a": "a" * (STEPS // 2 - COMPILE + 1)})
        assert query.matches({"a": "a" * (STEPS // 2 - COMPILE - 1) + "b"})


def test_a_hostile_glob_takes_no_exponential_time() -> None:
    compiled = glob("*a" * 200 + "b")
    assert compiled is not None
    began = time.process_time()
    assert compiled.fullmatch("a" * 20_000) is None
    assert time.process_time() - began < 5
