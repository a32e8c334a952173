"""Requests that a guest must not get sent, even one that has broken out of its prelude."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate_runtime.fetch import Failure
from headgate_runtime.fetch.message import Abort, Message, read
from headgate_runtime.sandbox import Request
from tests.runtime.fetch.asking import ask, in_loop, local
from tests.runtime.fetch.server import response, serving

CRLF = "\r\nX-Injected: yes"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"headers": [["X", f"a{CRLF}"]]}, f"a{CRLF} is not a legal HTTP header value"),
        ({"headers": [["X", "a\nb"]]}, "a\nb is not a legal HTTP header value"),
        ({"headers": [["X", "a\x00b"]]}, "a\x00b is not a legal HTTP header value"),
        ({"headers": [["X", "a\x7fb"]]}, "a\x7fb is not a legal HTTP header value"),
        ({"headers": [["X", "snow\u2603man"]]}, "snow\u2603man is not a legal HTTP header value"),
        ({"headers": [["X", "a\u010ab"]]}, "a\u010ab is not a legal HTTP header value"),
        ({"headers": [[f"X{CRLF}", "a"]]}, f"X{CRLF} is not a legal HTTP header name"),
        ({"headers": [["X\n", "a"]]}, "X\n is not a legal HTTP header name"),
        ({"headers": [["a b", "a"]]}, "a b is not a legal HTTP header name"),
        ({"headers": [["a:b", "a"]]}, "a:b is not a legal HTTP header name"),
        ({"headers": [[":path", "/"]]}, ":path is not a legal HTTP header name"),
        ({"headers": [["", "a"]]}, " is not a legal HTTP header name"),
        ({"headers": [["\u017f", "a"]]}, "\u017f is not a legal HTTP header name"),
        ({"headers": [["X", "a" * (64 << 10)]]}, "the headers have more than 65536 bytes"),
        ({"headers": [["X", "a" * 10]] * 7000}, "the headers have more than 65536 bytes"),
        ({"headers": [["X"]]}, "malformed fetch request"),
        ({"headers": 7}, "malformed fetch request"),
        ({"method": f"GET / HTTP/1.1{CRLF}"}, None),
        ({"method": "GET\n"}, None),
        ({"method": "G T"}, None),
        ({"method": ""}, None),
        ({"method": "CONNECT"}, "CONNECT is not a method that functions may use"),
        ({"method": "connect"}, "connect is not a method that functions may use"),
        ({"method": "TRACE"}, "TRACE is not a method that functions may use"),
        ({"url": f"http://127.0.0.1/{CRLF}"}, "Only absolute URLs are supported"),
        ({"url": "http://127.0.0.1/ HTTP/1.1"}, "Only absolute URLs are supported"),
        ({"url": "http://127.0.0.1/\x00"}, "Only absolute URLs are supported"),
        ({"url": None}, "Only absolute URLs are supported"),
    ],
)
def test_refused(change: dict[str, Any], message: str | None) -> None:
    asked = {"method": "GET", "url": "http://127.0.0.1/", "headers": []} | change
    with pytest.raises(Failure) as caught:
        read(json.dumps(asked).encode(), None, 64 << 10)
    assert caught.value.name == "TypeError"
    if message is None:
        assert caught.value.code == "ERR_INVALID_HTTP_TOKEN"
    else:
        assert caught.value.message == message


@pytest.mark.parametrize("payload", [b"", b"null", b"[]", b"7", b"{}", b'"x"', b'{"op":"abort"}', b'{"op":"abort","id":{}}', b"{", b"\xff"])  # fmt: skip
def test_malformed(payload: bytes) -> None:
    async def check() -> None:
        async with local() as fetch:
            answer = await fetch(Request(5, "fetch", payload, None))
            assert (answer.operation, answer.status) == (5, 1)
            assert json.loads(answer.payload)["name"] == "TypeError"

    in_loop(check)()


@given(
    st.binary(max_size=200)
    | st.dictionaries(st.text(max_size=8), st.text(max_size=8)).map(lambda d: json.dumps(d).encode())
)
def test_never_anything_but_a_message_or_a_failure(payload: bytes) -> None:
    with contextlib.suppress(Failure):
        assert isinstance(read(payload, None, 1000), Message | Abort)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4),
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("method", "url", "headers", "redirect", "follow", "timeout", "compress", "size", "op", "id"), JSON)))  # fmt: skip
def test_members_of_any_type(asked: dict[str, Any]) -> None:
    asked.setdefault("url", "http://x.example/")
    asked.setdefault("method", "GET")
    # ValueError: not even JSON can hold it.
    with contextlib.suppress(Failure, ValueError):
        read(json.dumps(asked, allow_nan=False, default=str).encode(), None, 1000)


@in_loop
async def test_headers_about_the_connection_are_ours() -> None:
    headers = [
        ("Content-Length", "0"),
        ("content-length", "99"),
        ("Transfer-Encoding", "chunked"),
        ("TE", "trailers"),
        ("Upgrade", "h2c"),
        ("HTTP2-Settings", "AAMAAABkAAQCAAAAAAIAAAAA"),
        ("Expect", "100-continue"),
        ("Keep-Alive", "timeout=9999"),
        ("Proxy-Connection", "keep-alive"),
        ("Trailer", "X"),
        ("Host", "first.example"),
        ("Host", "second.example"),
        ("X-Mine", "  padded\t"),
    ]
    async with serving(response()) as server, local() as fetch:
        assert (
            await ask(fetch, server.url(), method="POST", body=b"12345", headers=headers)
        ).http_status == 200
        (got,) = server.requests
        assert sorted(got.headers) == [
            ("content-length", "5"),
            ("host", "first.example"),
            ("x-mine", "padded"),
        ]
        assert got.body == b"12345"


@in_loop
async def test_a_host_that_is_no_host() -> None:
    async with serving(response()) as server, local() as fetch:
        await ask(fetch, server.url(), headers=[("Host", "a b/@c")])
        assert server.requests[0].header("host") == f"127.0.0.1:{server.port}"


@in_loop
async def test_latin_1_goes_through() -> None:
    answer = response(b"", "200 D\u00e9j\u00e0 vu", (("X-Back", "na\u00efve"),))
    async with serving(answer) as server, local() as fetch:
        told = await ask(fetch, server.url(), headers=[("X-There", "caf\u00e9")])
        assert server.requests[0].header("x-there") == "caf\u00e9"
        assert (told.said["statusText"], told.header("x-back")) == ("D\u00e9j\u00e0 vu", "na\u00efve")


@pytest.mark.parametrize(("method", "body", "length"), [("POST", None, "0"), ("PUT", None, "0"), ("DELETE", None, None), ("GET", b"q", "1"), ("PATCH", b"", "0"), ("patch", b"x", "1")])  # fmt: skip
def test_lengths(method: str, body: bytes | None, length: str | None) -> None:
    async def check() -> None:
        async with serving(response()) as server, local() as fetch:
            await ask(fetch, server.url(), method=method, body=body)
            assert (server.requests[0].method, server.requests[0].header("content-length")) == (
                method,
                length,
            )

    in_loop(check)()


@in_loop
async def test_credentials_in_the_url() -> None:
    async with serving(response()) as server, local() as fetch:
        url = f"http://user:pass@127.0.0.1:{server.port}/"
        told = await ask(fetch, url)
        assert told.said["url"] == server.url()
        await ask(fetch, url, headers=[("authorization", "mine")])
        assert [got.header("authorization") for got in server.requests] == ["Basic dXNlcjpwYXNz", "mine"]
