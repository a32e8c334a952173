"""
Functions that use a library, compiled and run as users' functions are. Their requests really leave: to a double on
loopback which stands for whichever server they are for, and answers from a list.
"""

from __future__ import annotations

import asyncio
import json
import urllib.parse
from typing import Any

from headgate_runtime import Answer, Executor, Forward, Image, Outcome, Request
from headgate_runtime.compiler import compile as compile_function
from headgate_runtime.fetch import FetchService
from tests.guest.network import Asked, Conversation, Reply
from tests.runtime.fetch.asking import TEST_S, local
from tests.runtime.fetch.server import Connection, Got, Server, serving


def use(code: str, *replies: Reply) -> Conversation:
    """What comes of *code*, the body of an async function; its requests get *replies* in their order."""
    source = (
        f"async function onTrack(event) {{ event.value = await (async () => {{ {code} }})(); return event }}"
    )
    image = compile_function(source)
    assert isinstance(image, Image), image
    conversation = asyncio.run(_converse(image, list(replies)))
    assert isinstance(conversation.outcome, Forward), conversation.outcome
    assert len(conversation.asked) == len(replies), conversation.asked
    return conversation


def value(code: str) -> Any:
    """What *code* returns, without a network."""
    return use(code).value


def reply(body: Any = None, status: int = 200, content_type: str = "application/json") -> Reply:
    """An answer with *body*: bytes and text as they are, anything else as JSON."""
    content = json.dumps(body).encode() if not isinstance(body, str | bytes) else body
    content = content.encode() if isinstance(content, str) else content
    return Reply(status, (("content-type", content_type), ("content-length", str(len(content)))), content)


async def _converse(image: Image, replies: list[Reply]) -> Conversation:
    left = list(replies)

    async def answer(got: Got, _: Connection) -> bytes:
        given = left.pop(0)
        headers = "".join(f"{name}: {text}\r\n" for name, text in given.headers)
        return f"HTTP/1.1 {given.status} Status\r\n{headers}\r\n".encode("latin-1") + (
            b"" if got.method == "HEAD" else given.body
        )

    async with asyncio.timeout(TEST_S), serving(answer) as server, local() as fetch:
        detour = _Detour(fetch, server)
        async with Executor(fetch=detour) as executor:
            outcome: Outcome = await executor.invoke(image, {"type": "track"})
    assert [got.body for got in server.requests] == [asked.body or b"" for asked in detour.asked]
    for asked, got in zip(detour.asked, server.requests, strict=True):
        assert got.method == asked.message["method"]
        assert got.path == _path(asked.message["url"])
        sent = {(name.lower(), text) for name, text in asked.message["headers"]}
        assert {pair for pair in sent if pair[0] not in COUNTED} <= set(got.headers)
    output = json.loads(outcome.output).get("value") if outcome.output is not None else None
    return Conversation(outcome, output, detour.asked)


COUNTED = ("content-length", "transfer-encoding", "expect", "keep-alive")
"""Headers that the host decides, whatever a function says."""


class _Detour:
    """A Service that leads every request to *server*; its host, scheme and port are all that changes."""

    def __init__(self, fetch: FetchService, server: Server) -> None:
        self.asked: list[Asked] = []
        self._fetch = fetch
        self._server = server

    async def __call__(self, request: Request) -> Answer:
        message = json.loads(request.payload)
        if message.get("op") != "abort":
            self.asked.append(Asked(message, request.body))
            url = self._server.url(_path(message["url"]))
            request = request._replace(payload=json.dumps({**message, "url": url}).encode())
        return await self._fetch(request)


def _path(url: str) -> str:
    """As Node sends it: without a fragment, and without a question mark that nothing follows."""
    parts = urllib.parse.urlsplit(url)
    return urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
