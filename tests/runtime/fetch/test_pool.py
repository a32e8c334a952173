"""Connections: kept, bounded, closed, and shared with no other function."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from headgate_runtime import Executor
from headgate_runtime.fetch import tracing
from tests.guest.evaluate import image
from tests.runtime.fakes import Frozen
from tests.runtime.fetch.asking import ask, in_loop, local
from tests.runtime.fetch.secure import local_secure, serving_http2
from tests.runtime.fetch.server import Connection, Got, redirect, response, serving

KEEP: list[tuple[str, str]] = []
CLOSE = [("Connection", "close")]


def of(function: str) -> SimpleNamespace:
    return SimpleNamespace(function=function)


@in_loop
async def test_connections_are_kept_unless_the_function_says_close() -> None:
    async with serving(response(b"x")) as server, local() as fetch:
        for _ in range(5):
            await ask(fetch, server.url(), headers=KEEP)
        assert server.connections == 1
        for _ in range(2):
            await ask(fetch, server.url(), headers=CLOSE)
        assert server.connections == 2
    await server.all_closed()


@in_loop
async def test_connections_are_kept_whatever_the_function_says_if_the_operator_wants_it() -> None:
    async with serving(response(b"x")) as server, local(keep_alive=True) as fetch:
        for _ in range(3):
            await ask(fetch, server.url(), headers=CLOSE)
        assert server.connections == 1
        assert [got.header("connection") for got in server.requests] == [None] * 3


@pytest.mark.parametrize(("keep_alive", "connections"), [(False, 4), (True, 1)])
def test_connections_of_a_real_function(keep_alive: bool, connections: int) -> None:
    """By default a server sees `Connection: close`, as from node-fetch (SPEC 4.4)."""

    async def check() -> None:
        fetcher = local(keep_alive=keep_alive)
        async with serving(response(b"x")) as server, fetcher as fetch, Executor(fetch=fetch) as executor:
            code = f"for (let n = 0; n < 4; n++) await (await fetch('{server.url()}')).text()"
            with tracing() as trace:
                outcome = await executor.invoke(image(), {"type": "track", "code": code})
            assert outcome.outcome == "forward"
            assert server.connections == connections
            sent = {got.header("connection") for got in server.requests}
            assert sent == {None if keep_alive else "close"}
            # The function's request is the same in either case, and so is what a test run shows of it.
            assert {each.request_headers["Connection"] for each in trace.exchanges} == {"close"}

    in_loop(check)()


@pytest.mark.parametrize("keep_alive", [False, True])
def test_functions_share_no_connection(keep_alive: bool) -> None:
    async def check() -> None:
        asked_by: dict[str, set[Connection]] = {}

        async def handle(got: Got, connection: Connection) -> bytes:
            asked_by.setdefault(got.path, set()).add(connection)
            return response(b"x")

        async with serving(handle) as server, local(keep_alive=keep_alive) as fetch:
            headers = CLOSE if keep_alive else KEEP
            for _ in range(2):
                for function in ("one", "two", "three"):
                    await ask(fetch, server.url(f"/{function}"), headers=headers, invocation=of(function))
            assert (server.connections, fetch.network.pools) == (3, 3)
            assert [len(connections) for connections in asked_by.values()] == [1, 1, 1]

    in_loop(check)()


@pytest.mark.parametrize("keep_alive", [False, True])
def test_at_most_so_many_connections(keep_alive: bool) -> None:
    async def check() -> None:
        most = 0

        async def handle(_: Got, __: Connection) -> bytes:
            nonlocal most
            most = max(most, server.open)
            return response(b"x")

        fetcher = local(keep_alive=keep_alive, function_connections=5, function_idle=2)
        async with serving(handle) as server, fetcher as fetch:
            headers = CLOSE if keep_alive else KEEP
            told = await asyncio.gather(*(ask(fetch, server.url(), headers=headers) for _ in range(30)))
            assert {each.body for each in told} == {b"x"}
            assert most == 5
            # Of those, only so many stay open for the next fetch.
            await server.until(open_at_most=2)
            assert (await ask(fetch, server.url(), headers=headers)).body == b"x"
            assert server.open in {1, 2}

    in_loop(check)()


@pytest.mark.parametrize("keep_alive", [False, True])
def test_idle_connections_are_closed_by_and_by(keep_alive: bool) -> None:
    async def check() -> None:
        clock = Frozen()
        headers = CLOSE if keep_alive else KEEP
        fetcher = local(clock=clock, keep_alive=keep_alive, idle_ms=5_000)
        async with serving(response(b"x")) as server, fetcher as fetch:
            await ask(fetch, server.url(), headers=headers, invocation=of("one"))
            await ask(fetch, server.url(), headers=headers, invocation=of("two"))
            clock.advance(4_999)
            await ask(fetch, server.url(), headers=headers, invocation=of("two"))
            assert (server.connections, server.open) == (2, 2)
            clock.advance(1)
            await server.until(open_at_most=1)
            clock.advance(5_000)
            await server.all_closed()
            # And it goes on from there.
            assert (await ask(fetch, server.url(), headers=headers)).body == b"x"

    in_loop(check)()


@in_loop
async def test_closing_closes_all() -> None:
    async with serving(response(b"x")) as server:
        fetch = local()
        for number in range(4):
            await ask(fetch, server.url(), invocation=of(str(number)))
        await fetch.aclose()
        await fetch.aclose()
        await server.all_closed()


@in_loop
async def test_a_broken_connection_is_not_used_again() -> None:
    async def handle(got: Got, connection: Connection) -> bytes | None:
        if got.path == "/bad":
            await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
            return None
        return response(b"good")

    async with serving(handle) as server, local() as fetch:
        for _ in range(3):
            assert (await ask(fetch, server.url("/bad"))).failure[2] == "ECONNRESET"
            assert (await ask(fetch, server.url("/good"))).body == b"good"


@in_loop
async def test_a_redirect_keeps_its_connection() -> None:
    async def handle(got: Got, _: Connection) -> bytes:
        return redirect("/end") if got.path == "/" else response(b"end")

    async with serving(handle) as server, local() as fetch:
        assert (await ask(fetch, server.url())).body == b"end"
        assert server.connections == 1


@in_loop
async def test_the_large_body_of_a_redirect_is_not_read() -> None:
    async def handle(got: Got, connection: Connection) -> bytes | None:
        if got.path != "/":
            return response(b"end")
        await connection.send(
            b"HTTP/1.1 302 Found\r\nLocation: /end\r\nContent-Length: 100000000\r\n\r\n" + bytes(1000)
        )
        await connection.wait_closed_by_peer()
        return None

    async with serving(handle) as server, local() as fetch:
        assert (await ask(fetch, server.url())).body == b"end"


# ---- HTTP/2 ----


@in_loop
async def test_http2_where_the_server_has_it() -> None:
    async with serving_http2() as server, local_secure() as fetch:
        headers = [("Accept", "*/*"), ("X-Mine", "kept"), ("Connection", "close"), ("Cookie", "a=b")]
        for _ in range(3):
            told = await ask(fetch, server.url(), headers=headers)
            assert (told.http_status, told.said["statusText"], told.body) == (200, "", b"over h2")
        assert server.connections == 1
        got = server.headers[0]
        assert got[":authority"] == f"h2.example:{server.port}"
        assert (got["x-mine"], "connection" in got, "host" in got) == ("kept", False, False)


@in_loop
async def test_http2_bodies_and_redirects() -> None:
    async with serving_http2() as server, local_secure() as fetch:
        body = bytes(200_000)
        told = await ask(fetch, server.url("/start"), method="POST", body=body)
        assert (told.http_status, told.header("x-path"), told.said["redirected"]) == (200, "/end", True)
        assert [len(each) for each in server.bodies] == [len(body)] * 2


@in_loop
async def test_http2_side_by_side_on_one_connection() -> None:
    async with serving_http2() as server, local_secure() as fetch:
        await ask(fetch, server.url())
        told = await asyncio.gather(*(ask(fetch, server.url()) for _ in range(50)))
        assert {each.body for each in told} == {b"over h2"}
        assert server.connections == 1


@pytest.mark.parametrize("path", ["/never", "/endless"])
def test_http2_exchanges_that_are_broken_off(path: str) -> None:
    """However many: what the server still sends for them takes nothing away from later ones."""

    async def check() -> None:
        clock = Frozen()
        async with serving_http2() as server, local_secure(clock=clock, response_bytes=100_000) as fetch:
            for number in range(5):
                task = asyncio.ensure_future(ask(fetch, server.url(path), timeout=20))
                await server.until(requests=2 * number + 1)
                if path == "/never":
                    clock.advance(20)
                assert (await task).failure[1] == {"/never": "request-timeout", "/endless": "max-size"}[path]
                assert (await ask(fetch, server.url())).body == b"over h2"
            await server.until(open_at_most=1)

    in_loop(check)()


@in_loop
async def test_http2_redirects_whose_bodies_nobody_reads() -> None:
    """However many: their streams do not add up on a connection, which bears no more than a hundred."""
    async with serving_http2() as server, local_secure() as fetch:
        for _ in range(5):
            assert (await ask(fetch, server.url("/moved"))).header("x-path") == "/end"
        assert server.most <= 2
        await server.until(open_at_most=1)
        connections = server.connections
        for _ in range(5):
            assert (await ask(fetch, server.url("/start"))).header("x-path") == "/end"
        assert server.connections == connections, "a redirect without a body costs no connection"


@in_loop
async def test_http2_cancelled() -> None:
    async with serving_http2() as server, local_secure() as fetch:
        tasks = [asyncio.ensure_future(ask(fetch, server.url("/never"))) for _ in range(3)]
        await server.until(requests=3)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.until(open_at_most=0)
        assert (await ask(fetch, server.url())).body == b"over h2"


@in_loop
async def test_http2_reset_by_the_server() -> None:
    async with serving_http2() as server, local_secure() as fetch:
        assert (await ask(fetch, server.url("/reset"))).failure[:3] == ("FetchError", "system", "ECONNRESET")
        assert (await ask(fetch, server.url())).body == b"over h2"
