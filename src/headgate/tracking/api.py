"""
The event API as one ASGI application: turns requests into events of a source and answers once they are
durable (SPEC 8).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from headgate.queue.protocol import QueueBroken, QueueFull
from headgate.tracking import document, reasons, responses, routes
from headgate.tracking.auth import body_key, header_key
from headgate.tracking.body import BodySlow, BodyTooLarge, BodyUndecodable, SenderGone, read_body
from headgate.tracking.limits import TrackingLimits
from headgate.tracking.normalise import envelope
from headgate.tracking.pixel import call_of
from headgate.tracking.rate import EventThrottle, Throttle
from headgate.tracking.sift import Sifted, failure, items_of, sift_batch, sift_single, type_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from headgate.registry.snapshot import Source
    from headgate.tracking.asgi import Receive, Scope, Send
    from headgate.tracking.intake import Intake
    from headgate.tracking.responses import Response
    from headgate_runtime import Clock, Entropy

BROKEN_RETRY_S = 10
"""The Retry-After of answers while the store cannot be written."""

SENDER_GONE = "sender_gone"
"""
The code in `TrackingApi.turned_away` of requests whose sender
disconnected before the body was complete.
"""


class TrackingApi:
    """
    Answers the paths for which `handles` is true and 404 for any other. The scope must hold the full path,
    which Starlette's `Mount` leaves in place.

    clock               for `receivedAt`, the throttles and the timeout of request bodies
    entropy             for generated message ids
    strict_write_keys   answer 401 to an unknown write key instead of 200 (SPEC D12)
    events_per_s        maps a workspace to its maximum rate; None is no limit
    event_throttle      enforces that rate; may be shared with other entry points

    Exceptions of the intake other than QueueFull and QueueBroken propagate: the server answers 500, and SDKs
    retry.
    """

    def __init__(
        self,
        intake: Intake,
        *,
        clock: Clock,
        entropy: Entropy,
        limits: TrackingLimits | None = None,
        strict_write_keys: bool = False,
        events_per_s: Callable[[str], float | None] | None = None,
        event_throttle: EventThrottle | None = None,
    ) -> None:
        self._intake = intake
        self._clock = clock
        self._entropy = entropy
        self._limits = limits or TrackingLimits()
        self._strict = strict_write_keys
        per_second = self._limits.requests_per_second
        self._events_per_s = events_per_s
        self._event_throttle = event_throttle or EventThrottle(clock)
        self._throttle = None if per_second is None else Throttle(per_second, clock)
        self.turned_away: Counter[str] = Counter()
        """
        Counts, by code, what the counters of the sources do not cover: refused requests (including pixels,
        which are answered with the image regardless), requests whose sender disconnected (SENDER_GONE), and
        events with an unknown write key (UNKNOWN_SOURCE).
        """

    @staticmethod
    def handles(path: str) -> bool:
        """Whether *path* (decoded, without the query) belongs to the event API."""
        return routes.handles(path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request; *scope* is of type "http"."""
        path: str = scope["path"]
        method: str = scope["method"]
        kind = routes.ROUTES.get(path)
        if kind is not None:
            if method == "POST":
                try:
                    response = await self._post(kind, scope, receive)
                except SenderGone:
                    self.turned_away[SENDER_GONE] += 1
                    return
            elif method == "OPTIONS":
                response = responses.EVENT_PREFLIGHT
            else:
                response = responses.EVENT_NOT_ALLOWED
        elif not path.startswith(routes.PIXEL):
            response = responses.NOT_FOUND
        elif method == "GET":
            # An unknown type becomes "", and its event is counted as a bad request.
            await self._pixel(routes.TYPES_BY_FORM.get(path[len(routes.PIXEL) :], ""), scope)
            response = responses.PIXEL
        elif method == "HEAD":
            response = responses.PIXEL
        elif method == "OPTIONS":
            response = responses.PIXEL_PREFLIGHT
        else:
            response = responses.PIXEL_NOT_ALLOWED
        await response.send(send, head=method == "HEAD")

    async def _post(self, kind: str, scope: Scope, receive: Receive) -> Response:
        headers = dict(scope["headers"])
        batch = kind == routes.BATCH
        size_max = self._limits.batch_bytes if batch else self._limits.event_bytes
        try:
            body = await read_body(receive, headers, size_max, self._limits, self._clock)
        except BodyTooLarge as error:
            return self._refuse(responses.TOO_LARGE_UNREAD if error.unread else responses.TOO_LARGE)
        except BodyUndecodable:
            return self._refuse(responses.UNDECODABLE)
        except BodySlow:
            return self._refuse(responses.SLOW)
        try:
            request = document.parse(body)
        except document.NotJson:
            request = None
        if not isinstance(request, dict):
            return self._refuse(responses.MALFORMED)
        taking = self._take(kind, request, len(body), scope, headers, browser=b"origin" in headers)
        # Freed before the wait for the disk, so that the next request can reuse memory that is still in the
        # CPU cache.
        del request, body
        return await taking

    async def _pixel(self, kind: str, scope: Scope) -> Response:
        """Takes the event of a pixel. The response is only counted: the sender always gets the image."""
        query: bytes = scope["query_string"]
        # Base64 turns 3 bytes into 4, and percent-encoding turns some of these into 3 each.
        if len(query) > 2 * self._limits.event_bytes:
            return self._refuse(responses.TOO_LARGE)
        try:
            call = call_of(query)
        except document.NotJson:
            return self._refuse(responses.MALFORMED)
        return await self._take(kind, call, len(query), scope, dict(scope["headers"]), browser=True)

    async def _take(
        self,
        kind: str,
        request: dict[str, Any],
        size: int,
        scope: Scope,
        headers: dict[bytes, bytes],
        *,
        browser: bool,
    ) -> Response:
        """*size*: bytes of the text that *request* was parsed from."""
        write_key = header_key(headers.get(b"authorization")) or body_key(request.get("writeKey"))
        if write_key is None:
            return self._refuse(responses.NO_WRITE_KEY)
        source = await self._intake.source(write_key)
        if source is None:
            self.turned_away[reasons.UNKNOWN_SOURCE] += len(_types(kind, request))
            return responses.UNKNOWN_WRITE_KEY if self._strict else responses.ACCEPTED
        seconds = 0 if self._throttle is None else self._throttle.take(source.workspace)
        if seconds:
            return self._refuse(responses.throttled(seconds))
        per_second = None if self._events_per_s is None else self._events_per_s(source.workspace)
        if per_second is not None:
            events = len(_types(kind, request))
            seconds = self._event_throttle.take(source.workspace, per_second, events)
            if seconds:
                return self._refuse(responses.throttled(seconds))
        sifted = await self._sift(kind, request, size, source, scope, browser=browser)
        accepting = self._intake.accept(source, sifted.arrivals, sifted.failed)
        del request, sifted
        try:
            await accepting
        except QueueFull as error:
            return self._refuse(responses.full(error.retry_after_s))
        except QueueBroken:
            return self._refuse(responses.broken(BROKEN_RETRY_S))
        return responses.ACCEPTED

    async def _sift(
        self, kind: str, request: dict[str, Any], size: int, source: Source, scope: Scope, *, browser: bool
    ) -> Sifted:
        if not source.enabled:
            types = _types(kind, request)
            return Sifted([], [failure(source.id, name, reasons.SOURCE_DISABLED) for name in types])
        if not kind:
            return Sifted([], [failure(source.id, "", reasons.BAD_REQUEST)])
        batch = kind == routes.BATCH
        client = scope.get("client")
        ip = client[0] if client else None
        now_ms = int(self._clock.wall_ms())
        around = envelope(request, source.id, now_ms, batch=batch, browser=browser, ip=ip)
        if batch:
            return await sift_batch(request, around, self._limits, self._entropy, size)
        return sift_single(request, kind, around, self._limits, self._entropy)

    def _refuse(self, response: Response) -> Response:
        self.turned_away[response.code] += 1
        return response


def _types(kind: str, request: dict[str, Any]) -> list[str]:
    """The event type of each event in *request*; "" where it is unknown."""
    return [type_of(item) for item in items_of(request) or []] if kind == routes.BATCH else [kind]
