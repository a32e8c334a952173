"""Delivers events by HTTP, with a request for each event or batch."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import quote

from headgate.delivery import answer as answers
from headgate.delivery.carrier import Batching
from headgate.delivery.connections import Connections
from headgate.delivery.pace import Rate, Window
from headgate.delivery.signature import key_of, signature_headers
from headgate_runtime.fetch import Failure, Incoming, Outgoing, Raw, SystemFailure, parse_target

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Sequence

    from headgate.delivery.carrier import Parcel, Receipt
    from headgate.delivery.wire import Answer, Wire
    from headgate.registry.kinds import Webhook as Settings
    from headgate_runtime import Clock
    from headgate_runtime.fetch import Egress, Resolver, Target

USER_AGENT: Final = "Headgate"

BODY_BYTES: Final = 5 << 20
"""Maximum bytes of the events in one batch."""

EXCERPT_CHARS: Final = 200
"""Characters of a response's body quoted in an error message."""

_PLAIN: Final = "!#$&'()*+,/:;<=>?@[]^_`{|}~"

REDIRECTS: Final = 3
"""
Maximum number of redirects followed: only 307 and 308, and only to the same origin, so that secrets stay
there.
"""

_DEFAULTS: Final = {
    "accept": "*/*",
    "accept-encoding": "identity",
    "connection": "keep-alive",
    "user-agent": USER_AGENT,
    "content-type": "application/json",
}


class _Sent(NamedTuple):
    """
    A request.

    head    request line and all headers, as sent
    own     the headers specific to this request, as sent
    """

    target: Target
    head: bytes
    own: bytes
    body: bytes


