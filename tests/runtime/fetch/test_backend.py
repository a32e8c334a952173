"""The connection goes to the address that was checked, whatever the resolver says next."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Sequence

import pytest

from headgate_runtime.fetch import Egress, Fetcher, FetchLimits, SystemFailure, SystemResolver
from headgate_runtime.fetch.limits import LOOKUPS
from headgate_runtime.fetch.reaching import os_code
from tests.runtime.fakes import Frozen, until
from tests.runtime.fetch.asking import NO_TRUST, ask, in_loop
from tests.runtime.fetch.server import redirect, response, serving

OPEN = "127.0.0.2"
"""An address that the tests' egress allows; 127.0.0.1 is not open to functions."""


class Rebinding:
    """A name server that answers with one address after the other."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        return self._answers[min(len(self.asked), len(self._answers)) - 1]


def fetcher(resolver: Rebinding) -> Fetcher:
    return Fetcher(Egress(allow=[OPEN]), resolver=resolver, ssl_context=NO_TRUST)


@in_loop
async def test_rebinding_gains_nothing() -> None:
    """The first answer is checked and dialled; a second look-up, which would lead home, is never made for it."""
    resolver = Rebinding([OPEN], ["127.0.0.1"])
    async with serving(response(b"open"), OPEN) as server, fetcher(resolver) as fetch:
        told = await ask(fetch, server.url(host="rebinding.example"), headers=[("Connection", "close")])
        assert (told.http_status, told.body, resolver.asked) == (200, b"open", ["rebinding.example"])

        told = await ask(fetch, server.url(host="rebinding.example"))
        assert told.failure[2] == "EACCES"
        assert (len(resolver.asked), server.connections) == (2, 1)


@in_loop
async def test_one_private_address_among_public_ones() -> None:
    async with serving(response(), OPEN) as server:
        for answers in (
            [OPEN, "127.0.0.1"],
            ["127.0.0.1", OPEN],
            [OPEN, OPEN, "::1"],
            [OPEN, "169.254.169.254"],
        ):
            async with fetcher(Rebinding(answers)) as fetch:
                told = await ask(fetch, server.url(host="mixed.example"))
                assert told.failure[:3] == ("FetchError", "system", "EACCES")
        assert server.connections == 0


@in_loop
async def test_redirects_are_checked_again() -> None:
    async with serving(response(b"secret")) as secret:
        for location in (
            secret.url(),
            secret.url(host="0x7f.1"),
            secret.url(host="2130706433"),
            secret.url(host="[::ffff:127.0.0.1]"),
            secret.url(host="home.example"),
            f"//127.0.0.1:{secret.port}/",
            f"http:\\\\127.0.0.1:{secret.port}\\",
            f"http://open.example@127.0.0.1:{secret.port}/",
        ):

            async def resolve(host: str) -> Sequence[str]:
                return ["127.0.0.1"] if host == "home.example" else [OPEN]

            async with (
                serving(redirect(location), OPEN) as server,
                Fetcher(Egress(allow=[OPEN]), resolver=resolve, ssl_context=NO_TRUST) as fetch,
            ):
                told = await ask(fetch, server.url(host="open.example"))
                assert told.failure[2] == "EACCES", (location, told)
                assert server.connections == 1
        assert secret.connections == 0


@in_loop
async def test_the_name_is_what_the_server_is_told() -> None:
    async with serving(response(), OPEN) as server, fetcher(Rebinding([OPEN])) as fetch:
        await ask(fetch, server.url(host="Name.Example."))
        assert server.requests[0].header("host") == f"name.example.:{server.port}"


@in_loop
async def test_the_next_address_is_tried() -> None:
    resolver = Rebinding(["127.0.0.3", OPEN])
    async with (
        serving(response(b"second"), OPEN) as server,
        Fetcher(Egress(allow=["127.0.0.2/31"]), resolver=resolver, ssl_context=NO_TRUST) as fetch,
    ):
        assert (await ask(fetch, server.url(host="two.example"))).body == b"second"


@in_loop
async def test_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind((OPEN, 0))
        port = unused.getsockname()[1]
        async with fetcher(Rebinding([OPEN])) as fetch:
            told = await ask(fetch, f"http://gone.example:{port}/")
    message = f"request to http://gone.example:{port}/ failed, reason: connect ECONNREFUSED {OPEN}:{port}"
    assert told.failure == ("FetchError", "system", "ECONNREFUSED", message)


@in_loop
async def test_a_kept_connection_needs_no_look_up() -> None:
    resolver = Rebinding([OPEN], ["127.0.0.1"])
    async with serving(response(b"kept"), OPEN) as server, fetcher(resolver) as fetch:
        for _ in range(3):
            assert (await ask(fetch, server.url(host="kept.example"))).body == b"kept"
        assert (server.connections, len(resolver.asked)) == (1, 1)


@in_loop
async def test_a_slow_resolver_is_given_up() -> None:
    asked = asyncio.Event()

    async def never(_: str) -> Sequence[str]:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    clock = Frozen()
    async with Fetcher(resolver=never, ssl_context=NO_TRUST, clock=clock) as fetch:
        task = asyncio.ensure_future(ask(fetch, "http://slow.example/", timeout=20))
        await asked.wait()
        clock.advance(20)
        assert (await task).failure[1] == "request-timeout"


@in_loop
async def test_an_address_that_does_not_answer_in_time() -> None:
    """Nobody takes connections from that backlog, so that the next address is tried and then given up, too."""
    clock = Frozen()
    with socket.socket() as deaf, contextlib.ExitStack() as takers:
        deaf.bind((OPEN, 0))
        deaf.listen(0)
        url = f"http://deaf.example:{deaf.getsockname()[1]}/"
        for _ in range(8):  # more than the backlog has room for
            taker = takers.enter_context(socket.socket())
            taker.setblocking(False)
            taker.connect_ex(deaf.getsockname())
        resolver = Rebinding([OPEN, OPEN])
        async with Fetcher(
            Egress(allow=[OPEN]),
            limits=FetchLimits(connect_ms=7_000),
            resolver=resolver,
            ssl_context=NO_TRUST,
            clock=clock,
        ) as fetch:
            task = asyncio.ensure_future(ask(fetch, url))
            await until(lambda: 2_000 in clock.waits)
            clock.advance(2_000)
            await until(lambda: 7_000 in clock.waits)
            clock.advance(7_000)
            assert (await task).failure[:3] == ("FetchError", "system", "ETIMEDOUT")


@in_loop
async def test_one_function_looks_up_few_names_at_once() -> None:
    under_way = most = 0

    async def counting(host: str) -> Sequence[str]:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        for _ in range(3):
            await asyncio.sleep(0)
        under_way -= 1
        raise SystemFailure("ENOTFOUND", f"getaddrinfo ENOTFOUND {host}")

    async with Fetcher(resolver=counting, ssl_context=NO_TRUST) as fetch:
        await asyncio.gather(*(ask(fetch, f"http://n{number}.example/") for number in range(50)))
    assert most == 8


def test_a_look_up_counts_until_its_thread_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or a function that gives its fetches up would occupy all threads of the resolver."""
    begun: list[str] = []
    answered = threading.Event()

    def hang(host: str) -> list[object]:
        begun.append(host)
        answered.wait(20)
        raise socket.gaierror(socket.EAI_AGAIN, "no answer")

    monkeypatch.setattr("headgate_runtime.fetch.resolver._getaddrinfo", hang)

    @in_loop
    async def check() -> None:
        async with Fetcher(Egress(), ssl_context=NO_TRUST) as fetch:
            for _ in range(3):
                tasks = [asyncio.ensure_future(ask(fetch, "http://slow.example/")) for _ in range(LOOKUPS)]
                await until(lambda: len(begun) >= LOOKUPS)
                await rest()
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            assert len(begun) == LOOKUPS
            answered.set()
            assert (await ask(fetch, "http://slow.example/")).failure[2] == "EAI_AGAIN"

    try:
        check()
    finally:
        answered.set()


async def rest() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


@in_loop
async def test_the_system_resolver() -> None:
    resolver = SystemResolver()
    try:
        assert set(await resolver("localhost")) & {"127.0.0.1", "::1"}
        with pytest.raises(SystemFailure) as caught:
            await resolver("no-such-name.invalid")
        assert caught.value.code in {"ENOTFOUND", "EAI_AGAIN"}
        assert caught.value.reason == f"getaddrinfo {caught.value.code} no-such-name.invalid"
    finally:
        resolver.close()


def test_codes_of_the_system() -> None:
    inner = OSError(113, "no route")
    outer = RuntimeError("all failed")
    outer.__cause__ = inner

    assert os_code(outer, "X") == "EHOSTUNREACH"
    assert os_code(RuntimeError(), "X") == "X"
