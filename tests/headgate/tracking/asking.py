"""Asks a TrackingApi without a server, and keeps what it hands on."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

import orjson

from headgate.queue.model import Tally
from headgate.registry.snapshot import Source
from headgate.tracking import Arrival, TrackingApi, TrackingLimits
from headgate.tracking.asgi import Message

NOW_MS = 1_767_323_045_678
NOW = "2026-01-02T03:04:05.678Z"

KEY = "a-write-key"
DISABLED_KEY = "a-key-of-a-disabled-source"

SOURCE = Source("src-1", "site", "Site", "ws-1", enabled=True, write_keys=(KEY,))
DISABLED = Source("src-2", "old", "Old", "ws-1", enabled=False, write_keys=(DISABLED_KEY,))

ADDRESS = "192.0.2.7"
"""Where requests come from."""

Headers = Iterable[tuple[str, str]]


class FixedClock:
    """Stands still; whoever waits for something that has not come after some turns finds that the time has passed."""

    def __init__(self) -> None:
        self.ms = 0.0

    def wall_ms(self) -> float:
        return NOW_MS + self.ms

    def monotonic_ms(self) -> float:
        return self.ms

    async def wait(self, tasks: Collection[asyncio.Task[Any]], timeout_ms: float) -> set[asyncio.Task[Any]]:
        for _ in range(1_000):
            done = {task for task in tasks if task.done()}
            if done:
                return done
            await asyncio.sleep(0)
        self.ms += timeout_ms
        return set()


class Counted:
    """Entropy that counts."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, size: int) -> bytes:
        self.count += 1
        return self.count.to_bytes(size, "big")


class ListIntake:
    """Keeps everything; raises *trouble* instead, where there is one."""

    def __init__(self) -> None:
        self.sources = {key: source for source in (SOURCE, DISABLED) for key in source.write_keys}
        self.arrivals: list[Arrival] = []
        self.failed: list[Tally] = []
        self.trouble: list[Exception] = []

    async def source(self, write_key: str) -> Source | None:
        return self.sources.get(write_key)

    async def accept(self, source: Source, arrivals: Sequence[Arrival], failed: Sequence[Tally]) -> None:
        if self.trouble:
            raise self.trouble.pop(0)
        for arrival in arrivals:
            assert orjson.loads(arrival.body) == arrival.event
            assert arrival.event["projectId"] == source.id
        for tally in failed:
            assert (tally.source, tally.destination, tally.attempt) == (source.id, "", 0)
        self.arrivals += arrivals
        self.failed += failed

    @property
    def events(self) -> list[dict[str, Any]]:
        return [arrival.event for arrival in self.arrivals]

    @property
    def reasons(self) -> list[str]:
        return [tally.reason for tally in self.failed]


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        assert self.headers["content-type"] == "application/json"
        return orjson.loads(self.body)


def basic(user: str) -> tuple[str, str]:
    return ("Authorization", "Basic " + base64.b64encode(user.encode()).decode())


class Asker:
    """An API with a ListIntake. Requests carry KEY in a Basic header unless told otherwise."""

    def __init__(self, *, strict: bool = False, events_per_s: float | None = None, **limits: Any) -> None:
        self.intake = ListIntake()
        self.clock = FixedClock()
        self.api = TrackingApi(
            self.intake,
            clock=self.clock,
            entropy=Counted(),
            limits=TrackingLimits(**limits),
            strict_write_keys=strict,
            events_per_s=lambda _: events_per_s,
        )

    def __call__(
        self,
        path: str,
        body: object = b"",
        *,
        method: str = "POST",
        headers: Headers | None = None,
        query: str = "",
        pieces: Sequence[bytes] | None = None,
        end: str = "http.request",
    ) -> Reply | None:
        """*body* as JSON unless it is bytes, or what arrives in *pieces*. None when there was no answer."""
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        given = [basic(KEY + ":")] if headers is None else headers
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in given],
            "client": (ADDRESS, 50_000),
        }
        chunks = [content] if pieces is None else list(pieces)
        messages: list[Message] = [
            {"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks
        ]
        if end == "http.request":
            messages[-1]["more_body"] = False
        elif end == "http.disconnect":
            messages.append({"type": end})
        sent: list[Message] = []

        async def receive() -> Message:
            if not messages:
                await asyncio.get_running_loop().create_future()
            return messages.pop(0)

        async def send(message: Message) -> None:
            sent.append(message)

        asyncio.run(self.api(scope, receive, send))
        if not sent:
            return None
        start, rest = sent
        names = {name.decode(): value.decode() for name, value in start["headers"]}
        assert method == "HEAD" or int(names["content-length"]) == len(rest["body"])
        return Reply(start["status"], names, rest["body"])

    def ask(self, path: str, body: object = b"", **request: Any) -> Reply:
        """As a call, for what is answered."""
        reply = self(path, body, **request)
        assert reply is not None
        return reply
