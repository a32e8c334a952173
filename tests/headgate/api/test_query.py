"""Query strings in the forms of all clients (SPEC 12.1), and in forms that nobody means."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote, urlencode

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.api import query
from headgate.api.errors import ApiError
from tests.headgate.api.harness import ApiHarness

WANTED: Final[dict[str, Any]] = {
    "pagination": {"count": "10", "cursor": "MA=="},
    "groupBy": ["eventName", "discardReason"],
    "filter": {"eventName": ["Signed Up", "a,b"], "eventType": ["track"]},
    "sourceId": "s",
}

FORMS: Final = {
    "curl": [
        ("pagination.count", "10"),
        ("pagination.cursor", "MA=="),
        ("groupBy.0", "eventName"),
        ("groupBy.1", "discardReason"),
        ("filter.eventName.0", "Signed Up"),
        ("filter.eventName.1", "a,b"),
        ("filter.eventType.0", "track"),
        ("sourceId", "s"),
    ],
    "TypeScript": [
        ("pagination[count]", "10"),
        ("pagination[cursor]", "MA=="),
        ("groupBy[0]", "eventName"),
        ("groupBy[1]", "discardReason"),
        ("filter[eventName][0]", "Signed Up"),
        ("filter[eventName][1]", "a,b"),
        ("filter[eventType][0]", "track"),
        ("sourceId", "s"),
    ],
    "Go": [
        ("pagination[count]", "10"),
        ("pagination[cursor]", "MA=="),
        ("groupBy.0", "eventName"),
        ("groupBy.1", "discardReason"),
        ("filter[eventName].0", "Signed Up"),
        ("filter[eventName].1", "a,b"),
        ("filter[eventType].0", "track"),
        ("sourceId", "s"),
    ],
    "Python": [
        ("pagination", '{"count": "10", "cursor": "MA=="}'),
        ("groupBy", "eventName"),
        ("groupBy", "discardReason"),
        ("filter", '{"eventName": ["Signed Up", "a,b"], "eventType": ["track"]}'),
        ("sourceId", "s"),
    ],
}


@pytest.mark.parametrize("client", FORMS)
def test_every_client_is_understood(client: str) -> None:
    assert query.parsed(urlencode(FORMS[client]).encode()) == WANTED
    # Brackets and quotes may come as they are.
    assert query.parsed(urlencode(FORMS[client], safe='[]{}",:').encode()) == WANTED


@pytest.mark.parametrize("client", FORMS)
def test_every_client_is_answered_alike(harness: ApiHarness, client: str) -> None:
    for number in range(3):
        harness.owner.post("/groups", {"name": f"G{number}"})
    page = {"count": 2}
    first = harness.owner.get("/groups", pagination=page).data
    asked = [each for each in FORMS[client] if each[0].startswith("pagination")]
    texts = {"10": "2", "MA==": first["pagination"]["next"]}
    forms = [(name, _replaced(value, texts)) for name, value in asked]
    answer = harness.owner.ask("GET", "/groups", query=urlencode(forms))
    assert [each["name"] for each in answer.data["userGroups"]] == ["G2"]


def _replaced(text: str, by: dict[str, str]) -> str:
    for old, new in by.items():
        text = text.replace(old, new)
    return text


def test_lists_may_be_parted_by_commas() -> None:
    assert query.strings(query.parsed(b"groupBy=a,b")["groupBy"], "groupBy") == ["a", "b"]
    assert query.strings(query.parsed(b"groupBy=%5B%22a%22%5D")["groupBy"], "groupBy") == ["a"]
    assert query.strings(None, "groupBy") == []


def test_json_may_nest_as_deep_as_it_may() -> None:
    value: Any = "x"
    for _ in range(query.VALUE_DEPTH):
        value = [value]
    assert query.parsed(urlencode({"a": orjson.dumps(value).decode()}).encode()) == {"a": value}


def test_indices_are_put_in_order() -> None:
    assert query.parsed(b"a.10=k&a.2=c&a.0=a&a[1]=b") == {"a": ["a", "b", "c", "k"]}


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("=1", 400),
        ("a=" + "[" * 900 + "]" * 900, 400),
        ("a=" + "[" * (query.VALUE_DEPTH + 1) + "]" * (query.VALUE_DEPTH + 1), 400),
        ("a.b.c.d.e=1", 400),
        ("a=1&a.b=2", 400),
        ("a.b=2&a=1", 400),
        ("%ff=1", 400),
        ("&".join(["a=1"] * (query.PAIRS + 1)), 400),
        ("a=" + "x" * query.QUERY_BYTES, 413),
    ],
)
def test_what_no_client_writes_is_refused(text: str, status: int) -> None:
    with pytest.raises(ApiError) as caught:
        query.parsed(text.encode())
    assert caught.value.status == status


@given(st.text() | st.lists(st.text(alphabet="a.[]0²3=&%{\"'}", max_size=12)).map("&".join))
def test_any_text_is_read_or_refused(text: str) -> None:
    for form in (text.encode("ascii", "ignore"), quote(text, safe="=&[].", errors="replace").encode()):
        try:
            value = query.parsed(form)
        except ApiError as error:
            assert error.status in (400, 413)  # noqa: PT017 - most texts are no error
        else:
            orjson.dumps(value)
