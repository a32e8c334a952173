"""What is accepted, what is counted and with which code (SPEC 8.5), and both sides of every limit (SPEC 15)."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from headgate.tracking.reasons import OF_REQUESTS
from tests.headgate.tracking.asking import Asker

NUMBER = 5
OBJECT: dict[str, Any] = {}


def track(**fields: Any) -> dict[str, Any]:
    return {"type": "track", "userId": "u", "event": "e", **fields}


def without(call: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in call.items() if name not in names}


def page(**fields: Any) -> dict[str, Any]:
    return {"type": "page", "userId": "u", **fields}


ACCEPTED = {
    "user": track(),
    "anonymous": without(track(anonymousId="a"), "userId"),
    "both": track(anonymousId="a"),
    "null user": track(userId=None, anonymousId="a"),
    "null anonymous": track(anonymousId=None),
    "integer id": track(userId=12),
    "zero id": track(userId=0),
    "float id": track(userId=1.5),
    "blank id": track(userId=" "),
    "null properties": track(properties=None),
    "null traits": track(traits=None),
    "null context": track(context=None),
    "null integrations": track(integrations=None),
    "empty event name": track(event=""),
    "page without name": page(),
    "page with null name": page(name=None, category=None),
    "page with empty category": page(name="n", category=""),
    "screen": page(type="screen", name="n", category="c"),
    "group without id": {"type": "group", "userId": "u"},
    "group with null id": {"type": "group", "userId": "u", "groupId": None},
    "alias without previous id": {"type": "alias", "userId": "u"},
    "alias with null previous id": {"type": "alias", "userId": "u", "previousId": None},
    "name of a track": track(name=5, category=5),
    "odd context": track(context=5),
    "odd integrations": track(integrations=[1]),
    "unknown fields": track(email="a@b.example", nested={"deep": [None]}),
    "99 characters of id": track(messageId="m" * 99),
    "99 long characters of id": track(messageId="\N{SNOWMAN}" * 99),
    "empty message id": track(messageId=""),
    "null message id": track(messageId=None),
    "numeric message id": track(messageId=5),
}

REJECTED = {
    "no id": (without(track(), "userId"), "no_user_anon_id"),
    "null ids": (track(userId=None, anonymousId=None), "no_user_anon_id"),
    "empty user": (track(userId=""), "id_not_string"),
    "empty anonymous": (track(anonymousId=""), "id_not_string"),
    "boolean user": (track(userId=True), "id_not_string"),
    "object user": (track(userId={"id": 1}), "id_not_string"),
    "array anonymous": (track(anonymousId=["a"]), "id_not_string"),
    "no event": (without(track(), "event"), "event_not_defined"),
    "null event": (track(event=None), "event_not_string"),
    "numeric event": (track(event=NUMBER), "event_not_string"),
    "object event": (track(event=OBJECT), "event_not_string"),
    "text properties": (track(properties="p"), "properties_not_object"),
    "array properties": (track(properties=[]), "properties_not_object"),
    "false properties": (page(properties=False), "properties_not_object"),
    "text traits": ({"type": "identify", "userId": "u", "traits": "t"}, "traits_not_object"),
    "array traits": ({"type": "group", "userId": "u", "traits": [1]}, "traits_not_object"),
    "empty name": (page(name=""), "name_not_string"),
    "numeric name": (page(name=NUMBER), "name_not_string"),
    "object name": (page(type="screen", name=OBJECT), "name_not_string"),
    "numeric category": (page(category=NUMBER), "category_not_string"),
    "array category": (page(type="screen", category=["c"]), "category_not_string"),
    "100 characters of id": (track(messageId="m" * 100), "bad_request"),
    "boolean message id": (track(messageId=True), "bad_request"),
    "object message id": (track(messageId={}), "bad_request"),
}


@pytest.mark.parametrize("call", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_accepted(asker: Asker, call: dict[str, Any]) -> None:
    """Alone and in a batch."""
    single = asker.ask(f"/v1/{call['type']}", without(call, "type"))
    batch = asker.ask("/v1/batch", {"batch": [call]})

    assert (single.status, batch.status) == (200, 200)
    assert asker.intake.failed == []
    alone, among = asker.intake.events
    assert without(alone, "messageId") == without(among, "messageId")


@pytest.mark.parametrize(("call", "reason"), REJECTED.values(), ids=REJECTED.keys())
def test_rejected(asker: Asker, call: dict[str, Any], reason: str) -> None:
    """Answered with 200 all the same, and counted."""
    reply = asker.ask(f"/v1/{call['type']}", without(call, "type"))
    assert (reply.status, reply.json) == (200, {"success": True})
    reply = asker.ask("/v1/batch", {"batch": [call, track()]})
    assert (reply.status, reply.json) == (200, {"success": True})

    assert [arrival.event_type for arrival in asker.intake.arrivals] == ["track"]
    counted = [(tally.event_type, tally.reason, str(tally.step)) for tally in asker.intake.failed]
    assert counted == [
        (call["type"], reason, "failed-on-ingest"),
        (call["type"], reason, "failed-on-ingest"),
        ("", "multi_user_error", "failed-on-ingest"),
    ]


@pytest.mark.parametrize(
    "item",
    [
        {"userId": "u"},
        track(type=None),
        track(type="Track"),
        track(type="delete"),
        track(type=["track"]),
        [],
        1,
        None,
        "t",
    ],
)
def test_items_without_a_known_type(asker: Asker, item: object) -> None:
    asker.ask("/v1/batch", {"batch": [item, track()]})

    assert [(tally.event_type, tally.reason) for tally in asker.intake.failed] == [
        ("", "bad_request"),
        ("", "multi_user_error"),
    ]
    assert len(asker.intake.arrivals) == 1


@pytest.mark.parametrize(
    ("batch", "reasons"),
    [
        ({"batch": []}, ["empty_batch"]),
        ({"batch": None}, ["empty_batch"]),
        ({}, ["empty_batch"]),
        ({"batch": {}}, ["bad_request"]),
        ({"batch": "x"}, ["bad_request"]),
        ({"batch": [1]}, ["bad_request", "empty_batch_result"]),
        ({"batch": [1, {"type": "track"}]}, ["bad_request", "no_user_anon_id", "empty_batch_result"]),
        ({"batch": [1, track()]}, ["bad_request", "multi_user_error"]),
        ({"batch": [track(), track()]}, []),
    ],
)
def test_batches(asker: Asker, batch: dict[str, Any], reasons: list[str]) -> None:
    reply = asker.ask("/v1/batch", batch)

    assert (reply.status, reply.json) == (200, {"success": True})
    assert asker.intake.reasons == reasons


def test_codes_of_requests_count_no_event(asker: Asker) -> None:
    """Without them, rows and events are as many as items came."""
    items = [track(), 1, {"type": "page"}, track()]
    asker.ask("/v1/batch", {"batch": items})

    of_items = [tally for tally in asker.intake.failed if tally.reason not in OF_REQUESTS]
    assert len(of_items) + len(asker.intake.arrivals) == len(items)


def sized(size: int, **fields: Any) -> dict[str, Any]:
    """A track call of *size* bytes of JSON."""
    call = track(pad="", **fields)
    call["pad"] = "x" * (size - len(orjson.dumps(call)))
    return call


def test_size_of_a_single_call(asker: Asker) -> None:
    assert asker.ask("/v1/track", sized(32_768)).status == 200
    assert len(asker.intake.arrivals) == 1

    reply = asker.ask("/v1/track", sized(32_769))

    assert reply.status == 400
    assert reply.json == {"code": "body_too_large", "message": "the body is larger than the limit"}
    assert len(asker.intake.arrivals) == 1


def test_size_of_a_batch(asker: Asker) -> None:
    items = [sized(30_000) for _ in range(17)]
    room = 512_000 - len(orjson.dumps({"batch": items, "pad": ""}))

    assert asker.ask("/v1/batch", {"batch": items, "pad": "x" * room}).status == 200
    assert len(asker.intake.arrivals) == 17

    reply = asker.ask("/v1/batch", {"batch": items, "pad": "x" * (room + 1)})
    assert (reply.status, reply.json["code"]) == (400, "body_too_large")
    assert len(asker.intake.arrivals) == 17


def test_size_of_an_item(asker: Asker) -> None:
    """What the server adds, and what the batch brings for all, does not count."""
    items = [sized(32_768), sized(32_769), sized(100)]
    batch = {"batch": items, "context": {"app": {"name": "x" * 1_000}}}

    assert asker.ask("/v1/batch", batch).status == 200

    assert [len(event["pad"]) for event in asker.intake.events] == [
        len(items[0]["pad"]),
        len(items[2]["pad"]),
    ]
    assert asker.intake.reasons == ["bad_request", "multi_user_error"]
    assert asker.intake.failed[0].event_type == "track"


def test_the_space_in_an_item_does_not_count(asker: Asker) -> None:
    text = orjson.dumps({"batch": [sized(32_768)]}).replace(b'"e"', b'"e"' + b" " * 5_000)

    asker.ask("/v1/batch", text)

    assert len(asker.intake.arrivals) == 1


def test_number_of_items(asker: Asker) -> None:
    items = [track() for _ in range(2_500)]
    assert asker.ask("/v1/batch", {"batch": items}).status == 200
    assert (len(asker.intake.arrivals), asker.intake.failed) == (2_500, [])

    assert asker.ask("/v1/batch", {"batch": [*items, track(), 5]}).status == 200
    assert len(asker.intake.arrivals) == 5_000
    assert [(tally.event_type, tally.reason) for tally in asker.intake.failed] == [
        ("track", "bad_request"),
        ("", "bad_request"),
        ("", "multi_user_error"),
    ]


def test_what_a_batch_brings_for_all(asker: Asker) -> None:
    """It is in every event: 400 KB in 10 events are all of 4 MB."""
    items: list[Any] = [track(n=n) for n in range(30)]

    assert asker.ask("/v1/batch", {"batch": [*items, 5], "context": {"pad": "x" * 400_000}}).status == 200

    assert [event["n"] for event in asker.intake.events] == list(range(10))
    assert [(tally.event_type, tally.reason) for tally in asker.intake.failed] == [
        *[("track", "bad_request")] * 20,
        ("", "bad_request"),
        ("", "multi_user_error"),
    ]


def test_what_is_too_deep_for_all(asker: Asker) -> None:
    context = b'{"deep":' + b"[" * 300 + b"]" * 300 + b',"pad":"' + b"x" * 400_000 + b'"}'
    asker.ask("/v1/batch", b'{"context":' + context + b',"batch":[' + orjson.dumps(track()) + b",5]}")

    assert asker.intake.arrivals == []
    assert asker.intake.reasons == ["bad_request", "bad_request", "empty_batch_result"]


def test_a_batch_of_nothing_but_numbers(asker: Asker) -> None:
    """As many items as half a megabyte has room for: each counts, and it does not take long."""
    asker.ask("/v1/batch", b'{"batch":[' + b"0," * 250_000 + b"0]}")

    assert asker.intake.reasons == ["bad_request"] * 250_001 + ["empty_batch_result"]


def test_number_of_properties(asker: Asker) -> None:
    asker.ask("/v1/track", track(properties={"list": [0] * 9_999}))
    asker.ask("/v1/track", track(properties={"list": [0] * 10_000, "gone": 1}))

    first, second = asker.intake.events
    assert len(first["properties"]["list"]) == 9_999
    assert second["properties"] == {"list": [0] * 9_999}
    assert asker.intake.failed == []


def test_properties_are_counted_at_every_depth() -> None:
    asker = Asker(properties=6)
    properties = {"a": {"b": [1, 2]}, "c": [[3], 4]}

    asker.ask("/v1/identify", {"userId": "u", "properties": properties, "traits": {"d": 5}})

    (event,) = asker.intake.events
    assert event["properties"] == {"a": {"b": [1, 2]}, "c": [[]]}
    assert event["traits"] == {}


def test_properties_and_traits_count_together() -> None:
    asker = Asker(properties=3)

    asker.ask("/v1/identify", {"userId": "u", "properties": {"a": 1, "b": 2}, "traits": {"c": 3, "d": 4}})

    (event,) = asker.intake.events
    assert (event["properties"], event["traits"]) == ({"a": 1, "b": 2}, {"c": 3})


def nested(depth: int) -> bytes:
    return b'{"userId":"u","event":"e","properties":{"p":' + b"[" * depth + b"]" * depth + b"}}"


def test_depth(asker: Asker) -> None:
    """Two objects are around the arrays. What cannot be written again is counted, what cannot be read is malformed."""
    for depth, status in ((252, 200), (253, 200), (1_022, 200), (1_023, 400), (10_000, 400)):
        assert asker.ask("/v1/track", nested(depth)).status == status
    assert len(asker.intake.arrivals) == 1
    assert asker.intake.reasons == ["bad_request"] * 2


def test_depth_in_a_batch(asker: Asker) -> None:
    """A deep item does no harm to its neighbours; neither does a deep write key, which is not kept."""
    deep = b'{"type":"track",' + nested(300)[1:]
    key = (
        b'{"type":"track","userId":"u","event":"e","writeKey":'
        + b"[" * 300
        + b"]" * 300
        + b',"p":"'
        + b"x" * 33_000
    )
    asker.ask("/v1/batch", b'{"batch":[' + deep + b"," + key + b'"},' + orjson.dumps(track()) + b"]}")

    assert len(asker.intake.arrivals) == 1
    assert asker.intake.reasons == ["bad_request", "bad_request", "multi_user_error"]
