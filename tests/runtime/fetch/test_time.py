"""Time: node-fetch's timeout, the Fetcher's own bound, servers that drip, and aborts."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from tests.runtime.fetch.asking import abort, ask, in_loop, local
from tests.runtime.fetch.server import Connection, Got, Handler, redirect, response, serving


async def silent(_: Got, connection: Connection) -> None:
    await connection.wait_closed_by_peer()


async def drip_head(_: Got, connection: Connection) -> None:
    await connection.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        await connection.send(b"X: y\r\n")
        await asyncio.sleep(0.005)


async def drip_body(_: Got, connection: Connection) -> None:
    await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        await connection.send(b"x")
        await asyncio.sleep(0.005)


@pytest.mark.parametrize("handler", [silent, drip_head])
def test_no_response_in_time(handler: Handler) -> None:
    async def check() -> None:
        async with serving(handler) as server, local() as fetch:
            told = await ask(fetch, server.url("/p"), timeout=50)
            assert told.failure == (
                "FetchError",
                "request-timeout",
                None,
                f"network timeout at: {server.url('/p')}",
            )
            await server.all_closed()

    in_loop(check)()


@in_loop
async def test_no_body_in_time() -> None:
    async with serving(drip_body) as server, local() as fetch:
        told = await ask(fetch, server.url(), timeout=50)
        message = f"Response timeout while trying to fetch {server.url()} (over 50ms)"
        assert told.failure == ("FetchError", "body-timeout", None, message)
        assert (told.http_status, set(told.body)) == (200, {ord("x")})
        await server.all_closed()


@pytest.mark.parametrize("handler", [silent, drip_head, drip_body])
def test_a_slow_loris_is_cut_off(handler: Handler) -> None:
    """Even when the function itself sets no timeout."""

    async def check() -> None:
        async with serving(handler) as server, local(time_ms=100) as fetch:
            told = await ask(fetch, server.url())
            assert told.failure[:2] == ("FetchError", "request-timeout")
            await server.all_closed()
            assert (fetch.running, fetch.network.bytes_held) == (0, 0)

    in_loop(check)()


@in_loop
async def test_the_bound_is_for_all_redirects_together() -> None:
    async def handle(_: Got, __: Connection) -> bytes:
        await asyncio.sleep(0.03)
        return redirect("/again")

    async with serving(handle) as server, local(time_ms=120) as fetch:
        told = await ask(fetch, server.url(), timeout=100)
        assert told.failure[1] == "request-timeout"
        assert 2 <= len(server.requests) <= 5


@in_loop
async def test_a_timeout_beyond_all_reason() -> None:
    async with serving(response(b"ok")) as server, local() as fetch:
        assert (await ask(fetch, server.url(), timeout=1e300)).body == b"ok"


@pytest.mark.parametrize("handler", [silent, drip_head, drip_body])
def test_cancelling_closes_the_connection(handler: Handler) -> None:
    async def check() -> None:
        async with serving(handler) as server, local() as fetch:
            task = asyncio.ensure_future(ask(fetch, server.url()))
            await server.until(requests=1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await server.all_closed()
            assert (fetch.running, fetch.network.bytes_held) == (0, 0)

    in_loop(check)()


@in_loop
async def test_an_abort_ends_one_fetch_of_one_invocation() -> None:
    first, second = SimpleNamespace(function="f"), SimpleNamespace(function="f")
    release = asyncio.Event()

    async def handle(_: Got, connection: Connection) -> bytes | None:
        closed = asyncio.ensure_future(connection.wait_closed_by_peer())
        released = asyncio.ensure_future(release.wait())
        await asyncio.wait((closed, released), return_when=asyncio.FIRST_COMPLETED)
        if released.done():
            closed.cancel()
            return response(b"late")
        released.cancel()
        return None

    async with serving(handle) as server, local() as fetch:
        asked = [
            asyncio.ensure_future(ask(fetch, server.url(), invocation=invocation, operation=operation))
            for invocation, operation in ((first, 1), (first, 2), (second, 1))
        ]
        await server.until(requests=3)
        assert (await abort(fetch, 1, first)).said == {}
        told = await asked[0]
        assert told.failure == ("AbortError", "aborted", None, "The user aborted a request.")
        await server.until(open_at_most=2)
        release.set()
        assert [(await each).body for each in asked[1:]] == [b"late", b"late"]
        assert fetch.running == 0


@in_loop
async def test_aborts_that_come_twice_or_for_nothing() -> None:
    async with serving(silent) as server, local() as fetch:
        assert (await abort(fetch, 99)).said == {}
        task = asyncio.ensure_future(ask(fetch, server.url(), operation=1000))
        await server.until(requests=1)
        await asyncio.gather(abort(fetch, 1000), abort(fetch, 1000))
        assert (await task).failure[0] == "AbortError"
        assert (await abort(fetch, 1000)).said == {}
