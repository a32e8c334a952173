"""Bodies as they come off the wire: in pieces, packed, too large, never ending (SPEC 8.3, 8.4)."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import tracemalloc
import zlib
from collections.abc import Sequence

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.tracking.inflate import BadGzip, Inflater, TooMuch
from tests.headgate.tracking.asking import KEY, Asker, Headers, basic

CALL = orjson.dumps({"userId": "u", "event": "e"})

PACKED = [basic(KEY), ("Content-Encoding", "gzip")]


def cut(content: bytes, places: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(content) + 1) for place in places), len(content)]
    return [content[start:end] for start, end in itertools.pairwise(edges)]


places = st.lists(st.integers(0, 1 << 16), max_size=8)


@settings(deadline=None)
@given(places)
def test_pieces(where: list[int]) -> None:
    asker = Asker()

    assert asker.ask("/v1/track", pieces=cut(CALL, where)).status == 200
    assert len(asker.intake.arrivals) == 1


@pytest.mark.parametrize("size", [0, 1, 1_000, 100_000])
def test_a_piece_too_many(asker: Asker, size: int) -> None:
    """At the limit exactly, whatever is said about the length, and one byte more."""
    for extra, status in ((0, 200), (1, 400)):
        content = CALL + b" " * (32_768 - len(CALL) + extra)
        pieces = [content[:size], content[size:]]
        lengths: list[Headers] = [
            [],
            [("Content-Length", str(len(content)))],
            [("Content-Length", "nonsense")],
        ]
        for length in lengths:
            assert asker.ask("/v1/track", pieces=pieces, headers=[basic(KEY), *length]).status == status


def test_a_declared_length_that_is_too_large(asker: Asker) -> None:
    """Known at once, and yet the sender is heard to its end: it would not see an answer while it writes."""
    headers = [basic(KEY), ("Content-Length", "600000")]
    reply = asker.ask("/v1/batch", pieces=[b"{", b"x" * 599_999], headers=headers)

    assert (reply.status, reply.json["code"]) == (400, "body_too_large")
    assert "connection" not in reply.headers


def test_a_sender_that_never_ends(asker: Asker) -> None:
    reply = asker.ask("/v1/batch", pieces=[b" " * 65_536] * 1_000, end="never")

    assert (reply.status, reply.json["code"]) == (400, "body_too_large")
    assert reply.headers["connection"] == "close"


def test_what_is_refused_is_not_kept(asker: Asker) -> None:
    piece = b" " * 65_536
    tracemalloc.start()
    try:
        asker.ask("/v1/batch", pieces=[piece] * 120)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2 << 20


def test_a_slow_sender(asker: Asker) -> None:
    reply = asker.ask("/v1/track", pieces=[CALL[:5]], end="never")

    assert (reply.status, reply.json["code"]) == (408, "request_timeout")
    assert reply.headers["connection"] == "close"
    assert asker.clock.ms == 60_000
    assert asker.intake.arrivals == []


@pytest.mark.parametrize("pieces", [[], [CALL[:5]], [CALL]])
def test_a_sender_that_goes(asker: Asker, pieces: list[bytes]) -> None:
    assert asker("/v1/track", pieces=pieces, end="http.disconnect") is None
    assert asker.intake.arrivals == []
    assert asker.api.turned_away == {"sender_gone": 1}


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP", " gzip "])
def test_gzip(asker: Asker, encoding: str) -> None:
    headers = [basic(KEY), ("Content-Encoding", encoding)]

    assert asker.ask("/v1/track", gzip.compress(CALL), headers=headers).status == 200
    assert len(asker.intake.arrivals) == 1


@pytest.mark.parametrize("encoding", ["", "identity"])
def test_no_encoding(asker: Asker, encoding: str) -> None:
    assert asker.ask("/v1/track", CALL, headers=[basic(KEY), ("Content-Encoding", encoding)]).status == 200


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip", "?"])
def test_other_encodings(asker: Asker, encoding: str) -> None:
    reply = asker.ask("/v1/track", CALL, headers=[basic(KEY), ("Content-Encoding", encoding)])

    assert (reply.status, reply.json["code"]) == (400, "malformed_encoding")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        CALL,
        zlib.compress(CALL),
        gzip.compress(CALL, mtime=0)[:-1],
        gzip.compress(CALL, mtime=0)[:10],
        gzip.compress(CALL, mtime=0)[:-8] + b"\0" * 8,
        gzip.compress(CALL, mtime=0) + b"x",
        gzip.compress(CALL, mtime=0) + b"\0x",
        gzip.compress(CALL, mtime=0) + b"\0" + gzip.compress(b"", mtime=0),
        gzip.compress(CALL, mtime=0) + gzip.compress(b" ", mtime=0)[:-1],
        b"\0" + gzip.compress(CALL, mtime=0),
    ],
)
def test_damaged_gzip(asker: Asker, content: bytes) -> None:
    for pieces in ([content], [content[:5], content[5:]], [bytes([byte]) for byte in content] or [b""]):
        reply = asker.ask("/v1/track", pieces=pieces, headers=PACKED)
        assert (reply.status, reply.json["code"]) == (400, "malformed_encoding")


def test_gzip_of_a_malformed_body(asker: Asker) -> None:
    assert asker.ask("/v1/track", gzip.compress(b"{"), headers=PACKED).json["code"] == "malformed_json"


@pytest.mark.parametrize(("path", "limit"), [("/v1/track", 32_768), ("/v1/batch", 512_000)])
def test_what_comes_out_is_what_is_limited(asker: Asker, path: str, limit: int) -> None:
    for extra, status in ((0, 200), (1, 400)):
        content = gzip.compress(CALL + b" " * (limit - len(CALL) + extra))
        for pieces in ([content], cut(content, [10, 20])):
            assert asker.ask(path, pieces=pieces, headers=PACKED).status == status


def test_a_body_that_does_not_compress(asker: Asker) -> None:
    content = gzip.compress(CALL + b" " * (512_000 - len(CALL)), compresslevel=0)
    assert len(content) > 512_000

    assert (
        asker.ask("/v1/batch", content, headers=[*PACKED, ("Content-Length", str(len(content)))]).status
        == 200
    )


def test_a_bomb(asker: Asker) -> None:
    bomb = gzip.compress(b" " * (64 << 20))
    assert len(bomb) < 70_000
    tracemalloc.start()
    try:
        reply = asker.ask("/v1/track", bomb, headers=PACKED)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (reply.status, reply.json["code"]) == (400, "body_too_large")
    assert peak < 1 << 20


def test_members(asker: Asker) -> None:
    for count, status in ((64, 200), (65, 400)):
        content = gzip.compress(b"") * (count - 1) + gzip.compress(CALL)
        assert asker.ask("/v1/track", content, headers=PACKED).status == status


def inflated(pieces: Sequence[bytes], size_max: int) -> bytes:
    inflater = Inflater(size_max, 64)
    for piece in pieces:
        inflater.feed(piece)
    return inflater.close()


@settings(deadline=None)
@given(
    st.lists(st.binary(max_size=2_000), min_size=1, max_size=4), st.integers(0, 9), st.integers(0, 40), places
)
def test_any_members_in_any_pieces(members: list[bytes], level: int, padding: int, where: list[int]) -> None:
    content = b"".join(gzip.compress(member, level) for member in members) + b"\0" * padding
    whole = b"".join(members)

    assert inflated(cut(content, where), len(whole)) == whole
    if whole:
        with pytest.raises(TooMuch):
            inflated(cut(content, where), len(whole) - 1)


@settings(deadline=None)
@given(st.binary(max_size=500), st.integers(0, 1 << 16), st.integers(1, 255), places)
def test_any_damage(content: bytes, place: int, flip: int, where: list[int]) -> None:
    """Either it is found, or it does not matter: much of a header does not, nor do bits that only fill a byte."""
    packed = bytearray(gzip.compress(content))
    packed[place % len(packed)] ^= flip
    with contextlib.suppress(BadGzip, TooMuch):
        assert inflated(cut(bytes(packed), where), len(content)) == content


@settings(deadline=None)
@given(st.binary(max_size=300), places)
def test_any_bytes(content: bytes, where: list[int]) -> None:
    with pytest.raises(BadGzip):
        inflated(cut(content, where), 1 << 20)
