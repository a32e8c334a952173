"""From lines to portions for one invocation."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path

import pytest

from headgate.cli.events import Feed, Portion, fault_of
from headgate.cli.pipes import Source


def portions(content: bytes, *, batch_max: int | None = None, bytes_max: int = 1000) -> list[Portion]:
    async def take_all() -> list[Portion]:
        with tempfile.TemporaryFile() as file:
            file.write(content)
            file.seek(0)
            feed = Feed(Source(file.fileno()), batch_max=batch_max, bytes_max=bytes_max)
            taken = []
            while (portion := await feed.take()) is not None:
                taken.append(portion)
            assert await feed.take() is None
            return taken

    return asyncio.run(take_all())


def texts(taken: list[Portion]) -> list[list[bytes | None]]:
    return [[line.text for line in portion.lines] for portion in taken]


def test_events_one_by_one() -> None:
    taken = portions(b'{"a":1}\n\n{"a":2}')

    assert texts(taken) == [[b'{"a":1}'], [b'{"a":2}']]
    assert [portion.sequence for portion in taken] == [0, 1]
    assert [portion.lines[0].number for portion in taken] == [1, 3]


def test_batches_are_filled_and_the_last_one_is_what_is_left() -> None:
    assert [len(portion.lines) for portion in portions(b"{}\n" * 7, batch_max=3)] == [3, 3, 1]


def test_a_batch_is_closed_before_it_is_too_large() -> None:
    """As a JSON array of n events of two bytes it has 3n + 1 bytes."""
    assert [len(portion.lines) for portion in portions(b"{}\n" * 5, batch_max=100, bytes_max=7)] == [2, 2, 1]


def test_a_malformed_line_does_not_spoil_its_batch() -> None:
    taken = portions(b'{"a":1}\n{"a":1},{"b":2}\n{"a":3}\n', batch_max=2)

    assert texts(taken) == [[b'{"a":1},{"b":2}'], [b'{"a":1}', b'{"a":3}']]
    assert taken[0].fault is not None
    assert taken[1].fault is None


def test_a_line_over_the_limit_names_the_limit() -> None:
    (portion,) = portions(b"x" * 1001)

    assert portion.fault == "1,001 bytes, more than --input-bytes 1000"


def test_what_is_left_of_a_file_is_known_and_of_a_pipe_not(tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.write_bytes(b"12345")
    with path.open("rb", buffering=0) as file:
        file.read(2)
        assert Source(file.fileno()).size == 3

    read, write = os.pipe()
    assert Source(read).size is None
    os.close(read)
    os.close(write)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (b'{"type":"track"}', None),
        (b'{"lone":"\\ud800"}', None),
        (b'{"type":', "not JSON: Expecting value at column 9"),
        (b'{"a":1} x', "not JSON: Extra data at column 9"),
        (b'{"a":NaN}', "not JSON: NaN is no JSON value"),
        (b"[]", "not an event: an event is a JSON object"),
        (b'{"a":"\xff"}', "not UTF-8 at byte 7"),
        (b'{"a":' + b"[" * 100_000, "nested too deeply"),
    ],
)
def test_faults_are_named(text: bytes, fault: str | None) -> None:
    assert fault_of(text) == fault
