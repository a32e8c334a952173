"""Delivery by an HTTP request for each event, or each batch of them."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import anyio
import httpx

from headgate.delivery import answer
from headgate.delivery.carrier import Batching
from headgate.delivery.pace import Rate, Window
from headgate.delivery.signature import key_of, signature_headers
from headgate.delivery.transport import CheckedTransport
from headgate_runtime.fetch import Incoming, Outgoing, Raw, SystemFailure, parse_target

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence

    from headgate.delivery.carrier import Parcel, Receipt
    from headgate.registry.kinds import Webhook as Settings
    from headgate_runtime import Clock
    from headgate_runtime.fetch import Egress, Resolver

USER_AGENT: Final = "Headgate"

BODY_BYTES: Final = 5 << 20
"""Events of one request, before the last is added."""

ANSWER_BYTES: Final = 64 << 10
"""Of an answer's body that are read; a connection with more to come is not used again."""

EXCERPT_CHARS: Final = 200
"""Of an answer's body that an error message quotes."""

KEPT_BYTES: Final = 10 << 10
"""Of an answer's body that a sample shows (SPEC 10)."""

_PLAIN: Final = "!#$&'()*+,/:;<=>?@[]^_`{|}~"

REDIRECTS: Final = 3
"""Followed at most: 307 and 308 within the same origin, so that no secret travels further."""


class Webhook:
    """A Carrier for one destination. What *egress* does not allow is never connected to."""

    def __init__(
        self,
        settings: Settings,
        *,
        egress: Egress,
        resolver: Resolver,
        context: ssl.SSLContext,
        clock: Clock,
        share: int = 1,
    ) -> None:
        """*share*: so many processes send to the destination, each its part of *rate_per_s*."""
        self._settings = settings
        self._egress = egress
        self._clock = clock
        self._target = parse_target(settings.url)
        self._key = key_of(settings.signing_secret) if settings.signing_secret else None
        self._rate = Rate(settings.rate_per_s and settings.rate_per_s / share, clock)
        self._window = Window(settings.concurrency)
        transport = CheckedTransport(egress, resolver, context, clock, settings.concurrency)
        self._client = httpx.AsyncClient(
            transport=transport,
            headers={
                "user-agent": USER_AGENT,
                "content-type": "application/json",
                "accept-encoding": "identity",
                **settings.headers,
            },
            trust_env=False,
            timeout=None,  # noqa: S113 - one for the whole delivery, on the clock
        )
        self._busy: set[asyncio.Task[tuple[Receipt, Incoming | None]]] = set()
        self.concurrency = settings.concurrency
        self.batching = Batching(settings.batch_max_count, BODY_BYTES, settings.batch_wait_ms)

    async def deliver(self, parcels: Sequence[Parcel]) -> Receipt:
        await self._rate.take(len(parcels))
        await self._window.enter()
        try:
            receipt = await self._within_time(parcels)
        finally:
            self._window.leave()
        if receipt.status == 429:
            self._window.shrink()
        elif receipt.verdict == "delivered":
            self._window.grow()
        return receipt

    async def aclose(self) -> None:
        while self._busy:
            await asyncio.wait(self._busy)
        await self._client.aclose()

    async def _within_time(self, parcels: Sequence[Parcel]) -> Receipt:
        sent: list[httpx.Request] = []
        began = self._clock.monotonic_ms()
        # By anyio's means of ending things: httpcore keeps it from the closing of a connection, which a task's own `cancel`
        # would break off half way, and the pool would be one connection smaller for good.
        limit = anyio.CancelScope()
        sending = asyncio.ensure_future(self._send_until(limit, parcels, sent))
        self._busy.add(sending)
        sending.add_done_callback(self._busy.discard)
        try:
            await self._clock.wait({sending}, self._settings.timeout_ms)  # type: ignore[arg-type]
        finally:
            if not sending.done():
                limit.cancel()
                await asyncio.wait({sending})
        receipt, incoming = sending.result()
        if receipt.verdict == "delivered" or not sent:
            return receipt
        took = self._clock.monotonic_ms() - began
        error = None if incoming is not None else receipt.message
        return receipt._replace(request=Raw(_outgoing(sent[-1], sent[0].content), incoming, took, error))

    async def _send_until(
        self, limit: anyio.CancelScope, parcels: Sequence[Parcel], sent: list[httpx.Request]
    ) -> tuple[Receipt, Incoming | None]:
        with limit:
            return await self._send(parcels, sent)
        return answer.of_silence(self._settings.timeout_ms), None

    async def _send(
        self, parcels: Sequence[Parcel], sent: list[httpx.Request]
    ) -> tuple[Receipt, Incoming | None]:
        """The requests made go to *sent*."""
        batched = self._settings.batch_max_count > 1
        body = b"[" + b",".join(parcel.body for parcel in parcels) + b"]" if batched else parcels[0].body
        identity = _identity(parcels)
        headers = {"idempotency-key": identity}
        if self._key is not None:
            timestamp_s = int(self._clock.wall_ms() // 1e3)
            headers |= signature_headers(self._key, identity, timestamp_s, body)
        try:
            self._egress.check_target(self._target)
            return await self._exchange(
                self._client.build_request(
                    self._settings.method, self._target.href, content=body, headers=headers
                ),
                sent,
            )
        except SystemFailure as failure:
            return answer.of_failure(failure), None

    async def _exchange(
        self, request: httpx.Request, sent: list[httpx.Request]
    ) -> tuple[Receipt, Incoming | None]:
        for _ in range(REDIRECTS + 1):
            sent.append(request)
            response = await self._client.send(request, stream=True)
            try:
                body = await _read(response)
            finally:
                await response.aclose()
            following = response.next_request
            if response.status_code not in (307, 308) or following is None:
                break
            if parse_target(str(following.url)).origin != self._target.origin:
                break
            request = following
        receipt = answer.of_status(
            response.status_code, response.headers.get("retry-after"), _excerpt(body), self._clock.wall_ms()
        )
        if receipt.verdict == "delivered":
            return receipt, None
        headers = tuple(
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers.raw
        )
        return receipt, Incoming(response.status_code, response.reason_phrase, headers, body)


async def _read(response: httpx.Response) -> bytes:
    """The beginning of the body."""
    size, kept = 0, b""
    async for chunk in response.stream:  # type: ignore[union-attr]  # an async client's
        size += len(chunk)
        if len(kept) < KEPT_BYTES:
            kept += chunk[:KEPT_BYTES]
        if size > ANSWER_BYTES:
            break
    return kept


def _excerpt(body: bytes) -> str:
    """The beginning of the body, as text for people."""
    text = body[: EXCERPT_CHARS * 4].decode("utf-8", "replace")[:EXCERPT_CHARS]
    return "".join(char if char.isprintable() else " " for char in text).strip()


def _outgoing(request: httpx.Request, body: bytes) -> Outgoing:
    """*body*: httpx does not say what one that follows a redirect has."""
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw)
    return Outgoing(request.method, parse_target(str(request.url)), headers, body)


def _identity(parcels: Sequence[Parcel]) -> str:
    """
    The Idempotency-Key: of a batch, one that the same events in the same order have again. Senders choose their ids: what
    a header cannot hold is percent-encoded.
    """
    if len(parcels) == 1:
        return quote(parcels[0].key, safe=_PLAIN)
    return "batch-" + hashlib.sha256("\n".join(parcel.key for parcel in parcels).encode()).hexdigest()
