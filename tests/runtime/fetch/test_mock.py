"""Canned replies: what fits, in what order, and what a file must look like."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from headgate_runtime.fetch import MockError, MockFetcher, tracing
from tests.runtime.fakes import Frozen, until
from tests.runtime.fetch.asking import Told, ask, in_loop

URL = "https://api.example.com/users/7"


def reply_of(entries: list[Any], url: str = URL, **options: Any) -> Told:
    told: list[Told] = []

    async def run() -> None:
        told.append(await ask(MockFetcher.of(entries), url, **options))

    in_loop(run)()
    return told[0]


def test_the_least_reply() -> None:
    told = reply_of([{"url": URL}])

    assert (told.http_status, told.said["headers"], told.body) == (200, [], b"")
    assert (told.said["url"], told.said["redirected"]) == (URL, False)


@pytest.mark.parametrize(
    ("body", "sent", "content_type"),
    [
        ("text", b"text", None),
        ("", b"", None),
        ("{}", b"{}", None),
        ({"id": 7}, b'{"id":7}', "application/json"),
        ([], b"[]", "application/json"),
        (None, b"null", "application/json"),
        (7, b"7", "application/json"),
        (False, b"false", "application/json"),
    ],
)
def test_bodies(body: object, sent: bytes, content_type: str | None) -> None:
    told = reply_of([{"url": URL, "body": body}])

    assert (told.body, told.header("content-type")) == (sent, content_type)


def test_headers() -> None:
    told = reply_of(
        [{"url": URL, "status": 503, "headers": {"Content-Type": "x/y", "X-A": ["1", "2"]}, "body": {}}]
    )

    assert told.http_status == 503
    assert told.said["headers"] == [["Content-Type", "x/y"], ["X-A", "1"], ["X-A", "2"]]


@pytest.mark.parametrize(
    ("pattern", "url", "expected"),
    [
        ("http://x.example", "http://x.example/", True),
        ("HTTP://X.EXAMPLE:80/", "http://x.example/", True),
        ("http://x.example/", "http://x.example/a", False),
        ("http://x.example/a?b=1", "http://x.example/a?b=1", True),
        ("http://x.example/a", "http://x.example/a?b=1", False),
        ("http://x.example/a?b=*", "http://x.example/a?b=1", True),
        ("http://x.example/a?b=*", "http://x.example/aXb=1", False),
        ("http://x.example/*", "http://x.example/a/b?c", True),
        ("http://x.example/*/c", "http://x.example/a/b/c", True),
        ("http://x.example/*/c", "http://x.example/a/b/c/d", False),
        ("*", "http://x.example/", True),
        ("*://*.example/*", "https://x.example/y", True),
        ("http://x.example/[a]*", "http://x.example/[a]b", True),
        ("http://x.example/[a]*", "http://x.example/ab", False),
        ("http://x.example/.*", "http://x.example/abc", False),
    ],
)
def test_urls(pattern: str, url: str, expected: bool) -> None:
    assert reply_of([{"url": pattern}], url).is_failure is not expected


@pytest.mark.parametrize(
    ("method", "asked", "expected"), [("post", "POST", True), ("GET", "POST", False), (None, "PUT", True)]
)
def test_methods(method: str | None, asked: str, expected: bool) -> None:
    entry = {"url": URL} | ({} if method is None else {"method": method})

    assert reply_of([entry], method=asked).is_failure is not expected


@in_loop
async def test_order_and_times() -> None:
    fetch = MockFetcher.of(
        [
            {"url": URL, "status": 500, "times": 2},
            {"url": "https://api.example.com/*", "status": 201, "times": 1},
            {"url": URL, "status": 200},
        ]
    )
    assert [(await ask(fetch, URL)).http_status for _ in range(5)] == [500, 500, 201, 200, 200]
    told = await ask(fetch, "https://api.example.com/other", method="PUT", body=b"x", headers=[("X-A", "1")])
    assert told.failure == (
        "FetchError",
        "system",
        "ENOTMOCKED",
        "request to https://api.example.com/other failed, reason: no canned reply fits PUT https://api.example.com/other",
    )
    assert [request.matched for request in fetch.requests] == [True] * 5 + [False]
    last = fetch.requests[-1]
    assert last[:4] == ("PUT", "https://api.example.com/other", (("X-A", "1"),), b"x")


@pytest.mark.parametrize(
    ("error", "type_", "code", "message"),
    [
        ("ECONNREFUSED", "system", "ECONNREFUSED", "reason: connect ECONNREFUSED api.example.com:443"),
        ("ENOTFOUND", "system", "ENOTFOUND", "reason: getaddrinfo ENOTFOUND api.example.com"),
        ("ECONNRESET", "system", "ECONNRESET", "reason: socket hang up"),
        ("timeout", "request-timeout", None, f"network timeout at: {URL}"),
        ("it broke", "system", "EMOCK", "reason: it broke"),
    ],
)
def test_errors(error: str, type_: str, code: str | None, message: str) -> None:
    name, kind, found, text = reply_of([{"url": URL, "error": error}]).failure

    assert (name, kind, found) == ("FetchError", type_, code)
    assert text.endswith(message)


def test_redirects_are_followed() -> None:
    entries = [
        {"url": "http://x.example/a", "method": "POST", "status": 303, "headers": {"Location": "/b"}},
        {"url": "http://x.example/b", "method": "GET", "body": "b"},
    ]
    told = reply_of(entries, "http://x.example/a", method="POST", body=b"x")
    assert (told.body, told.said["url"], told.said["redirected"]) == (b"b", "http://x.example/b", True)

    told = reply_of(entries, "http://x.example/a", method="POST", redirect="error")
    assert told.failure[1] == "no-redirect"


def test_size_and_head() -> None:
    assert reply_of([{"url": URL, "body": "12345"}], size=4).failure[1] == "max-size"
    assert reply_of([{"url": URL, "body": "12345"}], size=5).body == b"12345"
    assert reply_of([{"url": URL, "body": "12345"}], method="HEAD").body == b""


@in_loop
async def test_delays() -> None:
    clock = Frozen()
    fetch = MockFetcher.of([{"url": URL, "delay_ms": 30}], clock=clock)
    patient = asyncio.ensure_future(ask(fetch, URL))
    hasty = asyncio.ensure_future(ask(fetch, URL, timeout=5))
    await until(lambda: {30, 5} <= set(clock.waits))
    clock.advance(5)
    assert (await hasty).failure[1] == "request-timeout"
    clock.advance(24)
    for _ in range(20):
        await asyncio.sleep(0)
    assert not patient.done()
    clock.advance(1)
    assert (await patient).http_status == 200


@in_loop
async def test_mocked_requests_are_traced() -> None:
    with tracing() as trace:
        await ask(MockFetcher.of([{"url": URL, "body": "hello"}]), URL, headers=[("Authorization", "x")])
    (exchange,) = trace.exchanges
    assert (exchange.status, exchange.response_body, exchange.request_headers["Authorization"]) == (
        200,
        "hello",
        "[redacted]",
    )


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({}, "mock: a JSON array of replies is expected, not {}"),
        ([7], "mock: entry 1: an entry is a JSON object, not 7"),
        ([{"url": "*"}, {}], "mock: entry 2: url is missing"),
        ([{"url": ""}], "mock: entry 1: url is missing"),
        ([{"url": 7}], "mock: entry 1: url is a text, not 7"),
        (
            [{"url": "/relative"}],
            'mock: entry 1: "/relative" cannot be fetched: Only absolute URLs are supported',
        ),
        (
            [{"url": "ftp://x/"}],
            'mock: entry 1: "ftp://x/" cannot be fetched: Only HTTP(S) protocols are supported',
        ),
        (
            [{"url": "*", "stauts": 200}],
            "mock: entry 1: 'stauts' is not known; known are body, delay_ms, error, headers, method, status, times, url",
        ),
        (
            [{"url": "*", "status": "200"}],
            'mock: entry 1: status is a whole number from 200 to 599, not "200"',
        ),
        ([{"url": "*", "status": 99}], "mock: entry 1: status is a whole number from 200 to 599, not 99"),
        ([{"url": "*", "status": True}], "mock: entry 1: status is a whole number from 200 to 599, not true"),
        ([{"url": "*", "times": 0}], "mock: entry 1: times is a whole number from 1 to 1e+09, not 0"),
        ([{"url": "*", "times": 1.5}], "mock: entry 1: times is a whole number from 1 to 1e+09, not 1.5"),
        ([{"url": "*", "delay_ms": -1}], "mock: entry 1: delay_ms is a number from 0 to 60000, not -1"),
        ([{"url": "*", "headers": []}], "mock: entry 1: headers is an object of names and texts, not []"),
        ([{"url": "*", "headers": {"a b": "x"}}], "mock: entry 1: 'a b' is not a legal HTTP header name"),
        ([{"url": "*", "headers": {"a": 7}}], "mock: entry 1: the header a is no legal text: 7"),
        (
            [{"url": "*", "headers": {"a": "x\r\ny"}}],
            'mock: entry 1: the header a is no legal text: "x\\r\\ny"',
        ),
        ([{"url": "*", "method": 7}], "mock: entry 1: method is a text, not 7"),
        (
            [{"url": "*", "error": "x", "status": 200}],
            "mock: entry 1: an entry has either error, or status, headers and body",
        ),
    ],
)
def test_what_is_not_of_the_form(entries: object, message: str) -> None:
    with pytest.raises(MockError) as caught:
        MockFetcher.of(entries)
    assert str(caught.value) == message


def test_files(tmp_path: Path) -> None:
    file = tmp_path / "replies.json"
    file.write_text(json.dumps([{"url": URL, "body": "from a file"}]))
    assert isinstance(MockFetcher.load(file), MockFetcher)

    file.write_text("[{]")
    with pytest.raises(MockError, match=r"replies\.json: not JSON: "):
        MockFetcher.load(str(file))
    file.write_text("[{}]")
    with pytest.raises(MockError, match=r"replies\.json: entry 1: url is missing"):
        MockFetcher.load(file)
    with pytest.raises(FileNotFoundError):
        MockFetcher.load(tmp_path / "none.json")
