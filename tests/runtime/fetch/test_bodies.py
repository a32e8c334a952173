"""Bodies of responses: decoded, whole, and never more of them than there is room for."""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import brotli
import pytest

from headgate_runtime.fetch.decode import Brotli, Decoder, Deflate, Gzip
from headgate_runtime.fetch.failure import SystemFailure
from tests.runtime.fetch.asking import ask, in_loop, local
from tests.runtime.fetch.server import Connection, Got, response, serving

TEXT = b"the quick brown fox " * 500


def raw_deflate(data: bytes) -> bytes:
    deflate = zlib.compressobj(wbits=-15)
    return deflate.compress(data) + deflate.flush()


def coded(coding: str, data: bytes) -> bytes:
    return response(data, headers=(("Content-Encoding", coding),))


@pytest.mark.parametrize(
    ("coding", "sent", "compress", "expected"),
    [
        ("gzip", gzip.compress(TEXT, mtime=0), True, TEXT),
        ("x-gzip", gzip.compress(TEXT, mtime=0), True, TEXT),
        ("gzip", gzip.compress(TEXT, mtime=0), False, gzip.compress(TEXT, mtime=0)),
        ("gzip", gzip.compress(TEXT, mtime=0) + gzip.compress(b"more", mtime=0), True, TEXT + b"more"),
        ("gzip", gzip.compress(TEXT, mtime=0) + b"garbage", True, TEXT),
        ("gzip", b"", True, b""),
        ("deflate", zlib.compress(TEXT), True, TEXT),
        ("x-deflate", zlib.compress(TEXT), True, TEXT),
        ("deflate", raw_deflate(TEXT), True, TEXT),
        ("br", brotli.compress(TEXT), True, TEXT),
        ("br", b"", True, b""),
        ("identity", TEXT, True, TEXT),
        ("zstd", TEXT, True, TEXT),
        ("gzip, br", TEXT, True, TEXT),
    ],
)
def test_codings(coding: str, sent: bytes, compress: bool, expected: bytes) -> None:
    async def check() -> None:
        async with serving(coded(coding, sent)) as server, local() as fetch:
            told = await ask(fetch, server.url(), compress=compress)
            assert told.body == expected
            assert "bodyError" not in told.said
            assert told.header("content-encoding") == coding

    in_loop(check)()


@pytest.mark.parametrize(
    ("coding", "sent", "code", "reason"),
    [
        ("gzip", b"\x1f\x8b no gzip at all", "Z_DATA_ERROR", "unknown compression method"),
        ("gzip", b"plain text", "Z_DATA_ERROR", "incorrect header check"),
        ("deflate", b"\x78\x9c\xff\xff", "Z_DATA_ERROR", "invalid block type"),
        ("br", b"\xff\xff plain text", "ERR_BROTLI_DECODER", "Decompression failed"),
    ],
)
def test_bytes_that_are_not_of_their_coding(coding: str, sent: bytes, code: str, reason: str) -> None:
    async def check() -> None:
        async with serving(coded(coding, sent)) as server, local() as fetch:
            told = await ask(fetch, server.url())
            message = f"Invalid response body while trying to fetch {server.url()}: {reason}"
            assert told.failure == ("FetchError", "system", code, message)
            assert told.http_status == 200

    in_loop(check)()


