"""Many fetches at once: all served, memory bounded, nobody's share taken."""

from __future__ import annotations

import asyncio
import gc
import resource
import socket
import sys
import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from headgate_runtime import Executor, Image, LimitError, Limits, compile  # noqa: A004 - its name
from headgate_runtime.fetch import FetchLimits
from headgate_runtime.fetch.limits import LOOKUPS, TENANT_LOOKUPS
from tests.runtime.fakes import until
from tests.runtime.fetch.asking import ask, in_loop, local
from tests.runtime.fetch.holding import holding, make_room
from tests.runtime.fetch.server import Connection, Got, response, serving
from tests.stage import value

CROWD = 500
"""Fetches in flight at once."""

MEASURED = 100
"""As CROWD, where memory is traced, which makes everything many times slower."""

BYTES_EACH = 64 << 10
"""Memory that a fetch in flight may hold: connection, buffers, tasks, and its share of the sandbox."""

FUNCTIONS = 20
EACH = 100
"""Fetches in flight of one invocation: as many as it may have."""

ASKING = """
    async function onTrack(event) {
      const ask = async (_, number) => (await (await fetch(event.url + number)).text()) === '/' + number
      const answers = await Promise.all(Array.from({ length: event.count }, ask))
      event.right = answers.filter(Boolean).length
      return event
    }
    """


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


def test_all_in_flight_at_once(open_files: int) -> None:
    in_loop(crowd)(min(CROWD, open_files // 2 - 100))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_two_thousand_of_functions_in_one_process(open_files: int) -> None:
    """Twenty functions with a hundred fetches each, to a server in another process which answers when it has all."""
    assert open_files > FUNCTIONS * EACH + 200
    in_loop(crowd_of_functions)()


async def crowd_of_functions() -> None:
    image = compile(ASKING)
    assert isinstance(image, Image)

    async def run(each: int) -> int:
        """Resident bytes of this process with all fetches in flight."""
        async with holding(FUNCTIONS * each) as server:
            tasks = [
                asyncio.ensure_future(
                    executor.invoke(function, {"type": "track", "url": server.url, "count": each})
                )
                for function in functions
            ]
            assert await server.everybody() == (FUNCTIONS * each, FUNCTIONS * each)
            assert fetch.running == FUNCTIONS * each
            bytes_resident = resident()
            await server.answer()
            outcomes = await asyncio.gather(*tasks)
            assert [value(outcome)["right"] for outcome in outcomes] == [each] * FUNCTIONS
            assert (fetch.running, fetch.network.bytes_held) == (0, 0)
            return bytes_resident

    async with local() as fetch, Executor(fetch=fetch) as executor:
        functions = [
            executor.function(image, {"number": number}, limits=Limits(time_ms=60_000))
            for number in range(FUNCTIONS)
        ]
        await run(1)  # what is needed once is there from now on
        gc.collect()
        before = resident()
        assert await run(EACH) - before < FUNCTIONS * EACH * BYTES_EACH


def resident() -> int:
    """Bytes of memory that this process has."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) << 10


@pytest.fixture
def open_files() -> Iterator[int]:
    """How many files may be open in the test: as many as the system allows."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    make_room()
    yield resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


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


async def only_calm(got: Got, connection: Connection) -> bytes | None:
    """Answers nothing but requests for /calm."""
    if got.path == "/calm":
        return response(b"calm")
    await connection.wait_closed_by_peer()
    return None


@in_loop
async def test_one_function_cannot_take_all() -> None:
    greedy, calm = SimpleNamespace(function="greedy"), SimpleNamespace(function="calm")
    async with serving(only_calm) as server, local(function_connections=10, fetches=20) as fetch:
        tasks = [asyncio.ensure_future(ask(fetch, server.url(), invocation=greedy)) for _ in range(100)]
        await server.until(requests=10)
        assert (await ask(fetch, server.url("/calm"), invocation=calm)).body == b"calm"
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert fetch.running == 0


def functions_of(executor: Executor, tenant: str, count: int) -> list[SimpleNamespace]:
    """Invocations of so many functions of *tenant*."""
    image = compile("async function onTrack(event) { return event }")
    assert isinstance(image, Image)
    return [
        SimpleNamespace(function=executor.function(image, tenant=tenant, owner=str(number)))
        for number in range(count)
    ]


@in_loop
async def test_one_tenant_cannot_take_all() -> None:
    async with (
        Executor() as executor,
        serving(only_calm) as server,
        local(function_connections=10, fetches=20, tenant_fetches=15) as fetch,
    ):
        greedy, (calm,) = functions_of(executor, "greedy", 4), functions_of(executor, "calm", 1)
        tasks = [asyncio.ensure_future(ask(fetch, server.url(), invocation=each)) for each in greedy * 10]
        await server.until(requests=15)
        assert (await ask(fetch, server.url("/calm"), invocation=calm)).body == b"calm"
        assert len(server.requests) == 16
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert fetch.running == 0


@in_loop
async def test_look_ups_of_one_tenant_leave_threads_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []
    end = threading.Event()

    def look_up(host: str) -> list[object]:
        begun.append(host)
        if host.startswith("slow"):
            end.wait(20)
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr("headgate_runtime.fetch.resolver._getaddrinfo", look_up)
    functions = TENANT_LOOKUPS // LOOKUPS + 1
    try:
        async with Executor() as executor, local() as fetch:
            greedy = functions_of(executor, "greedy", functions)
            (calm,) = functions_of(executor, "calm", 1)
            tasks = [
                asyncio.ensure_future(ask(fetch, f"http://slow{number}.example/", invocation=each))
                for each in greedy
                for number in range(LOOKUPS)
            ]
            await until(lambda: len(begun) >= TENANT_LOOKUPS)
            assert (await ask(fetch, "http://other.example/", invocation=calm)).failure[2] == "ENOTFOUND"
            assert len(begun) == TENANT_LOOKUPS + 1
            end.set()
            assert {each.failure[2] for each in await asyncio.gather(*tasks)} == {"ENOTFOUND"}
    finally:
        end.set()


@pytest.mark.parametrize("value", [0, -1, 1.5, True, "1"])
def test_limits_have_a_range(value: object) -> None:
    with pytest.raises(LimitError, match="fetches must be an integer from 1 on"):
        FetchLimits(fetches=value)  # type: ignore[arg-type]
