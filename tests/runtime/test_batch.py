"""Batches as the host sees them: texts that are not what they seem, and records of whole batches."""

from __future__ import annotations

import asyncio

import pytest

from headgate_runtime import EventError, Executor, Image, Outcome, Record, compile, replay  # noqa: A004


def image_of(source: str) -> Image:
    compiled = compile(source)
    assert isinstance(compiled, Image)
    return compiled


def invoke(image: Image, texts: list[bytes], *, record: bool = False) -> list[Outcome]:
    async def run() -> list[Outcome]:
        async with Executor() as executor:
            return await executor.invoke(image, texts, record=record)

    return asyncio.run(run())


@pytest.mark.parametrize(
    "texts",
    [
        [b'{"type":"track"},{"type":"page"}', b'{"type":"track"}'],
        [b'{"type":"track"', b'"x":1}'],
    ],
    ids=["two in one", "one in two"],
)
def test_each_text_of_a_batch_is_one_event(texts: list[bytes]) -> None:
    """Joined to an array they would read as another number of events, and outcomes would belong to the wrong ones."""
    image = image_of("onBatch = (events) => events")

    with pytest.raises(EventError, match="not JSON"):
        invoke(image, texts)


def test_a_recorded_batch_replays_to_the_byte() -> None:
    """An event that goes on unchanged keeps its spaces, its number's digits and its lone surrogate."""
    image = image_of("onBatch = () => [{ status: 200 }, null]")
    texts = [b'{"type": "track", "a": "\\ud800", "b": 1.50}', b'{"type":"track"}']

    outcomes = invoke(image, texts, record=True)
    assert outcomes[0].record is not None
    replayed = replay(Record.loads(outcomes[0].record.dumps()), image)

    assert isinstance(replayed, list)
    assert [each.output for each in replayed] == [each.output for each in outcomes] == [texts[0], None]
    assert [each.fuel for each in replayed] == [each.fuel for each in outcomes]