@pytest.mark.parametrize(
    ("decoder", "data"),
    [
        (Gzip, gzip.compress(TEXT, mtime=0) + gzip.compress(TEXT, mtime=0)),
        (Deflate, zlib.compress(TEXT)),
        (Brotli, brotli.compress(TEXT)),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_pieces_of_any_size(decoder: type[Decoder], data: bytes, size: int) -> None:
    decode = decoder()
    parts = [decode(data[at : at + size], 1 << 20) for at in range(0, len(data), size)]
    assert b"".join(parts) in (TEXT, TEXT + TEXT)


@pytest.mark.parametrize(
    ("decoder", "make"),
    [
        pytest.param(Gzip, lambda: gzip.compress(bytes(32 << 20)), id="gzip"),
        pytest.param(Gzip, lambda: gzip.compress(bytes(1 << 20)) * 20, id="members"),
        pytest.param(Deflate, lambda: zlib.compress(bytes(32 << 20)), id="deflate"),
        pytest.param(Brotli, lambda: brotli.compress(bytes(32 << 20), quality=5), id="brotli"),
    ],
)
def test_a_bomb_gives_no_more_than_there_is_room(decoder: type[Decoder], make: Callable[[], bytes]) -> None:
    decode, data = decoder(), make()
    tracemalloc.start()
    try:
        assert len(decode(data, 100_000)) == 100_000
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("coding", ["gzip", "br"])
def test_bombs_over_the_network(coding: str) -> None:
    bomb = gzip.compress(bytes(40 << 20)) if coding == "gzip" else brotli.compress(bytes(40 << 20), quality=5)

    async def check() -> None:
        async with serving(coded(coding, bomb)) as server, local(response_bytes=1 << 20) as fetch:
            told = await ask(fetch, server.url())
            assert told.failure == (
                "FetchError",
                "max-size",
                None,
                f"content size at {server.url()} over limit: 1048576",
            )
            assert len(told.body) == (1 << 20) + 1
            await server.all_closed()
            assert fetch.network.bytes_held == 0

    in_loop(check)()


def test_a_truncated_gzip_is_taken_as_it_is() -> None:
    """As node-fetch does, on purpose: servers do that."""
    decode = Gzip()
    assert TEXT.startswith(decode(gzip.compress(TEXT, mtime=0)[:-10], 1 << 20))
    with pytest.raises(SystemFailure):
        Gzip()(b"not gzip", 100)


async def endless(_: Got, connection: Connection) -> None:
    await connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        await connection.send(b"10000\r\n" + bytes(0x10000) + b"\r\n")


@pytest.mark.parametrize(("size", "limit"), [(0, 300_000), (1000, 1000), (10**9, 300_000)])
def test_an_endless_body(size: int, limit: int) -> None:
    async def check() -> None:
        async with serving(endless) as server, local(response_bytes=300_000) as fetch:
            told = await ask(fetch, server.url(), size=size)
            message = f"content size at {server.url()} over limit: {limit}"
            assert told.failure == ("FetchError", "max-size", None, message)
            assert len(told.body) == limit + 1
            await server.all_closed()

    in_loop(check)()


@in_loop
async def test_an_endless_body_that_decodes_to_nothing() -> None:
    empty = gzip.compress(b"") * 1000

    async def handle(_: Got, connection: Connection) -> None:
        await connection.send(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n")
        while True:
            await connection.send(empty)

    async with serving(handle) as server, local(response_bytes=10_000) as fetch:
        assert (await ask(fetch, server.url())).failure[1] == "max-size"


@in_loop
async def test_exactly_the_limit_is_no_failure() -> None:
    async with serving(response(bytes(5000))) as server, local(response_bytes=5000) as fetch:
        told = await ask(fetch, server.url())
        assert (len(told.body), "bodyError" in told.said) == (5000, False)
        told = await ask(fetch, server.url(), size=5000)
        assert (len(told.body), "bodyError" in told.said) == (5000, False)
        assert (await ask(fetch, server.url(), size=4999)).failure[1] == "max-size"


@pytest.mark.parametrize(
    "sent",
    [
        response(b"half", length=8),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nhalf",
    ],
)
@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_body_cut_short(sent: bytes, how: str) -> None:
    async def handle(_: Got, connection: Connection) -> None:
        await connection.send(sent)
        if how == "reset":
            # What was sent must have been read, or the reset overtakes it.
            for _turn in range(20):
                await asyncio.sleep(0)
            connection.reset()

    async def check() -> None:
        async with serving(handle) as server, local() as fetch:
            told = await ask(fetch, server.url())
            assert told.failure[:3] == ("FetchError", "system", "ECONNRESET"), told
            if not told.is_failure:
                reason = told.failure[3].rpartition(": ")[2]
                assert told.failure[3].startswith(
                    f"Invalid response body while trying to fetch {server.url()}: "
                )
                assert reason in {"aborted", "read ECONNRESET"}
                assert told.body == b"half"
            else:
                assert how == "reset"

    in_loop(check)()


@in_loop
async def test_more_than_the_length_promised() -> None:
    async with serving(response(b"wholeHTTP/1.1 200 OK\r\n\r\n", length=5)) as server, local() as fetch:
        told = await ask(fetch, server.url(), headers=[("Connection", "close")])
        assert (told.body, "bodyError" in told.said) == (b"whole", False)


@in_loop
async def test_until_the_connection_closes() -> None:
    async def handle(_: Got, connection: Connection) -> None:
        await connection.send(b"HTTP/1.0 200 OK\r\n\r\nall of it")

    async with serving(handle) as server, local() as fetch:
        assert (await ask(fetch, server.url())).body == b"all of it"


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_without_a_body(status: str) -> None:
    async def check() -> None:
        answer = f"HTTP/1.1 {status}\r\nContent-Encoding: gzip\r\n\r\n".encode()
        async with serving(answer) as server, local() as fetch:
            told = await ask(fetch, server.url())
            assert (told.body, "bodyError" in told.said) == (b"", False)

    in_loop(check)()


@in_loop
async def test_head_has_no_body_whatever_it_says() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nContent-Encoding: gzip\r\n\r\n"
    async with serving(answer) as server, local() as fetch:
        told = await ask(fetch, server.url(), method="HEAD")
        assert (told.body, told.header("content-length"), "bodyError" in told.said) == (b"", "100", False)


@in_loop
async def test_bodies_under_way_have_a_budget() -> None:
    async with serving(response(bytes(6000))) as server, local(function_bytes=10_000) as fetch:
        told = await asyncio.gather(*(ask(fetch, server.url()) for _ in range(5)))
        assert all(len(each.body) <= 6000 for each in told)
        big = await ask(fetch, server.url(), method="POST", body=bytes(10_001))
        assert big.failure[:3] == ("FetchError", "system", "ENOBUFS")
        big = await ask(fetch, server.url(), method="POST", body=bytes(5000))
        assert big.failure[2] == "ENOBUFS"
        assert fetch.network.bytes_held == 0


@in_loop
async def test_bodies_that_wait_for_a_connection_have_it_too() -> None:
    async def never(_: Got, __: Connection) -> bytes:
        await asyncio.Event().wait()
        raise AssertionError

    async with serving(never) as server, local(function_connections=1, function_bytes=10_000) as fetch:
        tasks = [
            asyncio.ensure_future(ask(fetch, server.url(), method="POST", body=bytes(4_000)))
            for _ in range(3)
        ]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        assert done == {tasks[2]}
        assert tasks[2].result().failure[2] == "ENOBUFS"
        assert fetch.network.bytes_held == 8_000
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert fetch.network.bytes_held == 0


@in_loop
async def test_a_request_that_is_too_large() -> None:
    async with serving(response()) as server, local(request_bytes=1000) as fetch:
        told = await ask(fetch, server.url(), method="POST", body=bytes(1001))
        assert told.failure[:3] == ("FetchError", "system", "EMSGSIZE")
        assert (await ask(fetch, server.url(), method="POST", body=bytes(1000))).http_status == 200
        assert [len(got.body) for got in server.requests] == [1000]
