"""`_`, `moment`, `uuidv5.uuidv5`, `atob` and `btoa`: what pure libraries answer, as observed (runtime-libraries.json) and beyond."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.libraries.harness import value

OBSERVED = [
    ("uuidv5.uuidv5('dns','google.com')", "64ee70a4-8cc1-5d25-abf2-dea6c79a09c8"),
    ("uuidv5.uuidv5('url','http://google/com/page')", "a4178eb5-582a-584f-add9-e5bbb9b0b27a"),
    ("btoa('héé✓')", "aOnpEw=="),
    ("btoa(Buffer.from('x'))", "eA=="),
    ("atob('!!!')", ""),
    (
        "moment.tz('2020-01-01T00:00:00Z','America/New_York').format()",
        "2019-12-31T19:00:00-05:00",
    ),
    ("_.VERSION", "4.17.19"),
    ("xml({a:[{b:1}]})", "<a><b>1</b></a>"),
    ("typeof process", "undefined"),
    ("typeof require", "undefined"),
    ("typeof module", "undefined"),
    ("typeof exports", "undefined"),
    ("(function(){return typeof this})()", "object"),
    ("new Buffer.from('a').toString('hex')", "61"),
]

MOMENTS = ["2019-03-31T00:59:59Z", "2019-03-31T01:00:00Z", "2018-11-04T05:30:00Z", "2020-12-25T12:00:00Z"]
"""On both sides of a change to summer time among them."""

ZONES = {
    "Asia/Kolkata": [
        "2019-03-31T06:29:59+05:30",
        "2019-03-31T06:30:00+05:30",
        "2018-11-04T11:00:00+05:30",
        "2020-12-25T17:30:00+05:30",
    ],
    "Australia/Lord_Howe": [
        "2019-03-31T11:59:59+11:00",
        "2019-03-31T12:00:00+11:00",
        "2018-11-04T16:30:00+11:00",
        "2020-12-25T23:00:00+11:00",
    ],
    "Europe/Berlin": [
        "2019-03-31T01:59:59+01:00",
        "2019-03-31T03:00:00+02:00",
        "2018-11-04T06:30:00+01:00",
        "2020-12-25T13:00:00+01:00",
    ],
    "America/Sao_Paulo": [
        "2019-03-30T21:59:59-03:00",
        "2019-03-30T22:00:00-03:00",
        "2018-11-04T03:30:00-02:00",
        "2020-12-25T09:00:00-03:00",
    ],
    "Pacific/Auckland": [
        "2019-03-31T13:59:59+13:00",
        "2019-03-31T14:00:00+13:00",
        "2018-11-04T18:30:00+13:00",
        "2020-12-26T01:00:00+13:00",
    ],
}
"""What Python's zoneinfo makes of MOMENTS there."""


@pytest.mark.parametrize(("expression", "result"), OBSERVED)
def test_as_observed(expression: str, result: str) -> None:
    assert value(f"return {expression}") == result


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("_.chunk(_.range(5), 2)", [[0, 1], [2, 3], [4]]),
        ("_.get({ a: [{ b: 7 }] }, 'a[0].b')", 7),
        ("_.merge({ a: { b: 1 } }, { a: { c: 2 } })", {"a": {"b": 1, "c": 2}}),
        ("_.chain([3, 1, 2]).sortBy().map((n) => n * 2).value()", [2, 4, 6]),
        ("_.template('hé <%= name %>')({ name: 'x' })", "hé x"),
        ("_.isEqual(new Map([[1, { a: 1 }]]), new Map([[1, { a: 1 }]]))", True),
        ("_(['b', 'a']).sortBy().first()", "a"),
    ],
)
def test_lodash(expression: str, result: Any) -> None:
    assert value(f"return {expression}") == result


def test_moment_converts_zones() -> None:
    code = f"return {list(ZONES)}.map((zone) => {MOMENTS}.map((each) => moment.tz(each, zone).format()))"

    assert value(code) == list(ZONES.values())


def test_moment_reads_and_reckons() -> None:
    code = """
        return [
          moment.tz('2019-10-27 02:30', 'YYYY-MM-DD HH:mm', 'Europe/Berlin').utc().format(),
          moment.utc('2020-01-31').add(1, 'month').format('YYYY-MM-DD dddd'),
          moment.duration(moment.utc('2020-03-01').diff(moment.utc('2020-02-01'))).asDays(),
          moment('nonsense', 'YYYY').isValid(),
          moment.utc('2020-01-01').isBefore(moment.utc('2020-01-02')),
        ]
        """

    assert value(code) == ["2019-10-27T00:30:00Z", "2020-02-29 Saturday", 29, False, True]


@pytest.mark.parametrize(
    ("word", "namespace"),
    [
        ("dns", uuid.NAMESPACE_DNS),
        ("url", uuid.NAMESPACE_URL),
        ("oid", uuid.NAMESPACE_OID),
        ("x500", uuid.NAMESPACE_X500),
        ("null", uuid.UUID(int=0)),
        ("12345678-1234-5678-1234-567812345678", uuid.UUID("12345678-1234-5678-1234-567812345678")),
    ],
)
def test_uuids_of_names(word: str, namespace: uuid.UUID) -> None:
    assert value(f"return uuidv5.uuidv5('{word}', 'some name')") == str(uuid.uuid5(namespace, "some name"))
