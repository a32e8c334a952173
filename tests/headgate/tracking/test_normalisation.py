"""Events as functions see them (SPEC 2.5, 8.5, 8.6)."""

from __future__ import annotations

from typing import Any

import pytest

from headgate.tracking.normalise import CLIENT_SIDE
from tests.headgate.tracking.asking import ADDRESS, KEY, NOW, NOW_MS, Asker, basic

BROWSER = [basic(KEY), ("Origin", "https://shop.example")]


def normalised(asker: Asker, item: dict[str, Any], **batch: Any) -> dict[str, Any]:
    """What becomes of *item*, a track call unless it says otherwise, in a batch of its own."""
    headers = batch.pop("headers", None)
    whole = {"type": "track", "userId": "u", "event": "e", **item}
    asker.ask("/v1/batch", {"batch": [whole], **batch}, headers=headers)
    assert asker.intake.failed == []
    return asker.intake.events.pop()


def test_the_least_that_can_be_sent(asker: Asker) -> None:
    asker.ask("/v1/track", {"userId": "u", "event": "e"})

    assert asker.intake.events == [
        {
            "userId": "u",
            "event": "e",
            "type": "track",
            "messageId": f"api-{NOW_MS:012x}00000000000000000001",
            "properties": {},
            "integrations": {},
            "context": {"library": {"name": "unknown", "version": "unknown"}},
            "channel": "server",
            "receivedAt": NOW,
            "sentAt": NOW,
            "originalTimestamp": NOW,
            "timestamp": NOW,
            "projectId": "src-1",
            "version": 2,
        }
    ]


def test_generated_ids_differ_and_sort_by_time(asker: Asker) -> None:
    ids = []
    for _ in range(3):
        asker.clock.ms += 1
        ids.append(normalised(asker, {})["messageId"])

    assert len(set(ids)) == 3
    assert sorted(ids) == ids


def test_a_given_id_stays(asker: Asker) -> None:
    assert normalised(asker, {"messageId": "m"})["messageId"] == "m"
    assert asker.intake.arrivals[0].message_id == "m"


def test_nulls_that_count_as_absent(asker: Asker) -> None:
    names = ("anonymousId", "category", "name", "previousId", "groupId")
    event = normalised(asker, dict.fromkeys(names) | {"properties": {"kept": None}, "odd": None})

    assert not event.keys() & set(names)
    assert event["properties"] == {"kept": None}
    assert event["odd"] is None


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (7, "7"),
        (-7, "-7"),
        (0, "0"),
        (1.0, "1"),
        (1.5, "1.5"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (1e-7, "1e-7"),
        (9_007_199_254_740_993, "9007199254740993"),
        (18_446_744_073_709_551_615, "18446744073709551615"),
    ],
)
@pytest.mark.parametrize("name", ["userId", "anonymousId", "groupId", "previousId", "messageId"])
def test_numeric_ids(asker: Asker, name: str, number: float, text: str) -> None:
    assert normalised(asker, {name: number})[name] == text


@pytest.mark.parametrize(
    ("name", "filled"),
    [
        ("track", "properties"),
        ("page", "properties"),
        ("screen", "properties"),
        ("identify", "traits"),
        ("group", "traits"),
        ("alias", None),
    ],
)
def test_objects_that_functions_rely_on(asker: Asker, name: str, filled: str | None) -> None:
    event = normalised(asker, {"type": name})

    assert {field for field in ("properties", "traits") if field in event} == ({filled} - {None})
    assert filled is None or event[filled] == {}


def test_what_only_the_server_knows_cannot_be_told_by_the_sender(asker: Asker) -> None:
    told = {"projectId": "src-9", "version": 9, "receivedAt": "2001-01-01T00:00:00.000Z"}

    event = normalised(asker, told)

    assert (event["projectId"], event["version"], event["receivedAt"]) == ("src-1", 2, NOW)


def test_no_write_key_goes_on(asker: Asker) -> None:
    event = normalised(asker, {"writeKey": "theirs"}, writeKey=KEY)
    asker.ask("/v1/track", {"userId": "u", "event": "e", "writeKey": KEY}, headers=[])

    assert "writeKey" not in event
    assert "writeKey" not in asker.intake.events[-1]
    assert all(
        b"theirs" not in arrival.body and KEY.encode() not in arrival.body
        for arrival in asker.intake.arrivals
    )


def test_context_and_integrations_of_the_batch(asker: Asker) -> None:
    """The item's own keys win, whole."""
    event = normalised(
        asker,
        {"context": {"app": {"name": "item"}, "mine": 1}, "integrations": {"All": True}},
        context={"app": {"name": "batch", "version": "1"}, "theirs": 2, "library": {"name": "x"}},
        integrations={"All": False, "Other": {"k": 1}},
    )

    assert event["context"] == {"app": {"name": "item"}, "mine": 1, "theirs": 2, "library": {"name": "x"}}
    assert event["integrations"] == {"All": True, "Other": {"k": 1}}


@pytest.mark.parametrize("odd", [None, 5, "x", [], False])
def test_odd_context_and_integrations(asker: Asker, odd: object) -> None:
    fields = {"context": odd, "integrations": odd}
    event = normalised(asker, fields, **fields)

    assert event["context"] == {"library": {"name": "unknown", "version": "unknown"}}
    assert event["integrations"] == {}


def test_items_do_not_share_the_context_of_the_batch(asker: Asker) -> None:
    item = {"type": "track", "userId": "u", "event": "e"}
    asker.ask("/v1/batch", {"batch": [item, item], "context": {"a": 1}, "integrations": {"b": 1}})

    first, second = asker.intake.events
    assert first["context"] == second["context"]
    assert first["context"] is not second["context"]
    assert first["integrations"] is not second["integrations"]


