"""
Numbers of the built guest that should not move unnoticed: sizes, and fuel per fixture. golden.json holds them, each
with the reason it is what it is.

    python -m tests.guest.golden              measure, and print what differs
    python -m tests.guest.golden --update     write the numbers of the guest as built now

Fuel is exact: the same guest uses the same fuel, to the unit, on every machine. So for the guest that golden.json was
written for, every number must be equal; another guest may differ by SLACK.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

from headgate_runtime import abi, guest, wasm
from tests.guest.boundary import Boundary

PATH: Final = Path(__file__).parent / "golden.json"

SLACK: Final = 0.05
"""Share of a number that a change of the guest may cost or save before someone has to look, and update."""

EVENT: Final = json.dumps(
    {
        "messageId": "ajs-next-19aea118",
        "type": "track",
        "event": "Order Completed",
        "userId": "user_706835",
        "context": {
            "ip": "203.0.113.9",
            "page": {
                "path": "/shop/checkout",
                "title": "Checkout",
                "url": "https://shop.example.com/?step=1",
            },
            "library": {"name": "analytics.js", "version": "next-1.70.0"},
        },
        "properties": {
            "orderId": "ord_f2731a0ce7",
            "total": 239.93,
            "email": "j.mueller@example.com",
            "products": [{"productId": f"p_{n}", "price": 32.98 + n, "quantity": n} for n in range(3)],
        },
        "timestamp": "2026-11-01T08:46:07.690Z",
        "integrations": {"All": True, "Mixpanel": False},
    },
    separators=(",", ":"),
)

FIXTURES: Final = {
    "untouched": "function onTrack(event) { return event }",
    "async": "async function onTrack(event) { return event }",
    "one property": "function onTrack(event) { event.properties.seen = true; return event }",
    "every property": "function onTrack(event) { return JSON.parse(JSON.stringify(event)) }",
    "new object": """
        function onTrack({ userId, properties, context }) {
          return { type: 'track', userId, name: context.page.title, total: properties.products.reduce((sum, p) => sum + p.price, 0) }
        }
        """,
    "filtered": "function onTrack(event) { if (event.properties.total < 1000) return null; return event }",
    "thrown": "function onTrack(event) { throw new ValidationError('no ' + event.userId) }",
    "timer": "async function onTrack(event) { await new Promise((done) => setTimeout(done, 1)); return event }",
    "log": "function onTrack(event) { console.log('total is', event.properties.total, event.context); return event }",
    "hash": "const crypto_ = crypto\nfunction onTrack(event) { event.id = crypto_.createHash('sha256').update(event.userId).digest('hex'); return event }",
    "batch of ten": "function onBatch(events) { return events }",
}

WARM_INVOCATIONS: Final = 5
"""The fuel of the last of so many is taken."""


def fuel(name: str, *, hermetic: bool = False) -> int:
    """Of one invocation of a fixture; with *hermetic* the first one in a fresh sandbox."""
    boundary = Boundary(FIXTURES[name])
    flags = abi.Flag.HERMETIC if hermetic else abi.Flag(0)
    for _ in range(1 if hermetic else WARM_INVOCATIONS):
        if name == "batch of ten":
            boundary.batch([EVENT] * 10)
        else:
            boundary(EVENT, flags)
    boundary.close()
    return boundary.fuel


def sizes() -> dict[str, int]:
    """Bytes of the built files and of an image; pages of memory a sandbox starts with."""
    image = Boundary(FIXTURES["untouched"]).image
    base = guest.read("base.wasm")
    return {
        "engine.wasm bytes": len(guest.read("engine.wasm")),
        "base.wasm bytes": len(base),
        "base.wasm pages": wasm.memory_pages(base),
        "smallest image bytes": image.size,
        "smallest image pages": image.memory_bytes // wasm.PAGE_BYTES,
    }


def measure() -> dict[str, dict[str, int]]:
    return {
        "sizes": sizes(),
        "fuel": {
            **{name: fuel(name) for name in FIXTURES},
            **{f"{name}, hermetic": fuel(name, hermetic=True) for name in ("untouched", "new object")},
        },
    }


def load() -> dict[str, Any]:
    golden: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))
    return golden


def differences(golden: dict[str, Any], measured: dict[str, dict[str, int]], *, exact: bool) -> list[str]:
    """A line for every number that is not as it should be."""
    found = []
    for group, numbers in measured.items():
        for name in sorted(numbers.keys() | golden[group].keys()):
            now, was = numbers.get(name), golden[group].get(name, {}).get("number")
            if now is None or was is None:
                found.append(f"{group}: {name}: {was} -> {now}")
            elif now != was and (exact or abs(now - was) > SLACK * was):
                found.append(f"{group}: {name}: {was} -> {now} ({(now - was) / was:+.1%})")
    return found


def update(golden: dict[str, Any], measured: dict[str, dict[str, int]]) -> None:
    for group, numbers in measured.items():
        whys = {name: entry["why"] for name, entry in golden.get(group, {}).items()}
        golden[group] = {
            name: {"number": number, "why": whys.get(name, "")} for name, number in numbers.items()
        }
    golden["guest"] = guest.digest()
    PATH.write_text(json.dumps(golden, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> int:
    golden = load() if PATH.exists() else {"note": "", "guest": ""}
    measured = measure()
    if "--update" in sys.argv[1:]:
        update(golden, measured)
        return 0
    lines = differences(golden, measured, exact=True)
    print("\n".join(lines) if lines else "as golden.json says")
    return bool(lines)


if __name__ == "__main__":
    sys.exit(main())
