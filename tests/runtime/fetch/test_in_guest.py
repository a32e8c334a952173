"""Functions on a real network: the guest's half and the host's half of `fetch` together."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

import pytest

from headgate_runtime import Cause, Clock, Executor, Limits, Outcome
from headgate_runtime.fetch import FetchService, MockFetcher, tracing
from tests.guest.evaluate import image
from tests.runtime.fakes import Frozen
from tests.runtime.fetch.asking import in_loop, local
from tests.runtime.fetch.server import Connection, Got, redirect, response, serving

CAUGHT = ".catch((e) => [e.name, e.type, e.code, e.message])"


async def run(
    fetch: FetchService, code: str, *, isolation: Any = "warm", clock: Clock | None = None, **limits: int
) -> Outcome:
    """Runs *code*, the body of an async function whose `url` is the event's."""
    async with Executor(fetch=fetch, clock=clock) as executor:
        event = {"type": "track", "code": code}
        bounds = Limits(**({"time_ms": 15_000} | limits))
        return await executor.invoke(image(), event, isolation=isolation, limits=bounds)


def value(outcome: Outcome) -> Any:
    assert outcome.output is not None, outcome
    return json.loads(outcome.output).get("value")


@pytest.mark.parametrize("isolation", ["warm", "hermetic"])
def test_there_and_back(isolation: str) -> None:
    async def handle(got: Got, _: Connection) -> bytes:
        return response(got.body[::-1], "202 Accepted", (("X-Path", got.path),))

    async def check() -> None:
        async with serving(handle) as server, local() as fetch:
            code = f"""
                const response = await fetch('{server.url("/p?q")}', {{ method: 'POST', body: 'abc' }})
                return [response.status, response.statusText, response.ok, response.headers.get('x-path'), await response.text()]
                """
            assert value(await run(fetch, code, isolation=isolation)) == [
                202,
                "Accepted",
                True,
                "/p?q",
                "cba",
            ]

    in_loop(check)()


@in_loop
async def test_many_at_once_in_one_invocation() -> None:
    everybody = asyncio.Event()

    async def handle(got: Got, _: Connection) -> bytes:
        if len(server.requests) == 100:
            everybody.set()
        await everybody.wait()
        return response(got.path.encode())

    async with serving(handle) as server, local() as fetch:
        code = f"""
            const all = Array.from({{ length: 100 }}, (_, n) => fetch('{server.url()}' + n).then((r) => r.text()))
            return (await Promise.all(all)).join('')
            """
        assert value(await run(fetch, code)) == "".join(f"/{number}" for number in range(100))


@in_loop
async def test_ten_thousand_at_once_are_refused_past_the_limit() -> None:
    async with serving(response(b"x")) as server, local() as fetch:
        code = f"""
            const all = Array.from({{ length: 10000 }}, () => fetch('{server.url()}'))
            const done = await Promise.allSettled(all)
            const failed = done.filter(({{ status }}) => status === 'rejected').map(({{ reason }}) => reason)
            return [done.length - failed.length, failed.length, failed[0].name, failed[0].type]
            """
        served, failed, name, kind = value(await run(fetch, code, memory_bytes=64 << 20))
        assert (served, failed, name, kind) == (100, 9900, "FetchError", "system")
        assert len(server.requests) == 100
        assert fetch.running == 0


@in_loop
async def test_one_after_the_other_without_end() -> None:
    async with serving(response(b"x")) as server, local() as fetch:
        code = f"for (;;) await fetch('{server.url()}')"
        outcome = await run(fetch, code, time_ms=300)
        assert outcome.cause is Cause.TIMEOUT
        await server.all_closed()
        assert fetch.running == 0


@in_loop
async def test_an_invocation_out_of_time_closes_its_connections() -> None:
    async def silent(_: Got, connection: Connection) -> None:
        await connection.wait_closed_by_peer()

    async with serving(silent) as server, local() as fetch:
        code = f"await Promise.all([fetch('{server.url()}'), fetch('{server.url()}')])"
        clock = Frozen()
        task = asyncio.ensure_future(run(fetch, code, clock=clock, time_ms=200))
        await server.until(requests=2)
        clock.advance(200)
        assert (await task).cause is Cause.TIMEOUT
        await server.all_closed()
        assert (fetch.running, len(server.requests)) == (0, 2)


