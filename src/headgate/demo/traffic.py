"""What visitors of a shop send, as the official Node SDK puts it on the wire (tracking-sdk-wire.json)."""

from __future__ import annotations

import base64
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

FLUSH_AT: Final = 15
"""Events of one request, as in the SDK."""

_PRODUCTS: Final = (("Mug", 12.5), ("Lamp", 49.0), ("Chair", 129.9), ("Notebook", 4.2), ("Kettle", 38.0))
_BROWSERS: Final = ("Mozilla/5.0 (X11; Linux x86_64)", "Mozilla/5.0 (iPhone)", "examplebot/2.1")
_CAMPAIGNS: Final = ("", "?utm_campaign=spring", "?utm_campaign=newsletter")


def headers(write_key: str) -> dict[str, str]:
    basic = base64.b64encode(f"{write_key}:".encode()).decode()
    return {
        "content-type": "application/json",
        "user-agent": "analytics-node-next/latest",
        "authorization": f"Basic {basic}",
    }


def request(write_key: str, events: list[dict[str, Any]]) -> dict[str, Any]:
    """The body of POST /v1/batch."""
    return {"batch": events, "writeKey": write_key, "sentAt": _now()}


def visits(random: Random) -> Iterator[dict[str, Any]]:
    """Events without end: visitor after visitor looks around, and some buy. One in twelve is sent twice."""
    while True:
        for event in _visit(random):
            yield event
            if random.random() < 1 / 12:
                yield event


def _visit(random: Random) -> Iterator[dict[str, Any]]:
    visitor = {"anonymousId": str(uuid.UUID(int=random.getrandbits(128), version=4))}
    browser = random.choice(_BROWSERS)
    url = f"https://shop.example/{random.choice(_PRODUCTS)[0].lower()}{random.choice(_CAMPAIGNS)}"
    yield _event(random, browser, "page", **visitor, name="Product", properties={"url": url})
    name, price = random.choice(_PRODUCTS)
    yield _event(
        random, browser, "track", **visitor, event="Product Viewed", properties={"name": name, "price": price}
    )
    if random.random() < 0.5:
        return
    user = f"user-{random.randrange(1_000)}"
    domain = "shop.example" if random.random() < 0.15 else "mail.example"
    visitor["userId"] = user
    yield _event(random, browser, "identify", **visitor, traits={"email": f"{user}@{domain}", "plan": "free"})
    if random.random() < 0.3:
        company = f"company-{random.randrange(20)}"
        yield _event(random, browser, "group", **visitor, groupId=company, traits={"employees": 12})
    order = {
        "orderId": f"o{random.randrange(10**6):06}",
        "currency": random.choice(("USD", "EUR", "EUR", "JPY", "CHF")),
        "products": [
            {"name": name, "price": price, "quantity": random.randint(1, 3)}
            for name, price in random.sample(_PRODUCTS, random.randint(1, 3))
        ],
    }
    yield _event(random, browser, "track", **visitor, event="Order Completed", properties=order)


def _event(random: Random, browser: str, event_type: str, **fields: Any) -> dict[str, Any]:
    message = uuid.UUID(int=random.getrandbits(128), version=4)
    return {
        "type": event_type,
        "timestamp": _now(),
        "integrations": {},
        "context": {
            "library": {"name": "@segment/analytics-node", "version": "3.1.0"},
            "userAgent": browser,
        },
        "messageId": f"node-next-{int(datetime.now(UTC).timestamp() * 1e3)}-{message}",
        "_metadata": {"nodeVersion": "20.0.0", "jsRuntime": "node"},
        **fields,
    }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
