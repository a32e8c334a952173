"""Webhooks to deliver to, and what to deliver."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator
from typing import Any

from headgate.delivery.carrier import Parcel
from headgate.delivery.webhook import Webhook
from headgate.registry import kinds
from headgate_runtime import Clock
from headgate_runtime.fetch import Egress, SystemResolver, default_context
from tests.runtime.fakes import Frozen

CONTEXT = default_context()


def parcel(number: int = 1, attempt: int = 1) -> Parcel:
    return Parcel(f"m{number}/d", f"m{number}", "track", attempt, b'{"n":%d}' % number)


@contextlib.asynccontextmanager
async def webhook(
    url: str,
    clock: Clock | None = None,
    *,
    private: bool = True,
    share: int = 1,
    context: ssl.SSLContext = CONTEXT,
    **settings: Any,
) -> AsyncIterator[Webhook]:
    resolver = SystemResolver()
    carrier = Webhook(
        kinds.Webhook.model_validate({"url": url, **settings}),
        egress=Egress(allow_private=private),
        resolver=resolver,
        context=context,
        clock=clock or Frozen(),
        share=share,
    )
    try:
        yield carrier
    finally:
        await carrier.aclose()
        resolver.close()
