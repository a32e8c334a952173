"""What clients write as JSON (SPEC 8.4)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.tracking.document import NotJson, TooDeep, encode, parse
from tests.headgate.tracking.asking import Asker

values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)

surrogates: st.SearchStrategy[Any] = st.lists(
    st.sampled_from(["\\", "\\\\", '"', "u", "\ud83d", "\ude00", "\U0001f600", "d83d", "a", "\ufffd"])
).map("".join)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (rb'"\ud83d\ude00"', "\U0001f600"),
        (rb'"\ud83d"', "\ufffd"),
        (rb'"\uDE00"', "\ufffd"),
        (rb'"\ud83d!\ude00"', "\ufffd!\ufffd"),
        (rb'"\ud83d\ud83d\ude00"', "\ufffd\U0001f600"),
        (rb'"\ud83d\u0041"', "\ufffdA"),
        (rb'"\\ud83d\ud83d"', "\\ud83d\ufffd"),
        (rb'"\\\ud83d\""', '\\\ufffd"'),
        (rb'{"\ud83d": 1}', {"\ufffd": 1}),
        (b"1e400", None),
        (b"[-1E+400, 1e308, 5]", [None, 1e308, 5]),
        (b"[" + b"9" * 5_000 + b', "1e400 \\" 1e400"]', [None, '1e400 " 1e400']),
        (b'[1e400, "\\ud83d"]', [None, "\ufffd"]),
        ('["\u20ac\U0001f600", -1e999]'.encode(), ["\u20ac\U0001f600", None]),
        (b"[" + b"1e400," * 15 + b"1e400]", [None] * 16),
        (b"1e-400", 0.0),
        (b"18446744073709551615", 2**64 - 1),
        (b"18446744073709551616", 2.0**64),
        (b"-9223372036854775809", -(2.0**63)),
        (b'\xef\xbb\xbf{"a":1}', {"a": 1}),
        (b'\xef\xbb\xbf"\\ud83d"', "\ufffd"),
        (rb'"\u0000"', "\x00"),
        (b'{"a":1,"a":2}', {"a": 2}),
    ],
)
def test_read(text: bytes, value: object) -> None:
    assert parse(text) == value
    assert encode(parse(text))


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b"\xef\xbb\xbf", b"\xef\xbb\xbf\xef\xbb\xbf1", b"NaN", b"[Infinity]", b"-Infinity", b"01", b"1.", b"+1", b"'a'"),
        *(b'"\xff"', b'"\xed\xa0\xbd"', b'"\t"', b'"\\x41"', b'"\\ud83"', b'"\\ud83d', b"{1:2}", b"[1,]", b"1 2", b"1e400 1e400"),
        *(b"[" + b"1e400," * 20 + b"1]",),
        *(b'{"a":1}'.decode().encode("utf-16"), b"[" * 1_025 + b"]" * 1_025, b"undefined"),
    ],
)  # fmt: skip
def test_malformed(text: bytes) -> None:
    with pytest.raises(NotJson):
        parse(text)


def test_depth() -> None:
    assert encode(parse(b"[" * 254 + b"]" * 254))
    deep = parse(b"[" * 255 + b"]" * 255)
    with pytest.raises(TooDeep):
        encode(deep)


@settings(deadline=None)
@given(surrogates)
def test_halves_of_pairs(text: str) -> None:
    """Read as JavaScript would, and then made well-formed."""
    whole = json.loads(json.dumps(text)).encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    assert parse(json.dumps(text).encode()) == whole


@settings(deadline=None)
@given(values)
def test_any_value(value: Any) -> None:
    read = parse(json.dumps(value).encode())

    assert read == json.loads(json.dumps(value), parse_int=_int)
    assert parse(encode(read)) == read


def _int(text: str) -> float:
    """Integers beyond 64 bits are doubles."""
    number = int(text)
    return number if -(2**63) <= number < 2**64 else float(number)


PATHS = ("/v1/track", "/v1/page", "/v1/identify", "/v1/group", "/v1/alias", "/v1/screen", "/v1/batch")

FIELDS = (
    "type",
    "userId",
    "anonymousId",
    "event",
    "name",
    "category",
    "properties",
    "traits",
    "context",
    "integrations",
)
MORE_FIELDS = (
    "messageId",
    "timestamp",
    "originalTimestamp",
    "sentAt",
    "writeKey",
    "groupId",
    "previousId",
    "channel",
)

calls = st.dictionaries(st.sampled_from([*FIELDS, *MORE_FIELDS, "batch"]), values)


@settings(deadline=None)
@given(
    st.sampled_from(PATHS),
    values | calls | st.fixed_dictionaries({"batch": st.lists(values | calls | calls, max_size=5)}),
)
def test_any_body(path: str, body: object) -> None:
    """The helper's intake checks what is handed on; here: every item ends in one place."""
    asker = Asker()
    reply = asker.ask(path, json.dumps(body).encode())

    assert reply.status == (200 if isinstance(body, dict) else 400)
    if path != "/v1/batch" and isinstance(body, dict):
        assert len(asker.intake.arrivals) + len(asker.intake.failed) == 1


@settings(deadline=None)
@given(st.sampled_from(PATHS), st.binary(max_size=200))
def test_any_bytes(path: str, body: bytes) -> None:
    assert Asker().ask(path, body).status in (200, 400)
