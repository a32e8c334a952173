"""Fetches that are broken off at every moment there is: the pool is none the smaller."""

from __future__ import annotations

import asyncio

import httpcore
import pytest

from headgate_runtime import SystemClock
from headgate_runtime.fetch import Backend, Egress, FetchLimits, SystemResolver, default_context
from headgate_runtime.fetch.budget import Budget
from headgate_runtime.fetch.pool import Pool
from tests.runtime.fetch.server import Connection, Got, response, serving


async def exchange(pool: Pool, url: str) -> bytes:
    async with pool.send(httpcore.Request("GET", url, headers={"Host": "server"})) as got:
        return await got.aread()


@pytest.mark.parametrize("answer", [response(b"ok"), b"220 mail.example.com ESMTP\r\n\r\n"])
def test_whenever_a_fetch_is_broken_off_its_connection_is_given_back(answer: bytes) -> None:
    async def main() -> None:
        answers = [answer]

        async def handler(_: Got, __: Connection) -> bytes:
            return answers[0]

        resolver = SystemResolver()
        limits = FetchLimits(function_connections=1, function_idle=1)
        backend = Backend(Egress(allow_private=True), resolver, SystemClock())
        pool = Pool(backend, default_context(), limits, Budget(1 << 20))
        ends = []
        async with serving(handler) as server:
            for turns in range(80):
                answers[0] = answer
                fetch = asyncio.ensure_future(exchange(pool, server.url()))
                for _ in range(turns):
                    await asyncio.sleep(0)
                fetch.cancel()
                await asyncio.wait({fetch})
                ends.append(fetch.cancelled() or fetch.exception())
                answers[0] = response(b"ok")
                assert await asyncio.wait_for(exchange(pool, server.url()), 10) == b"ok", turns
            await pool.aclose()
        resolver.close()
        assert ends[0] is True
        assert ends[-1] is not True, "there are moments after the last one that was tried"

    asyncio.run(main())
