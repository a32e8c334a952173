"""Lines of a stream, whatever the chunks it comes in."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from headgate.cli.lines import Line, Lines

BYTES = st.lists(st.sampled_from([b"a", b"{}", b" ", b"\n", b"\r\n", b"\xef\xbb\xbf", b"x" * 12])).map(
    b"".join
)


def cut(content: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(content) + 1) for place in places), len(content)]
    return [content[start:end] for start, end in itertools.pairwise(edges)]


def all_lines(chunks: list[bytes], size_max: int = 10) -> list[Line]:
    lines = Lines(size_max)
    return [line for chunk in chunks for line in lines.feed(chunk)] + lines.close()


@given(BYTES, st.lists(st.integers(0, 1000)))
def test_chunks_make_no_difference(content: bytes, places: list[int]) -> None:
    assert all_lines(cut(content, places)) == all_lines([content])


@given(BYTES)
def test_every_line_that_is_not_blank_is_found_with_its_number(content: bytes) -> None:
    expected: list[tuple[int, bytes | None]] = []
    for number, text in enumerate(content.split(b"\n"), 1):
        if len(text) > 10:
            expected.append((number, None))
            continue
        if number == 1:
            text = text.removeprefix(b"\xef\xbb\xbf")
        if text.strip():
            expected.append((number, text.strip()))

    assert [(line.number, line.text) for line in all_lines([content])] == expected


def test_a_line_at_the_limit_is_kept_and_one_above_is_not() -> None:
    assert all_lines([b"0123456789\n0123456789a\nb"]) == [
        Line(1, b"0123456789", 10, 11),
        Line(2, None, 11, 23),
        Line(3, b"b", 1, 24),
    ]


def test_a_long_line_is_not_kept_in_memory() -> None:
    lines = Lines(1000)

    for _ in range(1000):
        assert lines.feed(b"x" * 1000) == []

    assert lines._parts == []
    assert lines.feed(b"\n") == [Line(1, None, 1_000_000, 1_000_001)]
