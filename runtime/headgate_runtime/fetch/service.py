"""Answers guests' fetch requests: redirects, time limits and aborts. A Carrier sends the single requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import orjson

from headgate_runtime.fetch import message, trace
from headgate_runtime.fetch.deadline import Deadline
from headgate_runtime.fetch.failure import Failure, SystemFailure, aborted, request_timeout
from headgate_runtime.fetch.redirects import is_left, next_request
from headgate_runtime.host import SystemClock
from headgate_runtime.sandbox import Answer

if TYPE_CHECKING:
    from collections.abc import Hashable

    from headgate_runtime.fetch.limits import FetchLimits
    from headgate_runtime.fetch.message import Incoming, Message, Options, Outgoing
    from headgate_runtime.host import Clock
    from headgate_runtime.sandbox import Request


class Carrier(Protocol):
    """Sends one request and returns its response. *owner* identifies the connection pool that may be used."""

    async def __call__(self, owner: Hashable, outgoing: Outgoing, options: Options) -> Incoming:
        """
        Raises Failure or SystemFailure when there is no response. A response for which `is_left` is true may
        come without its body.
        """


class FetchService:
    """
    The Service behind functions' `fetch` (SPEC 4.4). guest/prelude/fetch.js documents the requests and
    answers.

    Errors of a request are returned as answers, never raised. Cancelling a call closes its connection. Time
    limits run on *clock*, by default the machine's.
    """

    def __init__(self, carrier: Carrier, limits: FetchLimits, clock: Clock | None = None) -> None:
        self._carrier = carrier
        self._limits = limits
        self._clock: Clock = clock or SystemClock()
        self._scopes: dict[tuple[int, int], _Scope] = {}

    @property
    def running(self) -> int:
        """Number of fetches in progress."""
        return len(self._scopes)

    async def __call__(self, request: Request) -> Answer:
        try:
            asked = message.read(request.payload, request.body, self._limits.request_header_bytes)
        except Failure as failure:
            return _failed(request, failure)
        if isinstance(asked, message.Abort):
            scope = self._scopes.get((id(request.invocation), asked.operation))
            if scope is not None:
                scope.abort()
            return Answer(request.operation, 0, b"{}")
        if len(request.body or b"") > self._limits.request_bytes:
            reason = SystemFailure("EMSGSIZE", f"the body has more than {self._limits.request_bytes} bytes")
            return _failed(request, reason.of_request(asked.outgoing.target.href))
        key = (id(request.invocation), request.operation)
        owner = None if request.invocation is None else request.invocation.function
        scope = self._scopes[key] = _Scope(self._clock, self._limits.time_ms)
        try:
            async with scope.deadline:
                return await self._perform(request, owner, asked)
        except TimeoutError:
            return _failed(
                request, aborted() if scope.is_aborted else request_timeout(asked.outgoing.target.href)
            )
        except Failure as failure:
            return _failed(request, failure)
        finally:
            del self._scopes[key]

    async def _perform(self, request: Request, owner: Hashable, asked: Message) -> Answer:
        outgoing, options = asked
        hops = 0
        while True:
            incoming = await self._carry(owner, outgoing, options)
            if not is_left(incoming, options):
                return _answered(request, outgoing, incoming, hops)
            outgoing = next_request(outgoing, incoming, options, hops)
            hops += 1

    async def _carry(self, owner: Hashable, outgoing: Outgoing, options: Options) -> Incoming:
        kept = trace.current()
        started = self._clock.monotonic_ms()
        incoming: Incoming | None = None
        error: str | None = "the request was broken off"
        try:
            incoming = await self._carrier(owner, outgoing, options)
            error = None if incoming.failure is None else incoming.failure.message
        except SystemFailure as failure:
            known = failure.of_request(outgoing.target.href)
            error = known.message
            raise known from None
        except Failure as failure:
            error = failure.message
            raise
        finally:
            if kept is not None:
                kept.add(outgoing, incoming, self._clock.monotonic_ms() - started, error)
        return incoming


class _Scope:
    """The time limit of one fetch, which an abort ends at once."""

    __slots__ = ("deadline", "is_aborted")

    def __init__(self, clock: Clock, time_ms: float) -> None:
        self.deadline = Deadline(clock, time_ms)
        self.is_aborted = False

    def abort(self) -> None:
        self.is_aborted = self.deadline.end() or self.is_aborted


def _answered(request: Request, outgoing: Outgoing, incoming: Incoming, hops: int) -> Answer:
    said: dict[str, Any] = {
        "status": incoming.status,
        "statusText": incoming.reason,
        "headers": incoming.headers,
        "url": outgoing.target.href,
        "redirected": hops > 0,
    }
    if incoming.failure is not None:
        said["bodyError"] = incoming.failure.payload()
    return Answer(request.operation, 0, orjson.dumps(said), incoming.body)


def _failed(request: Request, failure: Failure) -> Answer:
    return Answer(request.operation, 1, orjson.dumps(failure.payload()))
