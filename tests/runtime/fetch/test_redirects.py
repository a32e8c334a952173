"""Redirects by the rules of node-fetch (SPEC 4.4), made by the host."""

from __future__ import annotations

import pytest

from tests.runtime.fetch.asking import ask, in_loop, local
from tests.runtime.fetch.server import Connection, Got, Handler, redirect, response, serving


def by_path(**answers: bytes) -> Handler:
    async def handle(got: Got, _: Connection) -> bytes:
        return answers.get(got.path.lstrip("/").partition("?")[0], response(b"end"))

    return handle


@pytest.mark.parametrize(
    ("status", "method", "then", "body"),
    [
        (301, "GET", "GET", None),
        (301, "POST", "GET", None),
        (301, "PUT", "PUT", b"content"),
        (301, "DELETE", "DELETE", b"content"),
        (302, "POST", "GET", None),
        (302, "PATCH", "PATCH", b"content"),
        (302, "HEAD", "HEAD", None),
        (303, "POST", "GET", None),
        (303, "PUT", "GET", None),
        (303, "HEAD", "GET", None),
        (303, "DELETE", "GET", None),
        (307, "POST", "POST", b"content"),
        (307, "GET", "GET", None),
        (308, "POST", "POST", b"content"),
        (308, "PUT", "PUT", b"content"),
    ],
)
def test_methods_and_bodies(status: int, method: str, then: str, body: bytes | None) -> None:
    async def check() -> None:
        async with serving(by_path(start=redirect("/next?q=1", status))) as server, local() as fetch:
            sent = None if method in {"GET", "HEAD"} else b"content"
            told = await ask(
                fetch, server.url("/start"), method=method, body=sent, headers=[("Content-Type", "text/x")]
            )
            first, second = server.requests
            assert (told.http_status, told.said["redirected"], told.said["url"]) == (
                200,
                True,
                server.url("/next?q=1"),
            )
            assert (first.method, first.body) == (method, sent or b"")
            assert (second.method, second.path, second.body) == (then, "/next?q=1", body or b"")
            assert second.header("content-type") == "text/x"
            assert second.header("content-length") == (None if body is None else "7")

    in_loop(check)()


@in_loop
async def test_manual() -> None:
    async with serving(redirect("/next", 302)) as server, local() as fetch:
        told = await ask(fetch, server.url(), redirect="manual")
        assert (told.http_status, told.header("location"), told.said["redirected"]) == (302, "/next", False)
        assert len(server.requests) == 1


@in_loop
async def test_error_mode() -> None:
    async with serving(redirect("/next", 302)) as server, local() as fetch:
        told = await ask(fetch, server.url(), redirect="error")
        message = f"redirect mode is set to error: {server.url()}"
        assert told.failure == ("FetchError", "no-redirect", None, message)


@pytest.mark.parametrize(("follow", "requests"), [(20, 21), (3, 4), (0, 1)])
def test_too_many(follow: int, requests: int) -> None:
    async def check() -> None:
        async with serving(redirect("/again")) as server, local() as fetch:
            told = await ask(fetch, server.url("/again"), follow=follow)
            message = f"maximum redirect reached at: {server.url('/again')}"
            assert told.failure == ("FetchError", "max-redirect", None, message)
            assert len(server.requests) == requests

    in_loop(check)()


@pytest.mark.parametrize("status", [300, 304, 305, 306])
def test_other_statuses_lead_nowhere(status: int) -> None:
    async def check() -> None:
        async with serving(redirect("/next", status)) as server, local() as fetch:
            assert (await ask(fetch, server.url())).http_status == status

    in_loop(check)()


@in_loop
async def test_without_location_it_is_a_response() -> None:
    async with serving(response(b"lost", "302 Found")) as server, local() as fetch:
        told = await ask(fetch, server.url())
        assert (told.http_status, told.body) == (302, b"lost")


CREDENTIALS = [
    ("Authorization", "Bearer secret"),
    ("authorization", "second"),
    ("Cookie", "session=secret"),
    ("Proxy-Authorization", "Basic secret"),
    ("X-Mine", "kept"),
    ("Host", "virtual.example"),
]


@in_loop
async def test_credentials_stay_with_the_origin() -> None:
    async with serving(by_path(), "127.0.0.1") as other, local() as fetch:
        for host in ("127.0.0.1", "localhost"):
            async with serving(redirect(other.url("/elsewhere", host))) as server:
                await ask(fetch, server.url(), headers=CREDENTIALS)
            (got,) = other.requests
            other.requests.clear()
            names = {name for name, _ in got.headers}
            assert names & {"authorization", "cookie", "proxy-authorization"} == set()
            assert got.header("x-mine") == "kept"
            assert got.header("host") == f"{host}:{other.port}"


@in_loop
async def test_credentials_go_on_within_the_origin() -> None:
    async with serving(by_path(start=redirect("/next"))) as server, local() as fetch:
        await ask(fetch, server.url("/start"), headers=CREDENTIALS)
        second = server.requests[1]
        assert [value for name, value in second.headers if name == "authorization"] == [
            "Bearer secret",
            "second",
        ]
        assert second.header("cookie") == "session=secret"
        assert second.header("host") == "virtual.example"


@in_loop
async def test_credentials_in_the_location() -> None:
    async with serving(by_path()) as other, local() as fetch:
        location = f"http://us%65r:p%40ss@127.0.0.1:{other.port}/x"
        async with serving(redirect(location)) as server:
            told = await ask(fetch, server.url())
        assert other.requests[0].header("authorization") == "Basic dXNlcjpwQHNz"
        assert told.said["url"] == other.url("/x")


@pytest.mark.parametrize(
    ("location", "name"),
    [
        ("ftp://127.0.0.1/", "TypeError"),
        ("file:///etc/passwd", "TypeError"),
        ("http://", "TypeError"),
        ("http://[", "TypeError"),
        ("javascript:alert(1)", "TypeError"),
        ("http://a..b/", "TypeError"),
    ],
)
def test_locations_that_lead_out_of_http(location: str, name: str) -> None:
    async def check() -> None:
        async with serving(redirect(location)) as server, local() as fetch:
            assert (await ask(fetch, server.url())).failure[0] == name

    in_loop(check)()


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("next", "/a/next"),
        ("../next", "/next"),
        ("?x", "/a/b?x"),
        ("/p#part", "/p"),
        ("", "/a/b"),
        ("/h\u00e9", "/h%C3%A9"),
        ("/s p", "/s%20p"),
        ("HTTP:/x", "/x"),
    ],
)
def test_relative_locations(location: str, path: str) -> None:
    async def handle(got: Got, _: Connection) -> bytes:
        answer = response() if seen else redirect(location.encode().decode("latin-1"))
        seen.append(got.path)
        return answer

    async def check() -> None:
        async with serving(handle) as server, local() as fetch:
            told = await ask(fetch, server.url("/a/b"))
            assert (told.http_status, seen) == (200, ["/a/b", path])

    seen: list[str] = []
    in_loop(check)()
