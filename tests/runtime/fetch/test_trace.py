"""What a test run shows of its requests, and what it must not show (SPEC 10)."""

from __future__ import annotations

import asyncio
import json

import pytest

from headgate_runtime.fetch import tracing
from headgate_runtime.fetch.trace import EXCHANGES
from tests.runtime.fakes import Frozen
from tests.runtime.fetch.asking import ask, in_loop, local
from tests.runtime.fetch.server import Connection, Got, redirect, response, serving


@in_loop
async def test_an_exchange() -> None:
    clock = Frozen()

    async def handle(_: Got, __: Connection) -> bytes:
        clock.advance(12)
        return response(b'{"id":7}', "201 Created", (("X-A", "1"), ("X-A", "2")))

    async with serving(handle) as server, local(clock=clock) as fetch:
        with tracing() as trace:
            await ask(
                fetch,
                server.url("/p?q=1"),
                method="POST",
                body=b"sent",
                headers=[("X-Mine", "a"), ("x-mine", "b")],
            )
        (exchange,) = trace.exchanges
        shown = exchange.as_json()
        assert shown.pop("durationMs") == 12
        assert shown == {
            "method": "POST",
            "url": server.url("/p?q=1"),
            "requestHeaders": {"X-Mine": "a, b"},
            "requestBody": "sent",
            "status": 201,
            "responseHeaders": {"X-A": "1, 2", "Content-Length": "8"},
            "responseBody": '{"id":7}',
        }
        json.dumps(shown)


@in_loop
async def test_failures_and_redirects_are_exchanges() -> None:
    async def handle(got: Got, connection: Connection) -> bytes | None:
        if got.path == "/start":
            return redirect("/broken")
        await connection.send(response(b"half", length=10))
        return None

    async with serving(handle) as server, local() as fetch:
        with tracing() as trace:
            await ask(fetch, server.url("/start"))
            await ask(fetch, "http://127.0.0.1:1/")
        first, second, third = trace.exchanges
        assert (first.status, first.url, first.error) == (302, server.url("/start"), None)
        assert (second.status, second.response_body) == (200, "half")
        assert second.error == f"Invalid response body while trying to fetch {server.url('/broken')}: aborted"
        assert (third.status, third.response_body) == (None, None)
        assert "EACCES" in (third.error or "")


@in_loop
async def test_a_request_that_was_cancelled() -> None:
    async def silent(_: Got, connection: Connection) -> None:
        await connection.wait_closed_by_peer()

    async with serving(silent) as server, local() as fetch:
        with tracing() as trace:
            task = asyncio.ensure_future(ask(fetch, server.url()))
            await server.until(requests=1)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        assert [each.error for each in trace.exchanges] == ["the request was broken off"]


@in_loop
async def test_tasks_side_by_side_trace_their_own() -> None:
    async def one(path: str) -> list[str]:
        with tracing() as trace:
            await asyncio.gather(*(ask(fetch, server.url(path)) for _ in range(3)))
        return [exchange.url for exchange in trace.exchanges]

    async with serving(response()) as server, local() as fetch:
        paths = [f"/{number}" for number in range(5)]
        assert await asyncio.gather(*map(one, paths)) == [[server.url(path)] * 3 for path in paths]
        await ask(fetch, server.url())


SECRET = 's3cr3t/+"k\u00e9y'


@in_loop
async def test_nothing_secret_is_shown() -> None:
    headers = [
        ("Authorization", "Bearer tok"),
        ("Proxy-authorization", "Basic tok"),
        ("COOKIE", "session=tok"),
        ("X-Api-Key", "s3cr3t/+"),
    ]
    async with local() as fetch:

        async def handle(got: Got, _: Connection) -> bytes:
            body = b"echo: " + got.body
            return response(body, headers=(("Set-Cookie", "session=tok"), ("X-Echo", "s3cr3t/+")))

        async with serving(handle) as server:
            with tracing([SECRET, "s3cr3t/+", "", "3cr"]) as trace:
                body = json.dumps({"key": SECRET, "other": "tok"}).encode()
                await ask(
                    fetch,
                    server.url("/?key=s3cr3t%2F%2B%22k%C3%A9y&k=s3cr3t/+"),
                    method="POST",
                    headers=headers,
                    body=body,
                )
                await ask(fetch, "http://s3cr3t.example:1/s3cr3t/+")
            got = server.requests[0]
    assert got.header("x-api-key") == "s3cr3t/+"
    text = json.dumps([exchange.as_json() for exchange in trace.exchanges])
    assert text.count("[redacted]") >= 10
    for hidden in ("tok", "s3c", "3cr", "s3cr3t%2F"):
        assert hidden not in text.replace('"other\\\\": \\\\"tok', "").replace('other\\": \\"tok', ""), hidden


@pytest.mark.parametrize("size", [10_239, 10_240, 10_241, 100_000])
def test_bodies_are_capped(size: int) -> None:
    async def check() -> None:
        async with serving(response(b"a" * size)) as server, local() as fetch:
            with tracing() as trace:
                await ask(fetch, server.url(), method="POST", body="é".encode() * size)
            (exchange,) = trace.exchanges
            assert exchange.response_body == "a" * min(size, 10_240)
            assert exchange.request_body == "é" * min(size, 5_120)

    in_loop(check)()


@in_loop
async def test_a_secret_at_the_cut_is_not_shown_in_half() -> None:
    for at in range(10_220, 10_245):
        async with serving(response(b"a" * at + b"topsecret" * 3)) as server, local() as fetch:
            with tracing(["topsecret"]) as trace:
                await ask(fetch, server.url())
            assert "top" not in (trace.exchanges[0].response_body or "")


@in_loop
async def test_a_trace_has_an_end() -> None:
    async with local() as fetch:
        with tracing() as trace:
            for _ in range(EXCHANGES + 5):
                await ask(fetch, "http://127.0.0.1:1/")
        assert (len(trace.exchanges), trace.dropped) == (EXCHANGES, 5)


@in_loop
async def test_bytes_that_are_no_text() -> None:
    async with serving(response(b"\xff\xfe\x00ok")) as server, local() as fetch:
        with tracing() as trace:
            await ask(fetch, server.url())
        assert trace.exchanges[0].response_body == "\ufffd\ufffd\x00ok"
