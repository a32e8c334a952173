"""Time: node-fetch's timeout, the Fetcher's own bound, servers that drip, and aborts."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from tests.runtime.fakes import Frozen, until
from tests.runtime.fetch.asking import abort, ask, in_loop, local
from tests.runtime.fetch.server import Connection, Got, redirect, response, serving

STEP_MS = 5


class Slow:
    """
    A server that sends *head* at once and then *piece* every STEP_MS on its own clock, which only `pass_time` moves.

    pieces    sent so far
    """

    def __init__(self, head: bytes, piece: bytes) -> None:
        self.clock = Frozen()
        self.pieces = 0
        self._head = head
        self._piece = piece

    async def __call__(self, _: Got, connection: Connection) -> None:
        await connection.send(self._head)
        closed: asyncio.Task[Any] = asyncio.ensure_future(connection.wait_closed_by_peer())
        while not await self.clock.wait([closed], STEP_MS):
            await connection.send(self._piece)
            self.pieces += 1

    async def pass_time(self, ms: int) -> None:
        for _ in range(0, ms, STEP_MS):
            pieces = self.pieces
            self.clock.advance(STEP_MS)
            await until(lambda pieces=pieces: self.pieces > pieces)  # type: ignore[misc]
        await settled()


async def settled() -> None:
    """What can happen without time passing has happened."""
    for _ in range(20):
        await asyncio.sleep(0)


def silent() -> Slow:
    return Slow(b"", b"")


def dripping_head() -> Slow:
    return Slow(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n")


def dripping_body() -> Slow:
    return Slow(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"x")


@pytest.mark.parametrize("slow", [silent(), dripping_head()])
def test_no_response_in_time(slow: Slow) -> None:
    async def check() -> None:
        async with serving(slow) as server, local(clock=slow.clock) as fetch:
            task = asyncio.ensure_future(ask(fetch, server.url("/p"), timeout=50))
            await server.until(requests=1)
            await slow.pass_time(45)
            assert not task.done()
            await slow.pass_time(STEP_MS)
            assert (await task).failure == (
                "FetchError",
                "request-timeout",
                None,
                f"network timeout at: {server.url('/p')}",
            )
            await server.all_closed()

    in_loop(check)()


@in_loop
async def test_no_body_in_time() -> None:
    """The response has as much time as its body."""
    slow = dripping_body()
    async with serving(slow) as server, local(clock=slow.clock) as fetch:
        task = asyncio.ensure_future(ask(fetch, server.url(), timeout=50))
        await until(lambda: slow.clock.waits.count(50) == 2)
        await slow.pass_time(45)
        await until(lambda: fetch.network.bytes_held == slow.pieces == 9)
        assert not task.done()
        await slow.pass_time(STEP_MS)
        told = await task
        message = f"Response timeout while trying to fetch {server.url()} (over 50ms)"
        assert told.failure == ("FetchError", "body-timeout", None, message)
        assert (told.http_status, set(told.body)) == (200, {ord("x")})
        await server.all_closed()


@pytest.mark.parametrize("slow", [silent(), dripping_head(), dripping_body()])
def test_a_slow_loris_is_cut_off(slow: Slow) -> None:
    """Even when the function itself sets no timeout."""

    async def check() -> None:
        async with serving(slow) as server, local(clock=slow.clock, time_ms=100) as fetch:
            task = asyncio.ensure_future(ask(fetch, server.url()))
            await server.until(requests=1)
            await slow.pass_time(95)
            assert not task.done()
            await slow.pass_time(STEP_MS)
            assert (await task).failure[:2] == ("FetchError", "request-timeout")
            await server.all_closed()
            assert (fetch.running, fetch.network.bytes_held) == (0, 0)

    in_loop(check)()


@in_loop
async def test_the_bound_is_for_all_redirects_together() -> None:
    clock = Frozen()

    async def handle(_: Got, __: Connection) -> bytes:
        await clock.wait((), 30)
        return redirect("/again")

    async with serving(handle) as server, local(clock=clock, time_ms=110) as fetch:
        task = asyncio.ensure_future(ask(fetch, server.url(), timeout=100))
        for count in (1, 2, 3):
            await server.until(requests=count)
            clock.advance(30)
        await server.until(requests=4)
        clock.advance(19)
        await settled()
        assert not task.done()
        clock.advance(1)
        assert (await task).failure[1] == "request-timeout"
        assert len(server.requests) == 4


@in_loop
async def test_a_timeout_beyond_all_reason() -> None:
    async with serving(response(b"ok")) as server, local() as fetch:
        assert (await ask(fetch, server.url(), timeout=1e300)).body == b"ok"


@pytest.mark.parametrize("slow", [silent(), dripping_head(), dripping_body()])
def test_cancelling_closes_the_connection(slow: Slow) -> None:
    async def check() -> None:
        async with serving(slow) as server, local() as fetch:
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
    async with serving(silent()) as server, local() as fetch:
        assert (await abort(fetch, 99)).said == {}
        task = asyncio.ensure_future(ask(fetch, server.url(), operation=1000))
        await server.until(requests=1)
        await asyncio.gather(abort(fetch, 1000), abort(fetch, 1000))
        assert (await task).failure[0] == "AbortError"
        assert (await abort(fetch, 1000)).said == {}
