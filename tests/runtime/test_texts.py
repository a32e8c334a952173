"""What is said of a text without parsing it is what a parser says."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headgate_runtime.texts import is_object, objects_of

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=20,
)
events = st.dictionaries(st.text(max_size=8), values, max_size=5)


def without_surrogates(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


@given(
    st.lists(events.filter(without_surrogates), max_size=6), st.booleans(), st.sampled_from([None, 1, "\t"])
)
def test_an_array_comes_apart_into_its_objects(
    drawn: list[Any], ascii_only: bool, indent: int | str | None
) -> None:
    text = json.dumps(drawn, ensure_ascii=ascii_only, indent=indent).encode()
    pieces = objects_of(text)

    assert pieces is not None
    assert [json.loads(piece) for piece in pieces] == drawn
    assert all(piece in text and is_object(piece) for piece in pieces)


soup = st.lists(st.sampled_from([*list('{}[]",:\\ntu0eE.-+/'), "true", '{"a":1}', "\t", "ä", "\\u00e4", " "]))


@given(st.one_of(soup.map("".join).map(str.encode), st.binary(max_size=12)))
@example(b'[{"a":"\xff"}]')
@example(b'[{"a":1},2]')
@example(b'[{"a":1},]')
@example(b'{"a":1},{"a":2}')
@example(b'\xef\xbb\xbf{"a":1}')
@example(b'{"a":"\xed\xa0\x80"}')
def test_nothing_passes_for_what_it_is_not(text: bytes) -> None:
    pieces = objects_of(text)
    if pieces is not None:
        assert [json.loads(piece) for piece in pieces] == json.loads(text)
        assert all(isinstance(json.loads(piece), dict) for piece in pieces)
    if is_object(text):
        assert isinstance(json.loads(text), dict)


@pytest.mark.parametrize(
    "text", [b"[]", b"null", b"", b" ", b"{}{}", b"[{}]", b'"{}"', b'{"a":01}', b'{"a":"\xff"}', b"{} x"]
)
def test_no_object(text: bytes) -> None:
    assert not is_object(text)


def test_what_is_nested_deeply_is_for_a_parser() -> None:
    deep = b'{"a":' + b"[" * 5_000 + b"]" * 5_000 + b"}"
    assert not is_object(deep)
    assert objects_of(b"[" + deep + b"]") is None


@given(events.filter(without_surrogates))
def test_space_around_it_is_no_matter(drawn: Any) -> None:
    try:
        text = orjson.dumps(drawn)
    except TypeError:  # an integer that has no room in 64 bits
        text = json.dumps(drawn).encode()
    assert is_object(b" \r\n\t" + text + b"\n")
