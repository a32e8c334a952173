"""Runs snippets of JavaScript in an Executor whose network is a list of canned answers, and keeps what was asked."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from headgate_runtime import Answer, Executor, Limits
from tests.guest.evaluate import image

if TYPE_CHECKING:
    from headgate_runtime import Image, Outcome, Request


class Asked(NamedTuple):
    """A request as the host saw it."""

    message: dict[str, Any]
    body: bytes | None

    @property
    def headers(self) -> dict[str, str]:
        return dict(self.message["headers"])


class Reply(NamedTuple):
    """What the host answers; *failure* instead of a response, and *hangs* for no answer at all."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    url: str = "http://redirected.example/"
    redirected: bool = False
    status_text: str = ""
    failure: dict[str, Any] | None = None
    body_error: dict[str, Any] | None = None
    hangs: bool = False

    def answer(self, operation: int) -> Answer:
        if self.failure is not None:
            return Answer(operation, 1, json.dumps(self.failure).encode())
        said: dict[str, Any] = {
            "status": self.status,
            "statusText": self.status_text,
            "headers": self.headers,
        }
        said |= {"url": self.url, "redirected": self.redirected}
        if self.body_error is not None:
            said["bodyError"] = self.body_error
        return Answer(operation, 0, json.dumps(said).encode(), self.body)


class Conversation(NamedTuple):
    outcome: Outcome
    value: Any
    asked: list[Asked]


def converse(
    code: str, *replies: Reply, isolation: Any = "warm", function: Image | None = None, **limits: int
) -> Conversation:
    """
    The value of *code*, the body of an async function, whose requests get *replies* in their order. With *function*,
    of the event's member `value` as that function leaves it.
    """
    asked: list[Asked] = []
    left = list(replies)

    async def service(request: Request) -> Answer:
        message = json.loads(request.payload)
        asked.append(Asked(message, request.body))
        if message.get("op") == "abort":
            return Answer(request.operation, 0, b"{}")
        reply = left.pop(0)
        if reply.hangs:
            await asyncio.Event().wait()
        return reply.answer(request.operation)

    async def run() -> Outcome:
        async with Executor(fetch=service) as executor:
            event = {"type": "track", "code": code}
            return await executor.invoke(
                function or image(), event, isolation=isolation, limits=Limits(**limits)
            )

    outcome = asyncio.run(run())
    output = getattr(outcome, "output", None)
    value = json.loads(output).get("value") if output is not None else None
    return Conversation(outcome, value, asked)
