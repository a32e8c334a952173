"""Events through a function: in order, all of them, and never too many at once."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.cli.entry_lock import EntryLock, ReleasingClock
from headgate.cli.events import Feed
from headgate.cli.flow import AHEAD_BYTES, Flow, Settled
from headgate_runtime import Executor, Image, compile  # noqa: A004 - the runtime's word


class Chunks:
    """A source that gives *chunks* one after the other, and counts what was taken."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self.taken = 0

    async def read(self) -> bytes:
        chunk = next(self._chunks, b"")
        self.taken += len(chunk)
        return chunk


class Kept:
    """A sink that keeps what is written; `gate` holds the writer back until it is set."""

    def __init__(self) -> None:
        self.content = b""
        self.gate = asyncio.Event()
        self.gate.set()

    async def write(self, content: bytes) -> None:
        await self.gate.wait()
        self.content += content


@functools.cache
def image_of(source: str) -> Image:
    compiled = compile(source)
    assert isinstance(compiled, Image)
    return compiled


def forwarded(settled: Settled) -> bytes:
    return b"".join(outcome.output + b"\n" for outcome in settled.outcomes if outcome.output is not None)


@asynccontextmanager
async def flowing(
    image: Image,
    source: Chunks,
    sink: Kept,
    report: Callable[[Settled], bytes] = forwarded,
    batch: int | None = None,
) -> AsyncIterator[Flow]:
    entry = EntryLock()
    feed = Feed(source, batch_max=batch, bytes_max=200_000)
    async with Executor(clock=ReleasingClock(entry)) as executor:
        yield Flow(
            *(executor, executor.function(image), feed, sink, report, lambda _: False),
            entry=entry,
            batch=batch is not None,
        )
        assert executor.live <= 16


LINES = st.lists(
    st.one_of(
        st.binary(max_size=20).map(lambda text: text.replace(b"\n", b"")),
        st.sampled_from(
            [b'{"type":"track"}', b'{"type":"page"}', b"{}", b"[]", b'{"type":"track","a":[1,{}]}', b"{"]
        ),
        st.integers(0, 5).map(lambda wait: b'{"type":"track","wait":%d}' % wait),
    ),
    max_size=30,
)

WAITING = """\
function onTrack(event) {
  return event.wait ? new Promise((done) => setTimeout(() => done(event), event.wait)) : event;
}
onBatch = (events) => Promise.all(events.map(onTrack));
"""


@settings(deadline=None, max_examples=60)
@given(LINES, st.sampled_from([None, 1, 3]))
def test_every_line_is_settled_once_and_in_order(lines: list[bytes], batch: int | None) -> None:
    seen: list[int] = []

    def report(settled: Settled) -> bytes:
        seen.append(settled.portion.sequence)
        assert bool(settled.fault) != bool(settled.outcomes)
        assert len(settled.outcomes) in (0, len(settled.portion.lines))
        numbers.extend(line.number for line in settled.portion.lines)
        return forwarded(settled)

    async def run() -> bytes:
        sink = Kept()
        content = b"\n".join(lines)
        async with flowing(image_of(WAITING), Chunks(iter([content])), sink, report, batch) as flow:
            await flow.run()
        return sink.content

    numbers: list[int] = []
    written = asyncio.run(run())

    assert seen == list(range(len(seen)))
    assert sorted(numbers) == [number for number, line in enumerate(lines, 1) if _is_not_blank(number, line)]
    if batch is None:
        assert numbers == sorted(numbers)
        wanted = [line for line in lines if line.startswith(b'{"type":"track"') and line.endswith(b"}")]
        assert written.splitlines() == wanted


def _is_not_blank(number: int, line: bytes) -> bool:
    return bool((line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line).strip())


async def _until_still(source: Chunks) -> None:
    """Returns when a thousand rounds of the loop have taken nothing more."""
    taken = -1
    while taken != source.taken:
        taken = source.taken
        for _ in range(1000):
            await asyncio.sleep(0)


EVENT = b'{"type":"track","text":"' + b"x" * 100_000 + b'"}\n'


def endless() -> Iterator[bytes]:
    while True:
        yield EVENT


def test_an_endless_stream_is_not_read_on_while_nobody_takes_the_results() -> None:
    async def run() -> int:
        source, sink = Chunks(endless()), Kept()
        sink.gate.clear()
        async with flowing(image_of("onTrack = (event) => event"), source, sink) as flow:
            task = asyncio.create_task(flow.run())
            await _until_still(source)
            taken = source.taken
            flow.stop()
            sink.gate.set()
            await task
        assert sink.content == EVENT * (len(sink.content) // len(EVENT))
        return taken

    assert AHEAD_BYTES / 2 < asyncio.run(run()) < AHEAD_BYTES * 2


def test_an_endless_stream_is_not_read_on_while_one_event_holds_up_the_rest() -> None:
    source = "onTrack = (event) => (event.first ? new Promise((done) => setTimeout(done, 4000)) : event)"

    async def run() -> int:
        chunks = Chunks(iter([b'{"type":"track","first":1}\n', *[EVENT] * 1000]))
        sink = Kept()
        async with flowing(image_of(source), chunks, sink) as flow:
            task = asyncio.create_task(flow.run())
            await _until_still(chunks)
            flow.stop()
            await task
        assert sink.content == b""
        return chunks.taken

    assert asyncio.run(run()) < AHEAD_BYTES * 2


def test_a_function_that_does_not_wait_sees_its_events_in_order() -> None:
    """And in one sandbox: what it remembers of earlier events is what it would remember of them anywhere."""
    count = 20_000
    source = "var n = 0; onTrack = (event) => ({ type: 'track', right: event.n === n++ })"

    async def run() -> bytes:
        chunks = Chunks(b'{"type":"track","n":%d}\n' % n for n in range(count))
        sink = Kept()
        async with flowing(image_of(source), chunks, sink) as flow:
            await flow.run()
        return sink.content

    assert asyncio.run(run()) == b'{"type":"track","right":true}\n' * count
