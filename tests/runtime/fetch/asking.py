"""Asks a FetchService as a guest would."""

from __future__ import annotations

import asyncio
import functools
import inspect
import itertools
import json
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, ParamSpec

from headgate_runtime import Clock
from headgate_runtime.fetch import Egress, Fetcher, FetchLimits, FetchService
from headgate_runtime.sandbox import Request

P = ParamSpec("P")

NO_TRUST = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Made at once, where the roots of the Web take a while; no connection that trusts it comes about."""

TEST_S = 20
"""No test takes as long; one that hangs fails here, not at the suite's limit."""

_operations = itertools.count(1)


class Told(NamedTuple):
    """What a guest would be told."""

    status: int
    said: dict[str, Any]
    body: bytes

    @property
    def is_failure(self) -> bool:
        return self.status != 0

    @property
    def http_status(self) -> int:
        assert not self.is_failure, self.said
        status: int = self.said["status"]
        return status

    @property
    def failure(self) -> tuple[str, str | None, str | None, str]:
        """Name, type, code and message of what failed: the request, or its body."""
        failure = self.said if self.is_failure else self.said["bodyError"]
        return failure["name"], failure["type"], failure["code"], failure["message"]

    def header(self, name: str) -> str | None:
        return next((value for each, value in self.said["headers"] if each.lower() == name), None)


async def ask(
    fetch: FetchService,
    url: str,
    *,
    method: str = "GET",
    headers: list[tuple[str, str]] | None = None,
    body: bytes | None = None,
    invocation: Any = None,
    operation: int | None = None,
    **options: Any,
) -> Told:
    """*options* are redirect, follow, timeout, compress and size."""
    message: dict[str, Any] = {"method": method, "url": url, "headers": headers or []} | options
    number = next(_operations) if operation is None else operation
    request = Request(number, "fetch", json.dumps(message).encode(), body, invocation)
    answer = await fetch(request)
    assert answer.operation == request.operation
    return Told(answer.status, json.loads(answer.payload), answer.body or b"")


async def abort(fetch: FetchService, operation: int, invocation: Any = None) -> Told:
    payload = json.dumps({"op": "abort", "id": operation}).encode()
    answer = await fetch(Request(next(_operations), "fetch", payload, None, invocation))
    return Told(answer.status, json.loads(answer.payload), answer.body or b"")


def local(*, clock: Clock | None = None, keep_alive: bool = False, **limits: int) -> Fetcher:
    """A Fetcher that may reach loopback."""
    return Fetcher(
        Egress(allow=["127.0.0.0/8", "::1"]),
        limits=FetchLimits(**limits),
        ssl_context=NO_TRUST,
        keep_alive=keep_alive,
        clock=clock,
    )


def in_loop(test: Callable[P, Awaitable[None]]) -> Callable[P, None]:
    """Runs an async test."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(TEST_S):
                await test(*args, **kwargs)

        asyncio.run(bounded())

    run.__signature__ = inspect.signature(test)  # type: ignore[attr-defined]
    return run
