"""Pairing what onBatch returns with the events it was given (SPEC 2.4, D7, D8)."""

from __future__ import annotations

import pytest

from headgate_runtime import abi
from tests.guest.evaluate import Evaluate

F, X, B, R, U, D, T = (
    abi.Item.FORWARD,
    abi.Item.FILTERED,
    abi.Item.BAD_RETURN,
    abi.Item.RETRY,
    abi.Item.UNCHANGED,
    abi.Item.DISCARD,
    abi.Item.THROWN,
)

CASES = [
    # id, code of `output` over `events`, outcome of each event
    ("same array", "events", [F, F, F]),
    ("copies", "events.map((e) => ({ ...e, tag: 1 }))", [F, F, F]),
    ("undefined", "undefined", [X, X, X]),
    ("null", "null", [X, X, X]),
    ("empty", "[]", [X, X, X]),
    ("object", "({})", [B, B, B]),
    ("text", "'events'", [B, B, B]),
    ("function", "() => events", [B, B, B]),
    ("array-like", "({ length: 3, 0: events[0], 1: events[1], 2: events[2] })", [B, B, B]),
    ("null hole", "[events[0], null, events[2]]", [F, X, F]),
    ("undefined hole", "[undefined, events[1], undefined]", [X, F, X]),
    ("sparse", "[, , events[2]]", [X, X, F]),
    ("odd elements", "[[], 'text', events[2]]", [B, B, F]),
    ("subset", "[events[0], events[2]]", [F, X, F]),
    ("subset in another order", "[events[2], events[0]]", [F, X, F]),
    ("subset of copies", "events.slice(1).map((e) => ({ ...e }))", [X, F, F]),
    ("subset with holes", "[null, events[1]]", [X, F, X]),
    ("spliced in place", "(events.splice(1, 1), events)", [F, X, F]),
    ("popped in place", "(events.pop(), events)", [F, F, X]),
    ("grown in place", "(events.push({}), events)", [B, B, B]),
    ("unknown id", "[{ ...events[0], messageId: 'other' }]", [B, B, B]),
    ("no id, not an input", "[{ type: 'track' }]", [B, B, B]),
    ("no id, the input itself", "(delete events[1].messageId, [events[1]])", [X, F, X]),
    ("other id, the input itself", "(events[1].messageId = 'other', [events[1]])", [X, F, X]),
    ("one input twice", "[events[0], events[0]]", [B, B, B]),
    ("odd element in a subset", "[events[0], 5]", [B, B, B]),
    ("too long", "events.concat(events)", [B, B, B]),
    ("too long, endless", "new Proxy([], { get: (t, k) => k === 'length' ? 2 ** 53 - 1 : events[0] })", [B, B, B]),
    ("unreadable length", "new Proxy([], { get: (t, k) => k === 'length' ? NaN : events[0] })", [B, B, B]),
    ("revoked", "(() => { const r = Proxy.revocable([], {}); r.revoke(); return r.proxy })()", [T, T, T]),
    ("a trap that throws", "new Proxy(events, { get() { throw new Error('trap') } })", [T, T, T]),
    ("a trap that throws at an element", "new Proxy(events, { get(t, k) { if (k === '1') throw new Error('trap'); return t[k] } })", [F, B, F]),
    ("a getter that throws", "[events[0], { get type() { throw new Error('getter') }, status: 200 }, events[2]]", [F, B, F]),
    ("statuses", "[{ status: 200 }, { status: 400, errormessage: 'Bad' }, { status: 500, errormessage: 'later' }]", [U, D, R]),
    ("more statuses", "[{ status: 299 }, { status: 429 }, { status: 301 }]", [U, R, D]),
    ("a status beside a type is an event", "[{ ...events[0], status: 500 }, events[1], events[2]]", [F, F, F]),
    ("a fractional status is an event", "[{ status: 200.5 }, events[1], events[2]]", [F, F, F]),
]  # fmt: skip


@pytest.mark.parametrize(("code", "expected"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_pairing(evaluate: Evaluate, code: str, expected: list[abi.Item]) -> None:
    assert evaluate.batch(f"return {code}", 3).kinds == expected


def test_output_goes_to_the_event_it_belongs_to(evaluate: Evaluate) -> None:
    items = evaluate.batch("return [{ ...events[2], tag: 'c' }, { ...events[0], tag: 'a' }]", 3).items

    assert [item.output and (item.output["messageId"], item.output["tag"]) for item in items] == [
        ("m0", "a"),
        None,
        ("m2", "c"),
    ]


def test_messages_say_what_is_wrong(evaluate: Evaluate) -> None:
    def messages(code: str) -> list[str | None]:
        return [item.message for item in evaluate.batch(f"return {code}", 3).items]

    assert messages("[{ status: 404 }, { status: 400, errormessage: 'Bad' }, { status: 503 }]") == [
        "status 404",
        "Bad",
        "status 503",
    ]
    assert (
        messages("events.concat(events)")[0]
        == "onBatch returned 6 events for 3: at most one for each is allowed"
    )
    assert messages("({})")[0] == "onBatch returned an object in place of an array"
    assert messages("[1, events[1], events[2]]")[0] == "onBatch returned a number in place of an event"
    unmatched = messages("[{}]")[0]
    assert unmatched is not None
    assert "belongs to none of them" in unmatched


@pytest.mark.parametrize(
    ("code", "warned"),
    [
        ("[events[1], events[0], events[2]]", True),
        ("events.reverse()", True),
        ("events", False),
        ("[events[0], events[0], events[2]]", False),
        ("[events[1], null, events[2]]", False),
    ],
)
def test_another_order_is_kept_and_warned_of(evaluate: Evaluate, code: str, warned: bool) -> None:
    batch = evaluate.batch(f"return {code}", 3)

    assert any(line.level == "warn" and "another order" in line.message for line in batch.logs) == warned


def test_ids_that_repeat(evaluate: Evaluate) -> None:
    code = "return [events[1], { ...events[2], x: 1 }]"

    assert evaluate.batch(code, 3, message_id="same").kinds == [F, F, X]
