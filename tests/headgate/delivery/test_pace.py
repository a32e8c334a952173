"""How much goes to a destination at once, and how fast."""

from __future__ import annotations

import asyncio

from headgate.delivery.pace import Rate, Window
from tests.runtime.fakes import Frozen, until


def test_a_window_that_grows_lets_those_in_who_wait() -> None:
    async def main() -> None:
        window = Window(2)
        window.shrink()
        await window.enter()
        first, second = (asyncio.create_task(window.enter()) for _ in range(2))
        await asyncio.sleep(0)
        window.leave()
        await until(first.done)
        assert not second.done()
        window.grow()
        assert window.size == 2
        await until(second.done)

    asyncio.run(main())


def test_a_window_that_shrank_holds_back_until_enough_have_left() -> None:
    async def main() -> None:
        window = Window(4)
        for _ in range(4):
            await window.enter()
        window.shrink()
        assert not window.is_at_rest
        waiting = asyncio.create_task(window.enter())
        for _ in range(2):
            window.leave()
            await asyncio.sleep(0)
            assert not waiting.done()
        window.leave()
        await until(waiting.done)
        for _ in range(8):
            window.grow()
        assert window.is_at_rest

    asyncio.run(main())


def test_a_rate_is_at_rest_when_its_debt_is_repaid() -> None:
    async def main() -> None:
        clock = Frozen()
        rate = Rate(10.0, clock)
        assert rate.is_at_rest
        await rate.take(15)
        clock.advance(1_499)
        assert not rate.is_at_rest
        clock.advance(1)
        assert rate.is_at_rest
        unlimited = Rate(None, clock)
        await unlimited.take(1_000)
        assert unlimited.is_at_rest

    asyncio.run(main())
