"""Whoever can connect can send anything, however slowly: what is kept of a request that never becomes one is bounded."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import resource
from collections import Counter
from collections.abc import Iterator

import pytest

from headgate.service import bounded, logs, server
from headgate.service.bounded import FRAMING_BYTES, HEAD_BYTES
from headgate.service.connections import Connections
from tests.headgate.service.test_joining import answer, get, talk

PIECE = 64 << 10
KERNEL = 16 << 20
"""What buffers on the way may take."""


@pytest.fixture
def broken_off(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """What the servers of a test count."""
    counted: Counter[str] = Counter()

    class Counting(Connections):
        def __init__(self) -> None:
            super().__init__()
            self.broken_off = counted

    monkeypatch.setattr(server, "Connections", Counting)
    return counted


HEADS = {
    "one header": (b"GET / HTTP/1.1\r\nhost: h\r\na: ", b"x" * PIECE),
    "a name": (b"GET / HTTP/1.1\r\nhost: h\r\n", b"x" * PIECE),
    "a path": (b"GET /", b"x" * PIECE),
    "many headers": (b"GET / HTTP/1.1\r\nhost: h\r\n", b"a: b\r\n" * (PIECE // 6)),
    "empty lines": (b"", b"\r\n" * (PIECE // 2)),
    "trailers": (
        b"POST /5 HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n",
        b"a: b\r\n" * (PIECE // 6),
    ),
    "an extension of a chunk": (
        b"POST /5 HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n1;",
        b"x" * PIECE,
    ),
}


@pytest.mark.parametrize(("begin", "more"), HEADS.values(), ids=HEADS)
def test_it_is_cut_off(begin: bytes, more: bytes, broken_off: Counter[str]) -> None:
    async def flood(writer: asyncio.StreamWriter) -> None:
        writer.write(begin)
        for _ in range((FRAMING_BYTES + KERNEL) // len(more)):
            writer.write(more)
            await writer.drain()

    async def conversation(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with pytest.raises(ConnectionError):
            await flood(writer)

    talk(conversation)
    assert broken_off in ({"head_bytes": 1}, {"framing_bytes": 1})


def test_a_head_that_is_too_large_is_told_so() -> None:
    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        told = asyncio.ensure_future(reader.readexactly(12))
        writer.write(b"GET / HTTP/1.1\r\nhost: h\r\na: ")
        while not told.done():
            writer.write(b"x" * (HEAD_BYTES // 50))
            await asyncio.sleep(0)
        assert told.result() == b"HTTP/1.1 431"

    talk(conversation)


def test_what_is_large_and_complete_is_answered(broken_off: Counter[str]) -> None:
    """Bodies of any framing, requests one behind the other, and heads as large as browsers' ever are."""

    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        chunks = b"1\r\nx\r\n" * 20_000 + b"0\r\nt: u\r\n\r\n"
        pipelined = get("/2", "a: " + "b" * 30_000)
        for request in (
            get("/5", "transfer-encoding: chunked", method="POST") + chunks,
            get("/5", f"content-length: {3 << 20}", method="POST") + b"x" * (3 << 20),
            get("/5", *[f"h{number}: value" for number in range(1_000)]),
        ):
            writer.write(request)
            assert await answer(reader) == (200, b"x" * 5)
        writer.write(pipelined * 20)
        for _ in range(20):
            assert await answer(reader) == (200, b"xx")

    talk(conversation)
    assert not broken_off


@pytest.mark.parametrize(
    ("before", "begin"),
    [(0, b""), (0, b"\r\n"), (0, b"GET / HTTP/1.1\r\nhost:"), (1, b"GET / HTTP/1.1\r\nhost:")],
)
def test_a_head_has_its_time(
    monkeypatch: pytest.MonkeyPatch, before: int, begin: bytes, broken_off: Counter[str]
) -> None:
    """Also that of a second request; and who says nothing is cut off, too."""
    monkeypatch.setattr(server, "DATE_S", 0.01)

    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(before):
            writer.write(get("/5"))
            assert await answer(reader) == (200, b"x" * 5)
        writer.write(begin)
        monkeypatch.setattr(server, "HEAD_S", 0.0)
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""

    talk(conversation)
    assert broken_off == {"head_s": 1}


def test_a_process_has_so_many_connections(monkeypatch: pytest.MonkeyPatch, broken_off: Counter[str]) -> None:
    monkeypatch.setattr(bounded, "CONNECTIONS", 2)

    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
            writer.write(get("/5"))
            return (await answer(reader))[0]

        assert await served(reader, writer) == 200
        address = writer.get_extra_info("peername")
        second = await asyncio.open_connection(*address)
        assert await served(*second) == 200
        for _ in range(3):
            third = await asyncio.open_connection(*address)
            assert (await answer(third[0]))[0] == 503
            assert await third[0].read() == b""
            third[1].close()
        assert broken_off == {"connections": 3}
        assert await served(reader, writer) == await served(*second) == 200
        second[1].close()
        while True:  # until the server has noticed
            fourth = await asyncio.open_connection(*address)
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                if await served(*fourth) == 200:
                    break
            fourth[1].close()
        fourth[1].close()

    talk(conversation)


def test_half_of_the_descriptors_are_left_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = iter([(1_024, 4_096), (1 << 20, 1 << 20), (-1, -1)])
    monkeypatch.setattr(resource, "getrlimit", lambda _: next(limits))
    found = [bounded.connections_max() for _ in range(3)]
    assert found == [512, bounded.CONNECTIONS, bounded.CONNECTIONS]


@contextlib.contextmanager
def logging_of_a_server() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        logs.configure(as_json=True)
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        for name in ("uvicorn", "uvicorn.error", "httpx", "httpcore", "alembic"):
            logging.getLogger(name).setLevel(logging.NOTSET)


@pytest.mark.parametrize("sent", [b"garbage\r\n\r\n", get("/5", "connection: upgrade", "upgrade: websocket")])
def test_what_is_no_request_fills_no_log(sent: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(sent)
        assert (await reader.readline()).startswith(b"HTTP/1.1 ")

    with logging_of_a_server():
        talk(conversation)
    assert capsys.readouterr().err == ""
