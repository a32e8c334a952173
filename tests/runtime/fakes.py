"""A clock that moves when told, and a host that answers when told."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Collection
from typing import Any

import orjson

from headgate_runtime import Answer, Outcome, Request
from tests.stage import value

START_MS = 1_700_000_000_000.0


class FakeClock:
    """
    Time as an event loop with nothing to do passes it: a wait for a timer takes none, and the clock is later by it.

    tick_ms    how much later it is each time somebody looks
    waits      every wait there was, in milliseconds
    """

    def __init__(self, tick_ms: float = 0.0) -> None:
        self.now_ms = 0.0
        self.tick_ms = tick_ms
        self.waits: list[float] = []

    def wall_ms(self) -> float:
        return START_MS + self.now_ms

    def monotonic_ms(self) -> float:
        self.now_ms += self.tick_ms
        return self.now_ms

    async def wait(
        self, tasks: Collection[asyncio.Task[Answer]], timeout_ms: float
    ) -> set[asyncio.Task[Answer]]:
        self.waits.append(timeout_ms)
        for _ in range(20):  # services that answer at once do so before any time passes
            await asyncio.sleep(0)
            if done := {task for task in tasks if task.done()}:
                return done
        self.now_ms += timeout_ms
        return set()


class Frozen(FakeClock):
    """Time stands still while somebody waits; only `advance` lets it pass."""

    def __init__(self) -> None:
        super().__init__()
        self._moved = asyncio.Event()

    async def wait(
        self, tasks: Collection[asyncio.Task[Answer]], timeout_ms: float
    ) -> set[asyncio.Task[Answer]]:
        self.waits.append(timeout_ms)
        until = self.now_ms + timeout_ms
        while True:
            moved = asyncio.ensure_future(self._moved.wait())
            try:
                await asyncio.wait([*tasks, moved], return_when=asyncio.FIRST_COMPLETED)
            finally:
                moved.cancel()
            if done := {task for task in tasks if task.done()}:
                return done
            if self.now_ms >= until:
                return set()

    def advance(self, ms: float) -> None:
        self.now_ms += ms
        self._moved.set()
        self._moved = asyncio.Event()


class Host:
    """
    A fetch Service. *answer* gives the body for a URL, at once; without it, requests wait in `pending` for `reply`.

    seen    the URLs asked for, in order
    """

    def __init__(self, answer: Callable[[str], bytes] | None = None) -> None:
        self._answer = answer
        self.seen: list[str] = []
        self.bodies: list[bytes | None] = []
        self.pending: dict[str, asyncio.Future[Answer]] = {}
        self.cancelled: list[str] = []
        self._operations: dict[str, int] = {}

    async def __call__(self, request: Request) -> Answer:
        asked = orjson.loads(request.payload)
        if asked.get("op") == "abort":
            return Answer(request.operation, 0, b"{}")
        url: str = asked["url"]
        self.seen.append(url)
        self.bodies.append(request.body)
        self._operations[url] = request.operation
        if self._answer is not None:
            return ok(request.operation, url, self._answer(url))
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.pending[url] = future
        try:
            return await future
        except asyncio.CancelledError:
            self.cancelled.append(url)
            raise
        finally:
            del self.pending[url]

    def reply(self, url: str, body: bytes) -> None:
        self.pending[url].set_result(ok(self._operations[url], url, body))

    def fail(self, url: str, message: str) -> None:
        failure = {"name": "FetchError", "type": "system", "code": "ECONNREFUSED", "message": message}
        self.pending[url].set_result(Answer(self._operations[url], 1, orjson.dumps(failure)))


def ok(operation: int, url: str, body: bytes) -> Answer:
    """A plain response with status 200."""
    payload = {"status": 200, "statusText": "OK", "headers": [], "url": url, "redirected": False}
    return Answer(operation, 0, orjson.dumps(payload), body)


class CountingEntropy:
    """Seeds that are all different and always the same."""

    def __init__(self) -> None:
        self.given = 0

    def __call__(self, size: int) -> bytes:
        self.given += 1
        return hashlib.shake_256(self.given.to_bytes(8, "big")).digest(size)


async def until(done: Callable[[], bool]) -> None:
    """Lets the loop go round until *done*; what is waited for has no event of its own."""
    while not done():  # noqa: ASYNC110 - waits for turns of the event loop
        await asyncio.sleep(0)


def on_track(body: str) -> str:
    return f"async function onTrack(event, settings) {{ const set = (result) => {{ event.properties = {{ result }} }}; {body}; return event }}"


def result(outcome: Outcome) -> Any:
    return value(outcome)["properties"]["result"]