class Webhook:
    """
    A Carrier for one destination. It connects only to addresses that *egress* allows.

    For efficiency a request on an open connection costs a write and a future, with no task and no HTTP client
    library.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        egress: Egress,
        resolver: Resolver,
        context: ssl.SSLContext | None,
        clock: Clock,
        share: int = 1,
    ) -> None:
        """
        Creates the carrier.

        context    required for https
        share      number of processes that deliver to the destination; each gets an equal part of
                   `rate_per_s`
        """
        self._settings = settings
        self._egress = egress
        self._clock = clock
        self._target = parse_target(settings.url)
        self._key = key_of(settings.signing_secret) if settings.signing_secret else None
        self._rate = Rate(settings.rate_per_s and settings.rate_per_s / share, clock)
        self._window = Window(settings.concurrency)
        self._connections = Connections(self._target, egress, resolver, context, clock)
        own = {name.lower() for name in settings.headers}
        standing = [(name, value) for name, value in _DEFAULTS.items() if name not in own]
        self._standing = _lines([*standing, *settings.headers.items()])
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self.concurrency = settings.concurrency
        self.batching = Batching(settings.batch_max_count, BODY_BYTES, settings.batch_wait_ms)

    @property
    def is_at_rest(self) -> bool:
        return self._rate.is_at_rest and self._window.is_at_rest

    async def deliver(self, parcels: Sequence[Parcel]) -> Receipt:
        # What waits for its turn is under way: sent after `aclose`, its connection would stay open.
        self._under_way += 1
        self._idle.clear()
        try:
            await self._rate.take(len(parcels))
            await self._window.enter()
            try:
                receipt = await self._send(parcels)
            finally:
                self._window.leave()
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()
        if receipt.status == 429:
            self._window.shrink()
        elif receipt.verdict == "delivered":
            self._window.grow()
        return receipt

    async def aclose(self) -> None:
        await self._idle.wait()
        self._connections.close()

    async def _send(self, parcels: Sequence[Parcel]) -> Receipt:
        began = self._clock.monotonic_ms()
        sent: list[_Sent] = []
        answer: Answer | None = None
        try:
            answer = await self._exchange(self._request(parcels), began, sent)
        except SystemFailure as failure:
            receipt = answers.of_failure(failure)
        except TimeoutError:
            receipt = answers.of_silence(self._settings.timeout_ms)
        else:
            receipt = answers.of_status(
                answer.status,
                answer.header("retry-after"),
                "" if 200 <= answer.status < 300 else _excerpt(answer.body),
                self._clock.wall_ms(),
            )
        if receipt.verdict == "delivered" or not sent:
            return receipt
        incoming = answer and Incoming(answer.status, answer.reason, answer.headers, answer.body)
        took = self._clock.monotonic_ms() - began
        error = None if answer is not None else receipt.message
        return receipt._replace(request=Raw(self._outgoing(sent[-1]), incoming, took, error))

    def _request(self, parcels: Sequence[Parcel]) -> _Sent:
        batched = self._settings.batch_max_count > 1
        body = b"[%b]" % b",".join([parcel.body for parcel in parcels]) if batched else parcels[0].body
        identity = _identity(parcels)
        headers = {"idempotency-key": identity, "content-length": str(len(body))}
        if self._key is not None:
            timestamp_s = int(self._clock.wall_ms() // 1e3)
            headers |= signature_headers(self._key, identity, timestamp_s, body)
        return self._addressed(self._target, _lines(headers.items()), body)

    def _addressed(self, target: Target, own: bytes, body: bytes) -> _Sent:
        """A request to *target*. *own* are its specific headers, besides those that all requests have."""
        line = f"{self._settings.method} {target.path} HTTP/1.1\r\nhost: {target.authority}\r\n".encode()
        return _Sent(target, b"%b%b%b\r\n" % (line, self._standing, own), own, body)

    async def _exchange(self, request: _Sent, began: float, sent: list[_Sent]) -> Answer:
        """
        Sends *request*, follows redirects, and appends each request sent to *sent*. Raises SystemFailure, and
        TimeoutError when the timeout for the whole exchange has passed.
        """
        self._egress.check_target(self._target)
        for hop in range(REDIRECTS + 1):
            sent.append(request)
            answer = await self._ask(request, began)
            following = self._following(request.target, answer)
            if following is None or hop == REDIRECTS:
                break
            request = self._addressed(following, request.own, request.body)
        return answer

    async def _ask(self, request: _Sent, began: float) -> Answer:
        kept = self._connections.kept()
        if kept is not None:
            try:
                return await self._ask_on(kept, request, began)
            except SystemFailure:
                # The server probably closed the idle connection. Sending again is safe because of the
                # Idempotency-Key.
                if kept.heard:
                    raise
        return await self._ask_on(await self._connect(began), request, began)

    async def _ask_on(self, wire: Wire, request: _Sent, began: float) -> Answer:
        asked = wire.ask((request.head, request.body))
        try:
            await self._within_time(asked, began)
        except BaseException:
            wire.abort()
            raise
        answer = asked.result()
        self._connections.give(wire)
        return answer

    async def _connect(self, began: float) -> Wire:
        connecting = asyncio.ensure_future(self._connections.connect())
        try:
            await self._within_time(connecting, began)
        except BaseException:
            connecting.cancel()
            await asyncio.wait({connecting})
            if not connecting.cancelled() and connecting.exception() is None:
                connecting.result().abort()
            raise
        return connecting.result()

    async def _within_time(self, work: asyncio.Future[Any], began: float) -> None:
        """
        Waits for *work*. Raises TimeoutError when the timeout of the delivery, which started at *began*, has
        passed.
        """
        left_ms = self._settings.timeout_ms - (self._clock.monotonic_ms() - began)
        await self._clock.wait({work}, max(0.0, left_ms))  # type: ignore[arg-type]
        if not work.done():
            raise TimeoutError

    def _following(self, target: Target, answer: Answer) -> Target | None:
        """The target to which *answer* redirects the same request; None if it is not such a redirect."""
        location = answer.header("location") if answer.status in (307, 308) else None
        if location is None:
            return None
        try:
            following = parse_target(location, target.href)
        except Failure:
            return None
        return following if following.origin == self._target.origin else None

    def _outgoing(self, sent: _Sent) -> Outgoing:
        lines = sent.head.decode("latin-1").split("\r\n")[1:-2]
        headers = tuple((name, value) for name, _, value in (line.partition(": ") for line in lines))
        return Outgoing(self._settings.method, sent.target, headers, sent.body)


def _lines(headers: Iterable[tuple[str, str]]) -> bytes:
    return "".join([f"{name}: {value}\r\n" for name, value in headers]).encode("latin-1")


def _excerpt(body: bytes) -> str:
    """The beginning of *body* as printable text."""
    text = body[: EXCERPT_CHARS * 4].decode("utf-8", "replace")[:EXCERPT_CHARS]
    return "".join(char if char.isprintable() else " " for char in text).strip()


def _identity(parcels: Sequence[Parcel]) -> str:
    """
    The Idempotency-Key. That of a batch is the same whenever the same events come in the same order. Senders
    choose message ids, so characters that a header cannot contain are percent-encoded.
    """
    if len(parcels) == 1:
        return quote(parcels[0].key, safe=_PLAIN)
    return "batch-" + hashlib.sha256("\n".join([parcel.key for parcel in parcels]).encode()).hexdigest()
