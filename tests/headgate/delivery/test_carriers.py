import asyncio
from dataclasses import replace

from headgate.delivery.carriers import Carriers
from headgate.registry.snapshot import Destination
from tests.headgate.pipeline.harness import FakeCarrier, destination


def test_a_carrier_is_kept_while_its_settings_stay() -> None:
    async def main() -> None:
        made: list[FakeCarrier] = []

        def make(_: Destination) -> FakeCarrier:
            made.append(FakeCarrier())
            return made[-1]

        carriers = Carriers(make)
        first = destination(settings={"url": "a"})
        assert carriers.of(first) is carriers.of(replace(first, name="renamed", enabled=False))
        assert carriers.of(replace(first, settings={"url": "b"})) is made[1]
        carriers.of(destination("other"))
        await carriers.aclose()
        assert [each.closed for each in made] == [True] * 3

    asyncio.run(main())
