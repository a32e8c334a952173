"""Events in the address of an image (SPEC 8.1)."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote, urlencode

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.queue.protocol import QueueBroken, QueueFull
from tests.headgate.tracking.asking import ADDRESS, DISABLED_KEY, KEY, Asker, Reply

CALL = {
    "writeKey": KEY,
    "userId": "u?>~",
    "event": "Opened",
    "properties": {"n": 1, "nested": {"list": [None]}},
}

GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==")


def show(asker: Asker, query: str, form: str = "track", method: str = "GET") -> Reply:
    """Fetches the image, which is always the same."""
    reply = asker.ask(f"/v1/pixel/{form}", method=method, headers=[], query=query)
    assert reply.status == 200
    assert reply.headers["content-type"] == "image/gif"
    assert reply.headers["cache-control"] == "no-store"
    assert int(reply.headers["content-length"]) == len(GIF)
    assert reply.body == (b"" if method == "HEAD" else GIF)
    return reply


def packed(call: object, *, url: bool = False) -> str:
    encoder = base64.urlsafe_b64encode if url else base64.b64encode
    return encoder(orjson.dumps(call)).decode()


@pytest.mark.parametrize(
    "data",
    [
        quote(packed(CALL), safe=""),
        packed(CALL),
        packed(CALL).rstrip("="),
        packed(CALL, url=True),
        packed(CALL, url=True).rstrip("="),
    ],
)
def test_data(asker: Asker, data: str) -> None:
    show(asker, "data=" + data)

    (event,) = asker.intake.events
    assert event["type"] == "track"
    assert {name: event[name] for name in ("userId", "event", "properties")} == {
        name: CALL[name] for name in ("userId", "event", "properties")
    }


@pytest.mark.parametrize(
    "form", ["identify", "i", "page", "p", "screen", "s", "group", "g", "alias", "a", "track", "t"]
)
def test_types(asker: Asker, form: str) -> None:
    show(asker, "data=" + packed(CALL), form)

    assert asker.intake.events[0]["type"][0] == form[0]


def test_parameters(asker: Asker) -> None:
    fields = {
        "writeKey": KEY,
        "userId": "u 1+2",
        "event": "Öffnen",
        "properties.price": "5",
        "properties.deep.er.still": "",
        "context.library.name": "pixel",
    }
    show(asker, urlencode(fields))

    (event,) = asker.intake.events
    assert (event["userId"], event["event"]) == ("u 1+2", "Öffnen")
    assert event["properties"] == {"price": "5", "deep": {"er": {"still": ""}}}
    assert event["context"] == {"library": {"name": "pixel"}, "ip": ADDRESS}
    assert event["channel"] == "client"


def test_both(asker: Asker) -> None:
    show(asker, f"userId=other&writeKey={KEY}&anonymousId=a&data=" + packed({"userId": "u", "event": "e"}))

    (event,) = asker.intake.events
    assert (event["userId"], event["anonymousId"]) == ("u", "a")


def test_parameters_at_odds(asker: Asker) -> None:
    show(
        asker,
        f"writeKey={KEY}&userId=u&event=e&properties.a=1&properties.a.b=2&properties.a=3&properties..c=4",
    )

    assert asker.intake.events[0]["properties"] == {"a": "1", "": {"c": "4"}}


@pytest.mark.parametrize(
    ("query", "form", "reason"),
    [
        ("writeKey=%s&userId=u", "track", "event_not_defined"),
        ("writeKey=%s&event=e", "track", "no_user_anon_id"),
        ("writeKey=%s&userId=u&event=e&properties=p", "t", "properties_not_object"),
        ("writeKey=%s&userId=u&event=e", "open", "bad_request"),
        ("writeKey=%s&userId=u&event=e", "batch", "bad_request"),
        ("writeKey=%s&userId=u&event=e&properties." + "a." * 300 + "b=1", "t", "bad_request"),
    ],
)
def test_what_is_invalid_is_counted(asker: Asker, query: str, form: str, reason: str) -> None:
    show(asker, query % KEY, form)

    assert asker.intake.arrivals == []
    assert asker.intake.reasons == [reason]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "missing_write_key"),
        ("userId=u", "missing_write_key"),
        ("writeKey=nobody&userId=u", "unknown_source"),
        (f"writeKey={KEY}&data=%21%21", "malformed_json"),
        (f"writeKey={KEY}&data=", "malformed_json"),
        (f"writeKey={KEY}&data={packed([1])}", "malformed_json"),
        (f"writeKey={KEY}&data={packed({})[:-4]}", "malformed_json"),
        (f"writeKey={KEY}&userId=u&event=e&x=" + "x" * 70_000, "body_too_large"),
    ],
)
def test_what_no_source_can_be_told_is_counted_by_the_process(asker: Asker, query: str, code: str) -> None:
    show(asker, query)

    assert (asker.intake.arrivals, asker.intake.failed) == ([], [])
    assert asker.api.turned_away == {code: 1}


def test_it_is_shown_in_strict_mode_too() -> None:
    show(Asker(strict=True), "writeKey=nobody&userId=u")


def test_disabled_source(asker: Asker) -> None:
    show(asker, f"writeKey={DISABLED_KEY}&userId=u")

    assert asker.intake.reasons == ["source_disabled"]


def test_it_is_shown_when_nothing_can_be_stored(asker: Asker) -> None:
    asker.intake.trouble = [QueueFull("full", 1), QueueBroken("broken")]
    for _ in range(2):
        show(asker, "data=" + packed(CALL))

    assert asker.api.turned_away == {"queue_full": 1, "queue_broken": 1}


def test_a_look_at_its_head_counts_nothing(asker: Asker) -> None:
    show(asker, "data=" + packed(CALL), method="HEAD")

    assert asker.intake.arrivals == []


@settings(deadline=None)
@given(st.text(alphabet="&=.%+adtwriteKey0\ud7ff", max_size=60) | st.text(max_size=60))
def test_any_query(query: str) -> None:
    show(Asker(), query.encode("utf-8", "replace").decode())


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@settings(deadline=None)
@given(json_values, st.booleans())
def test_any_data(value: Any, url: bool) -> None:
    show(Asker(), f"writeKey={KEY}&data=" + quote(packed(value, url=url)))
