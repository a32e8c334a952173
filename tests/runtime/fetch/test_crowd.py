"""Many fetches at once: all served, memory bounded, nobody's share taken."""

from __future__ import annotations

import asyncio
import resource
import tracemalloc
from types import SimpleNamespace

import pytest

from headgate_runtime.errors import LimitError
from headgate_runtime.fetch import FetchLimits
from tests.runtime.fetch.asking import ask, in_loop, local
from tests.runtime.fetch.server import Connection, Got, response, serving

CROWD = 500
"""Fetches in flight at once."""

MEASURED = 100
"""As CROWD, where memory is traced, which makes everything many times slower."""

BYTES_EACH = 64 << 10
"""Traced memory that a fetch in flight may hold, the test's server included."""


async def crowd(count: int) -> None:
    """So many at once: no response comes before the last request has."""
    everybody = asyncio.Event()

    async def handle(got: Got, _: Connection) -> bytes:
        if len(server.requests) == count:
            everybody.set()
        await everybody.wait()
        return response(got.path.encode())

    functions = [SimpleNamespace(function=number) for number in range(max(1, count // 50))]
    async with serving(handle) as server, local() as fetch:
        tasks = [
            asyncio.ensure_future(
                ask(fetch, server.url(f"/{number}"), invocation=functions[number % len(functions)])
            )
            for number in range(count)
        ]
        await everybody.wait()
        assert (fetch.running, server.connections) == (count, count)
        told = await asyncio.gather(*tasks)
        assert [each.body for each in told] == [f"/{number}".encode() for number in range(count)]
        assert (fetch.running, fetch.network.bytes_held) == (0, 0)


def test_all_in_flight_at_once() -> None:
    room, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(CROWD, room // 2 - 100)
    in_loop(crowd)(count)


def test_each_holds_little() -> None:
    in_loop(crowd)(2)
    tracemalloc.start()
    try:
        in_loop(crowd)(MEASURED)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MEASURED * BYTES_EACH


@in_loop
async def test_no_more_than_the_bound_at_once() -> None:
    under_way = most = 0
    full = asyncio.Event()

    async def handle(_: Got, __: Connection) -> bytes:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await full.wait()
        under_way -= 1
        return response(b"x")

    functions = [SimpleNamespace(function=number) for number in range(5)]
    async with serving(handle) as server, local(fetches=7) as fetch:
        tasks = [
            asyncio.ensure_future(ask(fetch, server.url(), invocation=functions[number % 5]))
            for number in range(100)
        ]
        await server.until(requests=7)
        for _ in range(50):  # in which an eighth would come
            await asyncio.sleep(0)
        full.set()
        assert {each.body for each in await asyncio.gather(*tasks)} == {b"x"}
        assert (most, len(server.requests)) == (7, 100)


@in_loop
async def test_one_function_cannot_take_all() -> None:
    async def handle(got: Got, connection: Connection) -> bytes | None:
        if got.path == "/calm":
            return response(b"calm")
        await connection.wait_closed_by_peer()
        return None

    greedy, calm = SimpleNamespace(function="greedy"), SimpleNamespace(function="calm")
    async with serving(handle) as server, local(function_connections=10, fetches=20) as fetch:
        tasks = [asyncio.ensure_future(ask(fetch, server.url(), invocation=greedy)) for _ in range(100)]
        await server.until(requests=10)
        assert (await ask(fetch, server.url("/calm"), invocation=calm)).body == b"calm"
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert fetch.running == 0


@pytest.mark.parametrize("value", [0, -1, 1.5, True, "1"])
def test_limits_have_a_range(value: object) -> None:
    with pytest.raises(LimitError, match="fetches must be an integer from 1 on"):
        FetchLimits(fetches=value)  # type: ignore[arg-type]
