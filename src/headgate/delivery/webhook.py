"""Delivery by an HTTP request for each event, or each batch of them."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import httpx

from headgate.delivery import answer
from headgate.delivery.carrier import Batching
from headgate.delivery.pace import Rate, Window
from headgate.delivery.signature import key_of, signature_headers
from headgate.delivery.transport import CheckedTransport
from headgate_runtime.fetch import SystemFailure, parse_target

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
        self._busy: set[asyncio.Task[Receipt]] = set()
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
        sending = asyncio.ensure_future(self._send(parcels))
        self._busy.add(sending)
        sending.add_done_callback(self._busy.discard)
        try:
            await self._clock.wait({sending}, self._settings.timeout_ms)  # type: ignore[arg-type]
        finally:
            if not sending.done():
                sending.cancel()
                await asyncio.wait({sending})
        return answer.of_silence(self._settings.timeout_ms) if sending.cancelled() else sending.result()

    async def _send(self, parcels: Sequence[Parcel]) -> Receipt:
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
                )
            )
        except SystemFailure as failure:
            return answer.of_failure(failure)

    async def _exchange(self, request: httpx.Request) -> Receipt:
        for _ in range(REDIRECTS + 1):
            response = await self._client.send(request, stream=True)
            try:
                excerpt = await _read(response)
            finally:
                await response.aclose()
            following = response.next_request
            if response.status_code not in (307, 308) or following is None:
                break
            if parse_target(str(following.url)).origin != self._target.origin:
                break
            request = following
        return answer.of_status(
            response.status_code, response.headers.get("retry-after"), excerpt, self._clock.wall_ms()
        )


async def _read(response: httpx.Response) -> str:
    """The beginning of the body, as text for people."""
    size, kept = 0, b""
    async for chunk in response.stream:  # type: ignore[union-attr]  # an async client's
        size += len(chunk)
        if len(kept) < EXCERPT_CHARS * 4:
            kept += chunk[: EXCERPT_CHARS * 4]
        if size > ANSWER_BYTES:
            break
    text = kept.decode("utf-8", "replace")[:EXCERPT_CHARS]
    return "".join(char if char.isprintable() else " " for char in text).strip()


def _identity(parcels: Sequence[Parcel]) -> str:
    """
    The Idempotency-Key: of a batch, one that the same events in the same order have again. Senders choose their ids: what
    a header cannot hold is percent-encoded.
    """
    if len(parcels) == 1:
        return quote(parcels[0].key, safe=_PLAIN)
    return "batch-" + hashlib.sha256("\n".join(parcel.key for parcel in parcels).encode()).hexdigest()
