import asyncio
from collections.abc import Awaitable, Callable

from hypothesis import given
from hypothesis import strategies as st

from headgate.delivery.carrier import Batching
from headgate.pipeline.stage import Stage
from tests.runtime.fakes import Frozen, until


def collecting(batches: list[list[int]]) -> Callable[[list[int]], Awaitable[None]]:
    async def work(batch: list[int]) -> None:
        batches.append(batch)

    return work


async def rest() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def test_one_by_one_in_order() -> None:
    async def main() -> None:
        batches: list[list[int]] = []
        stage = Stage(collecting(batches), Frozen(), workers=3)
        for number in range(10):
            stage.extend([(number, 1)])
        await until(lambda: len(batches) == 10)
        assert batches == [[number] for number in range(10)]

    asyncio.run(main())


def test_no_more_than_so_many_at_once() -> None:
    async def main() -> None:
        going, most = 0, 0
        gate = asyncio.Event()

        async def work(_: list[int]) -> None:
            nonlocal going, most
            going += 1
            most = max(most, going)
            await gate.wait()
            going -= 1

        stage = Stage(work, Frozen(), workers=3)
        for number in range(10):
            stage.extend([(number, 1)])
        await until(lambda: going == 3)
        await rest()
        assert most == 3
        gate.set()
        await until(lambda: going == 0)

    asyncio.run(main())


def test_a_batch_goes_by_count_by_size_or_by_time() -> None:
    async def main() -> None:
        batches: list[list[int]] = []
        clock = Frozen()
        stage = Stage(collecting(batches), clock, workers=1, batching=Batching(3, 100, 1_000))
        for number in range(4):
            stage.extend([(number, 1)])
        await until(lambda: batches == [[0, 1, 2]])
        await rest()
        clock.advance(999)
        await rest()
        assert len(batches) == 1
        clock.advance(1)
        await until(lambda: batches[1:] == [[3]])
        stage.extend([(4, 60)])
        await rest()
        assert len(batches) == 2
        stage.extend([(5, 60)])
        await until(lambda: batches[2:] == [[4]])
        clock.advance(1_000)
        await until(lambda: batches[3:] == [[5]])

    asyncio.run(main())


def test_what_waits_can_be_taken_back_and_work_broken_off() -> None:
    async def main() -> None:
        began: list[list[int]] = []

        async def work(batch: list[int]) -> None:
            began.append(batch)
            await asyncio.Event().wait()

        stage = Stage(work, Frozen(), workers=1)
        for number in range(3):
            stage.extend([(number, 1)])
        await until(lambda: began == [[0]])
        assert stage.take_back() == [1, 2]
        stage.cancel()
        await rest()
        assert began == [[0]]

    asyncio.run(main())


def test_a_new_shape_holds_for_what_waits() -> None:
    async def main() -> None:
        batches: list[list[int]] = []
        stage = Stage(collecting(batches), Frozen(), workers=1, batching=Batching(10, 100, 1_000))
        stage.extend([(1, 1)])
        stage.extend([(2, 1)])
        await rest()
        assert not batches
        stage.reshape(1, Batching(2, 100, 1_000))
        await until(lambda: batches == [[1, 2]])

    asyncio.run(main())


def test_a_shorter_wait_holds_for_what_waits() -> None:
    async def main() -> None:
        batches: list[list[int]] = []
        clock = Frozen()
        stage = Stage(collecting(batches), clock, workers=1, batching=Batching(10, 100, 10_000))
        stage.extend([(1, 1)])
        await rest()
        stage.reshape(1, Batching(10, 100, 50))
        await rest()
        clock.advance(49)
        await rest()
        assert not batches
        clock.advance(1)
        await until(lambda: batches == [[1]])
        stage.extend([(2, 1)])
        await rest()
        clock.advance(50)
        await until(lambda: batches[1:] == [[2]])

    asyncio.run(main())


def test_more_workers_begin_at_once() -> None:
    async def main() -> None:
        began: list[int] = []

        async def work(batch: list[int]) -> None:
            began.extend(batch)
            await asyncio.Event().wait()

        stage = Stage(work, Frozen(), workers=1)
        stage.extend([(number, 1) for number in range(6)])
        await rest()
        stage.reshape(4, Batching())
        await until(lambda: began == [0, 1, 2, 3])

    asyncio.run(main())


def test_too_many_workers_end_with_their_batch() -> None:
    async def main() -> None:
        begun: list[asyncio.Future[None]] = []

        async def work(_: list[int]) -> None:
            begun.append(asyncio.get_running_loop().create_future())
            await begun[-1]

        stage = Stage(work, Frozen(), workers=4)
        stage.extend([(number, 1) for number in range(6)])
        await until(lambda: len(begun) == 4)
        stage.reshape(1, Batching())
        for number, expected in enumerate([4, 4, 4, 5, 6, 6]):
            begun[number].set_result(None)
            await rest()
            assert len(begun) == expected

    asyncio.run(main())


@given(
    st.lists(st.integers(1, 60), max_size=40),
    st.integers(1, 7),
    st.integers(1, 100),
    st.integers(1, 4),
)
def test_everything_goes_once_in_order_within_the_bounds(
    sizes: list[int], events: int, size: int, workers: int
) -> None:
    async def main() -> None:
        batches: list[list[int]] = []
        clock = Frozen()
        stage = Stage(collecting(batches), clock, workers=workers, batching=Batching(events, size, 50))
        for number, own in enumerate(sizes):
            stage.extend([(number, own)])
        while sum(map(len, batches)) < len(sizes):
            await rest()
            clock.advance(50)
        assert [number for batch in batches for number in batch] == list(range(len(sizes)))
        for batch in batches:
            assert len(batch) <= events
            assert len(batch) == 1 or sum(sizes[number] for number in batch) <= size

    asyncio.run(main())