def test_context_of_a_single_call_is_its_own(asker: Asker) -> None:
    asker.ask("/v1/track", {"userId": "u", "event": "e", "context": {"a": 1}, "integrations": {"b": False}})

    (event,) = asker.intake.events
    assert event["context"]["a"] == 1
    assert event["integrations"] == {"b": False}


@pytest.mark.parametrize(
    ("item", "browser", "channel"),
    [
        ({}, False, "server"),
        ({}, True, "client"),
        ({"channel": "browser"}, False, "browser"),
        ({"channel": "server"}, True, "server"),
        ({"channel": 5}, False, "server"),
        ({"channel": None}, True, "client"),
        ({"context": {"library": {"name": "analytics.js"}}}, False, "client"),
        ({"context": {"library": {"name": "analytics-kotlin"}}}, False, "mobile"),
        ({"context": {"library": {"name": "analytics-python"}}}, False, "server"),
        ({"context": {"library": {"name": {}}}}, False, "server"),
        ({"context": {"library": "x"}}, False, "server"),
    ],
)
def test_channel_and_address(asker: Asker, item: dict[str, Any], browser: bool, channel: str) -> None:
    event = normalised(asker, item, headers=BROWSER if browser else None)

    assert event["channel"] == channel
    assert event["context"].get("ip") == (ADDRESS if channel in CLIENT_SIDE else None)


@pytest.mark.parametrize(
    ("direct", "ip"), [(True, ADDRESS), (False, None), ("true", None), (None, None), (1, None)]
)
def test_direct(asker: Asker, direct: object, ip: str | None) -> None:
    assert normalised(asker, {"context": {"direct": direct}})["context"].get("ip") == ip


def test_an_address_that_was_sent_stays(asker: Asker) -> None:
    for given in ("198.51.100.1", "0.0.0.0"):
        assert normalised(asker, {"context": {"ip": given, "direct": True}})["context"]["ip"] == given
    assert normalised(asker, {"context": {"ip": None, "direct": True}})["context"]["ip"] == ADDRESS


def test_unknown_fields_stay(asker: Asker) -> None:
    fields = {
        "email": "a@b.example",
        "_metadata": {"nodeVersion": "24"},
        "__proto__": {"x": 1},
        "constructor": None,
    }

    assert normalised(asker, fields).items() >= fields.items()


def times(event: dict[str, Any]) -> tuple[str, str, str, str]:
    return event["originalTimestamp"], event["sentAt"], event["receivedAt"], event["timestamp"]


@pytest.mark.parametrize(
    ("timestamp", "sent", "expected"),
    [
        # Neither was told.
        (None, None, (NOW, NOW, NOW, NOW)),
        # A clock that is an hour slow.
        (
            "2026-01-02T02:00:00.000Z",
            "2026-01-02T02:04:05.678Z",
            ("2026-01-02T02:00:00.000Z", "2026-01-02T02:04:05.678Z", NOW, "2026-01-02T03:00:00.000Z"),
        ),
        # A clock that is a day fast.
        (
            "2026-01-03T03:00:00.000Z",
            "2026-01-03T03:04:05.678Z",
            ("2026-01-03T03:00:00.000Z", "2026-01-03T03:04:05.678Z", NOW, "2026-01-02T03:00:00.000Z"),
        ),
        # Without sentAt there is nothing to put right: an import of old events.
        (
            "2012-12-02T00:30:08.276Z",
            None,
            ("2012-12-02T00:30:08.276Z", NOW, NOW, "2012-12-02T00:30:08.276Z"),
        ),
        # Without a timestamp the server's clock counts, which is not off.
        (None, "2026-01-01T00:00:00Z", (NOW, "2026-01-01T00:00:00.000Z", NOW, NOW)),
        # Other forms.
        (
            "2026-01-02T04:00:00.123456+01:00",
            "2026-01-02T03:04:05.678000+00:00",
            ("2026-01-02T03:00:00.123Z", NOW, NOW, "2026-01-02T03:00:00.123Z"),
        ),
        # What cannot be read counts as absent.
        ("yesterday", "soon", (NOW, NOW, NOW, NOW)),
        (1_767_323_045_678, 5, (NOW, NOW, NOW, NOW)),
        ({}, [], (NOW, NOW, NOW, NOW)),
        # A time that four digits of a year cannot tell.
        (
            "9999-12-31T23:59:59Z",
            "2020-01-01T00:00:00Z",
            ("9999-12-31T23:59:59.000Z", "2020-01-01T00:00:00.000Z", NOW, NOW),
        ),
    ],
)
def test_times(asker: Asker, timestamp: object, sent: object, expected: tuple[str, str, str, str]) -> None:
    assert times(normalised(asker, {"timestamp": timestamp}, sentAt=sent)) == expected
    asker.ask("/v1/track", {"userId": "u", "event": "e", "timestamp": timestamp, "sentAt": sent})
    assert times(asker.intake.events[-1]) == expected


def test_the_clock_of_the_sender_under_its_other_name(asker: Asker) -> None:
    """`timestamp` goes before, where it can be read."""
    one, two = "2026-01-01T00:00:00.000Z", "2026-01-01T01:00:00.000Z"

    assert times(normalised(asker, {"originalTimestamp": one}))[0] == one
    assert times(normalised(asker, {"originalTimestamp": one, "timestamp": two}))[0] == two
    assert times(normalised(asker, {"originalTimestamp": one, "timestamp": "?"}))[0] == one
