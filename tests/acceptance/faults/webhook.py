"""A webhook receiver on loopback, in a thread of the test, which keeps every request and has replaceable answers."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, NamedTuple, Self

import orjson

from tests.acceptance.faults.waiting import Waiter


class Request(NamedTuple):
    """*key* is the Idempotency-Key; *event* the body."""

    key: str
    body: bytes
    event: dict[str, Any]

    @property
    def message_id(self) -> str:
        return str(self.event["messageId"])


Answer = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]
"""Answers a request. A connection that is left open is reused."""


def status(code: int, *headers: str) -> Answer:
    text = "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {code} Told", *headers, "content-length: 2"))

    async def answer(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(f"{text}\r\nok".encode())

    return answer


ok = status(200)


async def hang(_: Request, writer: asyncio.StreamWriter) -> None:
    """Never answers."""
    await writer.wait_closed()


async def reset(_: Request, writer: asyncio.StreamWriter) -> None:
    """Resets the connection instead of answering."""
    writer.transport.abort()


async def slowly(_: Request, writer: asyncio.StreamWriter) -> None:
    """Sends a byte of a header now and then, without end."""
    writer.write(b"HTTP/1.1 200 OK\r\nx-slow: ")
    while not writer.is_closing():
        writer.write(b".")
        await writer.drain()
        await asyncio.sleep(0.05)


async def too_short(_: Request, writer: asyncio.StreamWriter) -> None:
    """Sends less than its Content-Length."""
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nok")
    writer.close()


async def too_long(_: Request, writer: asyncio.StreamWriter) -> None:
    """Sends more than its Content-Length, which looks like the answer to the next request."""
    writer.write(
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
    )


async def no_number(_: Request, writer: asyncio.StreamWriter) -> None:
    """Sends an impossible Content-Length."""
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\nok")


async def garbage(_: Request, writer: asyncio.StreamWriter) -> None:
    """Sends bytes that are not HTTP."""
    writer.write(b"\x00\xff" * 400)
    writer.close()


async def endless(_: Request, writer: asyncio.StreamWriter) -> None:
    """Sends 200 with a body that does not end."""
    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    with contextlib.suppress(ConnectionError):
        while not writer.is_closing():
            writer.write(b"1000\r\n" + bytes(4_096) + b"\r\n")
            await writer.drain()


async def endless_headers(_: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    with contextlib.suppress(ConnectionError):
        while not writer.is_closing():
            writer.write(b"x-more: " + b"a" * 4_000 + b"\r\n")
            await writer.drain()


class WebhookReceiver:
    """
    Listens within a `with` block.

    answer      answers all further requests
    requests    in the order of their arrival, added before they are answered
    """

    def __init__(self, waiter: Waiter, answer: Answer = ok) -> None:
        self.answer = answer
        self.requests: list[Request] = []
        self.port = 0
        self._waiter = waiter
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._listens = threading.Event()
        self._ended = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def message_ids(self) -> list[str]:
        return [request.message_id for request in list(self.requests)]

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._listens.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()
        self._loop.close()

    def answer_with_ok(self) -> set[str]:
        """Answers 200 from now on. Returns a set to which the message id of each request answered so is added."""
        answered: set[str] = set()

        async def note(request: Request, writer: asyncio.StreamWriter) -> None:
            answered.add(request.message_id)
            await ok(request, writer)

        self.answer = note
        return answered

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0, backlog=1_000)
        self.port = server.sockets[0].getsockname()[1]
        self._listens.set()
        await self._ended.wait()
        server.close()
        self._abort()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _abort(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while not writer.is_closing():
                request = await _read(reader)
                self.requests.append(request)
                self._waiter.notify()
                await self.answer(request, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()
            self._writers.discard(writer)


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    lines = (line.partition(": ") for line in head.split("\r\n")[1:])
    headers = {name.lower(): value for name, _, value in lines}
    body = await reader.readexactly(int(headers["content-length"]))
    return Request(headers["idempotency-key"], body, orjson.loads(body))
