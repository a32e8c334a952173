"""Where write keys are found (SPEC 8.2)."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.tracking.auth import body_key, header_key
from tests.headgate.tracking.asking import DISABLED_KEY, KEY, Asker, basic

CALL = {"userId": "u", "event": "e"}


def encoded(text: bytes) -> str:
    return base64.b64encode(text).decode()


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ([], {"writeKey": KEY}),
        ([], {"writeKey": f" {KEY}\n"}),
        ([basic(KEY + ":")], {}),
        ([basic(KEY)], {}),
        ([basic(KEY + ":and a password: with a colon")], {}),
        ([basic(f" {KEY} :")], {}),
        ([("Authorization", "basic " + encoded(KEY.encode()))], {}),
        ([("AUTHORIZATION", "BASIC  " + encoded(KEY.encode()).rstrip("=") + " ")], {}),
        ([("Authorization", "Bearer some-token")], {"writeKey": KEY}),
        ([("Authorization", "Digest x")], {"writeKey": KEY}),
        ([("Authorization", "")], {"writeKey": KEY}),
        # The header goes before.
        ([basic(KEY + ":")], {"writeKey": "nobody"}),
        ([basic(KEY + ":")], {"writeKey": ""}),
        # One that carries no key does not.
        ([basic(":")], {"writeKey": KEY}),
        ([basic("")], {"writeKey": KEY}),
        ([("Authorization", "Basic !!!")], {"writeKey": KEY}),
        ([("Authorization", "Basic")], {"writeKey": KEY}),
        ([("Authorization", "Basic " + encoded(b"\xff\xfe:"))], {"writeKey": KEY}),
    ],
)
def test_found(asker: Asker, headers: list[tuple[str, str]], body: dict[str, Any]) -> None:
    asker.ask("/v1/track", CALL | body, headers=headers)
    asker.ask("/v1/batch", {"batch": [{"type": "track", **CALL}], **body}, headers=headers)

    assert len(asker.intake.arrivals) == 2


@pytest.mark.parametrize(
    "headers", [[], [basic("")], [basic(":password")], [basic("  :")], [("Authorization", "Bearer t")]]
)
@pytest.mark.parametrize(
    "body",
    [{}, {"writeKey": ""}, {"writeKey": " \t"}, {"writeKey": None}, {"writeKey": 5}, {"writeKey": [KEY]}],
)
def test_missing_or_blank(asker: Asker, headers: list[tuple[str, str]], body: dict[str, Any]) -> None:
    for path in ("/v1/track", "/v1/batch"):
        reply = asker.ask(path, CALL | body, headers=headers)

        assert reply.status == 400
        assert reply.json == {"code": "missing_write_key", "message": "the write key is missing or blank"}
    assert asker.api.turned_away == {"missing_write_key": 2}


def test_the_header_goes_before_the_body(asker: Asker) -> None:
    asker.ask("/v1/track", CALL | {"writeKey": KEY}, headers=[basic(DISABLED_KEY)])

    assert asker.intake.reasons == ["source_disabled"]


def test_the_key_of_an_item_is_ignored(asker: Asker) -> None:
    item = {"type": "track", **CALL}
    reply = asker.ask("/v1/batch", {"batch": [{**item, "writeKey": KEY}]}, headers=[])
    assert reply.json["code"] == "missing_write_key"

    asker.ask("/v1/batch", {"batch": [{**item, "writeKey": DISABLED_KEY}]})
    assert len(asker.intake.arrivals) == 1


@settings(deadline=None)
@given(st.text().filter(lambda text: ":" not in text), st.one_of(st.none(), st.text()))
def test_any_key_through_the_header(key: str, password: str | None) -> None:
    pair = key if password is None else f"{key}:{password}"
    pair = pair.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    key = key.encode("utf-8", "surrogatepass").decode("utf-8", "replace")

    assert header_key(("Basic " + encoded(pair.encode())).encode()) == (key.strip() or None)


@settings(deadline=None)
@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda rest: b"Basic " + rest))
def test_any_header(header: bytes) -> None:
    key = header_key(header)
    assert key is None or key == key.strip() != ""


@settings(deadline=None)
@given(st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.lists(st.text())))
def test_any_value_in_the_body(value: object) -> None:
    assert body_key(value) == ((value.strip() or None) if isinstance(value, str) else None)