@in_loop
async def test_what_nobody_waits_for_ends_with_the_invocation() -> None:
    async def silent(_: Got, connection: Connection) -> None:
        await connection.wait_closed_by_peer()

    clock = Frozen()
    async with serving(silent) as server, local(clock=clock) as fetch:
        code = f"fetch('{server.url()}'); await fetch('{server.url()}', {{ timeout: 50 }}).catch(() => 0); return 'done'"
        task = asyncio.ensure_future(run(fetch, code))
        await server.until(requests=2)
        clock.advance(50)
        assert value(await task) == "done"
        await server.all_closed()
        assert fetch.running == 0


@in_loop
async def test_an_abort_closes_the_connection() -> None:
    async def silent(_: Got, connection: Connection) -> None:
        await connection.wait_closed_by_peer()
        closed.set()

    closed = asyncio.Event()
    async with serving(silent) as server, local() as fetch:
        code = f"""
            const controller = new AbortController()
            setTimeout(() => controller.abort(), 20)
            const failure = await fetch('{server.url()}', {{ signal: controller.signal }}){CAUGHT}
            await new Promise((resolve) => setTimeout(resolve, 50))
            return failure
            """
        assert value(await run(fetch, code)) == ["AbortError", "aborted", None, "The user aborted a request."]
        await closed.wait()


@in_loop
async def test_a_body_that_fails_fails_where_it_is_read() -> None:
    async def handle(_: Got, connection: Connection) -> None:
        await connection.send(response(b"half", length=10))

    async with serving(handle) as server, local() as fetch:
        code = f"const r = await fetch('{server.url()}'); return [r.status, await r.text(){CAUGHT}]"
        status, (name, kind, _, message) = value(await run(fetch, code))
        assert (status, name, kind) == (200, "FetchError", "system")
        assert message == f"Invalid response body while trying to fetch {server.url()}: aborted"


@in_loop
async def test_a_gzip_bomb_harms_nobody() -> None:
    bomb = response(gzip.compress(bytes(100 << 20)), headers=(("Content-Encoding", "gzip"),))
    async with serving(bomb) as server, local() as fetch:
        code = f"return fetch('{server.url()}').then((r) => r.text()){CAUGHT}"
        name, kind, _, message = value(await run(fetch, code))
        assert (name, kind) == ("FetchError", "max-size")
        assert message == f"content size at {server.url()} over limit: {6 << 20}"


@in_loop
async def test_the_metadata_service_is_out_of_reach() -> None:
    async with local() as fetch:
        code = f"return fetch('http://[::ffff:a9fe:a9fe]/latest/meta-data/'){CAUGHT}"
        name, kind, errno, _ = value(await run(fetch, code))
        assert (name, kind, errno) == ("FetchError", "system", "EACCES")


@in_loop
async def test_https_module_over_the_same_network() -> None:
    async with serving(redirect("/elsewhere")) as server, local() as fetch:
        code = f"""
            return new Promise((resolve, reject) => https.get('{server.url()}', (response) => {{
              response.resume()
              response.on('end', () => resolve([response.statusCode, response.headers.location]))
            }}).on('error', reject))
            """
        assert value(await run(fetch, code)) == [302, "/elsewhere"]


@in_loop
async def test_an_escaping_error_is_a_bad_request() -> None:
    async with local() as fetch:
        outcome = await run(fetch, "await fetch('http://127.0.0.1:1/')")
        assert (outcome.cause, outcome.error_name) == (Cause.BAD_REQUEST, "FetchError")


@in_loop
async def test_invocations_side_by_side_have_their_own_traces() -> None:
    async def one(executor: Executor, number: int) -> list[str]:
        code = f"await Promise.all([1, 2, 3].map(() => fetch('{server.url(f'/{number}')}')))"
        with tracing() as trace:
            await executor.invoke(image(), {"type": "track", "code": code})
        return [exchange.url for exchange in trace.exchanges]

    async with serving(response()) as server, local() as fetch, Executor(fetch=fetch) as executor:
        traces = await asyncio.gather(*(one(executor, number) for number in range(8)))
        assert traces == [[server.url(f"/{number}")] * 3 for number in range(8)]


@in_loop
async def test_canned_replies() -> None:
    fetch = MockFetcher.of([{"url": "https://api.example/*", "status": 404, "body": {"error": "none"}}])
    code = f"""
        const found = await fetch('https://api.example/users/7')
        return [found.status, await found.json(), await fetch('https://other.example/'){CAUGHT}]
        """
    status, body, failure = value(await run(fetch, code))
    assert (status, body) == (404, {"error": "none"})
    assert failure[:3] == ["FetchError", "system", "ENOTMOCKED"]
    assert [request.url for request in fetch.requests] == [
        "https://api.example/users/7",
        "https://other.example/",
    ]
