import asyncio
from collections.abc import Awaitable, Callable

from hypothesis import given
from hypothesis import strategies as st

from headgate.pipeline.worker_pool import WorkerPool
from tests.runtime.fakes import until


class Work:
    """WorkerPool that take numbers; *wait* is what each number takes."""

    def __init__(self, wait: Callable[[int], Awaitable[None]], workers: int) -> None:
        self.wait = wait
        self.done: list[int] = []
        self.begun = 0
        self.most = 0
        self.under_way = 0
        self.pool: WorkerPool[int] = WorkerPool(self.work, workers=workers)

    async def work(self) -> None:
        self.begun += 1
        while taken := self.pool.take(1):
            number = taken[0]
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            await self.wait(number)
            self.under_way -= 1
            self.done.append(number)

    async def until(self, count: int) -> None:
        await until(lambda: len(self.done) == count)


async def at_once(_: int) -> None:
    pass


def test_one_worker_is_enough_for_what_does_not_wait() -> None:
    async def main() -> None:
        work = Work(at_once, 16)
        for start in range(0, 300, 100):
            work.pool.extend(range(start, start + 100))
            await work.until(start + 100)
        assert work.done == list(range(300))
        assert work.begun == 3

    asyncio.run(main())


def test_what_gives_others_their_turn_and_goes_on_needs_no_second_worker() -> None:
    async def main() -> None:
        turns = 0

        async def now_and_then(number: int) -> None:
            nonlocal turns
            if number % 10 == 9:
                turns += 1
                await asyncio.sleep(0)

        work = Work(now_and_then, 16)
        work.pool.extend(range(500))
        await work.until(500)
        assert turns == 50
        assert work.most <= 2

    asyncio.run(main())


def test_where_all_wait_there_are_more_up_to_the_bound() -> None:
    async def main() -> None:
        gate = asyncio.Event()
        work = Work(lambda _: gate.wait(), 6)  # type: ignore[arg-type,return-value]
        work.pool.extend(range(20))
        for _ in range(20):
            await asyncio.sleep(0)
        assert work.under_way == 6
        work.pool.reshape(2)
        gate.set()
        await work.until(20)
        assert sorted(work.done) == list(range(20))
        gate.clear()
        work.pool.extend(range(20, 30))
        for _ in range(20):
            await asyncio.sleep(0)
        assert work.under_way == 2
        work.pool.cancel()
        assert work.pool.take_back() == list(range(22, 30))

    asyncio.run(main())


@given(
    st.lists(st.lists(st.integers(0, 3), max_size=12), max_size=6),
    st.integers(1, 5),
    st.lists(st.integers(0, 4), min_size=6, max_size=6),
)
def test_each_item_is_taken_once_whatever_it_waits(
    bursts: list[list[int]], workers: int, pauses: list[int]
) -> None:
    async def main() -> None:
        waits = [turns for burst in bursts for turns in burst]

        async def some_turns(number: int) -> None:
            for _ in range(waits[number]):
                await asyncio.sleep(0)

        work = Work(some_turns, workers)
        first = 0
        for burst, pause in zip(bursts, pauses, strict=False):
            work.pool.extend(range(first, first + len(burst)))
            first += len(burst)
            for _ in range(pause):
                await asyncio.sleep(0)
        async with asyncio.timeout(5):
            await work.until(len(waits))
        assert sorted(work.done) == list(range(len(waits)))
        assert work.most <= workers

    asyncio.run(main())


def test_what_is_given_back_comes_next() -> None:
    async def main() -> None:
        done: list[list[int]] = []

        async def work() -> None:
            while taken := pool.take(4):
                pool.give_back(taken[2:])
                done.append(taken[:2])
                await asyncio.sleep(0)

        pool: WorkerPool[int] = WorkerPool(work, workers=1)
        pool.extend(range(7))
        await until(lambda: sum(map(len, done)) == 7)
        assert done == [[0, 1], [2, 3], [4, 5], [6]]

    asyncio.run(main())


def test_for_what_is_given_back_by_one_that_waits_there_is_another_worker() -> None:
    async def main() -> None:
        gate = asyncio.Event()
        begun: list[int] = []

        async def work() -> None:
            while taken := pool.take(8):
                pool.give_back(taken[1:])
                begun.append(taken[0])
                await gate.wait()

        pool: WorkerPool[int] = WorkerPool(work, workers=3)
        pool.extend(range(5))
        await until(lambda: len(begun) == 3)
        gate.set()
        await until(lambda: len(begun) == 5)
        assert begun == list(range(5))

    asyncio.run(main())
